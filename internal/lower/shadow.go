package lower

import "github.com/faasmrun/faasmrun/internal/wasm"

// A local that holds an address is read at many accesses, and each would cut it anew: that is an instruction, and a
// value that the engine has not seen before, so that it checks the bounds of each access and not those of the first
// alone. Such a local gets a shadow, a local of 32 bits that is always its lower half, written wherever the local is.
// Where nothing needs more of it than that, as where a pointer walks through an array, the shadow takes its place.

// variable is what is known of a local, or of one of its webs.
type variable struct {
	long     bool  // it is an i64
	whole    bool  // all its bits count somewhere
	short    bool  // its shadow takes its place
	shadowed bool  // it has a shadow
	sets     int32 // the last of function.sets that writes it; -1: none
	// how often it is read, cut where it is read, and written, by the loops around these instructions
	reads, cuts, writes int64
	shadow              uint32
}

// set is an instruction that writes a local of type i64.
type set struct {
	value int32 // node; -1 where not known
	step  int32
	next  int32 // another one of that variable; -1: none
}

// want is where no more than the lower half of a value is needed.
type want struct {
	kind    wantKind
	step    int32
	operand int
	value   int32 // node; -1 where not known
}

type wantKind uint8

const (
	address wantKind = iota // there it must be an i32
	setting                 // of a local
	wrap                    // i32.wrap_i64
)

// maxLinks bounds how deep the arithmetic is that is made of short locals.
const maxLinks = 1000

func (f *function) want(kind wantKind, operand int, value int32) {
	f.wants = append(f.wants, want{kind, int32(len(f.steps) - 1), operand, value})
	f.half(value)
}

func (f *function) half(n int32) {
	if n >= 0 {
		f.nodes[n].half = true
	}
}

// link notes that the lower half of what an instruction gives needs no more than those of what it is made of.
func (f *function) link(op wasm.Opcode, made *node) {
	args := made.args[:2]
	if op == wasm.OpI64Extend32S {
		args = args[:1]
	}
	for _, n := range args {
		if n < 0 || !f.nodes[n].top || f.nodes[n].depth >= maxLinks {
			return
		}
		made.depth = max(made.depth, f.nodes[n].depth+1)
	}
	if op == wasm.OpI64Shl && !f.shiftable(args[1]) {
		return
	}
	for _, n := range args {
		f.half(n)
	}
}

// take notes which operands of an instruction count whole.
func (f *function) take(in *wasm.Instr, taken []int32) {
	value := int32(-1)
	if n := len(taken); n > 0 {
		value = taken[n-1]
	}
	switch in.Op {
	case wasm.OpLocalSet, wasm.OpLocalTee:
		if f.locals[in.Index].long {
			f.sets = append(f.sets, set{value: value, step: int32(len(f.steps) - 1)})
			f.want(setting, 0, value)
		}
	case wasm.OpI32WrapI64:
		f.want(wrap, 0, value)
	}
	for _, n := range taken {
		if n >= 0 && !f.nodes[n].half {
			f.mark(n)
		}
	}
}

// mark notes that all bits of a value count.
func (f *function) mark(n int32) {
	if n >= 0 && !f.nodes[n].whole {
		f.nodes[n].whole = true
		f.marked = append(f.marked, n)
	}
}

// wholeLocal notes that all bits of a local count.
func (f *function) wholeLocal(x *variable) {
	if x.whole {
		return
	}
	x.whole = true
	for i := x.sets; i >= 0; i = f.sets[i].next {
		f.mark(f.sets[i].value)
	}
}

// count notes how often the locals are read and written.
func (f *function) count(params int) {
	for i := range params {
		f.locals[i].writes = 1
	}
	for i := range f.sets {
		v := &f.locals[f.steps[f.sets[i].step].variable]
		f.sets[i].next, v.sets = v.sets, int32(i)
	}
	for i := range f.steps {
		switch s := &f.steps[i]; s.op {
		case wasm.OpLocalGet:
			f.locals[s.variable].reads += int64(s.weight)
		case wasm.OpLocalSet, wasm.OpLocalTee:
			f.locals[s.variable].writes += int64(s.weight)
		}
	}
}

// decide finds the locals of which the lower half is enough, and what becomes of the values that are wanted short.
func (f *function) decide(params int) {
	f.count(params)
	f.crowded = crowded(len(f.flow.dense), len(f.locals))
	for i := range f.locals {
		// a parameter comes with all its bits, so one that is read once gains nothing; what is never read needs no shadow
		if x := &f.locals[i]; x.reads < 2 && i < params || x.reads == 0 || f.crowded {
			f.wholeLocal(x)
		}
	}
	for len(f.marked) > 0 {
		v := f.nodes[f.marked[len(f.marked)-1]]
		f.marked = f.marked[:len(f.marked)-1]
		f.mark(v.args[0])
		f.mark(v.args[1])
		switch s := &f.steps[v.step]; s.op {
		case wasm.OpLocalGet, wasm.OpLocalTee:
			f.wholeLocal(&f.locals[s.variable])
		}
	}
	for i := range f.locals {
		x := &f.locals[i]
		x.short = x.long && !x.whole
	}
	for i := range f.nodes {
		v := &f.nodes[i]
		switch s := &f.steps[v.step]; {
		case v.whole:
		case s.op == wasm.OpLocalGet || s.op == wasm.OpLocalTee:
			v.short = f.locals[s.variable].short
		default:
			v.short = v.args[0] >= 0 && f.nodes[v.args[0]].short || v.args[1] >= 0 && f.nodes[v.args[1]].short
		}
	}
	for _, w := range f.wants {
		s := &f.steps[w.step]
		short := w.value >= 0 && f.nodes[w.value].short
		switch {
		case w.kind == wrap && short:
			s.act = leaveOut
		case w.kind == wrap || w.kind == setting && !f.locals[s.variable].short:
			continue
		case !short && f.cost(w.value, maxDepth) > 1:
			s.pending |= 1 << w.operand
			continue
		}
		f.cut(w.value, maxDepth)
	}
}

// loopWeight is how often a loop is taken to go round, and maxLoops how many of them within each other are counted.
const (
	loopWeight = 8
	maxLoops   = 6
)

// nest follows the blocks of a function.
func (f *function) nest(op wasm.Opcode) {
	switch op {
	case wasm.OpBlock, wasm.OpIf, wasm.OpTry, wasm.OpTryTable:
		f.blocks = append(f.blocks, false)
	case wasm.OpLoop:
		f.blocks = append(f.blocks, true)
		f.loops++
	case wasm.OpEnd, wasm.OpDelegate:
		if n := len(f.blocks); n > 0 {
			if f.blocks[n-1] {
				f.loops--
			}
			f.blocks = f.blocks[:n-1]
		}
	}
}

// weight is how often the instruction at hand runs.
func (f *function) weight() uint32 {
	w := uint32(1)
	for range min(f.loops, maxLoops) {
		w *= loopWeight
	}
	return w
}

// shadows chooses the locals that get one: those that it takes the place of, and those that are cut at least twice as
// often as they are written.
func (f *function) shadows() {
	for i := range f.steps {
		if s := &f.steps[i]; s.after == cut && (s.op == wasm.OpLocalGet || s.op == wasm.OpLocalTee) {
			f.locals[s.variable].cuts += int64(s.weight)
		}
	}
	for i := range f.locals {
		v := &f.locals[i]
		v.shadowed = v.short || v.long && v.cuts > 1 && v.cuts >= 2*v.writes && !f.crowded
	}
}

// shadows makes the shadows, and writes those of parameters.
func (e *emitter) shadows(params int) {
	for i := range e.work.locals {
		v := &e.work.locals[i]
		if !v.shadowed {
			continue
		}
		v.shadow = e.add(wasm.I32)
		if i < params {
			e.code.Index(wasm.OpLocalGet, uint32(i))
			e.code.Op(wasm.OpI32WrapI64)
			e.code.Index(wasm.OpLocalSet, v.shadow)
		}
	}
}

// local writes an instruction that reads or writes a local with a shadow. It reports whether it is one.
func (e *emitter) local(in *wasm.Instr, s *step) bool {
	switch s.op {
	case wasm.OpLocalGet, wasm.OpLocalSet, wasm.OpLocalTee:
	default:
		return false
	}
	v := &e.work.locals[s.variable]
	if !v.shadowed || s.op == wasm.OpLocalGet && s.after != cut && !v.short {
		return false
	}
	e.code.Replace(in)
	if v.short {
		if s.pending != 0 {
			e.code.Op(wasm.OpI32WrapI64)
		}
		e.code.Index(s.op, v.shadow)
		return true
	}
	if s.op == wasm.OpLocalGet {
		e.code.Index(wasm.OpLocalGet, v.shadow)
		return true
	}
	e.code.Index(wasm.OpLocalTee, s.local)
	e.code.Op(wasm.OpI32WrapI64)
	switch {
	case s.op == wasm.OpLocalSet:
		e.code.Index(wasm.OpLocalSet, v.shadow)
	case s.after == cut:
		e.code.Index(wasm.OpLocalTee, v.shadow)
	default:
		e.code.Index(wasm.OpLocalSet, v.shadow)
		e.code.Index(wasm.OpLocalGet, s.local)
		if s.after != none {
			e.convert(s.after)
		}
	}
	return true
}
