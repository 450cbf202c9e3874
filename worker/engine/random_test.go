package engine_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// kinds are the types of the values that random programs compute with.
var kinds = []wasm.ValueType{wasm.I32, wasm.I64, wasm.F32, wasm.F64, wasm.V128}

func kindOf(t wasm.ValueType) uint32 { return uint32(slices.Index(kinds, t)) }

// instruction is one with the types of its operands. Which they are is found by validation: there is one list of types
// with which an instruction is valid.
type instruction struct {
	op    wasm.Opcode
	takes []wasm.ValueType
	gives wasm.ValueType // Unknown: nothing
	lanes int            // of its immediate, if it has one
	align uint32         // of an access: what its MemArg may say at most
}

func (i *instruction) name() string { return i.op.String() }

// canTrap reports whether it may trap where it computes.
func (i *instruction) canTrap() bool {
	name := i.name()
	return strings.Contains(name, "div_") || strings.Contains(name, "rem_") ||
		name[0] == 'i' && strings.Contains(name, ".trunc_f")
}

// float reports whether the bits of a NaN that it gives are not the standard's affair, but for their class.
func (i *instruction) float() bool {
	shape, what, _ := strings.Cut(i.name(), ".")
	switch what {
	case "add", "sub", "mul", "div", "sqrt", "ceil", "floor", "trunc", "nearest", "min", "max":
		return shape[0] == 'f'
	}
	return strings.HasPrefix(what, "demote_") || strings.HasPrefix(what, "promote_")
}

// instructions are those that compute, by what they give, and those that access a memory.
type instructions struct {
	computing              map[wasm.ValueType][]instruction
	loads                  map[wasm.ValueType][]instruction // with atomic ones, and those of a lane
	stores, atomicModifies []instruction
}

// known has all instructions of memories with addresses of 32 and of 64 bits.
var known = map[bool]func() *instructions{
	false: sync.OnceValue(func() *instructions { return findInstructions(false) }),
	true:  sync.OnceValue(func() *instructions { return findInstructions(true) }),
}

func findInstructions(wide bool) *instructions {
	all := &instructions{computing: map[wasm.ValueType][]instruction{}, loads: map[wasm.ValueType][]instruction{}}
	m := &wasm.Module{Memories: []wasm.Limits{{Min: 1, Is64: wide}}}
	for op := wasm.OpI32Load; op < 0x500; op++ {
		if strings.HasPrefix(op.String(), "instruction ") || op >= wasm.OpMemorySize && op <= wasm.OpF64Const ||
			op >= wasm.OpRefNull && op <= wasm.OpRefFunc || op >= wasm.OpMemoryInit && op <= wasm.OpTableFill ||
			op == wasm.OpV128Const || op >= 0x300 && op < 0x400 || op >= wasm.OpAtomicNotify && op <= wasm.OpAtomicFence {
			continue
		}
		probe := &wasm.Instr{Op: op}
		if !probe.HasMemArg() {
			if i, ok := findTypes(probe); ok {
				all.computing[i.gives] = append(all.computing[i.gives], i)
			}
			continue
		}
		o, _ := m.Spaces().Operands(probe, nil)
		i := instruction{op: op, takes: slices.Clone(o.Takes), gives: o.Gives, lanes: 1}
		for probe.Memory.Align = 4; !valid(m, i.takes, i.gives, probe); probe.Memory.Align-- {
			if probe.Memory.Align == 0 {
				panic(op.String())
			}
		}
		i.align = probe.Memory.Align
		for probe.Lane = 15; !valid(m, i.takes, i.gives, probe); probe.Lane /= 2 {
		}
		i.lanes = int(probe.Lane) + 1
		switch {
		case i.gives == wasm.Unknown:
			all.stores = append(all.stores, i)
		case strings.Contains(op.String(), ".rmw"):
			all.atomicModifies = append(all.atomicModifies, i)
		default:
			all.loads[i.gives] = append(all.loads[i.gives], i)
		}
	}
	return all
}

// findTypes tries an instruction without a memory on all types.
func findTypes(probe *wasm.Instr) (i instruction, ok bool) {
	m := &wasm.Module{}
	i.op = probe.Op
	for n, tuples := 0, 1; n <= 3; n, tuples = n+1, tuples*len(kinds) {
		for k := range tuples {
			i.takes = nil
			for range n {
				i.takes = append(i.takes, kinds[k%len(kinds)])
				k /= len(kinds)
			}
			if !valid(m, i.takes, wasm.Unknown, probe, &wasm.Instr{Op: wasm.OpUnreachable}) {
				continue
			}
			for _, i.gives = range kinds {
				if valid(m, i.takes, i.gives, probe) {
					for probe.Lane = 31; !valid(m, i.takes, i.gives, probe); probe.Lane /= 2 {
					}
					i.lanes = int(probe.Lane) + 1
					return i, true
				}
			}
		}
	}
	return i, false
}

// valid reports whether instructions of operands of some types are.
func valid(m *wasm.Module, takes []wasm.ValueType, gives wasm.ValueType, instrs ...*wasm.Instr) bool {
	var c wasm.Code
	for i := range takes {
		c.Index(wasm.OpLocalGet, uint32(i))
	}
	for _, in := range instrs {
		c.Instr(in)
	}
	c.Op(wasm.OpEnd)
	t := wasm.FuncType{Params: takes}
	if gives != wasm.Unknown {
		t.Results = []wasm.ValueType{gives}
	}
	m.Types, m.Functions = []wasm.FuncType{t}, []wasm.Function{{Body: wasm.Expr(c)}}
	return m.Validate() == nil
}

// flavour is what a random program is about.
type flavour struct {
	wide   bool // addresses have 64 bits
	strict bool // whatever is loaded is seen, so that no load may be left out
	nans   bool // classes of NaNs that arithmetic gives are looked at; elsewhere they become numbers
	shared bool // the memory is
	size   int  // of a function
}

// The program's types, functions and globals.
const (
	typeStart, typeMain, typeMulti, typeBack, typeNote, typeArg, typeAsk, typeCarry = 0, 1, 2, 3, 4, 5, 6, 7

	importNote, importArg, importAsk, start, firstMain = 0, 1, 2, 3, 4

	mains, multis, backs = 12, 3, 3
	firstMulti           = firstMain + mains
	firstBack            = firstMulti + multis
	endless              = firstBack + backs
	functions            = endless + 1

	tableSize = functions - firstMain + 3 // with null pointers at the end

	// Globals: one of each kind, then these.
	globalSum, globalCalls, globalLoops, globalSignalling, globalUncanonical = 5, 6, 7, 8, 9
)

// Bounds of a run.
const (
	maxCalls = 150
	maxLoops = 2000
)

// Locals of every function behind its parameters: two of each kind, and what else is needed.
const (
	localSecond   = 5
	localCounter  = 10
	localA        = 11 // operands of an instruction, one of each kind
	localB        = 16
	localResult   = 21
	localPointer  = 26
	localFunction = 27
	localExtern   = 28
	localIndex    = 29 // of a counted loop: an i32 and an i64, and where they end
	localLast     = 31
)

// generator writes a random program.
type generator struct {
	*rand.Rand
	flavour
	module *wasm.Module
	all    *instructions
	code   wasm.Code
	fuel   int
	params uint32
	types  []wasm.ValueType // of the results
	labels []bool           // of the open blocks, which of them may be branched to without a value
	loops  int              // how deep
}

// randomModule is a program that calls one of its functions with arguments that its host gives, and tells it what came.
func randomModule(seed uint64, f flavour) *wasm.Module {
	address := wasm.I32
	if f.wide {
		address = wasm.I64
	}
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 7)), flavour: f, all: known[f.wide]()}
	i, l, fl, d, v := wasm.I32, wasm.I64, wasm.F32, wasm.F64, wasm.V128
	of := func(t ...wasm.ValueType) []wasm.ValueType { return t }
	g.module = &wasm.Module{
		Types: []wasm.FuncType{{}, {Params: of(i, l, fl, d), Results: of(l)}, {Params: of(v, i), Results: of(l, v)},
			{Params: of(i), Results: of(i)}, {Params: of(i, l, fl, d)}, {Params: of(i), Results: of(l)},
			{Params: of(i, i), Results: of(i)}, {Params: of(l, fl), Results: of(l, fl)}},
		Imports: []wasm.Import{{Module: "env", Name: "note", Type: typeNote}, {Module: "env", Name: "arg", Type: typeArg},
			{Module: "env", Name: "ask", Type: typeAsk}},
		Exports: []wasm.Export{{Name: "_start", Kind: wasm.KindFunction, Index: start},
			{Name: "memory", Kind: wasm.KindMemory}},
		HasCount: true,
	}
	m := g.module
	memory := wasm.Limits{Min: 1 + uint64(g.IntN(2)), Max: 3, HasMax: true, Is64: f.wide, Shared: f.shared}
	if f.shared {
		m.Imports = append(m.Imports, wasm.Import{Module: "shared", Name: "memory", Kind: wasm.KindMemory, Memory: memory})
	} else {
		m.Memories = []wasm.Limits{memory}
	}
	limits := wasm.Limits{Min: tableSize, Max: 60, HasMax: true, Is64: f.wide && g.IntN(2) == 0}
	m.Tables = []wasm.Table{{Type: wasm.FuncRef, Limits: wasm.Limits{Min: tableSize, Max: 60, HasMax: true}},
		{Type: wasm.FuncRef, Limits: limits}, {Type: wasm.ExternRef, Limits: wasm.Limits{Min: 4}}}
	var refs []uint32
	for k := range uint32(functions - firstMain) {
		refs = append(refs, firstMain+k)
	}
	var zero wasm.Code
	zero.I32(0)
	zero.Op(wasm.OpEnd)
	m.Elements = []wasm.Element{{Type: wasm.FuncRef, Functions: refs, Offset: wasm.Expr(zero)},
		{Mode: wasm.ElementPassive, Type: wasm.FuncRef, Functions: refs[:7]},
		{Mode: wasm.ElementPassive, Type: wasm.FuncRef, Functions: refs[mains:]}}
	for range 2 {
		data := make([]byte, 64+g.IntN(64))
		for k := range data {
			data[k] = byte(g.IntN(256))
		}
		m.Data = append(m.Data, wasm.Data{Passive: true, Bytes: data})
	}
	for _, t := range append(slices.Clone(kinds), l, i, i, i, i) {
		kind := wasm.GlobalType{Type: t, Mutable: true}
		m.Globals = append(m.Globals, wasm.Global{GlobalType: kind, Init: wasm.ConstExpr(t)})
	}
	m.Globals[globalCalls].Init, m.Globals[globalLoops].Init = constant(maxCalls), constant(maxLoops)
	locals := slices.Concat(kinds, kinds, of(i), kinds, kinds, kinds, of(address, wasm.FuncRef, wasm.ExternRef),
		of(i, l, i, l))
	declared := make([]wasm.Locals, len(locals))
	for k, t := range locals {
		declared[k] = wasm.Locals{Count: 1, Type: t}
	}
	add := func(typ uint32, write func()) {
		g.code, g.fuel, g.params, g.types = nil, f.size, uint32(len(m.Types[typ].Params)), m.Types[typ].Results
		write()
		g.code.Op(wasm.OpEnd)
		m.Functions = append(m.Functions, wasm.Function{Type: typ, Locals: declared, Body: wasm.Expr(g.code)})
	}
	add(typeStart, g.start)
	for range mains {
		add(typeMain, g.function)
	}
	for range multis {
		add(typeMulti, g.function)
	}
	for range backs {
		add(typeBack, g.function)
	}
	add(typeMain, func() {
		for k := range uint32(4) {
			g.code.Index(wasm.OpLocalGet, k)
		}
		g.code.Index(wasm.OpCall, endless)
		g.code.I64(1)
		g.code.Op(wasm.OpI64Add)
	})
	return m
}

func constant(v int32) wasm.Expr {
	var c wasm.Code
	c.I32(v)
	c.Op(wasm.OpEnd)
	return wasm.Expr(c)
}

// start calls what the host says, and tells what came of it.
func (g *generator) start() {
	arg := func(k int32) {
		g.code.I32(k)
		g.code.Index(wasm.OpCall, importArg)
	}
	g.code.I32(1)
	arg(1)
	g.code.Op(wasm.OpI32WrapI64)
	arg(2)
	arg(3)
	g.code.Op(wasm.OpI32WrapI64)
	g.code.Op(0xbe) // f32.reinterpret_i32
	arg(4)
	g.code.Op(0xbf) // f64.reinterpret_i64
	arg(0)
	g.code.Op(wasm.OpI32WrapI64)
	g.code.CallIndirect(typeMain, 0)
	g.code.Zero(wasm.F32)
	g.code.Zero(wasm.F64)
	g.code.Index(wasm.OpCall, importNote)
	for k := range uint32(4) {
		g.code.Index(wasm.OpGlobalGet, k)
	}
	g.code.Index(wasm.OpCall, importNote)
	g.addressConstant(32)
	g.code.Index(wasm.OpGlobalGet, 4)
	g.code.Memory(wasm.OpV128Store, wasm.MemArg{})
	g.code.I32(2)
	g.code.Index(wasm.OpGlobalGet, globalSum)
	g.code.Zero(wasm.F32)
	g.code.Zero(wasm.F64)
	g.code.Index(wasm.OpCall, importNote)
	// The classes of NaNs are told apart from the rest.
	g.code.I32(-1)
	for k, global := range []uint32{globalSignalling, globalUncanonical} {
		g.code.Index(wasm.OpGlobalGet, global)
		if k == 0 {
			g.code.Op(wasm.OpI64ExtendI32U)
		} else {
			g.code.Op(0xbe)
		}
	}
	g.code.Zero(wasm.F64)
	g.code.Index(wasm.OpCall, importNote)
}

// function writes one that computes.
func (g *generator) function() {
	g.labels, g.loops = nil, 0
	// Too many calls end at once.
	g.code.Index(wasm.OpGlobalGet, globalCalls)
	g.code.I32(1)
	g.code.Op(wasm.OpI32Sub)
	g.code.Index(wasm.OpGlobalSet, globalCalls)
	g.code.Index(wasm.OpGlobalGet, globalCalls)
	g.code.I32(0)
	g.code.Op(wasm.OpI32LtS)
	g.code.Block(wasm.OpIf, wasm.BlockVoid)
	for _, t := range g.types {
		g.code.Zero(t)
	}
	g.code.Op(wasm.OpReturn)
	g.code.Op(wasm.OpEnd)
	for k, t := range g.parameters() {
		g.code.Index(wasm.OpLocalGet, uint32(k))
		g.set(kindOf(t))
	}
	for g.fuel > 0 {
		g.statement()
	}
	for k, t := range kinds { // all that was computed is seen
		if g.IntN(2) == 0 {
			g.get(uint32(k) + localSecond)
			g.code.Index(wasm.OpGlobalSet, kindOf(t))
		}
	}
	if len(g.types) == 1 && g.types[0] == wasm.I64 && g.IntN(4) == 0 {
		g.arguments()
		if g.IntN(2) == 0 {
			g.code.Index(wasm.OpReturnCall, g.anyMain())
			return
		}
		g.tableIndex(0)
		g.code.Instr(&wasm.Instr{Op: wasm.OpReturnCallIndirect, Index: typeMain})
		return
	}
	for _, t := range g.types {
		g.get(g.local(t))
	}
}

// parameters are those of the function that is written.
func (g *generator) parameters() []wasm.ValueType {
	for _, t := range g.module.Types[:typeNote] {
		if uint32(len(t.Params)) == g.params {
			return t.Params
		}
	}
	return nil
}

func (g *generator) get(local uint32) { g.code.Index(wasm.OpLocalGet, g.params+local) }
func (g *generator) set(local uint32) { g.code.Index(wasm.OpLocalSet, g.params+local) }
func (g *generator) tee(local uint32) { g.code.Index(wasm.OpLocalTee, g.params+local) }

// local is one of the two of a kind.
func (g *generator) local(t wasm.ValueType) uint32 { return kindOf(t) + localSecond*uint32(g.IntN(2)) }

func (g *generator) anyMain() uint32 { return firstMain + uint32(g.IntN(mains)) }

// arguments writes those of a function of typeMain.
func (g *generator) arguments() {
	for _, t := range g.module.Types[typeMain].Params {
		g.expression(t)
	}
}

// tableIndex writes an index that mostly is of a function of typeMain.
func (g *generator) tableIndex(table int) {
	if g.IntN(12) > 0 {
		g.code.I32(int32(g.IntN(mains)))
	} else {
		g.expression(wasm.I32)
		g.code.I32(63)
		g.code.Op(wasm.OpI32And)
	}
	if g.module.Tables[table].Limits.Is64 {
		g.code.Op(wasm.OpI64ExtendI32U)
	}
}

// expression writes a value of a type.
func (g *generator) expression(t wasm.ValueType) {
	if g.fuel--; g.fuel < 0 || g.IntN(8) == 0 {
		g.leaf(t)
		return
	}
	switch k := g.IntN(22); {
	case k < 4:
		g.leaf(t)
	case k < 7:
		g.load(t)
	case k == 7:
		g.expression(t)
		g.tee(g.local(t))
	case k == 8:
		g.expression(t)
		g.expression(t)
		g.expression(wasm.I32)
		if g.IntN(2) == 0 {
			g.code.Op(wasm.OpSelect)
		} else {
			g.code.Instr(&wasm.Instr{Op: wasm.OpSelectTyped, Types: []wasm.ValueType{t}})
		}
	case k == 9:
		g.expression(wasm.I32)
		g.code.Block(wasm.OpIf, wasm.BlockOf(t))
		g.labels = append(g.labels, false)
		g.statement()
		g.expression(t)
		g.code.Op(wasm.OpElse)
		g.expression(t)
		g.end()
	case k == 10 && t == wasm.I64:
		g.call()
	case k == 10 && t == wasm.I32:
		g.about()
	default:
		g.compute(t)
	}
}

// call writes a call of a function of typeMain.
func (g *generator) call() {
	g.arguments()
	if g.IntN(2) == 0 {
		g.code.Index(wasm.OpCall, g.anyMain())
		return
	}
	table := g.IntN(8) / 7
	g.tableIndex(table)
	g.code.CallIndirect(typeMain, uint32(table))
}

// about writes an i32 that tells something of memory and tables, or what the host, asked, was told by a function.
func (g *generator) about() {
	size := func(op wasm.Opcode, index uint32, wide bool) {
		g.code.Instr(&wasm.Instr{Op: op, Index: index})
		if wide {
			g.code.Op(wasm.OpI32WrapI64)
		}
	}
	switch g.IntN(6) {
	case 0:
		size(wasm.OpMemorySize, 0, g.wide)
	case 1:
		size(wasm.OpTableSize, 1, g.module.Tables[1].Limits.Is64)
	case 2:
		g.get(localFunction)
		g.code.Op(wasm.OpRefIsNull)
	case 3:
		g.get(localExtern)
		g.code.Op(wasm.OpRefIsNull)
	case 4:
		g.expression(wasm.I32)
		g.code.Index(wasm.OpCall, firstBack+uint32(g.IntN(backs)))
	default:
		g.code.I32(int32(mains + multis + g.IntN(backs)))
		if g.IntN(20) == 0 {
			g.code.I32(int32(g.IntN(9)))
			g.code.Op(wasm.OpI32Add)
		}
		g.expression(wasm.I32)
		g.code.Index(wasm.OpCall, importAsk)
	}
}

func (g *generator) compute(t wasm.ValueType) {
	ops := g.all.computing[t]
	i := &ops[g.IntN(len(ops))]
	if i.canTrap() && g.IntN(30) > 0 {
		g.leaf(t)
		return
	}
	for _, operand := range i.takes {
		g.expression(operand)
	}
	in := &wasm.Instr{Op: i.op, Lane: byte(g.IntN(i.lanes))}
	for k := range in.Vector {
		in.Vector[k] = byte(g.IntN(32)) // lanes of a shuffle
	}
	switch {
	case !i.float():
		g.code.Instr(in)
	case g.nans:
		g.classified(i, in)
	default:
		g.code.Instr(in)
		g.number(i)
	}
}

// classified writes an instruction of which a NaN may come, notes which class that is of where it should be of another
// one, and makes it the one that all engines give.
func (g *generator) classified(i *instruction, in *wasm.Instr) {
	t := i.gives
	operands := []uint32{localA, localB}[:len(i.takes)]
	for k := len(operands) - 1; k >= 0; k-- {
		g.set(operands[k] + kindOf(i.takes[k]))
	}
	for k := range operands {
		g.get(operands[k] + kindOf(i.takes[k]))
	}
	g.code.Instr(in)
	result := localResult + kindOf(t)
	g.tee(result)
	if t == wasm.V128 {
		g.classifiedVector(i, operands, result)
		return
	}
	g.get(result)
	g.code.Op(notEqual[t])
	g.code.Block(wasm.OpIf, wasm.BlockVoid)
	g.bits(t, result, quiet[t])
	g.code.Op(wasm.OpI64Eqz)
	g.raise(globalSignalling)
	g.bits(t, result, magnitude[t])
	g.code.I64(canonical[t])
	g.code.Op(wasm.OpI64Eq)
	g.code.Op(wasm.OpI32Eqz)
	for k, from := range i.takes {
		g.get(operands[k] + kindOf(from))
		g.get(operands[k] + kindOf(from))
		g.code.Op(notEqual[from] - 1) // equal
		g.bits(from, operands[k]+kindOf(from), magnitude[from])
		g.code.I64(canonical[from])
		g.code.Op(wasm.OpI64Eq)
		g.code.Op(wasm.OpI32Or)
		g.code.Op(wasm.OpI32And)
	}
	g.raise(globalUncanonical)
	g.constantBits(t, uint64(canonical[t]))
	g.set(result)
	g.code.Op(wasm.OpEnd)
	g.get(result)
}

var (
	notEqual  = map[wasm.ValueType]wasm.Opcode{wasm.F32: 0x5c, wasm.F64: 0x62}
	quiet     = map[wasm.ValueType]int64{wasm.F32: 0x400000, wasm.F64: 0x8000000000000}
	magnitude = map[wasm.ValueType]int64{wasm.F32: 0x7fffffff, wasm.F64: 0x7fffffffffffffff}
	canonical = map[wasm.ValueType]int64{wasm.F32: 0x7fc00000, wasm.F64: 0x7ff8000000000000}
)

// bits writes some bits of a local as an i64.
func (g *generator) bits(t wasm.ValueType, local uint32, mask int64) {
	g.get(local)
	if t == wasm.F32 {
		g.code.Op(0xbc) // i32.reinterpret_f32
		g.code.Op(wasm.OpI64ExtendI32U)
	} else {
		g.code.Op(0xbd)
	}
	g.code.I64(mask)
	g.code.Op(wasm.OpI64And)
}

// raise adds an i32 to a global.
func (g *generator) raise(global uint32) {
	g.code.Index(wasm.OpGlobalGet, global)
	g.code.Op(wasm.OpI32Or)
	g.code.Index(wasm.OpGlobalSet, global)
}

// Vector instructions by their numbers.
const (
	v128And, v128Or, v128AnyTrue, v128Bitselect = 0x24e, 0x250, 0x253, 0x252
	i64x2ExtractLane                            = 0x21d
)

// classifiedVector is classified for the lanes of a vector, which stands on the stack.
func (g *generator) classifiedVector(i *instruction, operands []uint32, result uint32) {
	t, equalInts, ne := wasm.F32, wasm.Opcode(0x237), wasm.Opcode(0x242) // i32x4.eq, f32x4.ne
	if strings.HasPrefix(i.name(), "f64") {
		t, equalInts, ne = wasm.F64, 0x2d6, 0x248 // i64x2.eq, f64x2.ne
	}
	isNaN := func(local uint32) {
		g.get(local)
		g.get(local)
		g.code.Op(ne)
	}
	masked := func(local uint32, mask, want int64) {
		g.get(local)
		g.constantBits(wasm.V128, splat(t, mask)...)
		g.code.Op(v128And)
		g.constantBits(wasm.V128, splat(t, want)...)
		g.code.Op(equalInts)
	}
	// On the stack stays the result.
	isNaN(result)
	masked(result, quiet[t], 0)
	g.code.Op(v128And)
	g.code.Op(v128AnyTrue)
	g.raise(globalSignalling)
	if !strings.Contains(i.name(), "mote") { // lanes in other places
		isNaN(result)
		masked(result, magnitude[t], canonical[t])
		g.code.Op(0x24f) // v128.andnot
		for k := range operands {
			isNaN(operands[k] + 4)
			masked(operands[k]+4, magnitude[t], canonical[t])
			g.code.Op(0x24f)
			g.code.Op(0x24f)
		}
		g.code.Op(v128AnyTrue)
		g.raise(globalUncanonical)
	}
	g.constantBits(wasm.V128, splat(t, canonical[t])...)
	isNaN(result)
	g.code.Op(0x24d) // v128.not
	g.code.Op(v128Bitselect)
}

func splat(t wasm.ValueType, bits int64) []uint64 {
	if t == wasm.F32 {
		bits |= bits << 32
	}
	return []uint64{uint64(bits), uint64(bits)}
}

func (g *generator) constantBits(t wasm.ValueType, bits ...uint64) {
	in := wasm.Instr{Bits: bits[0]}
	switch t {
	case wasm.I32:
		in.Op, in.Bits = wasm.OpI32Const, uint64(int64(int32(bits[0])))
	case wasm.I64:
		in.Op = wasm.OpI64Const
	case wasm.F32:
		in.Op, in.Bits = wasm.OpF32Const, uint64(uint32(bits[0]))
	case wasm.F64:
		in.Op = wasm.OpF64Const
	case wasm.V128:
		in.Op = wasm.OpV128Const
		for i := range in.Vector {
			in.Vector[i] = byte(bits[i/8] >> (i % 8 * 8))
		}
	}
	g.code.Instr(&in)
}

// number makes a number of a NaN that an instruction gave, which is on top of the stack.
func (g *generator) number(i *instruction) {
	t := i.gives
	local := localResult + kindOf(t)
	g.tee(local)
	if t == wasm.V128 {
		g.get(local)
		g.get(local)
		if strings.HasPrefix(i.name(), "f64") {
			g.code.Op(0x247) // f64x2.eq
		} else {
			g.code.Op(0x241) // f32x4.eq
		}
		g.code.Op(v128And)
		return
	}
	g.code.Zero(t)
	g.get(local)
	g.get(local)
	g.code.Op(notEqual[t] - 1)
	g.code.Op(wasm.OpSelect)
}

func (g *generator) leaf(t wasm.ValueType) {
	switch k := g.IntN(12); {
	case k < 7:
		g.get(g.local(t))
		return
	case k == 7:
		g.code.Index(wasm.OpGlobalGet, kindOf(t))
		return
	}
	word := func() uint64 {
		return []uint64{0, 1, 1 << 63, 1 << 31, 0x3ff0000000000000, 0x3f800000, 0x7ff0000000000000, 0x7f800000,
			0x41dfffffffc00000, g.Uint64(), uint64(g.IntN(100)), ^uint64(0), 0x7ff4000000000001, 0x7fa00001, 0xffc00000,
			0x43e0000000000000}[g.IntN(16)]
	}
	g.constantBits(t, word(), word())
}

func (g *generator) addressType() wasm.ValueType {
	if g.wide {
		return wasm.I64
	}
	return wasm.I32
}

func (g *generator) addressConstant(v int64) {
	if g.wide {
		g.code.I64(v)
	} else {
		g.code.I32(int32(v))
	}
}

func (g *generator) addressOp(narrow wasm.Opcode) {
	if g.wide {
		narrow += wasm.OpI64Add - wasm.OpI32Add
	}
	g.code.Op(narrow)
}

// memorySize writes the memory's size in bytes, so that addresses can be near it.
func (g *generator) memorySize() {
	g.code.Instr(&wasm.Instr{Op: wasm.OpMemorySize})
	g.addressConstant(16)
	g.addressOp(wasm.OpI32Shl)
}

// far are addresses at every bound there is, less a few.
var far = []int64{0, 65536, 131072, 196608, 1 << 31, 1 << 32, 1 << 36, 1<<36 + 1<<32, 1 << 40, 1 << 62, -1 << 63}

// address writes an address that is mostly in memory, for so many bytes: anywhere, near the end, or at a local plus a
// small constant, as in unrolled loops.
func (g *generator) address(bytes int64) {
	switch g.IntN(160) {
	case 0:
		g.addressConstant(far[g.IntN(len(far))] + int64(g.IntN(40)) - 20)
		return
	case 1:
		g.memorySize()
		g.addressConstant(bytes + 2 - int64(g.IntN(8)))
		g.addressOp(wasm.OpI32Sub)
		return
	case 2, 3, 4, 5, 6, 7, 23, 24, 25, 26, 27, 28, 29, 30, 31:
		g.memorySize()
		g.addressConstant(bytes + 8*int64(g.IntN(4)))
		g.addressOp(wasm.OpI32Sub)
		return
	case 8, 9, 10:
		g.addressConstant(int64(g.IntN(64)))
		return
	case 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 32, 33, 34, 35, 36, 37, 38, 39, 40:
		g.get(localPointer)
		g.addressConstant(65535 - 1024)
		g.addressOp(wasm.OpI32And)
		g.addressConstant(int64(g.IntN(40)) * 8)
		g.addressOp(wasm.OpI32Add)
		return
	}
	t := g.addressType()
	g.expression(t)
	g.addressConstant(65535 - 1024)
	g.addressOp(wasm.OpI32And)
	if g.IntN(2) == 0 {
		g.tee(localPointer)
	}
}

// immediate is an access's. An atomic one is aligned, mostly.
func (g *generator) immediate(i *instruction) *wasm.Instr {
	in := &wasm.Instr{Op: i.op, Lane: byte(g.IntN(i.lanes))}
	in.Memory.Align = uint32(g.IntN(int(i.align) + 1))
	if i.op >= 0x400 {
		in.Memory.Align = i.align
	}
	if g.IntN(8) == 0 {
		in.Memory.Offset = uint64(8 * g.IntN(20))
	}
	if g.IntN(800) == 0 {
		in.Memory.Offset = []uint64{65528, 131072, 1<<32 - 1, 1<<32 - 8}[g.IntN(4)]
	}
	if g.wide && g.IntN(1500) == 0 {
		in.Memory.Offset = []uint64{1 << 32, 1 << 36, 1<<36 - 1, 1<<64 - 8, 1 << 63}[g.IntN(5)]
	}
	return in
}

func (g *generator) aligned(i *instruction) {
	if i.op >= 0x400 && g.IntN(80) > 0 {
		g.addressConstant(-8)
		g.addressOp(wasm.OpI32And)
	}
}

// load writes a load.
func (g *generator) load(t wasm.ValueType) {
	ops := g.all.loads[t]
	i := &ops[g.IntN(len(ops))]
	g.address(int64(1) << i.align)
	g.aligned(i)
	for _, operand := range i.takes[1:] {
		g.expression(operand)
	}
	g.code.Instr(g.immediate(i))
	g.loaded(t)
}

// loaded has what was loaded seen, in a strict program.
func (g *generator) loaded(t wasm.ValueType) {
	if !g.strict {
		return
	}
	local := localResult + kindOf(t)
	g.tee(local)
	g.get(local)
	switch t {
	case wasm.I32:
		g.code.Op(wasm.OpI64ExtendI32U)
	case wasm.F32:
		g.code.Op(0xbc)
		g.code.Op(wasm.OpI64ExtendI32U)
	case wasm.F64:
		g.code.Op(0xbd)
	case wasm.V128:
		g.code.Instr(&wasm.Instr{Op: i64x2ExtractLane})
		g.get(local)
		g.code.Instr(&wasm.Instr{Op: i64x2ExtractLane, Lane: 1})
		g.code.I64(3)
		g.code.Op(wasm.OpI64Mul)
		g.code.Op(wasm.OpI64Add)
	}
	g.code.Index(wasm.OpGlobalGet, globalSum)
	g.code.I64(5)
	g.code.Op(0x89) // i64.rotl
	g.code.Op(wasm.OpI64Add)
	g.code.Index(wasm.OpGlobalSet, globalSum)
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
	switch g.IntN(29) {
	default:
		g.expression(t)
		g.set(g.local(t))
	case 0, 1, 2, 3:
		g.store()
	case 4:
		g.load(t)
		if g.IntN(4) > 0 {
			g.set(g.local(t))
		} else {
			g.code.Op(wasm.OpDrop)
		}
	case 5:
		g.loop(func() {
			g.statement()
			g.statement()
		})
	case 6, 7, 8:
		g.walk()
	case 17, 18, 19:
		g.counted()
	case 9:
		g.code.Block(wasm.OpBlock, wasm.BlockVoid)
		g.labels = append(g.labels, true)
		g.statement()
		g.branch()
		g.statement()
		g.end()
	case 10:
		g.bulk()
	case 11:
		g.tables()
	case 12:
		g.expression(t)
		g.code.Index(wasm.OpGlobalSet, kindOf(t))
	case 13:
		g.modify()
	case 14:
		g.blocks()
	case 15:
		g.expression(wasm.V128)
		g.expression(wasm.I32)
		g.code.Index(wasm.OpCall, firstMulti+uint32(g.IntN(multis)))
		g.set(g.local(wasm.V128))
		g.set(g.local(wasm.I64))
	case 16:
		g.rare()
	}
}

func (g *generator) store() {
	i := &g.all.stores[g.IntN(len(g.all.stores))]
	g.address(int64(1) << i.align)
	g.aligned(i)
	for _, operand := range i.takes[1:] {
		g.expression(operand)
	}
	g.code.Instr(g.immediate(i))
}

func (g *generator) modify() {
	i := &g.all.atomicModifies[g.IntN(len(g.all.atomicModifies))]
	g.address(int64(1) << i.align)
	g.aligned(i)
	for _, operand := range i.takes[1:] {
		g.expression(operand)
	}
	g.code.Instr(g.immediate(i))
	g.set(g.local(i.gives))
	if g.IntN(8) == 0 {
		g.code.Instr(&wasm.Instr{Op: wasm.OpAtomicFence})
	}
}

// length writes how many bytes or elements something is to be about: few, mostly.
func (g *generator) length(most int64, wide bool) {
	constant := func(v int64) {
		if wide {
			g.code.I64(v)
		} else {
			g.code.I32(int32(v))
		}
	}
	switch g.IntN(6) {
	case 0:
		if g.IntN(3) > 0 {
			constant(64)
			return
		}
		constant([]int64{0, 1, 65536, 131072, -1, 4096, 3000}[g.IntN(7)])
	case 1:
		t := wasm.I32
		if wide {
			t = wasm.I64
		}
		g.expression(t)
		constant(255)
		g.code.Op(map[bool]wasm.Opcode{false: wasm.OpI32And, true: wasm.OpI64And}[wide])
	default:
		constant(int64(g.IntN(int(most))))
	}
}

func (g *generator) bulk() {
	switch g.IntN(7) {
	case 0, 1:
		g.address(64)
		g.expression(wasm.I32)
		g.length(100, g.wide)
		g.code.Instr(&wasm.Instr{Op: wasm.OpMemoryFill})
	case 2, 3, 4:
		g.address(64)
		g.address(64)
		g.length(100, g.wide)
		g.code.Instr(&wasm.Instr{Op: wasm.OpMemoryCopy})
	case 5:
		g.address(64)
		g.code.I32(int32(g.IntN(40)))
		g.code.I32(int32(g.IntN(40)))
		g.code.Instr(&wasm.Instr{Op: wasm.OpMemoryInit, Index: uint32(g.IntN(2))})
	case 6:
		if g.IntN(4) == 0 {
			g.code.Instr(&wasm.Instr{Op: wasm.OpDataDrop, Index: uint32(g.IntN(2))})
		}
	}
}

// index writes an index of a table.
func (g *generator) index(table uint32) {
	wide := g.module.Tables[table].Limits.Is64
	v := int64(g.IntN(3))
	if table < 2 {
		v = int64(g.IntN(tableSize - 5))
	}
	if g.IntN(40) == 0 {
		v = []int64{tableSize, -1, 1 << 31, 59, 60}[g.IntN(5)]
	}
	if wide {
		g.code.I64(v)
	} else {
		g.code.I32(int32(v))
	}
}

func (g *generator) few(table uint32) {
	v := int64(g.IntN(4))
	if g.module.Tables[table].Limits.Is64 {
		g.code.I64(v)
	} else {
		g.code.I32(int32(v))
	}
}

func (g *generator) tables() {
	table := []uint32{0, 1, 1, 1, 2}[g.IntN(5)]
	local := uint32(localFunction)
	if table == 2 {
		local = localExtern
	}
	wide := g.module.Tables[table].Limits.Is64
	discard := func() {
		if wide {
			g.code.Op(wasm.OpI32WrapI64)
		}
		g.set(g.local(wasm.I32))
	}
	switch g.IntN(9) {
	case 0, 1:
		g.index(table)
		g.code.Index(wasm.OpTableGet, table)
		g.set(local)
	case 2:
		g.index(table)
		g.get(local)
		g.code.Index(wasm.OpTableSet, table)
	case 3:
		if table < 2 {
			g.code.Index(wasm.OpRefFunc, firstMain+uint32(g.IntN(functions-firstMain-1)))
			g.set(local)
		}
	case 4:
		g.get(local)
		g.few(table)
		g.code.Instr(&wasm.Instr{Op: wasm.OpTableGrow, Index: table})
		discard()
	case 5:
		g.index(table)
		g.get(local)
		g.few(table)
		g.code.Instr(&wasm.Instr{Op: wasm.OpTableFill, Index: table})
	case 6:
		if table < 2 {
			g.index(1)
			g.index(0)
			g.code.I32(int32(g.IntN(6))) // the shorter of the two types
			g.code.Instr(&wasm.Instr{Op: wasm.OpTableCopy, Index: 1, Index2: 0})
		}
	case 7:
		if table < 2 {
			g.index(table)
			g.code.I32(int32(g.IntN(4)))
			g.code.I32(int32(g.IntN(4)))
			g.code.Instr(&wasm.Instr{Op: wasm.OpTableInit, Index: uint32(1 + g.IntN(2)), Index2: table})
		}
	case 8:
		if g.IntN(6) == 0 {
			g.code.Instr(&wasm.Instr{Op: wasm.OpElemDrop, Index: uint32(1 + g.IntN(2))})
		}
	}
}

// blocks writes blocks and loops that take and give several values.
func (g *generator) blocks() {
	if g.IntN(2) == 0 || g.loops > 2 {
		g.expression(wasm.V128)
		g.expression(wasm.I32)
		g.code.Block(wasm.OpBlock, typeMulti)
		g.labels = append(g.labels, false)
		g.set(g.local(wasm.I32))
		g.set(g.local(wasm.V128))
		g.expression(wasm.I64)
		g.expression(wasm.V128)
		g.expression(wasm.I32)
		g.code.Index(wasm.OpBrIf, 0)
		g.end()
		g.set(g.local(wasm.V128))
		g.set(g.local(wasm.I64))
		return
	}
	g.loops++
	g.expression(wasm.I64)
	g.expression(wasm.F32)
	g.code.Block(wasm.OpLoop, typeCarry)
	g.labels = append(g.labels, false)
	g.set(g.local(wasm.F32))
	g.set(g.local(wasm.I64))
	g.statement()
	g.expression(wasm.I64)
	g.expression(wasm.F32)
	g.again(int32(2 + g.IntN(10)))
	g.end()
	g.loops--
	g.set(g.local(wasm.F32))
	g.set(g.local(wasm.I64))
}

// rare writes what is not to come often: it ends much, or takes long.
func (g *generator) rare() {
	switch g.IntN(8) {
	case 0, 1, 2:
		for _, t := range g.module.Types[typeNote].Params {
			g.expression(t)
		}
		g.code.Index(wasm.OpCall, importNote)
	case 3:
		g.length(3, g.wide)
		g.code.Instr(&wasm.Instr{Op: wasm.OpMemoryGrow})
		if g.wide {
			g.code.Op(wasm.OpI32WrapI64)
		}
		g.set(g.local(wasm.I32))
	case 4:
		if g.IntN(4) == 0 {
			g.expression(wasm.I32)
			g.code.Block(wasm.OpIf, wasm.BlockVoid)
			g.code.Op(wasm.OpUnreachable)
			g.code.Op(wasm.OpEnd)
		}
	case 5:
		if g.shared {
			return
		}
		g.address(8)
		g.addressConstant(-8)
		g.addressOp(wasm.OpI32And)
		g.expression(wasm.I32)
		g.code.Instr(&wasm.Instr{Op: wasm.OpAtomicNotify, Memory: wasm.MemArg{Align: 2}})
		g.set(g.local(wasm.I32))
	case 6:
		if g.shared || g.IntN(8) > 0 {
			return
		}
		g.address(8)
		g.expression(wasm.I32)
		g.expression(wasm.I64)
		g.code.Instr(&wasm.Instr{Op: wasm.OpAtomicWait32, Memory: wasm.MemArg{Align: 2}})
		g.set(g.local(wasm.I32))
	case 7:
		if len(g.types) == 1 && g.types[0] == wasm.I64 {
			g.expression(wasm.I32)
			g.code.Block(wasm.OpIf, wasm.BlockVoid)
			g.labels = append(g.labels, false)
			g.arguments()
			g.code.Index(wasm.OpReturnCall, g.anyMain())
			g.end()
		}
	}
}

// branch leaves a block that is no loop, maybe.
func (g *generator) branch() {
	var to []uint32
	for depth := range g.labels {
		if g.labels[len(g.labels)-1-depth] {
			to = append(to, uint32(depth))
		}
	}
	g.expression(wasm.I32)
	if len(to) > 1 && g.IntN(3) == 0 {
		g.code.Block(wasm.OpIf, wasm.BlockVoid)
		g.expression(wasm.I32)
		g.code.BrTable([]uint32{to[0] + 1, to[1] + 1, to[0] + 1})
		g.code.Op(wasm.OpEnd)
		return
	}
	g.code.Index(wasm.OpBrIf, 0)
}
