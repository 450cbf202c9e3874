package coll

// Allreduce combines a chunk of everyone's vector, in rank order, and stores it in everyone's memory before the next chunk
// is read, so that vectors may be reduced in place. Cost nmg + nmc, of which each processor does its share. Always
// chosen inside a process.
var Allreduce = Algorithm{
	Items: Shape.chunks,
	Do: func(h Hands, s Shape, item int) {
		lo, hi := s.chunk(item)
		combine(h, s, lo, hi)
		for to := range s.Size {
			h.Store(to, lo, hi-lo)
		}
	},
}
