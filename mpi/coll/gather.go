package coll

// Gather copies everyone's block into the root's memory. Cost nmc. Always chosen inside a process. Gatherv is the same
// with other blocks.
var Gather = Algorithm{
	Items: perSender,
	Do:    func(h Hands, s Shape, w Way, item int) { h.Copy(s.Root, item, w.From[0]+item, 0) },
}

// GatherLittle takes everyone's card, at the root; the others go on. Cost (n-1)l + nmc. Chosen for little blocks.
var GatherLittle = Little{Do: func(c Cards, r Reader) {
	if r.Me == r.Root {
		takeAll(c, r)
	}
}}
