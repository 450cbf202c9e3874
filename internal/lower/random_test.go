package lower

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// generator writes a program twice, into a module with a memory and a table of 64 bits and into its twin of 32 bits,
// where each address is computed in the same way and then converted by a call of a function that is written by hand.
type generator struct {
	*rand.Rand
	wide, narrow wasm.Code
	fuel         int
	labels       []label // the open blocks, the innermost last
	leaks        bool    // a pointer may be used as a number
}

// label is what a branch to a block carries: an i64 or nothing. It is not branched to where it is a loop, but by the
// loop itself.
type label struct{ gives, loop bool }

// Functions of both modules. The first ones are the twin's, which has them for what it lacks; both export run.
const (
	addressOf = iota // (i64) → i32: an address, as Options say
	lengthOf         // (i64) → i32: a length, exactly
	grow             // (i64) → i64
	callee           // (i64, i64) → i64, in the table at 1
	run              // (i64, i64, i32) → i64
)

// Locals of run: its parameters, and one of each type for a loop to count in.
const (
	wideLocal  = 0 // and 1
	shortLocal = 2
	counter    = 3
	pointers   = 4 // and as many as there are of them, each mostly for addresses alone
)

const manyPointers = 3

func (g *generator) both(write func(c *wasm.Code)) {
	write(&g.wide)
	write(&g.narrow)
}

func (g *generator) op(op wasm.Opcode) { g.both(func(c *wasm.Code) { c.Op(op) }) }

func (g *generator) index(op wasm.Opcode, i uint32) { g.both(func(c *wasm.Code) { c.Index(op, i) }) }

func (g *generator) number(v int64) { g.both(func(c *wasm.Code) { c.I64(v) }) }

// address writes an expression that is an address, mostly of what is there.
func (g *generator) address() {
	kind := 3 + g.IntN(15)
	if g.IntN(50) == 0 {
		kind = g.IntN(3)
	}
	switch kind {
	case 0:
		g.long() // whatever comes
	case 1:
		g.number(int64(g.Uint64()))
	case 2:
		g.number([]int64{-1, -8, 1 << 32, 1<<32 + 64, 2*page - 4, 2 * page}[g.IntN(6)])
	case 3, 4:
		g.long()
		g.number(1<<17 - 64)
		g.op(wasm.OpI64And)
	case 5, 6:
		g.short()
		g.both(func(c *wasm.Code) { c.I32(2047) })
		g.op(wasm.OpI32And)
		g.op([]wasm.Opcode{wasm.OpI64ExtendI32S, wasm.OpI64ExtendI32U}[g.IntN(2)])
		g.number(int64(g.IntN(5)))
		g.op(wasm.OpI64Shl)
		g.number(int64(g.IntN(4096)))
		g.op(wasm.OpI64Add)
	case 12, 13, 14, 15, 16, 17:
		g.pointer()
	default:
		g.number(int64(g.IntN(page)))
		if g.IntN(2) == 0 {
			g.long()
			g.number(255)
			g.op(wasm.OpI64And)
			g.op(wasm.OpI64Add)
		}
	}
	g.convert(addressOf)
}

func (g *generator) aPointer() uint32 { return pointers + uint32(g.IntN(manyPointers)) }

// pointer writes an expression of type i64 of whose result an address needs the lower half only, and whose upper half
// is often not 0.
func (g *generator) pointer() {
	switch g.IntN(12) {
	default:
		g.index(wasm.OpLocalGet, g.aPointer())
	case 0, 1:
		g.pointer()
		g.number([]int64{8, 16, -8, 1<<32 + 8, 1 << 40}[g.IntN(5)])
		g.op([]wasm.Opcode{wasm.OpI64Add, wasm.OpI64Sub}[g.IntN(2)])
	case 2:
		g.pointer()
		g.short()
		g.both(func(c *wasm.Code) { c.I32(15) })
		g.op(wasm.OpI32And)
		g.op([]wasm.Opcode{wasm.OpI64ExtendI32S, wasm.OpI64ExtendI32U}[g.IntN(2)])
		g.number(3)
		g.op(wasm.OpI64Shl)
		g.op(wasm.OpI64Add)
	case 3:
		g.pointer()
		g.pointer()
		g.op([]wasm.Opcode{wasm.OpI64And, wasm.OpI64Or, wasm.OpI64Xor, wasm.OpI64Mul, wasm.OpI64Shl,
			wasm.OpI64ShrU}[max(0, g.IntN(40)-34)])
		g.number(1<<17 - 64)
		g.op(wasm.OpI64And)
	case 4:
		g.pointer()
		g.pointer()
		g.short()
		g.op(wasm.OpSelect)
	case 5:
		g.pointer()
		g.index(wasm.OpLocalTee, g.aPointer())
	case 6:
		g.pointer()
		g.op(wasm.OpI64Extend32S)
	case 7:
		g.address()
		g.access(longLoads[g.IntN(len(longLoads))])
	case 8:
		g.number(int64(g.IntN(page)) + int64(g.IntN(3))<<32)
	}
}

func (g *generator) convert(by uint32) { g.narrow.Index(wasm.OpCall, by) }

// offset of an access: seldom one that is too large for the twin, which then has none.
func (g *generator) offset() wasm.MemArg {
	return wasm.MemArg{Offset: []uint64{0, 8, 100, page / 2, page, 1<<32 - 1}[max(0, g.IntN(120)-114)]}
}

func (g *generator) access(op wasm.Opcode) {
	m := g.offset()
	g.both(func(c *wasm.Code) { c.Memory(op, m) })
}

var (
	longLoads = []wasm.Opcode{wasm.OpI64Load, wasm.OpI64Load8S, wasm.OpI64Load8U, wasm.OpI64Load16S, wasm.OpI64Load16U,
		wasm.OpI64Load32S, wasm.OpI64Load32U}
	shortLoads = []wasm.Opcode{wasm.OpI32Load, wasm.OpI32Load8S, wasm.OpI32Load8U, wasm.OpI32Load16S, wasm.OpI32Load16U}
	longBinary = []wasm.Opcode{wasm.OpI64Add, wasm.OpI64Sub, wasm.OpI64Mul, wasm.OpI64And, wasm.OpI64Or, wasm.OpI64Xor,
		wasm.OpI64Shl, wasm.OpI64ShrU}
	shortBinary = []wasm.Opcode{wasm.OpI32Add, wasm.OpI32Sub, wasm.OpI32Mul, wasm.OpI32And, wasm.OpI32Or, wasm.OpI32Xor,
		wasm.OpI32Shl, wasm.OpI32ShrU}
)

// long writes an expression of type i64.
func (g *generator) long() {
	if g.fuel--; g.fuel < 0 {
		g.index(wasm.OpLocalGet, uint32(g.IntN(2)))
		return
	}
	switch g.IntN(16) {
	case 0:
		g.number(int64(g.IntN(100)) - 50)
	case 1, 2:
		g.index(wasm.OpLocalGet, uint32(g.IntN(2)))
	case 3, 4, 5:
		g.long()
		g.long()
		g.op(longBinary[g.IntN(len(longBinary))])
	case 6:
		g.short()
		g.op([]wasm.Opcode{wasm.OpI64ExtendI32S, wasm.OpI64ExtendI32U}[g.IntN(2)])
	case 7:
		g.long()
		g.op(wasm.OpI64Extend32S)
	case 8, 9:
		g.address()
		g.access(longLoads[g.IntN(len(longLoads))])
	case 10:
		g.long()
		g.index(wasm.OpLocalTee, uint32(g.IntN(2)))
	case 11:
		g.long()
		g.long()
		g.short()
		g.op(wasm.OpSelect)
	case 12:
		g.block(wasm.OpBlock, true, g.long)
	case 13:
		g.short()
		g.block(wasm.OpIf, true, func() {
			g.long()
			g.op(wasm.OpElse)
			g.long()
		})
	case 14:
		g.sizes()
	case 15:
		g.calls()
	}
}

func (g *generator) sizes() {
	if g.IntN(2) == 0 {
		g.wide.Index(wasm.OpMemorySize, 0)
		g.narrow.Index(wasm.OpMemorySize, 0)
		g.narrow.Op(wasm.OpI64ExtendI32U)
		return
	}
	g.number([]int64{0, 1, 5, -1, 1 << 32, 1<<32 + 1}[g.IntN(6)])
	g.wide.Index(wasm.OpMemoryGrow, 0)
	g.narrow.Index(wasm.OpCall, grow)
}

func (g *generator) calls() {
	g.long()
	g.long()
	if g.IntN(2) == 0 {
		g.index(wasm.OpCall, callee)
		return
	}
	g.number([]int64{1, 0, 1<<32 + 1, 9}[max(0, g.IntN(30)-26)])
	g.convert(addressOf)
	g.both(func(c *wasm.Code) { c.CallIndirect(2, 0) })
}

// short writes an expression of type i32.
func (g *generator) short() {
	if g.fuel--; g.fuel < 0 {
		g.index(wasm.OpLocalGet, shortLocal)
		return
	}
	switch g.IntN(6) {
	case 0:
		g.index(wasm.OpLocalGet, shortLocal)
	case 1:
		g.both(func(c *wasm.Code) { c.I32(int32(g.fuel * 77)) })
	case 2:
		g.short()
		g.short()
		g.op(shortBinary[g.IntN(len(shortBinary))])
	case 3:
		g.address()
		g.access(shortLoads[g.IntN(len(shortLoads))])
	case 4:
		if g.IntN(2) == 0 {
			g.pointer()
		} else {
			g.long()
		}
		g.op(wasm.OpI32WrapI64)
	case 5:
		g.long()
		g.op(wasm.OpI64Eqz)
	}
}

// block writes a block around what body writes.
func (g *generator) block(op wasm.Opcode, gives bool, body func()) {
	t := wasm.BlockVoid
	if gives {
		t = wasm.BlockOf(i64)
	}
	g.both(func(c *wasm.Code) { c.Block(op, t) })
	g.labels = append(g.labels, label{gives: gives, loop: op == wasm.OpLoop})
	for n := g.IntN(3); n > 0; n-- {
		g.statement()
	}
	body()
	g.labels = g.labels[:len(g.labels)-1]
	g.op(wasm.OpEnd)
}

// statement writes what gives nothing.
func (g *generator) statement() {
	if g.fuel--; g.fuel < 0 {
		return
	}
	if g.leaks && g.IntN(30) == 0 {
		g.index(wasm.OpLocalGet, g.aPointer())
		g.index(wasm.OpLocalSet, uint32(g.IntN(2)))
	}
	switch g.IntN(19) {
	default:
		g.pointer()
		g.index(wasm.OpLocalSet, g.aPointer())
	case 0, 1:
		g.long()
		g.index(wasm.OpLocalSet, uint32(g.IntN(2)))
	case 2:
		g.short()
		g.index(wasm.OpLocalSet, shortLocal)
	case 3, 4, 5:
		g.address()
		if g.IntN(2) == 0 {
			g.long()
			g.access([]wasm.Opcode{wasm.OpI64Store, wasm.OpI64Store + 5, wasm.OpI64Store + 6, wasm.OpI64Store + 7}[g.IntN(4)])
		} else {
			g.short()
			g.access([]wasm.Opcode{wasm.OpI32Store, wasm.OpI32Store + 4, wasm.OpI32Store + 5}[g.IntN(3)])
		}
	case 6:
		g.bulk()
	case 7:
		g.branch()
	case 8:
		g.block(wasm.OpBlock, false, func() {})
	case 9:
		g.loop()
	case 10:
		g.dead()
	case 11:
		g.reuse()
	case 12:
		g.choice()
	case 13:
		g.leave()
	}
}

// reuse has a number in a pointer's local for a while. What comes there from elsewhere, and where it goes, is left to
// the statements in between.
func (g *generator) reuse() {
	p := g.aPointer()
	g.long()
	g.index(wasm.OpLocalSet, p)
	for n := g.IntN(3); n > 0; n-- {
		g.statement()
	}
	g.index(wasm.OpLocalGet, p)
	g.index(wasm.OpLocalSet, uint32(g.IntN(2)))
	if g.IntN(3) > 0 {
		g.pointer()
		g.index(wasm.OpLocalSet, p)
	}
}

// choice writes an if, mostly with an else.
func (g *generator) choice() {
	g.short()
	g.block(wasm.OpIf, false, func() {
		if g.IntN(4) > 0 {
			g.op(wasm.OpElse)
			for n := 1 + g.IntN(3); n > 0; n-- {
				g.statement()
			}
		}
	})
}

// leave leaves blocks that are no loops and carry nothing, seldom the function, from within an if; or goes to one of
// several.
func (g *generator) leave() {
	var to []uint32
	for depth := range g.labels {
		if l := g.labels[len(g.labels)-1-depth]; !l.loop && !l.gives {
			to = append(to, uint32(depth)+1)
		}
	}
	if len(to) == 0 {
		return
	}
	g.short()
	g.block(wasm.OpIf, false, func() {
		switch g.IntN(8) {
		default:
			g.index(wasm.OpBr, to[g.IntN(len(to))])
		case 0, 1, 2:
			g.short()
			g.both(func(c *wasm.Code) { c.BrTable([]uint32{to[0], to[len(to)-1], to[len(to)/2]}) })
		case 3:
			g.long()
			g.op(wasm.OpReturn)
		}
		for n := g.IntN(3); n > 0; n-- {
			g.statement() // never reached
		}
	})
}

func (g *generator) bulk() {
	g.address()
	fill := g.IntN(2) == 0
	if fill {
		g.short()
	} else {
		g.address()
	}
	switch g.IntN(30) {
	case 0:
		g.long()
	case 1:
		g.number([]int64{-1, 1 << 32, 1<<32 + 8}[g.IntN(3)])
	default:
		g.long()
		g.number(127)
		g.op(wasm.OpI64And)
	}
	g.convert(lengthOf)
	g.both(func(c *wasm.Code) {
		if fill {
			c.Op(wasm.OpMemoryFill)
			c.Raw([]byte{0})
		} else {
			c.Op(wasm.OpMemoryCopy)
			c.Raw([]byte{0, 0})
		}
	})
}

// branch leaves a block that is no loop, maybe; what it carries is dropped where it does not.
func (g *generator) branch() {
	depth := g.IntN(len(g.labels))
	to := g.labels[len(g.labels)-1-depth]
	if to.loop {
		return
	}
	if to.gives {
		g.long()
	}
	g.short()
	g.index(wasm.OpBrIf, uint32(depth))
	if to.gives {
		if g.IntN(2) == 0 { // use it as an address
			g.convert(addressOf)
			g.access(wasm.OpI64Load)
		}
		g.op(wasm.OpDrop)
	}
}

// loop goes round a few times. One counter is for all loops of a run, and never goes back, so that the run ends.
func (g *generator) loop() {
	g.block(wasm.OpLoop, false, func() {
		g.index(wasm.OpLocalGet, counter)
		g.both(func(c *wasm.Code) { c.I32(1) })
		g.op(wasm.OpI32Add)
		g.index(wasm.OpLocalTee, counter)
		g.both(func(c *wasm.Code) { c.I32(30) })
		g.op(wasm.OpI32LtU)
		g.index(wasm.OpBrIf, 0)
	})
}

// dead writes code that is never reached, where operands come from nowhere.
func (g *generator) dead() {
	g.block(wasm.OpBlock, false, func() {
		g.index(wasm.OpBr, 0)
		switch g.IntN(4) {
		case 0:
			g.access(wasm.OpI64Load)
			g.op(wasm.OpDrop)
		case 1:
			g.short()
			g.access(wasm.OpI32Store)
		case 2:
			g.long()
			g.convert(lengthOf)
			g.both(func(c *wasm.Code) {
				c.Op(wasm.OpMemoryFill)
				c.Raw([]byte{0})
			})
		case 3:
			g.op(wasm.OpI64Add)
			g.convert(addressOf)
			g.access(wasm.OpF64Load)
			g.op(wasm.OpDrop)
		}
	})
}

// generate makes a program and its twin, which takes addresses as unchecked lowering does.
func generate(seed uint64) (wide, narrow *wasm.Module) { return generateAs(seed, false) }

func generateAs(seed uint64, check bool) (wide, narrow *wasm.Module) {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), fuel: 250, leaks: seed%3 == 0}
	g.labels = []label{{gives: true}}
	for i := range uint32(manyPointers) {
		g.number(int64(64 * i))
		g.index(wasm.OpLocalSet, pointers+i)
	}
	for range 8 {
		g.statement()
	}
	g.long()
	types := []wasm.FuncType{
		{Params: []wasm.ValueType{i64}, Results: []wasm.ValueType{i32}},
		{Params: []wasm.ValueType{i64}, Results: []wasm.ValueType{i64}},
		{Params: []wasm.ValueType{i64, i64}, Results: []wasm.ValueType{i64}},
		{Params: []wasm.ValueType{i64, i64, i32}, Results: []wasm.ValueType{i64}},
	}
	written := func(body wasm.Code, is64 bool) *wasm.Module {
		body.Op(wasm.OpEnd)
		limits := wasm.Limits{Min: 2, Max: 4, HasMax: true, Is64: is64}
		m := &wasm.Module{Types: types, Memories: []wasm.Limits{limits},
			Tables: []wasm.Table{{Type: wasm.FuncRef, Limits: limits}}}
		offset := wasm.Code{}
		if offset.I32(1); is64 {
			offset = nil
			offset.I64(1)
		}
		offset.Op(wasm.OpEnd)
		m.Elements = []wasm.Element{{Type: wasm.FuncRef, Offset: wasm.Expr(offset), Functions: []uint32{callee}}}
		m.Functions = []wasm.Function{
			addressOf: {Type: 0, Body: toShort(check)}, lengthOf: {Type: 0, Body: toShort(true)},
			grow:   {Type: 1, Body: growBody(is64)},
			callee: {Type: 2, Body: calleeBody()},
			run: {Type: 3, Locals: []wasm.Locals{{Count: 1, Type: i32}, {Count: manyPointers, Type: i64}},
				Body: wasm.Expr(body)}}
		m.Exports = []wasm.Export{{Name: "memory", Kind: wasm.KindMemory}, {Name: "f", Kind: wasm.KindFunction, Index: run}}
		return m
	}
	return written(g.wide, true), written(g.narrow, false)
}

// toShort is the body of addressOf and lengthOf.
func toShort(exact bool) wasm.Expr {
	var c wasm.Code
	if exact {
		c.Index(wasm.OpLocalGet, 0)
		c.I64(1<<32 - 1)
		c.Op(wasm.OpI64GtU)
		c.Block(wasm.OpIf, wasm.BlockVoid)
		c.I32(-1)
		c.Op(wasm.OpReturn)
		c.Op(wasm.OpEnd)
	}
	c.Index(wasm.OpLocalGet, 0)
	c.Op(wasm.OpI32WrapI64)
	c.Op(wasm.OpEnd)
	return wasm.Expr(c)
}

// growBody is grow's, which the module of 64 bits has as well and does not use.
func growBody(is64 bool) wasm.Expr {
	var c wasm.Code
	if !is64 {
		c.Index(wasm.OpLocalGet, 0)
		c.Index(wasm.OpCall, lengthOf)
		c.Index(wasm.OpMemoryGrow, 0)
		c.Op(wasm.OpI64ExtendI32S)
	} else {
		c.I64(0)
	}
	c.Op(wasm.OpEnd)
	return wasm.Expr(c)
}

func calleeBody() wasm.Expr {
	var c wasm.Code
	c.Index(wasm.OpLocalGet, 0)
	c.Index(wasm.OpLocalGet, 1)
	c.Op(wasm.OpI64Xor)
	c.Op(wasm.OpEnd)
	return wasm.Expr(c)
}

// TestRandom runs random programs beside their twins: results, traps and memories are the same.
func TestRandom(t *testing.T) {
	const programs = 800
	trapped, returned := 0, 0
	for seed := range uint64(programs) {
		check := seed%2 == 0
		wide, narrow := generateAs(seed, check)
		if err := wide.Validate(); err != nil {
			t.Fatalf("program %d: %v", seed, err)
		}
		if err := narrow.Validate(); err != nil {
			t.Fatalf("the twin of program %d: %v", seed, err)
		}
		m := lowered(t, wide.Encode(), Options{Check: check})
		ok := t.Run(fmt.Sprint(seed), func(t *testing.T) {
			x, y := instantiate(t, m), instantiate(t, narrow)
			for _, args := range [][]uint64{{0, 1, 2}, {64, 1 << 16, 3}, {1<<32 + 8, 1 << 63, 1 << 31}} {
				got, trap := call(x, "f", args...)
				want, wanted := call(y, "f", args...)
				if trap != wanted || !slices.Equal(got, want) {
					t.Fatalf("of %d: %d %q and not %d %q", args, got, trap, want, wanted)
				}
				if trap != "" {
					trapped++
				} else {
					returned++
				}
			}
			sameMemory(t, x, y)
		})
		if !ok {
			return
		}
	}
	t.Logf("%d traps, %d returns", trapped, returned)
	if trapped < programs/10 || returned < programs/2 {
		t.Errorf("only %d traps and %d returns", trapped, returned)
	}
}

func sameMemory(t *testing.T, x, y api.Module) {
	t.Helper()
	if x.Memory().Size() != y.Memory().Size() {
		t.Fatalf("%d bytes of memory and not %d", x.Memory().Size(), y.Memory().Size())
	}
	p, _ := x.Memory().Read(0, x.Memory().Size())
	q, _ := y.Memory().Read(0, y.Memory().Size())
	if !bytes.Equal(p, q) {
		t.Fatal("another memory")
	}
}
