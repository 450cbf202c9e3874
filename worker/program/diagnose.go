package program

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/faasmrun/faasmrun/internal/filetype"
	"github.com/faasmrun/faasmrun/internal/wasm"
)

// sniff returns an error for a file that is no WebAssembly module, which says what it is and what to do.
func sniff(b []byte) error {
	switch filetype.Of(b) {
	case filetype.Module:
		return nil
	case filetype.Empty:
		return fmt.Errorf("the file is empty")
	case filetype.ShortModule:
		return fmt.Errorf("the file is cut short: it holds only %d bytes of a WebAssembly module", len(b))
	case filetype.Component:
		return fmt.Errorf("this is a WebAssembly component, not a core module: compile it for wasm32-wasip1 instead of " +
			"wasip2")
	case filetype.OtherVersion:
		return fmt.Errorf("this is a WebAssembly module of version %d; only version 1 is known", filetype.Version(b))
	}
	return foreign(b)
}

const compileIt = "compile it with `faasmrun cc` (C) or `faasmrun c++` (C++)"

// foreign names a file that is not WebAssembly.
func foreign(b []byte) error {
	switch filetype.Of(b) {
	case filetype.ELF:
		return fmt.Errorf("this is %s, not a WebAssembly module: take its source and %s", elf(b), compileIt)
	case filetype.PE:
		return fmt.Errorf("this is a Windows program, not a WebAssembly module: take its source and %s", compileIt)
	case filetype.MachO:
		return fmt.Errorf("this is a macOS (Mach-O) program, not a WebAssembly module: take its source and %s", compileIt)
	case filetype.Archive:
		return fmt.Errorf("this is a static library, not a program: link it into one with `faasmrun cc main.o lib.a -o " +
			"app.wasm`")
	case filetype.Bitcode:
		return fmt.Errorf("this is LLVM bitcode, not a program: link it with `faasmrun cc file.o -o app.wasm`")
	case filetype.Script:
		return fmt.Errorf("this is a script, not a WebAssembly module: name the .wasm file that it would start")
	case filetype.Compressed:
		return fmt.Errorf("this is a compressed file: unpack it first")
	case filetype.Text:
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

// Linked says why a well-formed module is no whole program.
func (f *File) Linked() error {
	for _, c := range f.module.Customs {
		switch {
		case c.Name == "linking" || strings.HasPrefix(c.Name, "reloc."):
			return fmt.Errorf("this is an object file, not yet a program: link it with `faasmrun cc file.o -o app.wasm`")
		case c.Name == "dylink" || c.Name == "dylink.0":
			return fmt.Errorf("this is a shared library (it has a dylink section): link the program statically")
		}
	}
	return nil
}

// Runnable says why a well-formed module can't be a rank's program, whatever passes and engines there are.
func (f *File) Runnable() error {
	if err := f.Linked(); err != nil {
		return err
	}
	for i := range f.module.Imports {
		if im := &f.module.Imports[i]; im.Kind == wasm.KindMemory && !im.Memory.Shared {
			return fmt.Errorf("the module imports its memory (%s.%s), which only a program whose threads share it may: link "+
				"without --import-memory, or with --shared-memory", Printable(im.Module), Printable(im.Name))
		}
	}
	if i := f.copied(); i >= 0 {
		return fmt.Errorf("the module imports its memory, and data segment %d is copied there whenever a thread begins: "+
			"link it with wasm-ld and --shared-memory", i)
	}
	if _, ok := f.memory(); !ok {
		return fmt.Errorf("the module exports no memory named \"memory\": link it with `faasmrun cc`")
	}
	return f.hasStart()
}

// copied is a data segment that each instance over an imported memory would copy there; -1 for none.
func (f *File) copied() int {
	if !slices.ContainsFunc(f.module.Imports, func(im wasm.Import) bool { return im.Kind == wasm.KindMemory }) {
		return -1
	}
	return slices.IndexFunc(f.module.Data, func(d wasm.Data) bool { return !d.Passive })
}

func (f *File) hasStart() error {
	e, ok := f.exports["_start"]
	_, reactor := f.exports["_initialize"]
	start, found := f.start()
	switch {
	case !ok && reactor:
		return fmt.Errorf("the module is a library (a WASI reactor): it has no _start; link a program with a main " +
			"function, " +
			"without -mexec-model=reactor")
	case !ok || e.Kind != wasm.KindFunction:
		return fmt.Errorf("the module has no _start to begin with: link a program with a main function, with `faasmrun cc`")
	case !found:
		return fmt.Errorf("not a valid WebAssembly module: it exports a function that it has not")
	}
	if sig := SignatureOf(start); sig != (Signature{}) {
		return fmt.Errorf("_start must take and return nothing, this one is %v", sig)
	}
	return nil
}

// Refused turns an engine's refusal into one that names the feature and the function, where it is a feature that the
// engine lacks.
func (p *Program) Refused(cause error, lacking map[string]bool) error {
	if err := p.Lacks(lacking); err != nil {
		return err
	}
	return invalid(cause)
}

// Lacks names a feature that the program uses and that an engine lacks, and the function; nil where there is none.
func (p *Program) Lacks(lacking map[string]bool) error {
	m, err := wasm.Decode(p.code)
	if err != nil {
		return invalid(err)
	}
	features, err := wasm.Features(m)
	if err != nil {
		return invalid(err)
	}
	for _, f := range features {
		if !lacking[f.Name] {
			continue
		}
		where := f.What
		if f.Function >= 0 {
			where += " in " + p.FunctionName(f.Function)
		}
		return fmt.Errorf("the module uses %s (%s): %s", f.Name, where, f.Advice)
	}
	return nil
}

// invalid says that a file is no module, and where it is at fault.
func invalid(err error) error {
	return fmt.Errorf("not a valid WebAssembly module: %s", Printable(strings.TrimPrefix(err.Error(), "wasm: ")))
}

// Printable makes an outsider's text fit for a terminal and one line.
func Printable(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return '?'
	}, strings.ToValidUTF8(s, "?"))
}
