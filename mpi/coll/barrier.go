package coll

// Barrier has no items: the participants only wait for each other. Cost 0.
var Barrier = Algorithm{
	Items: func(Shape, Way) int { return 0 },
	Do:    func(Mover, Shape, Way, int) {},
}

// BarrierInline moves no data: the participants only wait for each other's slots. Cost (n-1)l. Always chosen inside a
// process.
var BarrierInline = Inline{Do: func(Slots, Reader) {}}
