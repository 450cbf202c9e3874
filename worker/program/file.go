package program

import (
	"fmt"
	"maps"
	"slices"

	"github.com/faasmrun/faasmrun/internal/lower"
	"github.com/faasmrun/faasmrun/internal/wasm"
)

// File is a module as it was linked. It is read by our own decoder before anything is made of it: no count in a file is
// taken on trust, however small the file is; and an error can name the kind of file it is.
type File struct {
	Needs

	module  *wasm.Module // it refers to the file's bytes
	exports map[string]wasm.Export
	names   *wasm.Names
}

// Bounds on what a module may claim without bytes to show for it. A function's locals are bounded by the decoder.
const (
	maxTable       = 10_000_000 // elements
	maxBody        = 4 << 20    // bytes of a function's code: an engine takes up to 0.9 GiB of memory for each MB
	freeLocals     = 1 << 20    // locals of all functions together, above which they must not outnumber the file's bytes
	maxMemoryPages = 65536      // of a memory with addresses of 32 bits
)

// Read reads a module's structure. It checks everything whose size an engine would take on trust, and returns an error
// for the person who named the file, which must not change until Prepare is through.
func Read(file []byte) (*File, error) {
	if err := sniff(file); err != nil {
		return nil, err
	}
	m, err := wasm.Decode(file)
	if err != nil {
		return nil, invalid(err)
	}
	f := &File{module: m, exports: map[string]wasm.Export{}, names: m.Names()}
	if err := bounded(m, len(file), f.functionName); err != nil {
		return nil, err
	}
	f.LP64 = lower.LP64(m)
	for _, e := range m.Exports {
		f.exports[e.Name] = e
	}
	f.Imports, err = importsOf(m)
	return f, err
}

func importsOf(m *wasm.Module) ([]Import, error) {
	var imports []Import
	for i := range m.Imports {
		im := &m.Imports[i]
		entry := Import{Module: im.Module, Name: im.Name, Kind: im.Kind}
		if im.Kind == wasm.KindFunction {
			if int(im.Type) >= len(m.Types) {
				return nil, invalid(fmt.Errorf("%s.%s has type %d of %d", im.Module, im.Name, im.Type, len(m.Types)))
			}
			entry.Type = SignatureOf(m.Types[im.Type])
		}
		imports = append(imports, entry)
	}
	return imports, nil
}

// bounded holds what a module asks for, and how large its functions are, against what it may have.
func bounded(m *wasm.Module, size int, name func(function int) string) error {
	if err := claims(m, size); err != nil {
		return invalid(err)
	}
	if i, size := largest(m); size > maxBody {
		return fmt.Errorf("%s has %.1f MB of code, more than the %.1f MB that one function may have: split it, or compile "+
			"its file with less inlining and unrolling (-O1)", name(i), float64(size)/1e6, float64(maxBody)/1e6)
	}
	return nil
}

// claims holds what a module asks for against what it may have.
func claims(m *wasm.Module, fileSize int) error {
	s := m.Spaces()
	for _, t := range s.Tables {
		if t.Limits.Min > maxTable {
			return fmt.Errorf("a table of %d elements is beyond the limit of %d", t.Limits.Min, maxTable)
		}
	}
	for _, l := range s.Memories {
		if l.Min > maxMemoryPages && !l.Is64 { // of the others Prepare says so, or the pass that lowers them
			return fmt.Errorf("a memory of %d pages is beyond 4 GiB", l.Min)
		}
	}
	locals := uint64(0)
	for i := range m.Functions {
		for _, group := range m.Functions[i].Locals {
			locals += uint64(group.Count)
		}
	}
	if locals > max(freeLocals, uint64(fileSize)) {
		return fmt.Errorf("too many local variables (%d)", locals)
	}
	return nil
}

// largest is the function with the most code, by its index, and how many bytes that is.
func largest(m *wasm.Module) (index, size int) {
	imported := int(m.ImportedFunctions())
	for i := range m.Functions {
		if n := len(m.Functions[i].Body); n > size {
			index, size = imported+i, n
		}
	}
	return index, size
}

// LargestFunction names the function with the most code, "work (0.7 MB of code)".
func (f *File) LargestFunction() string {
	i, size := largest(f.module)
	return fmt.Sprintf("%s (%.1f MB of code)", f.functionName(i), float64(size)/1e6)
}

func (f *File) functionName(index int) string {
	return functionName(f.names.Functions[uint32(index)], index)
}

// start is the type of _start; false where that is no function.
func (f *File) start() (wasm.FuncType, bool) {
	e, ok := f.exports["_start"]
	if !ok || e.Kind != wasm.KindFunction {
		return wasm.FuncType{}, false
	}
	return f.module.Spaces().FunctionType(e.Index)
}

// memory is the exported memory; false where there is none.
func (f *File) memory() (wasm.Limits, bool) {
	memories := f.module.Spaces().Memories
	if e, ok := f.exports["memory"]; ok && e.Kind == wasm.KindMemory && int(e.Index) < len(memories) {
		return memories[e.Index], true
	}
	return wasm.Limits{}, false
}

const stackPointerName = "__stack_pointer"

// stackPointer finds the global that clang's code keeps its stack in, and what it begins with; -1 where it is not
// known. A stripped module has no names; wasm-ld always puts it first, and begins it with a positive constant. Of
// several that have its name, none is.
func (f *File) stackPointer() (index int, top int64) {
	first, globals := int(f.module.ImportedGlobals()), f.module.Spaces().Globals
	index = -1
	for _, i := range slices.Sorted(maps.Keys(f.names.Globals)) {
		if f.names.Globals[i] == stackPointerName {
			if index >= 0 {
				return -1, 0
			}
			index = int(i)
		}
	}
	if e, ok := f.exports[stackPointerName]; index < 0 && ok && e.Kind == wasm.KindGlobal {
		index = int(e.Index)
	}
	if index < 0 && f.module.Custom("name") == nil {
		index = 0
	}
	if index < first || index >= len(globals) || !globals[index].Mutable {
		return -1, 0
	}
	r := wasm.NewReader(f.module.Globals[index-first].Init)
	if !r.Next() || r.Instr.Op != wasm.OpI32Const && r.Instr.Op != wasm.OpI64Const {
		return -1, 0
	}
	top = int64(r.Instr.Bits)
	if top <= 0 || !r.Next() || r.Instr.Op != wasm.OpEnd {
		return -1, 0
	}
	return index, top
}
