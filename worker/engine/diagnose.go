package engine

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What modules may use that this engine has not, each with the way out.
const (
	exceptionHandling  = "WebAssembly exceptions: compile without -fwasm-exceptions (for C++: with -fno-exceptions)"
	relaxedSIMD        = "relaxed SIMD: compile without -mrelaxed-simd; plain SIMD (-msimd128) is fine"
	memory64           = "64-bit memory: compile for wasm32 instead of wasm64"
	multipleMemories   = "several memories: link the program into one module with one memory"
	customPageSizes    = "custom page sizes: link without them"
	garbageCollection  = "garbage-collected types (WasmGC): compile the program to plain WebAssembly (wasm32-wasip1)"
	functionReferences = "typed function references: compile without that feature"
	wideArithmetic     = "wide arithmetic: compile without -mwide-arithmetic"
)

// sniff tells a WebAssembly module from the other files that people name by mistake.
func sniff(b []byte) error {
	const magic = "\x00asm"
	if len(b) == 0 {
		return fmt.Errorf("the file is empty")
	}
	if !bytes.HasPrefix(b, []byte(magic)) {
		if len(b) < len(magic) && strings.HasPrefix(magic, string(b)) {
			return fmt.Errorf("the file is cut short: it holds only %d bytes of a WebAssembly module", len(b))
		}
		return foreign(b)
	}
	if len(b) < 8 {
		return fmt.Errorf("the file is cut short: it holds only %d bytes of a WebAssembly module", len(b))
	}
	version, layer := binary.LittleEndian.Uint16(b[4:]), binary.LittleEndian.Uint16(b[6:])
	switch {
	case layer == 1:
		return fmt.Errorf("this is a WebAssembly component, not a core module: compile it for wasm32-wasip1 instead of wasip2")
	case version != 1 || layer != 0:
		return fmt.Errorf("this is a WebAssembly module of version %d; only version 1 is known", version)
	}
	return nil
}

const compileIt = "compile it with `faasmrun cc` (C) or `faasmrun c++` (C++)"

// foreign names a file that is not WebAssembly.
func foreign(b []byte) error {
	starts := func(prefixes ...string) bool {
		for _, p := range prefixes {
			if strings.HasPrefix(string(b[:min(len(b), 16)]), p) {
				return true
			}
		}
		return false
	}
	switch {
	case starts("\x7fELF"):
		return fmt.Errorf("this is %s, not a WebAssembly module: take its source and %s", elf(b), compileIt)
	case starts("MZ"):
		return fmt.Errorf("this is a Windows program, not a WebAssembly module: take its source and %s", compileIt)
	case starts("\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf", "\xce\xfa\xed\xfe", "\xcf\xfa\xed\xfe"),
		starts("\xca\xfe\xba\xbe") && len(b) >= 8 && binary.BigEndian.Uint32(b[4:]) < 40:
		return fmt.Errorf("this is a macOS (Mach-O) program, not a WebAssembly module: take its source and %s", compileIt)
	case starts("!<arch>\n", "!<thin>\n"):
		return fmt.Errorf("this is a static library, not a program: link it into one with `faasmrun cc main.o lib.a -o app.wasm`")
	case starts("BC\xc0\xde", "\xde\xc0\x17\x0b"):
		return fmt.Errorf("this is LLVM bitcode, not a program: link it with `faasmrun cc file.o -o app.wasm`")
	case starts("#!"):
		return fmt.Errorf("this is a script, not a WebAssembly module: name the .wasm file that it would start")
	case starts("\x1f\x8b", "PK\x03\x04", "\x28\xb5\x2f\xfd", "\xfd7zXZ"):
		return fmt.Errorf("this is a compressed file: unpack it first")
	case isText(b):
		return text(b)
	}
	return fmt.Errorf("this is not a WebAssembly module: it begins with % x instead of 00 61 73 6d", b[:min(len(b), 4)])
}

func elf(b []byte) string {
	if len(b) < 20 {
		return "the beginning of a native ELF file"
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if b[5] == 2 {
		order = binary.BigEndian
	}
	machine := ""
	switch order.Uint16(b[18:]) {
	case 3:
		machine = "x86 "
	case 21:
		machine = "POWER "
	case 40:
		machine = "ARM "
	case 62:
		machine = "x86-64 "
	case 183:
		machine = "ARM64 "
	case 243:
		machine = "RISC-V "
	}
	if order.Uint16(b[16:]) == 1 {
		return "a native " + machine + "ELF object file"
	}
	return "a native " + machine + "ELF program"
}

// isText looks at the beginning only: enough for a person's mistake.
func isText(b []byte) bool {
	cut := len(b) > 1024
	b = b[:min(len(b), 1024)]
	for len(b) > 0 {
		c, n := utf8.DecodeRune(b)
		if c == utf8.RuneError && n == 1 {
			return cut && len(b) < utf8.UTFMax
		}
		if !unicode.IsPrint(c) && !unicode.IsSpace(c) {
			return false
		}
		b = b[n:]
	}
	return true
}

func text(b []byte) error {
	head := strings.TrimLeftFunc(string(b[:min(len(b), 64<<10)]), unicode.IsSpace)
	for strings.HasPrefix(head, ";;") {
		_, head, _ = strings.Cut(head, "\n")
		head = strings.TrimLeftFunc(head, unicode.IsSpace)
	}
	switch {
	case strings.HasPrefix(head, "(module"), strings.HasPrefix(head, "(;"):
		return fmt.Errorf("this is WebAssembly in its text form: turn it into a module with `wat2wasm`")
	case strings.HasPrefix(head, "(component"):
		return fmt.Errorf("this is a WebAssembly component in its text form; only core modules (wasm32-wasip1) can run")
	case strings.HasPrefix(head, "version https://git-lfs"):
		return fmt.Errorf("this is a Git LFS pointer, not the module itself: fetch it with `git lfs pull`")
	case strings.Contains(head, "#include"), strings.Contains(head, "int main("):
		return fmt.Errorf("this is C or C++ source, not a WebAssembly module: %s", compileIt)
	}
	return fmt.Errorf("this is a text file, not a WebAssembly module")
}

// runnable says why a well-formed module can't be a rank's program.
func (m *layout) runnable() error {
	if len(m.features) > 0 {
		return fmt.Errorf("the module uses %s", strings.Join(m.features, "; it uses "))
	}
	if m.object {
		return fmt.Errorf("this is an object file, not yet a program: link it with `faasmrun cc file.o -o app.wasm`")
	}
	if m.dynamic {
		return fmt.Errorf("this is a shared library (it has a dylink section): link the program statically")
	}
	for _, imp := range m.imports {
		if imp.kind == kindMemory {
			return fmt.Errorf("the module imports its memory (%s.%s), as programs for shared-memory threads do, which can't run "+
				"yet: link without --import-memory and -pthread", printable(imp.module), printable(imp.name))
		}
	}
	if e, ok := m.exports["memory"]; !ok || e.kind != kindMemory || m.memory == nil {
		return fmt.Errorf("the module exports no memory named \"memory\": link it with `faasmrun cc`")
	}
	return m.hasStart()
}

func (m *layout) hasStart() error {
	start, ok := m.exports["_start"]
	if !ok || start.kind != kindFunc {
		if _, reactor := m.exports["_initialize"]; reactor {
			return fmt.Errorf("the module is a library (a WASI reactor): it has no _start; link a program with a main function, " +
				"without -mexec-model=reactor")
		}
		return fmt.Errorf("the module has no _start to begin with: link a program with a main function, with `faasmrun cc`")
	}
	if int(start.index) >= len(m.funcs) || int(m.funcs[start.index]) >= len(m.types) {
		return fmt.Errorf("not a valid WebAssembly module: it exports a function that it has not")
	}
	if sig := m.types[m.funcs[start.index]]; sig != (signature{}) {
		return fmt.Errorf("_start must take and return nothing, this one is %v", sig)
	}
	return nil
}

// rejected turns wazero's refusal into one that names the feature and the function, where it is a feature that is missing.
func (m *layout) rejected(cause error) error {
	r := &reader{b: m.code}
	n := r.count()
	for i := uint32(0); i < n && r.err == nil; i++ {
		if feature := missingFeature(&reader{b: r.bytes(int(r.u32()))}); feature != "" {
			return fmt.Errorf("the module uses (in %s) %s", m.functionName(i+uint32(m.imported)), feature)
		}
	}
	return fmt.Errorf("not a valid WebAssembly module: %s", printable(cause.Error()))
}

// missingFeature walks a function's instructions up to the first that wazero does not know.
func missingFeature(r *reader) string {
	for k := r.count(); k > 0 && r.err == nil; k-- {
		r.u32()
		r.s64()
	}
	for r.left() > 0 && r.err == nil {
		switch op := r.u8(); {
		case op == 0x06, op == 0x07, op == 0x08, op == 0x09, op == 0x0a, op == 0x18, op == 0x19, op == 0x1f:
			return exceptionHandling
		case op == 0x14, op == 0x15, op >= 0xd4 && op <= 0xd6:
			return functionReferences
		case op == 0xd3, op == 0xfb:
			return garbageCollection
		case op >= 0x02 && op <= 0x04, op == 0x41, op == 0x42, op == 0xd0:
			r.s64()
		case op == 0x0c, op == 0x0d, op == 0x10, op == 0x12, op >= 0x20 && op <= 0x26, op == 0xd2:
			r.u32()
		case op == 0x0e:
			for k := r.count(); k > 0 && r.err == nil; k-- {
				r.u32()
			}
			r.u32()
		case op == 0x11, op == 0x13:
			r.u32()
			r.u32()
		case op == 0x1c:
			r.bytes(int(r.count()))
		case op >= 0x28 && op <= 0x3e:
			if memarg(r) {
				return multipleMemories
			}
		case op == 0x3f, op == 0x40:
			if r.u32() != 0 {
				return multipleMemories
			}
		case op == 0x43:
			r.bytes(4)
		case op == 0x44:
			r.bytes(8)
		case op >= 0xfc && op <= 0xfe:
			if feature := prefixed(op, r); feature != "" {
				return feature
			}
		}
	}
	return ""
}

func prefixed(op byte, r *reader) string {
	sub := r.u32()
	switch {
	case op == 0xfc && sub >= 19 && sub <= 22:
		return wideArithmetic
	case op == 0xfc && (sub == 8 || sub == 10 || sub == 12 || sub == 14):
		r.u32()
		r.u32()
	case op == 0xfc && sub >= 8:
		r.u32()
	case op == 0xfc:
	case op == 0xfd && sub >= 0x100:
		return relaxedSIMD
	case op == 0xfd && (sub == 12 || sub == 13):
		r.bytes(16)
	case op == 0xfd && sub >= 21 && sub <= 34:
		r.u8()
	case op == 0xfd && (sub <= 11 || sub >= 84 && sub <= 93):
		if memarg(r) {
			return multipleMemories
		}
		if sub >= 84 && sub <= 91 {
			r.u8()
		}
	case op == 0xfe && sub == 3:
		r.u8()
	case op == 0xfe && memarg(r):
		return multipleMemories
	}
	return ""
}

// memarg reads alignment and offset; it reports whether they name another memory than the first.
func memarg(r *reader) (other bool) {
	if align := r.u32(); align&0x40 != 0 {
		other = r.u32() != 0
	}
	r.u64()
	return other
}

// printable makes an outsider's text fit for a terminal and one line.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return '?'
	}, strings.ToValidUTF8(s, "?"))
}
