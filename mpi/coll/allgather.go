package coll

// Allgather copies everyone's block into everyone's memory, an item for each receiver. Cost nnmc. Always chosen inside a
// process: rings and recursive doubling save messages, and there are none. Allgatherv is the same with other blocks.
var Allgather = Algorithm{
	Items: perParticipant,
	Do: func(h Hands, s Shape, item int) {
		for from := range s.Size {
			h.Copy(item, from, from, 0)
		}
	},
}
