package translate

import (
	"fmt"
	"strconv"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// function translates one function at a time. What C it has written stands in declarations and code until the group
// takes it.
type function struct {
	t      *translator
	cursor *wasm.Cursor
	index  uint32
	typ    uint32 // index of its type

	declarations, code []byte
	stack              stack
	labels             []label
	known              knowledge
	rounds             *rounds // of the loop whose first form is being written
	writes             writes  // to its locals, in loops
	dead               bool    // control does not come here
	skipped            int     // blocks open that were opened where control does not come
	names              int     // of variables and labels that were given
	dropped            bool    // the next instruction drops what this one gives

	second bool   // the function's second form is written: see tails
	memory string // where arguments and results are that go through memory

	callees map[uint32]bool // functions that the C names
	seconds map[uint32]bool // those of which it names the second form
	structs map[uint32]bool // types whose results it returns or receives as a struct
	vectors bool
	twice   bool // a loop is written twice
	err     error
}

func newFunction(t *translator) *function {
	return &function{t: t, cursor: t.Cursor(), callees: map[uint32]bool{}, seconds: map[uint32]bool{},
		structs: map[uint32]bool{}, known: knowledge{checked: map[int]check{}}}
}

// translate translates a function, or its second form.
func (f *function) translate(index uint32, second bool) error {
	f.second = second
	f.begin(index)
	before := 0
	for f.cursor.Next() && f.err == nil {
		next, _ := f.cursor.Peek()
		f.dropped = next == wasm.OpDrop
		f.instruction(&f.cursor.Instr)
		if size := len(f.code) + len(f.declarations); f.err == nil {
			f.err = f.t.count(size - before)
			before = size
		}
	}
	if err := f.cursor.Err(); err != nil {
		return err
	}
	if f.err != nil {
		return fmt.Errorf("function %d: %w", index, f.err)
	}
	return nil
}

func (f *function) begin(index uint32) {
	f.index, f.typ = index, f.t.Functions[index]
	f.declarations, f.code, f.labels = f.declarations[:0], f.code[:0], f.labels[:0]
	f.stack.reset()
	f.dead, f.skipped, f.names, f.vectors, f.twice, f.rounds, f.err = false, 0, 0, false, false, nil, nil
	f.writes = writes{}
	clear(f.callees)
	clear(f.seconds)
	clear(f.structs)
	if err := f.cursor.Open(index); err != nil {
		f.err = err
		return
	}
	f.known.forget()
	if n := len(f.cursor.Locals()); n > len(f.known.locals) {
		f.known.locals = make([]known, n)
	}
	ft := f.t.Module.Types[f.typ]
	f.labels = append(f.labels, label{op: wasm.OpBlock, results: ft.Results})
	if f.second {
		f.memory = "a"
		eachSlot(ft.Params, func(i, slot int, t wasm.ValueType) {
			f.declarations = fmt.Appendf(f.declarations, "%s l%d=LOAD(%s,&a[%d]);\n", f.ctype(t), i, ctype(t), slot)
		})
	}
	for i, t := range f.cursor.Locals()[len(ft.Params):] {
		f.declare(t, "l"+strconv.Itoa(len(ft.Params)+i), true)
	}
}

// appendTo appends the function's C.
func (f *function) appendTo(text []byte) []byte {
	text = fmt.Appendf(text, "# 1 \"%d\"\n", f.index)
	if f.second {
		text = append(text, secondForm(f.index)...)
	} else {
		text = f.t.appendSignature(text, f.typ, fmt.Sprintf("w%d", f.index), f)
	}
	text = fmt.Appendf(text, "\n{\nconst u64 FUNCTION = %dul << 32;\nBOUND;\n", f.index)
	text = append(append(text, f.declarations...), f.code...)
	return append(text, "}\n"...)
}

// declare declares a variable at the function's head; of zero if it is a local.
func (f *function) declare(t wasm.ValueType, name string, zero bool) {
	d := append(f.declarations, f.ctype(t)...)
	d = append(append(d, ' '), name...)
	switch {
	case zero && t == wasm.V128:
		d = append(d, "={0}"...)
	case zero:
		d = append(d, "=0"...)
	}
	f.declarations = append(d, ";\n"...)
}

// name gives a new variable's name.
func (f *function) name() string {
	f.names++
	return "t" + strconv.Itoa(f.names)
}

// put appends C.
func (f *function) put(parts ...string) {
	for _, p := range parts {
		f.code = append(f.code, p...)
	}
}

// locate says that what follows belongs to the current instruction, which can trap or call.
func (f *function) locate() {
	f.code = append(f.code, "# "...)
	f.code = strconv.AppendInt(f.code, int64(f.cursor.Instr.Start)+1, 10)
	f.code = append(f.code, '\n')
}

// ctype is a type in C. References are numbers: see the engine's interface in prelude.h.
func (f *function) ctype(t wasm.ValueType) string {
	if t == wasm.V128 {
		f.vectors = true
	}
	return ctype(t)
}

func ctype(t wasm.ValueType) string {
	switch t {
	case wasm.I32:
		return "u32"
	case wasm.F32:
		return "f32"
	case wasm.F64:
		return "f64"
	case wasm.V128:
		return "v128"
	}
	return "u64"
}

// instruction translates the current instruction.
func (f *function) instruction(in *wasm.Instr) {
	if f.dead && !f.reviving(in.Op) {
		return
	}
	if !joins(in.Op) {
		f.known.run++
		defer func() { f.known.run++ }()
	}
	switch in.Op {
	case wasm.OpNop:
	case wasm.OpUnreachable:
		f.locate()
		f.put("TRAP(Unreachable);\n")
		f.dead = true
	case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
		f.open(in)
	case wasm.OpElse:
		f.otherwise()
	case wasm.OpEnd:
		f.close()
	case wasm.OpBr:
		f.branch(in.Index)
		f.dead = true
	case wasm.OpBrIf:
		f.branchIf(in.Index)
	case wasm.OpBrTable:
		f.branchTable(in.Labels)
		f.dead = true
	case wasm.OpReturn:
		f.leave()
		f.dead = true
	case wasm.OpCall:
		f.call(in.Index)
	case wasm.OpCallIndirect:
		f.callIndirect(in.Index, in.Index2)
	case wasm.OpReturnCall:
		f.tailCall(in.Index)
		f.dead = true
	case wasm.OpReturnCallIndirect:
		f.tailCallIndirect(in.Index, in.Index2)
		f.dead = true
	case wasm.OpDrop:
		f.stack.pop()
	case wasm.OpSelect, wasm.OpSelectTyped:
		c, b, a := f.stack.pop(), f.stack.pop(), f.stack.pop()
		f.push(a.t, []value{c, a, b}, "(", "?", ":", ")")
	case wasm.OpLocalGet, wasm.OpLocalSet, wasm.OpLocalTee:
		f.local(in.Op, in.Index)
	case wasm.OpGlobalGet:
		t := f.t.Globals[in.Index].Type
		f.result(t, fmt.Sprintf("LOAD(%s,I->globals[%d])", f.ctype(t), in.Index))
		f.stack.top(1)[0].varies = false
	case wasm.OpGlobalSet:
		f.put("STORE(", f.ctype(f.t.Globals[in.Index].Type), ",I->globals[", strconv.Itoa(int(in.Index)), "],",
			f.stack.pop().text, ");\n")
	case wasm.OpI32Const, wasm.OpI64Const, wasm.OpF32Const, wasm.OpF64Const:
		f.constant(in)
	default:
		f.operation(in)
	}
}

// operation translates the instructions that compute, and those about memory and tables.
func (f *function) operation(in *wasm.Instr) {
	if form := forms[in.Op]; form.pieces != nil {
		f.compute(in.Op, form)
		return
	}
	for _, translate := range []func(*wasm.Instr) bool{f.access, f.bulk, f.reference, f.table} {
		if translate(in) {
			return
		}
	}
	f.err = fmt.Errorf("the native engine does not know %s", in.Op)
}

// local translates what reads and writes locals. What is to be computed from a local is computed before it is written.
func (f *function) local(op wasm.Opcode, index uint32) {
	name := "l" + strconv.Itoa(int(index))
	t := f.cursor.Locals()[index]
	if op != wasm.OpLocalGet {
		v := f.stack.pop()
		f.settle(index)
		f.known.set(index, v.sum, v.varies)
		if v.text != name {
			f.put(name, "=", v.text, ";\n")
		}
	}
	if op != wasm.OpLocalSet {
		f.stack.push(value{text: name, t: t, locals: []uint32{index}, sum: f.known.local(index), varies: f.varies(index)})
		f.bound()
	}
}
