package conformance

import (
	"sort"

	"github.com/faasmrun/faasmrun/worker/program"
)

// program is a small module, written as Go data and encoded by wasm: tests need neither a compiler nor wabt.
type guestModule struct {
	imports  []program.Import
	funcs    []function
	memory   []byte // limits; nil = one page, no maximum
	noMemory bool
	table    []int      // functions of table 0 by index in the function space; -1 = null
	extern   bool       // table 0 holds no functions but external references
	globals  [][]byte   // encoded type and init
	exports  [][]byte   // further encoded exports
	data     []byte     // at address 1024
	passive  []byte     // a segment that instructions copy, number 0 where there is no data
	start    int        // 1 + index of the start function
	custom   [][]byte   // encoded contents of further custom sections
	sections []section  // further sections
	stripped bool       // without names
	names    []nameNote // further subsections of the name section
}

type section struct {
	id   byte
	body []byte
}

type nameNote = section

type function struct {
	name   string
	export bool
	params, results,
	locals string
	body []byte // without the final end
}

// Instructions that the tests use.
const (
	opUnreachable  = 0x00
	opBlock        = 0x02
	opLoop         = 0x03
	opIf           = 0x04
	opEnd          = 0x0b
	opBr           = 0x0c
	opBrIf         = 0x0d
	opReturn       = 0x0f
	opCall         = 0x10
	opCallIndirect = 0x11
	opReturnCall   = 0x12
	opDrop         = 0x1a
	opLocalGet     = 0x20
	opLocalSet     = 0x21
	opGlobalGet    = 0x23
	opGlobalSet    = 0x24
	opI32Load      = 0x28
	opI32Store     = 0x36
	opMemoryGrow   = 0x40
	opI32Const     = 0x41
	opI64Const     = 0x42
	opF64Const     = 0x44
	opI32Eqz       = 0x45
	opI32Add       = 0x6a
	opI32Sub       = 0x6b
	opI32DivS      = 0x6d
	opI32TruncF64S = 0xaa
	void           = 0x40
)

// code joins opcodes (int), encoded pieces ([]byte) and functions' bodies.
func code(parts ...any) []byte {
	var out []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			out = append(out, byte(p))
		case []byte:
			out = append(out, p...)
		case string:
			out = append(out, p...)
		}
	}
	return out
}

func u(v uint64) []byte {
	var out []byte
	for {
		c := byte(v & 0x7f)
		if v >>= 7; v == 0 {
			return append(out, c)
		}
		out = append(out, c|0x80)
	}
}

func s(v int64) []byte {
	var out []byte
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if v == 0 && c&0x40 == 0 || v == -1 && c&0x40 != 0 {
			return append(out, c)
		}
		out = append(out, c|0x80)
	}
}

func i32(v int64) []byte { return code(opI32Const, s(v)) }

func sized(b []byte) []byte { return code(u(uint64(len(b))), b) }

func name(s string) []byte { return sized([]byte(s)) }

func list(items [][]byte) []byte {
	out := u(uint64(len(items)))
	for _, item := range items {
		out = append(out, item...)
	}
	return out
}

func letters(types string) []byte {
	var out []byte
	for _, letter := range types {
		out = append(out, map[rune]byte{'i': 0x7f, 'l': 0x7e, 'f': 0x7d, 'd': 0x7c, 'v': 0x7b, 'r': 0x70}[letter])
	}
	return sized(out)
}

func (p guestModule) wasm() []byte {
	var types, imports, funcs, exports, codes, names [][]byte
	known := map[program.Signature]int{}
	typeOf := func(sig program.Signature) []byte {
		if _, ok := known[sig]; !ok {
			known[sig] = len(types)
			types = append(types, code(0x60, letters(sig.Params), letters(sig.Results)))
		}
		return u(uint64(known[sig]))
	}
	for _, imp := range p.imports {
		imports = append(imports, code(name(imp.Module), name(imp.Name), 0, typeOf(imp.Type)))
	}
	for i, f := range p.funcs {
		index := u(uint64(len(p.imports) + i))
		funcs = append(funcs, typeOf(sig(f.params, f.results)))
		if f.export {
			exports = append(exports, code(name(f.name), 0, index))
		}
		names = append(names, code(index, name(f.name)))
		var locals [][]byte
		for _, letter := range f.locals {
			locals = append(locals, code(u(1), letters(string(letter))[1:]))
		}
		codes = append(codes, sized(code(list(locals), f.body, opEnd)))
	}
	if !p.noMemory {
		exports = append(exports, code(name("memory"), 2, 0))
	}
	exports = append(exports, p.exports...)
	out := []byte("\x00asm\x01\x00\x00\x00")
	add := func(id byte, body []byte) { out = append(out, code(int(id), sized(body))...) }
	add(1, list(types))
	if len(imports) > 0 {
		add(2, list(imports))
	}
	add(3, list(funcs))
	if len(p.table) > 0 {
		element := 0x70
		if p.extern {
			element = 0x6f
		}
		add(4, code(1, element, 0, u(uint64(len(p.table)))))
	}
	if p.memory == nil {
		p.memory = code(0, 1)
	}
	if !p.noMemory {
		add(5, code(1, p.memory))
	}
	if len(p.globals) > 0 {
		add(6, list(p.globals))
	}
	add(7, list(exports))
	if p.start > 0 {
		add(8, u(uint64(p.start-1)))
	}
	if len(p.table) > 0 {
		var segments [][]byte
		for i, f := range p.table {
			if f >= 0 {
				segments = append(segments, code(0, i32(int64(i)), opEnd, 1, u(uint64(f))))
			}
		}
		add(9, list(segments))
	}
	var segments [][]byte
	if p.data != nil {
		segments = append(segments, code(0, i32(1024), opEnd, sized(p.data)))
	}
	if p.passive != nil {
		segments = append(segments, code(1, sized(p.passive)))
		add(12, u(uint64(len(segments))))
	}
	add(10, list(codes))
	if segments != nil {
		add(11, list(segments))
	}
	if !p.stripped {
		body := code(name("name"), 1, sized(list(names)))
		sort.Slice(p.names, func(i, j int) bool { return p.names[i].id < p.names[j].id })
		for _, n := range p.names {
			body = append(body, code(int(n.id), sized(n.body))...)
		}
		add(0, body)
	}
	for _, c := range p.custom {
		add(0, c)
	}
	for _, s := range p.sections {
		add(s.id, s.body)
	}
	return out
}

// mutableI32 is a global of the C stack pointer's kind.
func mutableI32(init int64) []byte { return code(0x7f, 1, i32(init), opEnd) }

// trivial runs and does nothing.
func trivial() guestModule { return guestModule{funcs: []function{{name: "_start", export: true}}} }

// starting is a program of one function, _start.
func starting(body ...any) guestModule {
	return guestModule{funcs: []function{{name: "_start", export: true, body: code(body...)}}}
}
