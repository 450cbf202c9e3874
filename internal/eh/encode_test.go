package eh

import "github.com/faasmrun/faasmrun/internal/wasm"

// Indices in the modules that encode makes.
const (
	traceFunction = 0 // imported from module wasi_test, which does not call back
	hostCall      = 1 // imported from module test, which does
	firstFunction = 2
	fuelGlobal    = 0
	truncSatF64S  = wasm.Opcode(0x102)
	convertF64S   = wasm.Opcode(0xb7)
	extendI32S    = wasm.Opcode(0xac)
	wrapI64       = wasm.Opcode(0xa7)
)

// encode writes a program as a module that exports function 0 as run.
func encode(p *program) []byte {
	m := &wasm.Module{}
	i32 := wasm.I32
	hostType := m.AddType(wasm.FuncType{Params: []wasm.ValueType{i32, i32}})
	m.Imports = []wasm.Import{
		{Module: "wasi_test", Name: "trace", Kind: wasm.KindFunction, Type: m.AddType(signatures[1])},
		{Module: "test", Name: "call", Kind: wasm.KindFunction, Type: hostType},
	}
	size := uint64(len(p.functions))
	m.Tables = []wasm.Table{{Type: wasm.FuncRef, Limits: wasm.Limits{Min: size, Max: size, HasMax: true}}}
	fuel := wasm.Code{}
	fuel.I32(startFuel)
	fuel.Op(wasm.OpEnd)
	m.Globals = []wasm.Global{{GlobalType: wasm.GlobalType{Type: i32, Mutable: true}, Init: wasm.Expr(fuel)}}
	for _, t := range p.tags {
		m.Tags = append(m.Tags, m.AddType(wasm.FuncType{Params: t}))
	}
	e := &encoder{p: p, m: m, index: map[*function]uint32{}}
	elements := wasm.Element{Offset: wasm.ConstExpr(i32), Type: wasm.FuncRef}
	for i, f := range p.functions {
		e.index[f] = firstFunction + uint32(i)
		elements.Functions = append(elements.Functions, e.index[f])
	}
	for _, f := range p.functions {
		e.function(f)
	}
	m.Elements = []wasm.Element{elements}
	m.Exports = []wasm.Export{{Name: "run", Kind: wasm.KindFunction, Index: firstFunction}}
	m.SetNames(&wasm.Names{Functions: map[uint32]string{firstFunction: "first"}})
	return m.Encode()
}

type encoder struct {
	p      *program
	m      *wasm.Module
	index  map[*function]uint32
	f      *function
	code   wasm.Code
	labels []int
}

func (e *encoder) function(f *function) {
	t := signatures[f.signature]
	e.f, e.code, e.labels = f, nil, []int{f.label}
	c := &e.code
	c.Index(wasm.OpGlobalGet, fuelGlobal)
	c.Op(wasm.OpI32Eqz)
	c.Block(wasm.OpIf, wasm.BlockVoid)
	for _, r := range t.Results {
		c.Zero(r)
	}
	c.Op(wasm.OpReturn)
	c.Op(wasm.OpEnd)
	c.Index(wasm.OpGlobalGet, fuelGlobal)
	c.I32(1)
	c.Op(wasm.OpI32Sub)
	c.Index(wasm.OpGlobalSet, fuelGlobal)
	e.part(f.body, f.value)
	e.otherResults(len(t.Results))
	c.Op(wasm.OpEnd)
	e.m.Functions = append(e.m.Functions, wasm.Function{
		Type:   e.m.AddType(t),
		Locals: []wasm.Locals{{Count: uint32(f.locals - len(t.Params)), Type: wasm.I32}},
		Body:   wasm.Expr(e.code),
	})
}

// otherResults adds to a function's first result the others.
func (e *encoder) otherResults(results int) {
	if results > 1 {
		e.code.Zero(wasm.F64)
		e.code.I64(-1)
	}
}

// part writes the content of a block.
func (e *encoder) part(body []*node, value *node) {
	for _, n := range body {
		e.node(n)
	}
	if value != nil {
		e.node(value)
	}
}

func (e *encoder) depth(label int) uint32 {
	for i := len(e.labels) - 1; i >= 0; i-- {
		if e.labels[i] == label {
			return uint32(len(e.labels) - 1 - i)
		}
	}
	panic("a label that is not in scope")
}

func (e *encoder) block(op wasm.Opcode, label int, t wasm.BlockType) {
	e.code.Block(op, t)
	e.labels = append(e.labels, label)
}

func (e *encoder) end() {
	e.code.Op(wasm.OpEnd)
	e.labels = e.labels[:len(e.labels)-1]
}

func blockType(value *node) wasm.BlockType {
	if value == nil {
		return wasm.BlockVoid
	}
	return wasm.BlockOf(wasm.I32)
}

func (e *encoder) node(n *node) {
	c := &e.code
	switch n.op {
	case opThrow:
		for i, t := range e.p.tags[n.tag] {
			e.node(n.args[i])
			e.fromI32(t)
		}
		c.Index(wasm.OpThrow, uint32(n.tag))
		return
	case opLoop:
		e.loop(n)
		return
	}
	for _, a := range n.args {
		e.node(a)
	}
	switch n.op {
	case opTrace:
		c.Index(wasm.OpCall, traceFunction)
	case opSet:
		c.Index(wasm.OpLocalSet, uint32(n.local))
	case opIf, opIfValue:
		e.block(wasm.OpIf, n.label, blockType(n.value))
		e.part(n.body, n.value)
		c.Op(wasm.OpElse)
		e.part(n.other, n.value2)
		e.end()
	case opBlock, opBlockValue:
		e.block(wasm.OpBlock, n.label, blockType(n.value))
		e.part(n.body, n.value)
		e.end()
	case opBr:
		if n.target == e.f.label {
			e.otherResults(len(signatures[e.f.signature].Results))
		}
		c.Index(wasm.OpBr, e.depth(n.target))
	case opBrIf:
		c.Index(wasm.OpBrIf, e.depth(n.target))
	case opBrTable:
		var labels []uint32
		for _, t := range n.targets {
			labels = append(labels, e.depth(t))
		}
		c.BrTable(labels)
	case opReturn:
		e.otherResults(len(signatures[e.f.signature].Results))
		c.Op(wasm.OpReturn)
	case opRethrow:
		c.Index(wasm.OpRethrow, e.depth(n.target))
	case opCallDrop:
		c.Op(wasm.OpDrop)
	case opTailCall:
		c.Index(wasm.OpReturnCall, e.index[n.callee])
	case opTry, opTryValue:
		e.try(n)
	case opDelegate:
		e.block(wasm.OpTry, n.label, wasm.BlockVoid)
		e.part(n.body, nil)
		e.labels = e.labels[:len(e.labels)-1]
		c.Index(wasm.OpDelegate, e.depth(n.target))
	case opHostCall:
		c.Index(wasm.OpCall, hostCall)
	case opConst:
		c.I32(n.number)
	case opLocal:
		c.Index(wasm.OpLocalGet, uint32(n.local))
	case opAdd:
		c.Op(wasm.OpI32Add)
	case opCall, opCallIndirect:
		e.call(n)
	}
}

func (e *encoder) call(n *node) {
	t := signatures[n.callee.signature]
	if n.op == opCall {
		e.code.Index(wasm.OpCall, e.index[n.callee])
	} else {
		e.code.I32(n.number)
		e.code.CallIndirect(e.m.AddType(t), 0)
	}
	if len(t.Results) == 0 {
		e.code.I32(7)
	}
	for i := 1; i < len(t.Results); i++ {
		e.code.Op(wasm.OpDrop)
	}
}

func (e *encoder) loop(n *node) {
	c := &e.code
	local := uint32(n.local)
	c.I32(n.number)
	c.Index(wasm.OpLocalSet, local)
	e.block(wasm.OpBlock, n.label2, wasm.BlockVoid)
	e.block(wasm.OpLoop, n.label, wasm.BlockVoid)
	c.Index(wasm.OpLocalGet, local)
	c.Op(wasm.OpI32Eqz)
	c.Index(wasm.OpBrIf, 1)
	c.Index(wasm.OpLocalGet, local)
	c.I32(1)
	c.Op(wasm.OpI32Sub)
	c.Index(wasm.OpLocalSet, local)
	e.part(n.body, nil)
	c.Index(wasm.OpBr, 0)
	e.end()
	e.end()
}

func (e *encoder) try(n *node) {
	c := &e.code
	t := blockType(n.value)
	if n.op == opTryValue { // takes its parameter, too
		t = wasm.BlockType(e.m.AddType(wasm.FuncType{Params: []wasm.ValueType{wasm.I32},
			Results: []wasm.ValueType{wasm.I32}}))
	}
	e.block(wasm.OpTry, n.label, t)
	if n.op == opTryValue {
		c.Index(wasm.OpLocalSet, uint32(n.local))
	}
	e.part(n.body, n.value)
	for i := range n.catches {
		x := &n.catches[i]
		if x.all {
			c.Op(wasm.OpCatchAll)
		} else {
			c.Index(wasm.OpCatch, uint32(x.tag))
			types := e.p.tags[x.tag]
			for k := len(types) - 1; k >= 0; k-- {
				e.toI32(types[k])
				c.Index(wasm.OpLocalGet, uint32(x.local))
				c.Op(wasm.OpI32Add)
				c.Index(wasm.OpLocalSet, uint32(x.local))
			}
		}
		e.part(x.body, x.value)
	}
	e.end()
}

func (e *encoder) fromI32(t wasm.ValueType) {
	switch t {
	case wasm.I64:
		e.code.Op(extendI32S)
	case wasm.F64:
		e.code.Op(convertF64S)
	}
}

func (e *encoder) toI32(t wasm.ValueType) {
	switch t {
	case wasm.I64:
		e.code.Op(wrapI64)
	case wasm.F64:
		e.code.Op(truncSatF64S)
	}
}
