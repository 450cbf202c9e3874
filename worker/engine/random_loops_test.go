package engine_test

import "github.com/faasmrun/faasmrun/internal/wasm"

// loop writes one that ends, some time or other.
func (g *generator) loop(body func()) {
	if g.loops > 2 {
		return
	}
	g.loops++
	g.code.Block(wasm.OpLoop, wasm.BlockVoid)
	g.labels = append(g.labels, false)
	body()
	g.again(int32(2 + g.IntN(30)))
	g.end()
	g.loops--
}

// again branches to the innermost block if the counter is less than a bound, and there was not too much of that.
func (g *generator) again(bound int32) {
	g.get(localCounter)
	g.code.I32(1)
	g.code.Op(wasm.OpI32Add)
	g.tee(localCounter)
	g.code.I32(bound)
	g.code.Op(wasm.OpI32LtU)
	g.code.Index(wasm.OpGlobalGet, globalLoops)
	g.code.I32(1)
	g.code.Op(wasm.OpI32Sub)
	g.code.Index(wasm.OpGlobalSet, globalLoops)
	g.code.Index(wasm.OpGlobalGet, globalLoops)
	g.code.I32(0)
	g.code.Op(wasm.OpI32GtS)
	g.code.Op(wasm.OpI32And)
	g.code.Index(wasm.OpBrIf, 0)
}

// walk writes a loop that goes through the memory in steps, up or down, with several accesses in each: within it, or
// over its end, or over its beginning.
func (g *generator) walk() {
	steps, stride := int64(2+g.IntN(16)), int64([]int{1, 4, 8, 8, 16, 24, 64, -8, -16, -1}[g.IntN(10)])
	span := int64(64) // of the accesses of one step
	over := int64(0)
	if g.IntN(40) == 0 {
		over = int64(1 + g.IntN(64))
	}
	switch down := stride < 0; {
	case g.IntN(3) == 0: // somewhere
		g.addressConstant(4096 + int64(g.IntN(1000)))
	case down && g.IntN(2) == 0: // to the beginning
		g.addressConstant(-stride*(steps-1) + 16 - over)
	case down:
		g.memorySize()
		g.addressConstant(span - over)
		g.addressOp(wasm.OpI32Sub)
	case g.IntN(4) == 0: // from the beginning
		g.addressConstant(16 - over)
	default: // to the end
		g.memorySize()
		g.addressConstant(stride*(steps-1) + span - over)
		g.addressOp(wasm.OpI32Sub)
	}
	g.set(localPointer)
	g.code.I32(0)
	g.set(localCounter)
	if g.loops > 2 {
		return
	}
	g.loops++
	g.code.Block(wasm.OpLoop, wasm.BlockVoid)
	g.labels = append(g.labels, false)
	falling := g.IntN(2) == 0
	at := int64(-16)
	if falling {
		at = span - 16
	}
	for range 1 + g.IntN(5) {
		g.step(at)
		if falling {
			at = max(at-8, -16)
		} else {
			at = min(at+8, span-16)
		}
	}
	if g.IntN(4) == 0 {
		g.statement()
	}
	g.get(localPointer)
	g.addressConstant(stride)
	g.addressOp(wasm.OpI32Add)
	g.set(localPointer)
	g.again(int32(steps))
	g.end()
	g.loops--
}

// counted writes a loop that is one run of instructions with a number that grows or falls until another one: the
// translator takes such loops to know how many rounds there are, and all addresses. The number begins and ends near any
// edge of numbers; addresses go up to either end of the memory, or over it.
func (g *generator) counted() {
	wide := g.IntN(2) == 0
	bits := 32
	if wide {
		bits = 64
	}
	mask := ^uint64(0) >> (64 - bits)
	step := []int64{1, 1, 1, 2, 4, 8, 16, -1, -1, -2, -8}[g.IntN(11)]
	rounds := int64(1 + g.IntN(40))
	first := []uint64{0, 0, 0, 1 << (bits - 1), mask, 1<<(bits-1) - 1, g.Uint64()}[g.IntN(7)]
	first = (first + uint64(step*int64(g.IntN(60)-40))) & mask
	last := (first + uint64(step*rounds)) & mask
	// Comparisons in the order of the instructions: eq, ne, lt_s, lt_u, gt_s, gt_u, le_s, le_u, ge_s, ge_u.
	signed := func(v uint64) int64 { return int64(v<<(64-bits)) >> (64 - bits) }
	holds := []func(a, b uint64) bool{1: func(a, b uint64) bool { return a != b },
		2: func(a, b uint64) bool { return signed(a) < signed(b) }, 3: func(a, b uint64) bool { return a < b },
		4: func(a, b uint64) bool { return signed(a) > signed(b) }, 5: func(a, b uint64) bool { return a > b },
		6: func(a, b uint64) bool { return signed(a) <= signed(b) }, 7: func(a, b uint64) bool { return a <= b },
		8: func(a, b uint64) bool { return signed(a) >= signed(b) }, 9: func(a, b uint64) bool { return a >= b }}
	test := 1 + g.IntN(9)
	ends := func() bool {
		for x, n := first, 0; n < 200; n++ {
			if x = (x + uint64(step)) & mask; !holds[test](x, last) {
				rounds = int64(n + 1)
				return true
			}
		}
		return false
	}
	if !ends() {
		test = 1
		ends()
	}
	offset := uint32(0)
	add, mul := wasm.OpI32Add, wasm.OpI32Mul
	constant := func(v uint64) { g.code.I32(int32(v)) }
	if wide {
		offset, add, mul = 1, wasm.OpI64Add, wasm.OpI64Mul
		constant = func(v uint64) { g.code.I64(int64(v)) }
	}
	constant(first)
	g.set(localIndex + offset)
	constant(last)
	g.set(localLast + offset)

	// Addresses: the pointer, which may move by itself, and maybe the number times something.
	scale, stride := int64(0), []int64{0, 8, 8, -8, 4, 24, 1}[g.IntN(7)]
	if g.wide && g.IntN(3) > 0 {
		scale = []int64{1, 8, 8, -8, 16}[g.IntN(5)]
	}
	// A number of 32 bits is extended then, after a constant was added.
	extend, plus := []wasm.Opcode{wasm.OpI64ExtendI32S, wasm.OpI64ExtendI32U}[g.IntN(2)], int64(0)
	begins := int64(first)
	if g.wide && !wide && scale != 0 {
		plus = int64(g.IntN(9) - 4)
		if begins = int64(uint32(first + uint64(plus))); extend == wasm.OpI64ExtendI32S {
			begins = int64(int32(begins))
		}
	}
	moved := rounds*stride + rounds*step*scale
	over := int64(0)
	if g.IntN(20) == 0 {
		over = 1 + int64(g.IntN(80))
	}
	switch {
	case moved < 0 && g.IntN(2) == 0:
		g.addressConstant(-moved + 80 - over)
	case moved < 0:
		g.memorySize()
		g.addressConstant(80 - over)
		g.addressOp(wasm.OpI32Sub)
	case g.IntN(3) == 0:
		g.addressConstant(16 - over)
	default:
		g.memorySize()
		g.addressConstant(moved + 80 - over)
		g.addressOp(wasm.OpI32Sub)
	}
	if scale != 0 {
		g.addressConstant(begins * scale)
		g.addressOp(wasm.OpI32Sub)
	}
	g.set(localPointer)
	spreads := g.wide && g.IntN(4) == 0
	g.code.Block(wasm.OpLoop, wasm.BlockVoid)
	moves, loads := g.IntN(3), g.IntN(2) == 0 // without loads, which are long here, the loop is short
	move := func() {
		g.get(localIndex + offset)
		constant(uint64(step))
		g.code.Op(add)
		g.set(localIndex + offset)
		if stride != 0 {
			g.get(localPointer)
			g.addressConstant(stride)
			g.addressOp(wasm.OpI32Add)
			g.set(localPointer)
		}
	}
	for k := range 3 {
		if k == moves {
			move()
		}
		g.access(func() {
			g.get(localPointer)
			if spreads && g.IntN(3) > 0 { // by an index that is read
				g.get(localPointer)
				g.code.Memory([]wasm.Opcode{wasm.OpI64Load8U, wasm.OpI64Load8S, wasm.OpI64Load32S, wasm.OpI64Load32U}[g.IntN(4)],
					wasm.MemArg{})
				g.code.I64([]int64{0, 1, 2, 3}[g.IntN(4)])
				g.code.Op(wasm.OpI64Shl)
				g.code.Op(wasm.OpI64Add)
			}
			if scale == 0 {
				return
			}
			g.get(localIndex + offset)
			if g.wide && !wide {
				constant(uint64(plus))
				g.code.Op(add)
				g.code.Op(extend)
				g.code.I64(scale)
				g.code.Op(wasm.OpI64Mul)
				g.code.Op(wasm.OpI64Add)
				return
			}
			if scale != 1 {
				constant(uint64(scale))
				g.code.Op(mul)
			}
			g.code.Op(add)
		}, int64(g.IntN(8))*8, loads && g.IntN(2) == 0)
	}
	pair := []uint32{localIndex + offset, localLast + offset}
	if g.IntN(3) == 0 { // the other way round
		pair[0], pair[1] = pair[1], pair[0]
		test = []int{0, 1, 4, 5, 2, 3, 8, 9, 6, 7}[test]
	}
	g.get(pair[0])
	g.get(pair[1])
	op := wasm.OpI32Eq + wasm.Opcode(test)
	if wide {
		op += wasm.OpI64Eq - wasm.OpI32Eq
	}
	g.code.Op(op)
	g.code.Index(wasm.OpBrIf, 0)
	g.code.Op(wasm.OpEnd)
}

// step accesses the memory beside the pointer.
func (g *generator) step(at int64) { g.access(func() { g.get(localPointer) }, at, g.IntN(2) == 0) }

// access writes a plain load or store so far from an address.
func (g *generator) access(address func(), at int64, loads bool) {
	offset := uint64(0)
	address()
	if at > 0 && g.IntN(2) == 0 {
		offset = uint64(at)
	} else if at != 0 {
		g.addressConstant(at)
		g.addressOp(wasm.OpI32Add)
	}
	plain := func(ops []instruction) *instruction {
		for {
			if i := &ops[g.IntN(len(ops))]; i.op < 0x400 && len(i.takes) <= 2 {
				return i
			}
		}
	}
	if loads {
		t := kinds[g.IntN(len(kinds))]
		i := plain(g.all.loads[t])
		for _, operand := range i.takes[1:] {
			g.get(g.local(operand))
		}
		g.code.Instr(&wasm.Instr{Op: i.op, Lane: byte(g.IntN(i.lanes)), Memory: wasm.MemArg{Offset: offset}})
		g.loaded(t)
		g.set(g.local(t))
		return
	}
	i := plain(g.all.stores)
	g.get(g.local(i.takes[1]))
	g.code.Instr(&wasm.Instr{Op: i.op, Lane: byte(g.IntN(i.lanes)), Memory: wasm.MemArg{Offset: offset}})
}
