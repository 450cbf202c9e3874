// Package program owns what is known of a program whatever engine runs it: what a module declares, and whether it can
// be a rank's program at all; what files that are none are; its functions' names and lines; and how a program's end
// reads to a person: traps, signals, backtraces. It writes the module that an engine is given, with the functions by
// which hosts call function pointers. It leaves running to worker/engine, and rewriting to internal/passes.
package program

import (
	"fmt"
	"slices"
	"strings"

	"github.com/faasmrun/faasmrun/internal/lower"
	"github.com/faasmrun/faasmrun/internal/wasm"
)

// Program is what a module declares outside its instructions. It is read by our own decoder before an engine sees the
// module, and the engine gets what our encoder writes: no count in a file is taken on trust, however small the file is;
// an error can name the kind of file it is; and frames and diagnosis need more than an engine reports, such as which
// global is the C stack pointer.
type Program struct {
	Imports []Import
	// LP64 reports whether it was compiled with pointers of 64 bits.
	LP64 bool
	// Wide is the first memory or table with addresses of 64 bits; "" where there is none, or none is left.
	Wide string
	// Functions is how many there are in the file, the imported ones included.
	Functions int

	module       *wasm.Module // until Forget: it refers to the file's bytes
	exports      map[string]wasm.Export
	names        *wasm.Names
	named        bool           // there is a name section
	start        *wasm.FuncType // of _start; nil where that is no function
	memory       *wasm.Limits   // the exported one's
	stackPointer int            // index of the global; -1 when it is not known
	stackTop     int64          // what it begins with
	source       *source        // nil: backtraces say no files and lines
	callbacks    map[Signature]string
}

// Signature is a function type in letters: i = i32, l = i64, f = f32, d = f64, v = v128, r = a reference.
type Signature struct{ Params, Results string }

func (s Signature) String() string { return "(" + s.Params + ")→(" + s.Results + ")" }

// Import is what a module asks its host for.
type Import struct {
	Module, Name string
	Kind         wasm.Kind
	Type         Signature // of a function
}

func (im Import) String() string { return Printable(im.Module + "." + im.Name) }

// KindName is what an import is, where it is no function: "memory".
func (im Import) KindName() string { return kindNames[im.Kind] }

var kindNames = [...]string{"function", "table", "memory", "global", "exception tag"}

// Bounds on what a module may claim without bytes to show for it. A function's locals are bounded by the decoder.
const (
	maxTable       = 10_000_000 // elements
	maxBody        = 4 << 20    // bytes of a function's code: an engine takes up to 0.9 GiB of memory for each MB
	freeLocals     = 1 << 20    // locals of all functions together, above which they must not outnumber the file's bytes
	maxMemoryPages = 65536      // of a memory with addresses of 32 bits
)

// Read reads a module's structure. It checks everything whose size an engine would take on trust, and returns an error
// for the person who named the file.
func Read(file []byte) (*Program, error) {
	if err := sniff(file); err != nil {
		return nil, err
	}
	m, err := wasm.Decode(file)
	if err != nil {
		return nil, invalid(err)
	}
	p := &Program{module: m, exports: map[string]wasm.Export{}, stackPointer: -1, names: m.Names(),
		named: m.Custom("name") != nil}
	spaces := m.Spaces()
	p.Functions = len(spaces.Functions)
	if err := claims(m, spaces, len(file)); err != nil {
		return nil, invalid(err)
	}
	p.Wide = wideSpace(spaces)
	p.LP64 = lower.LP64(m)
	if i, size := p.largest(); size > maxBody {
		return nil, fmt.Errorf("%s has %.1f MB of code, more than the %.1f MB that one function may have: split it, or "+
			"compile its "+
			"file with less inlining and unrolling (-O1)", p.FunctionName(i), float64(size)/1e6, float64(maxBody)/1e6)
	}
	for _, e := range m.Exports {
		p.exports[e.Name] = e
	}
	for i := range m.Imports {
		im := &m.Imports[i]
		entry := Import{Module: im.Module, Name: im.Name, Kind: im.Kind}
		if im.Kind == wasm.KindFunction {
			if int(im.Type) >= len(m.Types) {
				return nil, invalid(fmt.Errorf("%s.%s has type %d of %d", im.Module, im.Name, im.Type, len(m.Types)))
			}
			entry.Type = SignatureOf(m.Types[im.Type])
		}
		p.Imports = append(p.Imports, entry)
	}
	if e, ok := p.exports["memory"]; ok && e.Kind == wasm.KindMemory && int(e.Index) < len(spaces.Memories) {
		memory := spaces.Memories[e.Index]
		p.memory = &memory
	}
	if e, ok := p.exports["_start"]; ok && e.Kind == wasm.KindFunction {
		if t, ok := spaces.FunctionType(e.Index); ok {
			p.start = &t
		}
	}
	p.findStackPointer(spaces)
	return p, nil
}

// wideSpace names the first memory or table with addresses of 64 bits.
func wideSpace(s *wasm.Spaces) string {
	if i := slices.IndexFunc(s.Memories, func(l wasm.Limits) bool { return l.Is64 }); i >= 0 {
		return fmt.Sprintf("memory %d", i)
	}
	if i := slices.IndexFunc(s.Tables, func(t wasm.Table) bool { return t.Limits.Is64 }); i >= 0 {
		return fmt.Sprintf("table %d", i)
	}
	return ""
}

// largest is the function with the most code, by its index, and how many bytes that is.
func (p *Program) largest() (index, size int) {
	imported := int(p.module.ImportedFunctions())
	for i := range p.module.Functions {
		if n := len(p.module.Functions[i].Body); n > size {
			index, size = imported+i, n
		}
	}
	return index, size
}

// LargestFunction names the function with the most code of a module, "work (0.7 MB of code)"; "" of what is none.
func LargestFunction(file []byte) string {
	p, err := Read(file)
	if err != nil {
		return ""
	}
	i, size := p.largest()
	return fmt.Sprintf("%s (%.1f MB of code)", p.FunctionName(i), float64(size)/1e6)
}

// claims holds what a module asks for against what it may have.
func claims(m *wasm.Module, s *wasm.Spaces, fileSize int) error {
	for _, t := range s.Tables {
		if t.Limits.Min > maxTable {
			return fmt.Errorf("a table of %d elements is beyond the limit of %d", t.Limits.Min, maxTable)
		}
	}
	for _, l := range s.Memories {
		if l.Min > maxMemoryPages && !l.Is64 { // of the others the pass says so that lowers them
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

// invalid says that a file is no module, and where it is at fault.
func invalid(err error) error {
	return fmt.Errorf("not a valid WebAssembly module: %s", Printable(strings.TrimPrefix(err.Error(), "wasm: ")))
}

func SignatureOf(t wasm.FuncType) Signature {
	return Signature{lettersOf(t.Params), lettersOf(t.Results)}
}

func lettersOf(types []wasm.ValueType) string {
	letters := make([]byte, len(types))
	for i, t := range types {
		switch t {
		case wasm.I32:
			letters[i] = 'i'
		case wasm.I64:
			letters[i] = 'l'
		case wasm.F32:
			letters[i] = 'f'
		case wasm.F64:
			letters[i] = 'd'
		case wasm.V128:
			letters[i] = 'v'
		default:
			letters[i] = 'r'
		}
	}
	return string(letters)
}

const stackPointerName = "__stack_pointer"

// findStackPointer finds the global that clang's code keeps its stack in. A stripped module has no names; wasm-ld
// always puts it first, and begins it with a positive constant.
func (p *Program) findStackPointer(s *wasm.Spaces) {
	index, first := -1, int(p.module.ImportedGlobals())
	for i, name := range p.names.Globals {
		if name == stackPointerName {
			index = int(i)
		}
	}
	if e, ok := p.exports[stackPointerName]; index < 0 && ok && e.Kind == wasm.KindGlobal {
		index = int(e.Index)
	}
	if index < 0 && !p.named {
		index = 0
	}
	if index < first || index >= len(s.Globals) || !s.Globals[index].Mutable {
		return
	}
	r := wasm.NewReader(p.module.Globals[index-first].Init)
	if !r.Next() || r.Instr.Op != wasm.OpI32Const && r.Instr.Op != wasm.OpI64Const {
		return
	}
	top := int64(r.Instr.Bits)
	if top > 0 && r.Next() && r.Instr.Op == wasm.OpEnd {
		p.stackPointer, p.stackTop = index, top
	}
}

// FunctionName is the name section's, or "function 12".
func (p *Program) FunctionName(index int) string {
	if name := p.names.Functions[uint32(index)]; name != "" {
		return Printable(name)
	}
	return fmt.Sprintf("function %d", index)
}

// Encode writes the module for an engine: the counts are those of what is there, and there are no names nor debug
// information, which are kept here; in their place stands what the engine wants (nil: nothing). Callbacks are added.
func (p *Program) Encode(inPlace []wasm.Custom) ([]byte, error) {
	p.addCallbacks()
	m := p.module
	p.source = newSource(m)
	m.Customs = slices.DeleteFunc(slices.Clone(m.Customs), func(c wasm.Custom) bool {
		return c.Name == "name" || strings.HasPrefix(c.Name, ".debug_") || wasm.IsCodeMap(c.Name) || lower.IsSection(c.Name)
	})
	if p.source == nil {
		return m.Encode(), nil
	}
	m.Customs = append(m.Customs, inPlace...)
	out := m.Encode()
	written, err := wasm.Decode(out)
	if err != nil {
		return nil, fmt.Errorf("program: what was written can't be read: %w", err)
	}
	p.source.bodies = written.Bodies()
	return out, nil
}

// HasLines reports whether frames can be told with files and lines, which needs their offsets.
func (p *Program) HasLines() bool { return p.source != nil }

// Forget drops the file's bytes. Encode and Refused need them.
func (p *Program) Forget() { p.module = nil }

// Memory is the size that the exported memory begins with and the most that it may grow to, in pages, of whatever an
// engine's addresses reach at most.
func (p *Program) Memory(reach uint64) (least, most uint64) {
	if p.memory == nil {
		return 0, 0
	}
	most = reach
	if p.memory.HasMax {
		most = min(p.memory.Max, reach)
	}
	return p.memory.Min, most
}

// HasImport reports whether the module imports that function.
func (p *Program) HasImport(module, name string) bool {
	return slices.ContainsFunc(p.Imports, func(im Import) bool { return im.Module == module && im.Name == name })
}
