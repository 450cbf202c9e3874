package translate

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// label is a block that is open. A branch to a block or an if assigns its results' variables and goes to its end; one
// to a loop those of its parameters, and to its start.
type label struct {
	op              wasm.Opcode
	id              int
	base            int // height of the stack beneath its parameters
	loop            int // the innermost label of a loop, itself included; 0: none
	start, end      int // of a loop where memory is shared, in the function's body
	params, results []wasm.ValueType
	used            bool    // something goes to the label
	kept            []value // of an if, its parameters, for its else
	first           *first  // of a loop that is written twice, in its first form
	behind          int     // in the second one: what is behind both
}

func (l *label) carries() []wasm.ValueType {
	if l.op == wasm.OpLoop {
		return l.params
	}
	return l.results
}

// variable is what takes the k-th value that a branch carries.
func (l *label) variable(k int) string {
	return "b" + strconv.Itoa(l.id) + "_" + strconv.Itoa(k)
}

func (l *label) target() string { return "L" + strconv.Itoa(l.id) }

// otherwise is the label of an if's else.
func (l *label) otherwise() string { return "E" + strconv.Itoa(l.id) }

func (f *function) top() *label { return &f.labels[len(f.labels)-1] }

// reviving reports whether an instruction that control does not come to is one that control may come to behind. It
// keeps account of the blocks in between.
func (f *function) reviving(op wasm.Opcode) bool {
	switch op {
	case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
		f.skipped++
	case wasm.OpElse:
		return f.skipped == 0
	case wasm.OpEnd:
		if f.skipped == 0 {
			return true
		}
		f.skipped--
	}
	return false
}

func (f *function) open(in *wasm.Instr) {
	t, _ := f.t.BlockType(in.Block)
	condition := ""
	if in.Op == wasm.OpIf {
		condition = f.stack.pop().text
	}
	f.settleAll()
	f.names++
	l := label{op: in.Op, id: f.names, base: len(f.stack.values) - len(t.Params), params: t.Params, results: t.Results}
	switch in.Op {
	case wasm.OpIf:
		f.fix(len(t.Params))
		l.kept = slices.Clone(f.stack.top(len(t.Params)))
		f.put("if(!", condition, ")goto ", l.otherwise(), ";\n")
	case wasm.OpLoop:
		l.start, l.end = in.Start, f.endOf(in.Start)
		if r, worth := f.roundsOf(in); worth {
			f.openTwice(l, r)
			return
		}
		f.assign(&l, f.stack.take(len(t.Params)))
		f.give(&l)
		f.put(l.target(), ":;\n")
		f.known.forget()
	}
	f.declareLabel(&l)
	f.openLabel(l)
}

// declareLabel declares the variables that branches to the label assign.
func (f *function) declareLabel(l *label) {
	for k, t := range l.carries() {
		f.declare(t, l.variable(k), false)
	}
}

// give pushes what a label carries.
func (f *function) give(l *label) {
	for k, t := range l.carries() {
		f.stack.push(value{text: l.variable(k), t: t})
	}
}

// assign gives the variables of a label their values. Those of a loop may be among these values.
func (f *function) assign(l *label, values []value) {
	if l.op == wasm.OpLoop && len(values) > 1 {
		f.put("{")
		for k, v := range values {
			f.put(f.ctype(v.t), " x", strconv.Itoa(k), "=", v.text, ";")
		}
		for k := range values {
			f.put(l.variable(k), "=x", strconv.Itoa(k), ";")
		}
		f.put("}\n")
		return
	}
	for k, v := range values {
		f.put(l.variable(k), "=", v.text, ";\n")
	}
}

// otherwise goes from an if's first part to its else.
func (f *function) otherwise() {
	l := f.top()
	if !f.dead {
		f.assign(l, f.stack.top(len(l.results)))
		f.put("goto ", l.target(), ";\n")
		l.used = true
	}
	f.put(l.otherwise(), ":;\n")
	f.known.forget()
	f.stack.cut(l.base)
	for _, v := range l.kept {
		f.stack.push(v)
	}
	l.op, f.dead = wasm.OpElse, false
}

func (f *function) close() {
	l := *f.top()
	if len(f.labels) == 1 {
		if !f.dead {
			f.leave()
		}
		f.labels, f.dead = nil, true
		return
	}
	if l.first != nil {
		f.closeFirst()
		return
	}
	f.labels = f.labels[:len(f.labels)-1]
	if l.behind != 0 {
		f.put("A", strconv.Itoa(l.behind), ":;\n")
		f.known.forget()
		return
	}
	joins := l.used && l.op != wasm.OpLoop || l.op == wasm.OpIf
	if !joins {
		return // what is on the stack stays there
	}
	if !f.dead {
		f.assign(&l, f.stack.top(len(l.results)))
	}
	if l.op == wasm.OpIf {
		// It has no else: its parameters are its results.
		if len(l.kept) > 0 {
			if !f.dead {
				f.put("goto ", l.target(), ";\n")
			}
			l.used = true
		}
		f.put(l.otherwise(), ":;\n")
		f.assign(&l, l.kept)
	}
	if l.used {
		f.put(l.target(), ":;\n")
	}
	f.known.forget()
	f.stack.cut(l.base)
	f.give(&l)
	f.dead = false
}

// jump writes what a branch does. The values that it carries stay on the stack.
func (f *function) jump(depth uint32) {
	if int(depth) == len(f.labels)-1 {
		f.leave()
		return
	}
	l := &f.labels[len(f.labels)-1-int(depth)]
	l.used = true
	f.assign(l, f.stack.top(len(l.carries())))
	f.put("goto ", l.target(), ";\n")
}

func (f *function) carried(depth uint32) int {
	return len(f.labels[len(f.labels)-1-int(depth)].carries())
}

func (f *function) branch(depth uint32) { f.jump(depth) }

func (f *function) branchIf(depth uint32) {
	condition := f.stack.pop()
	f.fix(f.carried(depth))
	f.put("if(", condition.text, "){\n")
	f.jump(depth)
	f.put("}\n")
}

// branchTable writes a switch, in which each label stands once.
func (f *function) branchTable(depths []uint32) {
	index := f.stack.pop()
	last := depths[len(depths)-1]
	f.fix(f.carried(last))
	var order []uint32
	cases := map[uint32][]span{}
	for i, d := range depths[:len(depths)-1] {
		c, known := cases[d]
		if !known {
			order = append(order, d)
		}
		if n := len(c); n > 0 && c[n-1].last == i-1 {
			c[n-1].last = i
		} else {
			c = append(c, span{i, i})
		}
		cases[d] = c
	}
	f.put("switch(", index.text, "){\n")
	for _, d := range order {
		if d == last {
			continue
		}
		for _, c := range cases[d] {
			if c.first == c.last {
				f.code = fmt.Appendf(f.code, "case %d:\n", c.first)
			} else {
				f.code = fmt.Appendf(f.code, "case %d ... %d:\n", c.first, c.last)
			}
		}
		f.jump(d)
	}
	f.put("default:\n")
	f.jump(last)
	f.put("}\n")
}

// span is cases of a switch with one label.
type span struct{ first, last int }

// leave returns what is on top of the stack.
func (f *function) leave() {
	values := f.stack.top(len(f.labels[0].results))
	if f.second {
		eachSlot(f.labels[0].results, func(i, slot int, t wasm.ValueType) {
			f.code = appendStore(f.code, "a", slot, t, values[i].text)
		})
		f.put("return;\n")
		return
	}
	switch len(values) {
	case 0:
		f.put("return;\n")
	case 1:
		f.put("return ", values[0].text, ";\n")
	default:
		f.put("return (", f.returns(f.typ), "){")
		for _, v := range values {
			f.put(v.text, ",")
		}
		f.put("};\n")
	}
}
