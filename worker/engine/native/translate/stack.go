package translate

import (
	"strconv"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// value is what stands on the operand stack: an expression without effects, which may be computed later or twice.
type value struct {
	text   string
	t      wasm.ValueType
	locals []uint32 // that the expression reads: it is to be computed before one of them is written
	depth  int      // of the expression
	// constant is of what a constant instruction gave, with its bits.
	constant bool
	bits     uint64
	high     uint64      // of a vector
	sum      sum         // what else is known of it
	from     wasm.Opcode // the instruction that gave it, where that was one that computes
	varies   bool        // with the rounds of the innermost loop around it, as far as is known: see anew.go
}

// pending reports whether the value must still be computed at some time.
func (v *value) pending() bool { return len(v.locals) > 0 }

// stack is the operand stack. All values beneath settled are constants or variables that are written no more.
type stack struct {
	values  []value
	settled int
}

func (s *stack) reset() { s.values, s.settled = s.values[:0], 0 }

func (s *stack) push(v value) { s.values = append(s.values, v) }

func (s *stack) pop() value {
	v := s.values[len(s.values)-1]
	s.values = s.values[:len(s.values)-1]
	s.settled = min(s.settled, len(s.values))
	return v
}

// top is the n uppermost values.
func (s *stack) top(n int) []value { return s.values[len(s.values)-n:] }

func (s *stack) take(n int) []value {
	v := s.top(n)
	s.cut(len(s.values) - n)
	return v
}

func (s *stack) cut(height int) {
	s.values = s.values[:height]
	s.settled = min(s.settled, height)
}

// Bounds of expressions: how long and how deep, and how many may wait. Beyond that a variable takes the value, so that
// neither clang's nesting nor the time to look through the stack grows with the module.
const (
	maxText    = 400
	maxDepth   = 24
	maxPending = 64
)

// push gives the value of an expression of operands, which stand between the pieces.
func (f *function) push(t wasm.ValueType, operands []value, pieces ...string) {
	v := value{t: t}
	size := 0
	for i := range operands {
		size += len(operands[i].text)
		v.depth = max(v.depth, operands[i].depth)
	}
	v.depth++
	text := make([]byte, 0, size+32)
	for i, p := range pieces {
		text = append(text, p...)
		if i < len(operands) {
			text = append(text, operands[i].text...)
			v.locals = append(v.locals, operands[i].locals...)
			v.varies = v.varies || operands[i].varies
		}
	}
	v.text = string(text)
	f.stack.push(v)
	if len(v.text) > maxText || v.depth > maxDepth {
		f.compute1(len(f.stack.values) - 1)
	}
	f.bound()
}

// result gives the value of an expression that is computed at once: it has effects, or others' effects change it.
func (f *function) result(t wasm.ValueType, text string) {
	name := f.name()
	f.put(f.ctype(t), " ", name, "=", text, ";\n")
	v := value{text: name, t: t, varies: true}
	if t == wasm.I64 {
		v.sum = f.known.fresh()
	}
	f.stack.push(v)
	f.bound()
}

// compute1 has a variable take a value of the stack.
func (f *function) compute1(at int) {
	v := &f.stack.values[at]
	name := f.name()
	f.put(f.ctype(v.t), " ", name, "=", v.text, ";\n")
	*v = value{text: name, t: v.t, sum: v.sum, varies: v.varies}
}

// bound settles the lowest values while many are unsettled.
func (f *function) bound() {
	for s := &f.stack; len(s.values)-s.settled > maxPending; s.settled++ {
		if s.values[s.settled].pending() {
			f.compute1(s.settled)
		}
	}
}

// settleAll computes all that is pending, as in front of a block: control may come there more than once or not at all.
func (f *function) settleAll() {
	for s := &f.stack; s.settled < len(s.values); s.settled++ {
		if s.values[s.settled].pending() {
			f.compute1(s.settled)
		}
	}
}

// settle computes what reads a local.
func (f *function) settle(local uint32) {
	for i := f.stack.settled; i < len(f.stack.values); i++ {
		for _, l := range f.stack.values[i].locals {
			if l == local {
				f.compute1(i)
				break
			}
		}
	}
}

// fix has variables take the n uppermost values that are no constants or variables, so that they may be named often.
func (f *function) fix(n int) {
	for i := len(f.stack.values) - n; i < len(f.stack.values); i++ {
		if v := &f.stack.values[i]; v.pending() || v.depth > 0 && !v.constant {
			f.compute1(i)
		}
	}
}

// constant gives a constant.
func (f *function) constant(in *wasm.Instr) {
	v := value{constant: true, bits: in.Bits}
	switch in.Op {
	case wasm.OpI32Const:
		v.t, v.text = wasm.I32, strconv.FormatUint(uint64(uint32(in.Bits)), 10)+"u"
	case wasm.OpI64Const:
		v.t, v.text = wasm.I64, strconv.FormatUint(in.Bits, 10)+"ul"
	case wasm.OpF32Const:
		v.t, v.text = wasm.F32, float32Text(uint32(in.Bits))
	case wasm.OpF64Const:
		v.t, v.text = wasm.F64, float64Text(in.Bits)
	}
	f.stack.push(v)
	f.bound()
}
