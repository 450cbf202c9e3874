package coll

// Bcast copies from the root's memory into everyone else's. Cost (n-1)mc, of which each processor does its share.
// Always chosen inside a process: a tree would copy the same bytes, some of them later.
var Bcast = Algorithm{
	Items: perParticipant,
	Do: func(h Hands, s Shape, item int) {
		if item != s.Root {
			h.Copy(item, 0, s.Root, 0)
		}
	},
}
