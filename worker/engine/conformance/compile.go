package conformance

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/worker/engine"
)

// elfFile is the beginning of one.
func elfFile(machine, kind uint16) []byte {
	b := make([]byte, 64)
	copy(b, "\x7fELF\x02\x01\x01")
	binary.LittleEndian.PutUint16(b[16:], kind)
	binary.LittleEndian.PutUint16(b[18:], machine)
	return b
}

// file is a module of one section.
func file(id int, body []byte) []byte {
	return append([]byte("\x00asm\x01\x00\x00\x00"), code(id, sized(body))...)
}

func with(p guestModule, change func(*guestModule)) []byte {
	change(&p)
	return p.wasm()
}

// refused are files that can't run, and what the person must be told.
var refused = []struct {
	name string
	file []byte
	says string
}{
	{"empty", nil, "the file is empty"},
	{"ELF", elfFile(62, 3),
		"this is a native x86-64 ELF program, not a WebAssembly module: take its source and compile it with `faasmrun cc`"},
	{"ELF on ARM", elfFile(183, 2), "native ARM64 ELF program"},
	{"ELF object", elfFile(62, 1), "native x86-64 ELF object file"},
	{"ELF beginning", []byte("\x7fELF"), "the beginning of a native ELF file"},
	{"Mach-O", []byte("\xcf\xfa\xed\xfe\x07\x00\x00\x01"), "macOS (Mach-O) program"},
	{"fat Mach-O", []byte("\xca\xfe\xba\xbe\x00\x00\x00\x02"), "macOS (Mach-O) program"},
	{"PE", []byte("MZ\x90\x00\x03"), "Windows program"},
	{"library", []byte("!<arch>\nfoo.o/"), "static library"},
	{"bitcode", []byte("BC\xc0\xde5\x14"), "LLVM bitcode"},
	{"script", []byte("#!/bin/sh\nexec app.wasm\n"), "this is a script"},
	{"gzip", []byte("\x1f\x8b\x08\x00"), "compressed"},
	{"C", []byte("/* hello */\n#include <mpi.h>\n"), "C or C++ source"},
	{"text", []byte("hello, world\n"), "a text file"},
	{"UTF-8 text", []byte(strings.Repeat("é", 1000)), "a text file"},
	{"wat", []byte("  ;; a module\n (module (memory 1))"), "wat2wasm"},
	{"component text", []byte("(component)"), "component in its text form"},
	{"git-lfs", []byte("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"},
	{"noise", []byte{0xde, 0xad, 0xbe, 0xef, 0x00}, "begins with de ad be ef"},
	{"half a magic number", []byte("\x00as"), "cut short"},
	{"no version", []byte("\x00asm\x01\x00"), "cut short"},
	{"component", []byte("\x00asm\x0d\x00\x01\x00"), "component, not a core module"},
	{"version 2", []byte("\x00asm\x02\x00\x00\x00"), "of version 2"},
	{"nothing in it", []byte("\x00asm\x01\x00\x00\x00"), "exports no memory"},
	{"huge table", file(4, code(1, 0x70, 0, u(10_000_001))), "a table of 10000001 elements is beyond the limit"},
	{"cut in a section", trivial().wasm()[:30], "ends too early"},
	{"no memory", with(trivial(), func(p *guestModule) { p.noMemory = true }), "exports no memory"},
	{"no _start", with(trivial(), func(p *guestModule) { p.funcs[0].export = false }), "no _start"},
	{"reactor", with(trivial(), func(p *guestModule) { p.funcs[0].name = "_initialize" }), "a WASI reactor"},
	{"_start(int)", with(trivial(), func(p *guestModule) { p.funcs[0].params = "i" }),
		"_start must take and return nothing"},
	{"object", with(trivial(), func(p *guestModule) { p.custom = [][]byte{code(name("linking"), 2)} }), "an object file"},
	{"shared library", with(trivial(), func(p *guestModule) { p.custom = [][]byte{code(name("dylink.0"), 2)} }),
		"a shared library"},
	{"imported memory", file(2, code(1, name("env"), name("memory"), 2, 1, 1, 2)), "imports its memory (env.memory)"},
	{"imported memory of 64 bits", file(2, code(1, name("env"), name("memory"), 2, 4, 1)), "imports its memory"},
	{"huge 64-bit memory", with(trivial(), func(p *guestModule) { p.memory = code(4, u(1<<48)) }), "begins with"},
	{"page size", with(trivial(), func(p *guestModule) { p.memory = code(8, 1, 0) }),
		"limits of a memory are of unknown form 0x8"},
	{"two memories", file(5, code(2, 0, 1, 0, 1)), "exports no memory"},
	{"second memory used", starting(i32(0), opI32Load, 0x42, 1, 0, opDrop).wasm(), "memory"},
	{"relaxed SIMD", starting(0xfd, 12, make([]byte, 16), 0xfd, u(0x101), opDrop).wasm(),
		"uses relaxed SIMD (i32x4.relaxed_trunc_f32x4_s in _start): compile without -mrelaxed-simd"},
	{"final exceptions", starting(0x1f, void, 0, opEnd).wasm(), "function _start uses try_table, of the final encoding"},
	{"GC", file(1, code(1, 0x5f, 0, 0)), "garbage collection"},
	{"GC instruction", starting(0xfb, 0, 0, opDrop).wasm(), "garbage collection"},
	{"function references", starting(0xd0, 0x70, 0xd4, opDrop).wasm(), "function references"},
	{"wide arithmetic", starting(0x42, 0, 0x42, 0, 0xfc, 21, opDrop, opDrop).wasm(), "is not known"},
	{"invalid", starting(opDrop).wasm(), "not a valid WebAssembly module"},
	{"memory above 4 GiB", with(trivial(), func(p *guestModule) { p.memory = code(0, u(65537)) }), "beyond 4 GiB"},
	{"unknown section", with(trivial(), func(p *guestModule) { p.sections = []section{{99, nil}} }),
		"section 99 is not known"},
}

func testRefusedFiles(t *testing.T) {
	e := newEngine(t, engine.Options{})
	for _, test := range refused {
		_, err := engine.Make(e, test.file)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", test.name, err)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("%s: not one line: %q", test.name, err)
		}
	}
}

// A tag that nothing throws is no obstacle.
func testExceptionsInTheDeclarations(t *testing.T) {
	e := newEngine(t, engine.Options{})
	wasm := trivial().wasm()
	tag := code(13, sized(code(1, 0, 0)))
	at := strings.Index(string(wasm), "\x07")
	for i, b := range wasm { // before the export section, after the memory section
		if b == 7 && i > 8 && wasm[i-1] == 1 && wasm[i-2] == 0 {
			at = i
		}
	}
	withTag := append(append(append([]byte(nil), wasm[:at]...), tag...), wasm[at:]...)
	if _, err := engine.Make(e, withTag); err != nil {
		t.Errorf("%v", err)
	}
}

// However a file is cut, it is an error or a whole module; and no count in it makes us allocate what it says.
func testCutFiles(t *testing.T) {
	e := newEngine(t, engine.Options{})
	whole := called(1).wasm()
	for n := range whole {
		if _, err := engine.Make(e, whole[:n]); err == nil && n < len(whole)-100 { // only the name section may be missing
			t.Errorf("cut at %d of %d: compiled", n, len(whole))
		}
	}
}

func testCountsAreNotTrusted(t *testing.T) {
	e := newEngine(t, engine.Options{})
	many := u(1<<32 - 1)
	for id := byte(1); id <= 11; id++ {
		wasm := file(int(id), code(many, 0, 0, 0))
		if id == 8 { // start: no count
			continue
		}
		if _, err := engine.Make(e, wasm); err == nil || !strings.Contains(err.Error(), "not a valid") {
			t.Errorf("section %d: %v", id, err)
		}
	}
	for what, wasm := range map[string][]byte{
		"locals": with(trivial(), func(p *guestModule) {
			p.funcs = nil
			p.sections = []section{{10, code(1, sized(code(1, many, 0x7f, opEnd)))}}
		}),
		"parameters":         file(1, code(1, 0x60, many)),
		"a name":             file(0, code(many, "name")),
		"a table":            file(4, code(1, 0x70, 0, u(1<<27))),
		"an element segment": file(9, code(1, 0, i32(0), opEnd, many)),
		"a data segment":     file(11, code(1, 1, many)),
	} {
		if _, err := engine.Make(e, wasm); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

// A name section is a courtesy: what is wrong with it does no harm, and wazero sees nothing of that.
func testBrokenNames(t *testing.T) {
	e := newEngine(t, engine.Options{})
	many := u(1<<32 - 1)
	for _, names := range [][]byte{code(1, sized(many)), code(2, sized(code(1, 0, many))), code(7, sized(many)),
		code(1, many)} {
		p := trivial()
		p.stripped, p.custom = true, [][]byte{code(name("name"), names), code(name("name"), names)}
		if _, err := engine.Make(e, p.wasm()); err != nil {
			t.Errorf("% x: %v", names, err)
		}
	}
}

func testLocalsOfAllFunctions(t *testing.T) {
	p := trivial()
	for range 60 {
		p.funcs = append(p.funcs, function{name: "f"})
	}
	wasm := p.wasm()
	plain := string(code(2, 0, opEnd)) // a body without locals
	many := string(sized(code(1, u(50_000), 0x7f, opEnd)))
	at := strings.LastIndex(string(wasm), strings.Repeat(plain, 61))
	body := string(code(u(61))) + plain + strings.Repeat(many, 60)
	header := strings.LastIndex(string(wasm[:at]), string([]byte{10}))
	claiming := string(wasm[:header]) + string(code(10, sized([]byte(body))))
	e := newEngine(t, engine.Options{})
	const want = "too many local variables"
	if _, err := engine.Make(e, []byte(claiming)); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v", err)
	}
}
