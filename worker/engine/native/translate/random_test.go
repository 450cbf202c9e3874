package translate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/faasmrun/faasmrun/internal/lower"
	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/program"
)

// kinds are the types of the values that random programs compute with.
var kinds = []wasm.ValueType{wasm.I32, wasm.I64, wasm.F32, wasm.F64, wasm.V128}

// typed is an instruction with a form and the types of its operands.
type typed struct {
	op    wasm.Opcode
	takes []wasm.ValueType
}

// byResult are all instructions with forms by the type of what they give. What they take is found by validation: there
// is one list of types with which an instruction is valid.
var byResult = sync.OnceValue(func() map[wasm.ValueType][]typed {
	found := map[wasm.ValueType][]typed{}
	for op := range wasm.Opcode(len(forms)) {
		form := forms[op]
		if form.pieces == nil {
			continue
		}
		n := len(form.pieces) - 1
		tuples := 1
		for range n {
			tuples *= len(kinds)
		}
		for k := range tuples {
			var takes []wasm.ValueType
			for range n {
				takes = append(takes, kinds[k%len(kinds)])
				k /= len(kinds)
			}
			var c wasm.Code
			for i := range takes {
				c.Index(wasm.OpLocalGet, uint32(i))
			}
			c.Op(op)
			c.Op(wasm.OpEnd)
			m := &wasm.Module{Types: []wasm.FuncType{{Params: takes, Results: []wasm.ValueType{form.t}}},
				Functions: []wasm.Function{{Body: wasm.Expr(c)}}}
			if m.Validate() == nil {
				found[form.t] = append(found[form.t], typed{op, takes})
				break
			}
		}
	}
	return found
})

// generator writes a random program. What would be a NaN becomes a number: its bits are not the standard's affair.
type generator struct {
	*rand.Rand
	code   wasm.Code
	fuel   int
	wide   bool
	labels []bool // of the open blocks, which of them are not branched to: loops, and what gives a value
}

// Locals of the program: two of each kind, of which the first ones are parameters; then the loops' counter, and one for
// what is looked at for a NaN.
const (
	counterLocal = 10
	nanLocal     = 11 // and two more, of f64 and v128
)

func (g *generator) local(t wasm.ValueType) uint32 {
	return uint32(slices.Index(kinds, t) + len(kinds)*g.IntN(2))
}

// expression writes a value of a type.
func (g *generator) expression(t wasm.ValueType) {
	if g.fuel--; g.fuel < 0 || g.IntN(8) == 0 {
		g.leaf(t)
		return
	}
	switch k := g.IntN(20); {
	case k < 4:
		g.leaf(t)
	case k < 7:
		g.load(t)
	case k == 7:
		g.expression(t)
		g.code.Index(wasm.OpLocalTee, g.local(t))
	case k == 8:
		g.expression(t)
		g.expression(t)
		g.expression(wasm.I32)
		g.code.Op(wasm.OpSelect)
	case k == 9:
		g.expression(wasm.I32)
		g.code.Block(wasm.OpIf, wasm.BlockOf(t))
		g.labels = append(g.labels, true)
		g.statement()
		g.expression(t)
		g.code.Op(wasm.OpElse)
		g.expression(t)
		g.end()
	default:
		ops := byResult()[t]
		o := ops[g.IntN(len(ops))]
		if forms[o.op].traps && g.IntN(12) > 0 {
			g.leaf(t)
			return
		}
		for _, operand := range o.takes {
			g.expression(operand)
		}
		g.code.Op(o.op)
		g.number(t)
	}
}

// number replaces a NaN on top of the stack.
func (g *generator) number(t wasm.ValueType) {
	local := nanLocal + uint32(slices.Index([]wasm.ValueType{wasm.F32, wasm.F64, wasm.V128}, t))
	switch t {
	case wasm.F32, wasm.F64:
		g.code.Index(wasm.OpLocalTee, local)
		g.code.Zero(t)
		g.code.Index(wasm.OpLocalGet, local)
		g.code.Index(wasm.OpLocalGet, local)
		g.code.Op(map[wasm.ValueType]wasm.Opcode{wasm.F32: 0x5b, wasm.F64: 0x61}[t])
		g.code.Op(wasm.OpSelect)
	case wasm.V128:
		g.code.Index(wasm.OpLocalTee, local)
		g.code.Index(wasm.OpLocalGet, local)
		g.code.Index(wasm.OpLocalGet, local)
		g.code.Op(wasm.OpV128Load + 0x41 + wasm.Opcode(6*g.IntN(2))) // f32x4.eq or f64x2.eq: integers may change too
		g.code.Op(wasm.OpV128Load + 0x4e)                            // v128.and
	}
}

func (g *generator) leaf(t wasm.ValueType) {
	if g.IntN(3) > 0 {
		g.code.Index(wasm.OpLocalGet, g.local(t))
		return
	}
	bits := []uint64{0, 1, 1 << 63, 1 << 31, 0x3ff0000000000000, 0x3f800000, 0x7ff0000000000000, 0x7f800000,
		0x41dfffffffc00000, g.Uint64(), uint64(g.IntN(100)), ^uint64(0)}[g.IntN(12)]
	in := wasm.Instr{Bits: bits}
	switch t {
	case wasm.I32:
		in.Op, in.Bits = wasm.OpI32Const, uint64(int64(int32(bits)))
	case wasm.I64:
		in.Op = wasm.OpI64Const
	case wasm.F32:
		in.Op, in.Bits = wasm.OpF32Const, uint64(uint32(bits))
	case wasm.F64:
		in.Op = wasm.OpF64Const
	case wasm.V128:
		in.Op = wasm.OpV128Const
		for i := range in.Vector {
			in.Vector[i] = byte(g.IntN(256))
		}
	}
	g.code.Instr(&in)
	g.number(t)
}

func (g *generator) addressType() wasm.ValueType {
	if g.wide {
		return wasm.I64
	}
	return wasm.I32
}

// address writes an address that is mostly in memory: often a local plus a small constant, as in unrolled loops.
func (g *generator) address() {
	t := g.addressType()
	constant := func(v int64) {
		if g.wide {
			g.code.I64(v)
		} else {
			g.code.I32(int32(v))
		}
	}
	add, and := wasm.OpI32Add, wasm.OpI32And
	if g.wide {
		add, and = wasm.OpI64Add, wasm.OpI64And
	}
	switch g.IntN(60) {
	case 0:
		constant([]int64{-1, -8, 65536, 65532, 131072, 1 << 36, 1 << 40, -1 << 40}[g.IntN(8)])
		return
	case 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20:
		local := g.local(t)
		g.code.Index(wasm.OpLocalGet, local)
		if g.IntN(8) > 0 {
			constant(65535 - 1024)
			g.code.Op(and)
			g.code.Index(wasm.OpLocalTee, local)
		}
		for range 1 + g.IntN(3) { // accesses of one local with other constants
			constant(int64(g.IntN(40))*8 - 16)
			g.code.Op(add)
			g.code.Memory(loadsByType[wasm.I64][0], wasm.MemArg{})
			if !g.wide {
				g.code.Op(wasm.OpI32WrapI64)
			}
			g.code.Index(wasm.OpLocalSet, uint32(slices.Index(kinds, t)))
			g.code.Index(wasm.OpLocalGet, local)
		}
		constant(int64(g.IntN(40))*8 - 4)
		g.code.Op(add)
		return
	}
	g.expression(t)
	constant(65535 - 1024)
	g.code.Op(and)
	if g.IntN(2) == 0 {
		g.code.Index(wasm.OpLocalTee, g.local(t))
	}
}

func (g *generator) memory(align uint32) wasm.MemArg {
	return wasm.MemArg{Align: uint32(g.IntN(int(align) + 1)), Offset: []uint64{0, 0, 8, 1000, 70000, 1<<32 - 1}[max(0,
		g.IntN(200)-194)]}
}

var loadsByType = map[wasm.ValueType][]wasm.Opcode{
	wasm.I32: {0x28, 0x2c, 0x2d, 0x2e, 0x2f}, wasm.I64: {0x29, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35}, wasm.F32: {0x2a},
	wasm.F64: {0x2b}, wasm.V128: {wasm.OpV128Load, wasm.OpV128Load + 1, wasm.OpV128Load + 4, wasm.OpV128Load + 6,
		wasm.OpV128Load + 7, wasm.OpV128Load + 10, wasm.OpV128Load + 0x5c, wasm.OpV128Load + 0x5d},
}

var storesByType = map[wasm.ValueType][]wasm.Opcode{
	wasm.I32: {0x36, 0x3a, 0x3b}, wasm.I64: {0x37, 0x3c, 0x3d, 0x3e}, wasm.F32: {0x38}, wasm.F64: {0x39},
	wasm.V128: {wasm.OpV128Store},
}

func (g *generator) load(t wasm.ValueType) {
	g.address()
	ops := loadsByType[t]
	g.code.Memory(ops[g.IntN(len(ops))], g.memory(0))
	g.number(t)
}

func (g *generator) end() {
	g.labels = g.labels[:len(g.labels)-1]
	g.code.Op(wasm.OpEnd)
}

// statement writes what gives nothing.
func (g *generator) statement() {
	if g.fuel--; g.fuel < 0 {
		return
	}
	t := kinds[g.IntN(len(kinds))]
	switch g.IntN(14) {
	default:
		g.expression(t)
		g.code.Index(wasm.OpLocalSet, g.local(t))
	case 0, 1, 2:
		g.address()
		g.expression(t)
		ops := storesByType[t]
		g.code.Memory(ops[g.IntN(len(ops))], g.memory(0))
	case 3:
		g.load(t)
		if forms := g.IntN(4); forms > 0 {
			g.code.Index(wasm.OpLocalSet, g.local(t))
		} else {
			g.code.Op(wasm.OpDrop)
		}
	case 4:
		g.code.Block(wasm.OpLoop, wasm.BlockVoid)
		g.labels = append(g.labels, true)
		g.statement()
		g.statement()
		g.code.Index(wasm.OpLocalGet, counterLocal)
		g.code.I32(1)
		g.code.Op(wasm.OpI32Add)
		g.code.Index(wasm.OpLocalTee, counterLocal)
		g.code.I32(40)
		g.code.Op(wasm.OpI32LtU)
		g.code.Index(wasm.OpBrIf, 0)
		g.end()
	case 5:
		g.code.Block(wasm.OpBlock, wasm.BlockVoid)
		g.labels = append(g.labels, false)
		g.statement()
		g.branch()
		g.statement()
		g.end()
	case 6:
		g.address()
		g.expression(wasm.I32)
		g.expression(g.addressType())
		g.mask()
		g.code.Instr(&wasm.Instr{Op: wasm.OpMemoryFill})
	case 7:
		g.address()
		g.address()
		g.expression(g.addressType())
		g.mask()
		g.code.Instr(&wasm.Instr{Op: wasm.OpMemoryCopy})
	case 8:
		g.expression(t)
		g.code.Index(wasm.OpGlobalSet, uint32(slices.Index(kinds, t)))
		g.code.Index(wasm.OpGlobalGet, uint32(slices.Index(kinds, t)))
		g.code.Index(wasm.OpLocalSet, g.local(t))
	}
}

func (g *generator) mask() {
	if g.wide {
		g.code.I64(255)
		g.code.Op(wasm.OpI64And)
		return
	}
	g.code.I32(255)
	g.code.Op(wasm.OpI32And)
}

// branch leaves a block that is no loop, maybe.
func (g *generator) branch() {
	var to []uint32
	for depth := range g.labels {
		if !g.labels[len(g.labels)-1-depth] {
			to = append(to, uint32(depth))
		}
	}
	g.expression(wasm.I32)
	if len(to) > 1 && g.IntN(4) == 0 {
		g.code.Block(wasm.OpIf, wasm.BlockVoid)
		g.expression(wasm.I32)
		g.code.BrTable([]uint32{to[0] + 1, to[1] + 1, to[0] + 1})
		g.code.Op(wasm.OpEnd)
		return
	}
	g.code.Index(wasm.OpBrIf, 0)
}

// randomModule is a module that exports f, which takes and gives a value of each kind but vectors, and two globals.
func randomModule(seed uint64, wide bool) *wasm.Module {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 3)), fuel: 300, wide: wide}
	for range 10 {
		g.statement()
	}
	for _, t := range kinds {
		g.code.Index(wasm.OpLocalGet, g.local(t))
		g.code.Index(wasm.OpGlobalSet, uint32(slices.Index(kinds, t)))
	}
	// Everything that was computed is seen: in the results, the globals or the memory.
	for i := range uint32(10) {
		g.code.I32(0)
		if wide {
			g.code.Op(wasm.OpI64ExtendI32U)
		}
		g.code.Index(wasm.OpLocalGet, i)
		g.code.Memory(storesByType[kinds[i%5]][0], wasm.MemArg{Offset: uint64(i) * 16})
	}
	g.code.Index(wasm.OpLocalGet, 1)
	g.code.Op(wasm.OpEnd)
	limits := wasm.Limits{Min: 1, Max: 2, HasMax: true, Is64: wide}
	m := &wasm.Module{Types: []wasm.FuncType{{Params: kinds[:4], Results: kinds[1:2]}}, Memories: []wasm.Limits{limits}}
	var locals []wasm.Locals
	for _, t := range append(slices.Concat(kinds[4:], kinds), wasm.I32, wasm.F32, wasm.F64, wasm.V128) {
		locals = append(locals, wasm.Locals{Count: 1, Type: t})
	}
	m.Functions = []wasm.Function{{Locals: locals, Body: wasm.Expr(g.code)}}
	for _, t := range kinds {
		global := wasm.GlobalType{Type: t, Mutable: true}
		m.Globals = append(m.Globals, wasm.Global{GlobalType: global, Init: wasm.ConstExpr(t)})
	}
	m.Exports = []wasm.Export{{Name: "f", Kind: wasm.KindFunction}, {Name: "memory", Kind: wasm.KindMemory}}
	return m
}

// TestRandom runs random programs here and on wazero: results, kinds of traps, and the memory of those that return are
// the same. Clang may leave out a load of which nothing comes, and put one off: then its trap is lost, or another one
// comes first. Of memories of 64 bits wazero runs what internal/lower makes of the program.
func TestRandom(t *testing.T) {
	const programs = 60
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCoreFeatures(
		api.CoreFeaturesV2|experimental.CoreFeaturesThreads))
	defer r.Close(ctx)
	for _, wide := range []bool{false, true} {
		var modules []*wasm.Module
		for seed := range uint64(programs) {
			m := randomModule(seed+randomSeed, wide)
			if err := m.Validate(); err != nil {
				t.Fatalf("program %d: %v", seed, err)
			}
			modules = append(modules, m)
		}
		p := start(t, library(t, modules))
		trapped, returned, lost := 0, 0, 0
		for seed, m := range modules {
			in, err := p.instantiate(seed, m, nil)
			if err != nil {
				t.Fatal(err)
			}
			twin, err := wasm.Decode(m.Encode())
			if err != nil {
				t.Fatal(err)
			}
			if wide {
				if _, err := lower.Lower(twin, lower.Options{Check: true}); err != nil {
					t.Fatal(err)
				}
			}
			w, err := r.InstantiateWithConfig(ctx, twin.Encode(), wazero.NewModuleConfig().WithName(""))
			if err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]uint64{{0, 1, 2, 3}, {1 << 31, 512, 0x40490fdb, 0xc05edd2f1a9fbe77},
				{77, 1 << 36, 0xbf800000, 0x3ff0000000000000}} {
				got, err := in.call("f", args...)
				want, wanted := w.ExportedFunction("f").Call(ctx, args...)
				var trap errTrap
				if errors.As(err, &trap) != (wanted != nil) {
					if err == nil {
						lost++ // clang has left out a load of which nothing comes
						break
					}
					t.Fatalf("program %d (%v) of %x: %v and not %v %x", seed, wide, args, err, wanted, want)
				}
				if wanted != nil {
					trapped++
					if kind := trapOf(wanted); kind == program.OutOfBounds && trap.kind != kind {
						lost++ // a load was put off until after something else that traps
					} else if kind != trap.kind {
						t.Fatalf("program %d (%v) of %x: trap %v and not %v", seed, wide, args, trap.kind, wanted)
					}
					break
				}
				returned++
				memory, _ := w.Memory().Read(0, w.Memory().Size())
				_, sum := p.ask("memory %x", in.home)
				if got[0] != want[0] || sum[1] != fnv64(memory) {
					t.Fatalf("program %d (%v) of %x: %x and not %x, memory %x and not %x", seed, wide, args, got, want, sum[1],
						fnv64(memory))
				}
			}
			w.Close(ctx)
		}
		t.Logf("64 bits %v: %d traps, %d returns, %d traps lost", wide, trapped, returned, lost)
		if returned < programs || trapped < programs/20 || lost > programs/4 {
			t.Errorf("%d traps, %d returns, %d lost", trapped, returned, lost)
		}
	}
}

// randomSeed is where programs begin; others are tried by changing it.
var randomSeed uint64

func fnv64(b []byte) uint64 {
	sum := uint64(14695981039346656037)
	for _, c := range b {
		sum = (sum ^ uint64(c)) * 1099511628211
	}
	return sum
}

// trapOf is the kind of one of wazero's errors.
func trapOf(err error) program.TrapKind {
	for text, kind := range map[string]program.TrapKind{"out of bounds": program.OutOfBounds,
		"divide by zero": program.DivideByZero, "integer overflow": program.IntegerOverflow,
		"invalid conversion": program.InvalidConversion, "unreachable": program.Unreachable} {
		if strings.Contains(err.Error(), text) {
			return kind
		}
	}
	panic(fmt.Sprint("another error: ", err))
}
