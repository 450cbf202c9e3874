package native

import (
	"fmt"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// begin gives globals, tables and memory what the module begins with.
func (in *Instance) begin() error {
	m := in.module
	imported := len(in.globals) - len(m.globals)
	for i, g := range m.globals {
		in.globals[imported+i] = in.constant(g.Init)
	}
	for i := range m.elements {
		e := &m.elements[i]
		if e.Mode == wasm.ElementActive {
			from := in.segment(i)
			if at := in.constant(e.Offset)[0]; !copyInto(in.elements(e.Table), at, from, 0, uint64(len(from))) {
				return fmt.Errorf("element segment %d is beyond its table", i)
			}
		}
		in.droppedE[i] = e.Mode != wasm.ElementPassive
	}
	for i := range m.active {
		d := &m.active[i]
		if d.Passive {
			continue
		}
		if at := in.constant(d.Offset)[0]; !copyInto(in.memory.Bytes(), at, m.data[i], 0, uint64(len(m.data[i]))) {
			return fmt.Errorf("data segment %d is beyond the memory", i)
		}
		in.dropped[i] = true
	}
	return nil
}

// segment is an element segment as elements of a table.
func (in *Instance) segment(index int) []entry {
	e := &in.module.elements[index]
	var elements []entry
	for _, f := range e.Functions {
		elements = append(elements, in.module.code.entries[f])
	}
	for _, x := range e.Exprs {
		switch v := in.constant(x)[0]; {
		case v == 0:
			elements = append(elements, entry{})
		case e.Type == wasm.FuncRef:
			elements = append(elements, in.module.code.entries[v-1])
		default:
			elements = append(elements, entry{code: uintptr(v)})
		}
	}
	return elements
}

// constant is the value of a constant expression, which is valid. Integers of 32 bits have zeros above.
func (in *Instance) constant(x wasm.Expr) value {
	var stack []value
	r := wasm.NewReader(x)
	for r.Next() {
		i := &r.Instr
		switch i.Op {
		case wasm.OpI32Const, wasm.OpF32Const:
			stack = append(stack, value{uint64(uint32(i.Bits))})
		case wasm.OpI64Const, wasm.OpF64Const:
			stack = append(stack, value{i.Bits})
		case wasm.OpV128Const:
			stack = append(stack, vector(i.Vector))
		case wasm.OpRefNull:
			stack = append(stack, value{})
		case wasm.OpRefFunc:
			stack = append(stack, value{uint64(i.Index) + 1})
		case wasm.OpGlobalGet:
			stack = append(stack, in.globals[i.Index])
		case wasm.OpEnd:
		default:
			n := len(stack)
			stack = append(stack[:n-2], value{compute(i.Op, stack[n-2][0], stack[n-1][0])})
		}
	}
	return stack[0]
}

func vector(b [16]byte) (v value) {
	for i := range b {
		v[i/8] |= uint64(b[i]) << (i % 8 * 8)
	}
	return v
}

// compute does the arithmetic of extended constant expressions.
func compute(op wasm.Opcode, a, b uint64) uint64 {
	switch op {
	case wasm.OpI32Add:
		return uint64(uint32(a + b))
	case wasm.OpI32Sub:
		return uint64(uint32(a - b))
	case wasm.OpI32Mul:
		return uint64(uint32(a * b))
	case wasm.OpI64Add:
		return a + b
	case wasm.OpI64Sub:
		return a - b
	}
	return a * b // OpI64Mul
}
