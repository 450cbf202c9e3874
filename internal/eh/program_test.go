package eh

import (
	"math/rand/v2"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// A program is a small random module as a tree, which generate makes, interpret runs by the rules of the proposal, and
// encode writes with legacy exceptions. All its data are i32 locals; what it does is seen by what it traces.
type program struct {
	functions []*function
	tags      [][]wasm.ValueType
	tailCalls bool
}

// function is one of a program. Its locals are numbered from 0, the parameter, if any, first.
type function struct {
	signature int
	locals    int
	label     int
	body      []*node
	value     *node // what it gives; nil if nothing
}

// signatures are the types that functions have, by number. Of several results, the first is the one that counts.
var signatures = []wasm.FuncType{
	{},
	{Params: []wasm.ValueType{wasm.I32}},
	{Params: []wasm.ValueType{wasm.I32}, Results: []wasm.ValueType{wasm.I32}},
	{Params: []wasm.ValueType{wasm.I32}, Results: []wasm.ValueType{wasm.I32, wasm.F64, wasm.I64}},
}

// op is a kind of node.
type op int

const (
	// Statements.
	opTrace       op = iota // args[0]
	opSet                   // local = args[0]
	opIf                    // args[0], body, other
	opBlock                 // label, body
	opLoop                  // label (continue), label2 (break), body, at most local3 times
	opBr                    // target, args[0] where the target takes a value
	opBrIf                  // target, args[0] condition
	opBrTable               // targets, args[0]
	opReturn                // args
	opThrow                 // tag, args
	opRethrow               // target
	opCallDrop              // args[0], a call, dropped
	opTailCall              // callee, args
	opTry                   // label, body, catches
	opDelegate              // label, body, target
	opHostCall              // args[0]: the host calls table entry number, with argument args[1]
	lastStatement = opHostCall
	// Expressions.
	opConst        = iota // number
	opLocal               // local
	opAdd                 // args[0], args[1]
	opCall                // callee, args
	opCallIndirect        // number: the callee's index in the table
	opBlockValue          // label, body, args[0]
	opTryValue            // like opTry, each part giving a value; args[0] is a parameter of the try, put in local
	opIfValue             // args[0], body with value, other with value
)

type node struct {
	op      op
	args    []*node
	body    []*node
	value   *node // of the body, where it gives one
	other   []*node
	value2  *node // of other
	catches []catch
	local   int
	number  int32
	callee  *function
	tag     int
	label   int
	label2  int
	target  int
	targets []int
}

// catch is a clause of a try. What it catches goes to locals.
type catch struct {
	all   bool
	tag   int
	local int
	body  []*node
	value *node
}

// label is what generate knows of a label in scope.
type label struct {
	id      int
	value   bool // a branch carries a value
	inCatch bool // of a try, within one of its catches
}

type generator struct {
	*rand.Rand
	p      *program
	f      *function
	labels []label
	next   int
	budget int
}

// generate makes the program of a seed.
func generate(seed uint64) *program {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), p: &program{}}
	i32, i64 := wasm.I32, wasm.I64
	all := [][]wasm.ValueType{{i32}, {}, {i64, i32}, {i32, i32}, {wasm.F64}}
	g.p.tags = all[:1+g.IntN(len(all))]
	if g.IntN(3) == 0 {
		g.p.tags = all[:1]
	}
	g.p.tailCalls = g.IntN(3) == 0
	for i := range 3 + g.IntN(5) {
		s := g.IntN(len(signatures))
		if i == 0 {
			s = 2 // the one that the host calls
		}
		g.p.functions = append(g.p.functions, &function{signature: s})
	}
	for _, g.f = range g.p.functions {
		g.function()
	}
	return g.p
}

func (g *generator) function() {
	g.f.locals = 4
	g.budget = 10 + g.IntN(60)
	g.f.label = g.label()
	results := signatures[g.f.signature].Results
	g.scope(label{id: g.f.label, value: len(results) > 0}, func() {
		g.f.body = g.statements(4)
		if len(results) > 0 {
			g.f.value = g.expression(2)
		}
	})
}

func (g *generator) label() int {
	g.next++
	return g.next
}

func (g *generator) scope(l label, inside func()) {
	g.labels = append(g.labels, l)
	inside()
	g.labels = g.labels[:len(g.labels)-1]
}

func (g *generator) statements(depth int) []*node {
	var list []*node
	for n := g.IntN(4); n >= 0 && g.budget > 0; n-- {
		list = append(list, g.statement(depth))
	}
	return list
}

// local is one of the general ones; the last is kept for loops, so that they end.
func (g *generator) anyLocal() int { return g.IntN(3) }

func (g *generator) statement(depth int) *node {
	g.budget--
	n := &node{op: op(g.IntN(int(lastStatement) + 1))}
	if depth <= 0 && (n.op == opIf || n.op == opBlock || n.op == opLoop || n.op == opTry || n.op == opDelegate) {
		n.op = opTrace
	}
	if depth > 1 && g.IntN(3) == 0 {
		n.op = opTry
	}
	switch n.op {
	case opSet:
		n.local, n.args = g.anyLocal(), g.expressions(1, depth)
	case opIf:
		n.args, n.label = g.expressions(1, depth), g.label()
		g.scope(label{id: n.label}, func() { n.body, n.other = g.statements(depth-1), g.statements(depth-1) })
	case opBlock:
		n.label = g.label()
		g.scope(label{id: n.label}, func() { n.body = g.statements(depth - 1) })
	case opLoop:
		n.label, n.label2, n.number = g.label(), g.label(), int32(1+g.IntN(4))
		n.local = g.f.locals
		g.f.locals++
		g.scope(label{id: n.label2}, func() {
			g.scope(label{id: n.label}, func() { n.body = g.statements(depth - 1) })
		})
	case opBr, opBrIf, opBrTable:
		g.branch(n, depth)
	case opReturn:
		if len(signatures[g.f.signature].Results) > 0 {
			n.args = g.expressions(1, depth)
		}
	case opThrow:
		n.tag = g.IntN(len(g.p.tags))
		n.args = g.expressions(len(g.p.tags[n.tag]), depth-1)
	case opRethrow:
		var targets []int
		for _, l := range g.labels {
			if l.inCatch {
				targets = append(targets, l.id)
			}
		}
		if len(targets) == 0 {
			n.op, n.args = opTrace, g.expressions(1, depth)
			break
		}
		n.target = targets[g.IntN(len(targets))]
	case opCallDrop:
		n.args = []*node{g.call(depth)}
	case opTailCall:
		g.tailCall(n, depth)
	case opTry:
		g.try(n, depth, false)
	case opDelegate:
		n.label = g.label()
		n.target = g.labels[g.IntN(len(g.labels))].id
		g.scope(label{id: n.label}, func() { n.body = g.statements(depth - 1) })
	case opHostCall:
		n.args = []*node{{op: opConst, number: int32(g.IntN(len(g.p.functions)))}, g.expression(depth - 1)}
		if g.p.functions[n.args[0].number].signature != 1 {
			n.op, n.args = opTrace, n.args[1:]
		}
	default:
		n.op, n.args = opTrace, []*node{{op: opConst, number: int32(g.IntN(1000))}}
		if g.IntN(2) == 0 {
			n.args = g.expressions(1, depth)
		}
	}
	return n
}

func (g *generator) branch(n *node, depth int) {
	l := g.labels[g.IntN(len(g.labels))]
	if l.value && n.op != opBr {
		n.op, n.args = opTrace, g.expressions(1, depth)
		return
	}
	n.target = l.id
	if l.value || n.op != opBr {
		n.args = g.expressions(1, depth)
	}
	if n.op == opBrTable {
		for range 3 {
			if l := g.labels[g.IntN(len(g.labels))]; !l.value {
				n.targets = append(n.targets, l.id)
			}
		}
		n.targets = append(n.targets, l.id)
	}
}

func (g *generator) tailCall(n *node, depth int) {
	var callees []*function
	for _, f := range g.p.functions {
		if len(signatures[f.signature].Results) == len(signatures[g.f.signature].Results) {
			callees = append(callees, f)
		}
	}
	n.callee = callees[g.IntN(len(callees))]
	if !g.p.tailCalls || g.IntN(2) == 0 {
		n.op, n.args = opTrace, g.expressions(1, depth)
		return
	}
	n.args = g.expressions(len(signatures[n.callee.signature].Params), depth-1)
}

// try fills in the body and catches, and what makes up its value where it has one.
func (g *generator) try(n *node, depth int, value bool) {
	n.label = g.label()
	g.scope(label{id: n.label, value: value}, func() {
		n.body = g.statements(depth - 1)
		if value {
			n.value = g.expression(depth - 1)
		}
	})
	for range g.IntN(4) {
		n.catches = append(n.catches, catch{tag: g.IntN(len(g.p.tags))})
	}
	if g.IntN(2) == 0 {
		n.catches = append(n.catches, catch{all: true})
	}
	for i := range n.catches {
		c := &n.catches[i]
		c.local = g.anyLocal()
		g.scope(label{id: n.label, value: value, inCatch: true}, func() {
			c.body = g.statements(depth - 1)
			if value {
				c.value = g.expression(depth - 1)
			}
		})
	}
}

func (g *generator) expressions(n, depth int) []*node {
	list := make([]*node, n)
	for i := range list {
		list[i] = g.expression(depth - 1)
	}
	return list
}

func (g *generator) expression(depth int) *node {
	g.budget--
	n := &node{op: opConst + op(g.IntN(int(opIfValue-opConst)+1))}
	if depth <= 0 || g.budget <= 0 {
		n.op = opConst + op(g.IntN(2))
	}
	switch n.op {
	case opConst:
		n.number = int32(g.IntN(5))
	case opLocal:
		n.local = g.anyLocal()
	case opAdd:
		n.args = g.expressions(2, depth)
	case opCall, opCallIndirect:
		return g.call(depth)
	case opBlockValue:
		n.label = g.label()
		g.scope(label{id: n.label, value: true}, func() { n.body, n.value = g.statements(depth-1), g.expression(depth-1) })
	case opTryValue:
		n.args, n.local = g.expressions(1, depth), g.anyLocal()
		g.try(n, depth, true)
	case opIfValue:
		n.args, n.label = g.expressions(1, depth), g.label()
		g.scope(label{id: n.label, value: true}, func() {
			n.body, n.value = g.statements(depth-1), g.expression(depth-1)
			n.other, n.value2 = g.statements(depth-1), g.expression(depth-1)
		})
	}
	return n
}

// call is a call of any function; of one that gives nothing the value is 7.
func (g *generator) call(depth int) *node {
	k := g.IntN(len(g.p.functions))
	n := &node{op: opCall, callee: g.p.functions[k], number: int32(k)}
	if g.IntN(2) == 0 {
		n.op = opCallIndirect
	}
	n.args = g.expressions(len(signatures[n.callee.signature].Params), depth-1)
	return n
}
