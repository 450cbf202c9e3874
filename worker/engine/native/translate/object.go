package translate

import (
	_ "embed"
	"fmt"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/program"
)

//go:embed c/prelude.h
var prelude string

//go:embed c/vector.h
var vectorPrelude string

//go:embed c/support.c
var support string

// ABI is the version of the interface between the code and the engine: what prelude.h declares and object lists.
const ABI = 1

// trapKinds are those that the code raises itself.
var trapKinds = []struct {
	name string
	kind program.TrapKind
}{
	{"Unreachable", program.Unreachable}, {"OutOfBounds", program.OutOfBounds}, {"DivideByZero", program.DivideByZero},
	{"IntegerOverflow", program.IntegerOverflow}, {"InvalidConversion", program.InvalidConversion},
	{"InvalidTableAccess", program.InvalidTableAccess}, {"IndirectCallType", program.IndirectCallType},
	{"UnalignedAtomic", program.UnalignedAtomic}, {"SharedMemoryExpected", program.SharedMemoryExpected},
}

// head is what a file begins with.
func (t *translator) head(vectors bool) []byte {
	text := []byte("# 1 \"native\"\n")
	if t.memory64 {
		text = append(text, "#define MEMORY64\n"...)
	}
	text = append(text, "enum {"...)
	for _, k := range trapKinds {
		text = fmt.Appendf(text, " %s = %d,", k.name, k.kind)
	}
	text = append(append(text, " };\n"...), prelude...)
	if vectors {
		text = append(text, vectorPrelude...)
	}
	return text
}

// support is the file of what all code calls.
func (t *translator) support() File {
	return File{Name: "support.c", Text: append(t.head(false), support...)}
}

// returns is the C type of what a function of some type gives: nothing, a value, or a struct of several.
func (t *translator) returns(typ uint32) string {
	switch results := t.Module.Types[typ].Results; len(results) {
	case 0:
		return "void"
	case 1:
		return ctype(results[0])
	}
	return fmt.Sprintf("struct R%d", t.results[typ])
}

// appendStruct defines what functions of some type give.
func (t *translator) appendStruct(text []byte, typ uint32) []byte {
	text = fmt.Appendf(text, "struct R%d {", typ)
	for k, r := range t.Module.Types[typ].Results {
		text = fmt.Appendf(text, " %s r%d;", ctype(r), k)
	}
	return append(text, " };\n"...)
}

// appendSignature writes how a function of some type is declared. f, which may be nil, notes what of it needs a
// declaration.
func (t *translator) appendSignature(text []byte, typ uint32, name string, f *function) []byte {
	returns := t.returns(typ)
	if f != nil {
		returns = f.returns(typ)
	}
	text = fmt.Appendf(text, "%s %s(Instance *I, u8 *restrict M", returns, name)
	for i, p := range t.Module.Types[typ].Params {
		c := ctype(p)
		if f != nil {
			c = f.ctype(p)
		}
		text = fmt.Appendf(text, ", %s l%d", c, i)
	}
	return append(text, ')')
}

func (t *translator) appendDeclaration(text []byte, index uint32) []byte {
	text = t.appendSignature(append(text, "HIDDEN "...), t.Functions[index], fmt.Sprintf("w%d", index), nil)
	return append(text, ";\n"...)
}

// object is the file of what the engine finds in the code: every function's entry, and a way into each that is
// exported. Functions that are imported are here as calls of the engine.
func (t *translator) object() File {
	text := t.head(true)
	for typ, first := range t.results {
		if uint32(typ) == first && len(t.Module.Types[typ].Results) > 1 {
			text = t.appendStruct(text, first)
		}
	}
	for i := range t.Functions {
		text = t.appendDeclaration(text, uint32(i))
	}
	for i := range t.first {
		text = t.appendImport(text, i)
	}
	text = append(text, "const struct Entry entries[] = {\n"...)
	for i, typ := range t.Functions {
		text = fmt.Appendf(text, "{w%d,%dul<<32|%d},\n", i, i+1, t.types[typ]+1)
	}
	text = append(text, "{0,0}};\n"...)
	entered := t.entered()
	seen := map[uint32]bool{}
	for _, index := range entered {
		if !seen[index] {
			seen[index] = true
			text = t.appendEnter(text, fmt.Sprintf("static void e%d(Instance *I, u8 *M, u64 *a)", index), index)
		}
	}
	text = t.appendSeconds(text)
	text = append(text, "static void (*const enter[])(Instance *, u8 *, u64 *) = {\n"...)
	for _, index := range entered {
		text = fmt.Appendf(text, "e%d,\n", index)
	}
	text = append(text, "0};\nstruct Object { u64 abi, functions; const struct Entry *entries; u64 exports;\n"...)
	text = append(text, "\tvoid (*const *enter)(Instance *, u8 *M, u64 *args); };\n"...)
	text = append(text, "__attribute__((visibility(\"default\"))) extern const struct Object native_object;\n"...)
	text = fmt.Appendf(text, "const struct Object native_object = {%d,%d,entries,%d,enter};\n", ABI, len(t.Functions),
		len(entered))
	return File{Name: "object.c", Text: text}
}

// appendSeconds writes the second forms of functions without tail calls, and the list of all that a table may hold.
func (t *translator) appendSeconds(text []byte) []byte {
	if t.tails.second == nil {
		return text
	}
	for i := range uint32(len(t.Functions)) {
		switch {
		case t.tails.second[i] && t.tails.own[i]:
			text = append(append(text, secondForm(i)...), ";\n"...)
		case t.tails.second[i]:
			text = t.appendEnter(text, secondForm(i), i)
		}
	}
	if !t.tails.table {
		return text
	}
	text = append(text, "void (*const tails[])(Instance *, u8 *, u64 *) = {\n"...)
	for i := range uint32(len(t.Functions)) {
		if t.tails.second[i] {
			text = fmt.Appendf(text, "g%d,\n", i)
		} else {
			text = append(text, "0,\n"...)
		}
	}
	return append(text, "0};\n"...)
}

// entered lists the functions that the engine calls: those that are exported, then the start function.
func (t *translator) entered() []uint32 {
	var indices []uint32
	for _, e := range t.Module.Exports {
		if e.Kind == wasm.KindFunction {
			indices = append(indices, e.Index)
		}
	}
	if t.Module.HasStart {
		indices = append(indices, t.Module.Start)
	}
	return indices
}

// slots is how many numbers of 64 bits hold values.
func slots(types []wasm.ValueType) int {
	n := len(types)
	for _, t := range types {
		if t == wasm.V128 {
			n++
		}
	}
	return n
}

// eachSlot visits values of some types with the slots that they begin at.
func eachSlot(types []wasm.ValueType, visit func(i, slot int, t wasm.ValueType)) {
	slot := 0
	for i, t := range types {
		visit(i, slot, t)
		if slot++; t == wasm.V128 {
			slot++
		}
	}
}

// appendImport writes the function that calls an imported one: its arguments and results go through memory.
func (t *translator) appendImport(text []byte, index uint32) []byte {
	typ := t.Functions[index]
	ft := t.Module.Types[typ]
	text = t.appendSignature(text, typ, fmt.Sprintf("w%d", index), nil)
	text = fmt.Appendf(text, "\n{\nu64 a[%d];\n", max(slots(ft.Params), slots(ft.Results), 1))
	eachSlot(ft.Params, func(i, slot int, p wasm.ValueType) {
		text = appendStore(text, "a", slot, p, fmt.Sprintf("l%d", i))
	})
	text = fmt.Appendf(text, "I->host(I, %d, a);\n", index)
	text = t.appendReturn(text, "a", typ)
	return append(text, "}\n"...)
}

// appendStore puts a value into a slot; what is shorter is followed by zeros.
func appendStore(text []byte, memory string, slot int, t wasm.ValueType, value string) []byte {
	switch t {
	case wasm.F32:
		return fmt.Appendf(text, "%s[%d]=bits_f32(%s);\n", memory, slot, value)
	case wasm.F64, wasm.V128:
		return fmt.Appendf(text, "STORE(%s,&%s[%d],%s);\n", ctype(t), memory, slot, value)
	}
	return fmt.Appendf(text, "%s[%d]=%s;\n", memory, slot, value)
}

// appendReturn returns what the slots hold.
func (t *translator) appendReturn(text []byte, memory string, typ uint32) []byte {
	results := t.Module.Types[typ].Results
	switch len(results) {
	case 0:
		return text
	case 1:
		return fmt.Appendf(text, "return LOAD(%s,&%s[0]);\n", ctype(results[0]), memory)
	}
	text = fmt.Appendf(text, "return (%s){", t.returns(typ))
	eachSlot(results, func(_, slot int, r wasm.ValueType) {
		text = fmt.Appendf(text, "LOAD(%s,&%s[%d]),", ctype(r), memory, slot)
	})
	return append(text, "};\n"...)
}

// appendEnter writes a function that calls another one with arguments and results in memory: the engine's way in, or
// the second form of a function without tail calls.
func (t *translator) appendEnter(text []byte, head string, index uint32) []byte {
	typ := t.Functions[index]
	ft := t.Module.Types[typ]
	text = append(append(text, head...), "\n{\n"...)
	if len(ft.Results) > 0 {
		text = fmt.Appendf(text, "%s r=", t.returns(typ))
	}
	text = fmt.Appendf(text, "w%d(I,M", index)
	eachSlot(ft.Params, func(_, slot int, p wasm.ValueType) {
		text = fmt.Appendf(text, ",LOAD(%s,&a[%d])", ctype(p), slot)
	})
	text = append(text, ");\n"...)
	if len(ft.Results) == 1 {
		text = appendStore(text, "a", 0, ft.Results[0], "r")
	} else {
		eachSlot(ft.Results, func(i, slot int, r wasm.ValueType) {
			text = appendStore(text, "a", slot, r, fmt.Sprintf("r.r%d", i))
		})
	}
	return append(text, "}\n"...)
}
