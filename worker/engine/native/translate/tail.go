package translate

import (
	"fmt"
	"strings"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// tails is what a module needs for its tail calls. Clang keeps a tail call's promise between functions of one type
// only. Where another type is called, arguments and results go through memory: the functions that can be called so have
// a second form, of one type for all, which finds its arguments there and leaves its results there. In that form every
// tail call goes on to that form of another function, so that the stack grows once at most, where the first form of a
// function called the second one of another.
type tails struct {
	second map[uint32]bool // functions that have a second form
	own    map[uint32]bool // functions that make tail calls: their second form is translated, the others' calls the first
	slots  int             // the most that arguments or results take
	table  bool            // some are called through a table
}

// findTails looks for tail calls. The module is valid.
func (t *translator) findTails() {
	own, second, called := map[uint32]bool{}, map[uint32]bool{}, map[uint32]bool{}
	others := false
	r := wasm.NewReader(nil)
	for i := range t.Module.Functions {
		index := t.first + uint32(i)
		for r.Reset(t.Module.Functions[i].Body); r.Next(); {
			typ := r.Instr.Index
			switch r.Instr.Op {
			case wasm.OpReturnCall:
				second[r.Instr.Index] = true
				typ = t.Functions[r.Instr.Index]
			case wasm.OpReturnCallIndirect:
				called[t.types[typ]] = true
			default:
				continue
			}
			own[index] = true
			others = others || t.types[typ] != t.types[t.Functions[index]]
		}
	}
	if !others {
		return
	}
	for i, typ := range t.Functions {
		if called[t.types[typ]] {
			second[uint32(i)] = true
		}
		if second[uint32(i)] {
			ft := t.Module.Types[typ]
			t.tails.slots = max(t.tails.slots, slots(ft.Params), slots(ft.Results))
		}
	}
	t.tails.second, t.tails.own, t.tails.table = second, own, len(called) > 0
}

// secondForm declares a function's second form.
func secondForm(index uint32) string {
	return fmt.Sprintf("void g%d(Instance *I, u8 *restrict M, u64 *a)", index)
}

const mustTail = "__attribute__((musttail)) return "

// tailCall calls a function in place of this one.
func (f *function) tailCall(index uint32) {
	typ := f.t.Functions[index]
	args := f.stack.take(f.parameters(typ))
	if !f.second && f.t.types[typ] == f.t.types[f.typ] {
		f.callees[index] = true
		f.locate()
		f.put(mustTail, fmt.Sprintf("w%d", index), arguments(args), ";\n")
		return
	}
	f.seconds[index] = true
	f.throughMemory(typ, args, fmt.Sprintf("g%d", index))
}

// tailCallIndirect does so with what stands in a table.
func (f *function) tailCallIndirect(typ, table uint32) {
	index := f.stack.pop()
	args := f.stack.take(f.parameters(typ))
	f.locate()
	callee := f.name()
	if !f.second && f.t.types[typ] == f.t.types[f.typ] {
		f.code = fmt.Appendf(f.code, "void *%s=CALLEE(%d,%s,%d);\n", callee, table, index.text, f.t.types[typ]+1)
		f.locate()
		f.put(mustTail, "((", f.returns(typ), "(*)", f.prototype(typ), ")", callee, ")", arguments(args), ";\n")
		return
	}
	f.code = fmt.Appendf(f.code, "void (*%s)(Instance*,u8*,u64*)=TAIL(%d,%s,%d);\n", callee, table, index.text,
		f.t.types[typ]+1)
	f.throughMemory(typ, args, callee)
}

// throughMemory calls a second form. The caller's own second form does so in place of itself.
func (f *function) throughMemory(typ uint32, args []value, callee string) {
	if !f.second {
		f.code = fmt.Appendf(f.code, "u64 %s[%d];\n", f.memoryName(), f.t.tails.slots)
	}
	ft := f.t.Module.Types[typ]
	memory := f.memory
	eachSlot(ft.Params, func(i, slot int, p wasm.ValueType) {
		f.code = appendStore(f.code, memory, slot, p, args[i].text)
	})
	f.locate()
	call := callee + "(I,M," + memory + ");\n"
	if f.second {
		f.put(mustTail, call)
		return
	}
	f.put(call)
	f.returns(f.typ)
	f.code = f.t.appendReturn(f.code, memory, f.typ)
	if len(ft.Results) == 0 {
		f.put("return;\n")
	}
}

// memoryName gives a new name for arguments and results in memory.
func (f *function) memoryName() string {
	f.memory = f.name()
	return f.memory
}

func arguments(args []value) string {
	var text strings.Builder
	text.WriteString("(I,M")
	for _, v := range args {
		text.WriteString("," + v.text)
	}
	return text.String() + ")"
}
