package coll

// Reduce combines a chunk of everyone's vector after the other, in rank order, and stores it at the root. Cost
// nmg + mc. Always chosen inside a process: a tree would combine as much and need memory for what lies between.
var Reduce = Algorithm{
	Items: perChunk,
	Do: func(m Mover, s Shape, w Way, item int) {
		lo, hi := s.chunk(item, s.Elements)
		combine(m, w, lo, hi)
		m.Store(s.Root, lo, hi-lo)
	},
}

// ReduceInline combines the slots in rank order, at the root or, among many, at the last to arrive. The others go on.
// Cost (n-1)l + nmg. Chosen for small vectors.
var ReduceInline = Inline{Combines: true, Do: func(s Slots, r Reader) {
	if r.Me == r.Root {
		combineAll(s, r)
	}
}}
