package coll

// Allgather copies everyone's block into everyone's memory, an item for each receiver. Cost nnmc. Always chosen inside
// a process: rings and recursive doubling save messages, and there are none. Allgatherv is the same with other blocks.
var Allgather = Algorithm{
	Items: perReceiver,
	Do: func(m Mover, _ Shape, w Way, item int) {
		for i := range w.senders() {
			m.Copy(w.To[0]+item, i, w.From[0]+i, 0)
		}
	},
}

// AllgatherInline reads everyone's slot. Cost (n-1)l + nmc. Chosen for small blocks.
var AllgatherInline = Inline{Do: takeAll}

func takeAll(s Slots, r Reader) {
	for from := range r.Size {
		s.Take(from, 0, 1, from)
	}
}
