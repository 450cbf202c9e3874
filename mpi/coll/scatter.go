package coll

// Scatter copies each one's block out of the root's memory. Cost nmc. Always chosen inside a process. Scatterv is the
// same with other blocks.
var Scatter = Algorithm{
	Items: perReceiver,
	Do:    func(h Hands, s Shape, w Way, item int) { h.Copy(w.To[0]+item, 0, s.Root, item) },
}

// ScatterLittle takes the own part of the root's card, and the root goes on. Cost l + mc. Chosen for little data.
var ScatterLittle = Little{Parts: true, Do: func(c Cards, r Reader) { c.Take(r.Root, r.Me, r.Size, 0) }}
