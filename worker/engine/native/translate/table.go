package translate

import (
	"fmt"
	"strconv"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// reference translates instructions that make and test references, and reports whether the instruction was one.
// References are numbers: of a function its index plus one, and 0 for null.
func (f *function) reference(in *wasm.Instr) bool {
	switch in.Op {
	case wasm.OpRefNull:
		f.stack.push(value{text: "0ul", t: in.Types[0], constant: true})
	case wasm.OpRefFunc:
		f.stack.push(value{text: strconv.FormatUint(uint64(in.Index)+1, 10) + "ul", t: wasm.FuncRef, constant: true})
	case wasm.OpRefIsNull:
		f.push(wasm.I32, []value{f.stack.pop()}, "((u32)!", ")")
	default:
		return false
	}
	f.bound()
	return true
}

// table translates instructions about tables, and reports whether the instruction was one.
func (f *function) table(in *wasm.Instr) bool {
	index := strconv.Itoa(int(in.Index))
	switch in.Op {
	case wasm.OpTableGet:
		element := "ELEMENT(" + index + "," + f.stack.pop().text + ")"
		f.locate()
		if t := f.t.Tables[in.Index].Type; t == wasm.FuncRef {
			f.result(t, "("+element+"->type>>32)")
		} else {
			f.result(t, "(u64)"+element+"->code")
		}
	case wasm.OpTableSet:
		v := f.stack.pop()
		element := "*ELEMENT(" + index + "," + f.stack.pop().text + ")"
		f.locate()
		if f.t.Tables[in.Index].Type == wasm.FuncRef {
			f.put(element, "=ENTRY(", v.text, ");\n")
		} else {
			f.put(element, "=(struct Entry){(void*)", v.text, ",0};\n")
		}
	case wasm.OpTableSize:
		t := f.t.Tables[in.Index].Limits.Address()
		f.result(t, "("+ctype(t)+")I->tables["+index+"].size")
	case wasm.OpTableGrow:
		f.serve(serviceTableGrow, 2, []uint32{in.Index}, f.t.Tables[in.Index].Limits.Address())
	case wasm.OpTableFill:
		f.serve(serviceTableFill, 3, []uint32{in.Index}, wasm.Unknown)
	case wasm.OpTableCopy:
		f.serve(serviceTableCopy, 3, []uint32{in.Index, in.Index2}, wasm.Unknown)
	case wasm.OpTableInit:
		f.serve(serviceTableInit, 3, []uint32{in.Index, in.Index2}, wasm.Unknown)
	case wasm.OpElemDrop:
		f.serve(serviceElemDrop, 0, []uint32{in.Index}, wasm.Unknown)
	default:
		return false
	}
	return true
}

func (f *function) call(index uint32) {
	f.callees[index] = true
	f.calls(f.t.Functions[index], fmt.Sprintf("w%d", index), f.stack.take(f.parameters(f.t.Functions[index])))
}

// callIndirect calls what stands in a table, if that is a function of the type.
func (f *function) callIndirect(typ, table uint32) {
	index := f.stack.pop()
	args := f.stack.take(f.parameters(typ))
	f.locate()
	f.names++
	callee := "c" + strconv.Itoa(f.names)
	f.code = fmt.Appendf(f.code, "void *%s=CALLEE(%d,%s,%d);\n", callee, table, index.text, f.t.types[typ]+1)
	f.calls(typ, "(("+f.returns(typ)+"(*)"+f.prototype(typ)+")"+callee+")", args)
}

func (f *function) parameters(typ uint32) int { return len(f.t.Module.Types[typ].Params) }

// calls writes a call and gives its results.
func (f *function) calls(typ uint32, callee string, args []value) {
	call := make([]byte, 0, 64)
	call = append(append(call, callee...), "(I,M"...)
	for _, v := range args {
		call = append(append(call, ','), v.text...)
	}
	call = append(call, ')')
	f.locate()
	defer f.called()
	switch results := f.t.Module.Types[typ].Results; len(results) {
	case 0:
		f.put(string(call), ";\n")
	case 1:
		f.result(results[0], string(call))
	default:
		name := f.name()
		f.put(f.returns(typ), " ", name, "=", string(call), ";\n")
		for k, t := range results {
			f.result(t, fmt.Sprintf("%s.r%d", name, k))
		}
	}
}

// returns is the C type of what a function of some type gives.
func (f *function) returns(typ uint32) string {
	if results := f.t.Module.Types[typ].Results; len(results) > 1 {
		f.structs[f.t.results[typ]] = true
	} else if len(results) == 1 {
		f.ctype(results[0]) // notes vectors
	}
	return f.t.returns(typ)
}

// prototype is the parameters of a function of some type, for a cast.
func (f *function) prototype(typ uint32) string {
	text := []byte("(Instance*,u8*")
	for _, t := range f.t.Module.Types[typ].Params {
		text = append(append(text, ','), f.ctype(t)...)
	}
	return string(append(text, ')'))
}
