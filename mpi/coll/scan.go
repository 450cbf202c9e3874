package coll

// Scan combines a chunk of the vectors in rank order, and stores at each rank what has come together so far. A rank's
// elements are read before its result is written, so vectors may be scanned in place. Cost nmg + nmc. Always chosen
// inside a process.
var Scan = Algorithm{
	Items: perChunk,
	Do: func(m Mover, s Shape, w Way, item int) {
		lo, hi := s.chunk(item, s.Elements)
		m.Load(w.From[0], lo, hi)
		m.Store(w.To[0], lo, hi-lo)
		for rank := w.From[0] + 1; rank < w.From[1]; rank++ {
			m.Fold(rank, lo, hi)
			m.Store(rank, lo, hi-lo)
		}
	},
}

// Exscan is Scan without the rank's own elements. The first rank gets nothing. In place a rank's elements would be
// overwritten before they are combined, hence the exchange. Cost nmg + nmc. Always chosen inside a process.
var Exscan = Algorithm{
	Items: perChunk,
	Do: func(m Mover, s Shape, w Way, item int) {
		lo, hi := s.chunk(item, s.Elements)
		m.Load(w.From[0], lo, hi)
		for rank := w.From[0] + 1; rank < w.From[1]; rank++ {
			m.StoreAndFold(rank, lo, hi)
		}
	},
}

// ScanInline combines the slots up to the reader's own. Cost (n-1)l + nmg. Chosen for small vectors.
var ScanInline = Inline{Do: func(s Slots, r Reader) {
	s.Combine(r.Me + 1)
	s.Store()
}}

// ExscanInline combines the slots before the reader's own. Cost (n-1)l + nmg. Chosen for small vectors.
var ExscanInline = Inline{Do: func(s Slots, r Reader) {
	if r.Me > 0 {
		s.Combine(r.Me)
		s.Store()
	}
}}
