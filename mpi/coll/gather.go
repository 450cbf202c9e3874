package coll

// Gather copies everyone's block into the root's memory. Cost nmc. Always chosen inside a process. Gatherv is the same
// with other blocks.
var Gather = Algorithm{
	Items: perSender,
	Do:    func(m Mover, s Shape, w Way, item int) { m.Copy(s.Root, item, w.From[0]+item, 0) },
}

// GatherInline reads everyone's slot, at the root; the others go on. Cost (n-1)l + nmc. Chosen for small blocks.
var GatherInline = Inline{Do: func(s Slots, r Reader) {
	if r.Me == r.Root {
		takeAll(s, r)
	}
}}
