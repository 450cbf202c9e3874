package coll

// Scatter copies each one's block out of the root's memory. Cost nmc. Always chosen inside a process. Scatterv is the
// same with other blocks.
var Scatter = Algorithm{
	Items: perParticipant,
	Do:    func(h Hands, s Shape, item int) { h.Copy(item, 0, s.Root, item) },
}
