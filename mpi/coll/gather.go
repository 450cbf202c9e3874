package coll

// Gather copies everyone's block into the root's memory. Cost nmc. Always chosen inside a process. Gatherv is the same
// with other blocks.
var Gather = Algorithm{
	Items: perSender,
	Do:    func(h Hands, s Shape, w Way, item int) { h.Copy(s.Root, item, w.From[0]+item, 0) },
}

// GatherLittle takes everyone's card, at the root. Cost (n-1)l + nmc. Chosen for blocks up to LittleBytes.
func GatherLittle(c Cards, r Reader) {
	if r.Me == r.Root {
		AllgatherLittle(c, r)
	}
}
