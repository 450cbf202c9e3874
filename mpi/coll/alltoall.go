package coll

// Alltoall copies block j of rank i to block i of rank j, an item for each receiver, which begins at its own
// neighbour's memory so that helpers read from different ranks. Cost nnmc. Always chosen inside a process. Alltoallv
// and Alltoallw are the same with other blocks.
var Alltoall = Algorithm{
	Items: perReceiver,
	Do: func(m Mover, _ Shape, w Way, item int) {
		n := w.senders()
		for i := range n {
			from := (item + i) % n
			m.Copy(w.To[0]+item, from, w.From[0]+from, item)
		}
	},
}

// AlltoallInPlace swaps the blocks of each two ranks, an item for each pair. Cost nnmc. Chosen when the ranks gave
// MPI_IN_PLACE.
var AlltoallInPlace = Algorithm{
	Items: func(_ Shape, w Way) int { return w.senders() * (w.senders() - 1) / 2 },
	Do: func(m Mover, _ Shape, _ Way, item int) {
		a := 1
		for item >= a { // the pairs (1,0), (2,0), (2,1), (3,0), …
			item -= a
			a++
		}
		m.Exchange(a, item)
	},
}

// AlltoallInline reads its own part of everyone's slot. Cost (n-1)l + nmc. Chosen for small data.
var AlltoallInline = Inline{Parts: true, Do: func(s Slots, r Reader) {
	for from := range r.Size {
		s.Take(from, r.Me, r.Size, from)
	}
}}
