package coll

// Bcast copies from the root's memory into everyone else's. Cost (n-1)mc, of which each processor does its share.
// Always chosen inside a process: a tree would copy the same bytes, some of them later.
var Bcast = Algorithm{
	Items: perReceiver,
	Do: func(m Mover, s Shape, w Way, item int) {
		if to := w.To[0] + item; to != s.Root {
			m.Copy(to, 0, s.Root, 0)
		}
	},
}

// BcastInline reads the root's slot, and the root goes on. Cost l. Chosen for small data.
var BcastInline = Inline{Do: func(s Slots, r Reader) {
	if r.Me != r.Root {
		s.Take(r.Root, 0, 1, 0)
	}
}}
