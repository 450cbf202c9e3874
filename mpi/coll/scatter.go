package coll

// Scatter copies each one's block out of the root's memory. Cost nmc. Always chosen inside a process. Scatterv is the
// same with other blocks.
var Scatter = Algorithm{
	Items: perReceiver,
	Do:    func(m Mover, s Shape, w Way, item int) { m.Copy(w.To[0]+item, 0, s.Root, item) },
}

// ScatterInline reads its own part of the root's slot, and the root goes on. Cost l + mc. Chosen for small data.
var ScatterInline = Inline{Parts: true, Do: func(s Slots, r Reader) { s.Take(r.Root, r.Me, r.Size, 0) }}
