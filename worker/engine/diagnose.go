package engine

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/faasmrun/faasmrun/internal/wasm"
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
		return fmt.Errorf("this is a WebAssembly component, not a core module: compile it for wasm32-wasip1 instead " +
			"of wasip2")
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
		return fmt.Errorf("this is a static library, not a program: link it into one with `faasmrun cc main.o lib.a -o " +
			"app.wasm`")
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

// linked says why a well-formed module is no whole program.
func (l *layout) linked() error {
	for _, c := range l.module.Customs {
		switch {
		case c.Name == "linking" || strings.HasPrefix(c.Name, "reloc."):
			return fmt.Errorf("this is an object file, not yet a program: link it with `faasmrun cc file.o -o app.wasm`")
		case c.Name == "dylink" || c.Name == "dylink.0":
			return fmt.Errorf("this is a shared library (it has a dylink section): link the program statically")
		}
	}
	return nil
}

// runnable says why a well-formed module can't be a rank's program as it is.
func (l *layout) runnable() error {
	if err := l.linked(); err != nil {
		return err
	}
	if l.wide != "" {
		return fmt.Errorf("the module's %s has addresses of 64 bits (memory64), which this engine has not", l.wide)
	}
	return l.program()
}

// program says why no pass could make a rank's program of a well-formed module.
func (l *layout) program() error {
	if err := l.linked(); err != nil {
		return err
	}
	for _, imp := range l.imports {
		if imp.kind == wasm.KindMemory {
			return fmt.Errorf("the module imports its memory (%s.%s), as programs for shared-memory threads do, which can't run "+
				"yet: link without --import-memory and -pthread", printable(imp.module), printable(imp.name))
		}
	}
	if l.memory == nil {
		return fmt.Errorf("the module exports no memory named \"memory\": link it with `faasmrun cc`")
	}
	return l.hasStart()
}

func (l *layout) hasStart() error {
	e, ok := l.exports["_start"]
	switch {
	case !ok && l.exported("_initialize"):
		return fmt.Errorf("the module is a library (a WASI reactor): it has no _start; link a program with a main function, " +
			"without -mexec-model=reactor")
	case !ok || e.Kind != wasm.KindFunction:
		return fmt.Errorf("the module has no _start to begin with: link a program with a main function, with `faasmrun cc`")
	case l.start == nil:
		return fmt.Errorf("not a valid WebAssembly module: it exports a function that it has not")
	}
	if sig := signatureOf(*l.start); sig != (signature{}) {
		return fmt.Errorf("_start must take and return nothing, this one is %v", sig)
	}
	return nil
}

// lacking are the features that wazero has not.
var lacking = map[string]bool{wasm.RelaxedSIMD: true, wasm.LegacyExceptions: true, wasm.Exceptions: true,
	wasm.MultiMemory: true}

// rejected turns wazero's refusal into one that names the feature and the function, where it is a feature that is
// missing.
func (l *layout) rejected(cause error) error {
	features, err := wasm.Features(l.module)
	if err != nil {
		return invalid(err)
	}
	if len(l.module.Spaces().Tags) > 0 { // in a program without a throw
		features = append(features, wasm.Feature{Name: wasm.LegacyExceptions, Function: -1, What: "an exception tag",
			Advice: "compile with -fno-exceptions"})
	}
	for _, f := range features {
		if !lacking[f.Name] {
			continue
		}
		where := f.What
		if f.Function >= 0 {
			where += " in " + l.functionName(f.Function)
		}
		return fmt.Errorf("the module uses %s (%s): %s", f.Name, where, f.Advice)
	}
	if err := l.module.Validate(); err != nil {
		return invalid(err)
	}
	return invalid(cause)
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
