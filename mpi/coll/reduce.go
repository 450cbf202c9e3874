package coll

// Reduce combines a chunk of everyone's vector after the other, in rank order, and stores it at the root. Cost
// nmg + mc. Always chosen inside a process: a tree would combine as much and need memory for what lies between.
var Reduce = Algorithm{
	Items: Shape.chunks,
	Do: func(h Hands, s Shape, item int) {
		lo, hi := s.chunk(item)
		combine(h, s, lo, hi)
		h.Store(s.Root, lo, hi-lo)
	},
}

// combine leaves the combination of everyone's elements lo to hi as the intermediate result.
func combine(h Hands, s Shape, lo, hi int) {
	h.Load(0, lo, hi)
	for from := 1; from < s.Size; from++ {
		h.Fold(from, lo, hi)
	}
}
