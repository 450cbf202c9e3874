package coll

// Gather copies everyone's block into the root's memory. Cost nmc. Always chosen inside a process. Gatherv is the same
// with other blocks.
var Gather = Algorithm{
	Items: perParticipant,
	Do:    func(h Hands, s Shape, item int) { h.Copy(s.Root, item, item, 0) },
}
