package coll

// Allreduce combines a chunk of everyone's vector, in rank order, and stores it in everyone's memory before the next
// chunk is read, so that vectors may be reduced in place. Cost nmg + nmc, of which each processor does its share.
// Always chosen inside a process.
var Allreduce = Algorithm{
	Items: perChunk,
	Do: func(m Mover, s Shape, w Way, item int) {
		lo, hi := s.chunk(item, s.Elements)
		combine(m, w, lo, hi)
		for to := w.To[0]; to < w.To[1]; to++ {
			m.Store(to, lo, hi-lo)
		}
	},
}

// AllreduceInline combines the slots in rank order. A few participants combine each for itself, since moving a result
// to the others takes longer than computing it. Cost (n-1)l + nmg. Among many the last to arrive combines for all: cost
// nl + nmg + l. Chosen for small vectors.
var AllreduceInline = Inline{Combines: true, Do: combineAll}

func combineAll(s Slots, r Reader) {
	s.Combine(r.Size)
	s.Store()
}
