package coll

// Barrier: meeting is all there is to it. Cost 0.
var Barrier = Algorithm{
	Items: func(Shape, Way) int { return 0 },
	Do:    func(Mover, Shape, Way, int) {},
}

// BarrierInline: the cards are all there is to it. Cost (n-1)l. Always chosen inside a process.
var BarrierInline = Inline{Do: func(Slots, Reader) {}}
