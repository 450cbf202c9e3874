package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/faasmrun/faasmrun/internal/lower"
	"github.com/faasmrun/faasmrun/internal/wasm"
)

// layout is what a module declares outside its instructions. It is read by our own decoder before wazero sees the
// module, and wazero gets what our encoder writes: wazero allocates what a count in the file claims, however small the
// file is; an error of ours can name the kind of file it is; and wazero does not report imported globals and tables,
// nor which global is the C stack pointer.
type layout struct {
	module  *wasm.Module // until it is compiled: it refers to the file's bytes
	imports []importEntry
	exports map[string]wasm.Export
	names   *wasm.Names
	named   bool // there is a name section
	// the first memory or table with addresses of 64 bits; "" where there is none, or none is left
	wide         string
	lp64         bool                 // it was compiled with pointers of 64 bits
	functions    int                  // how many, the imported ones included
	start        *wasm.FuncType       // of _start; nil where that is no function
	memory       *limits              // the exported one's
	stackPointer int                  // index of the global; -1 when it is not known
	stackTop     int64                // what it begins with
	source       *source              // nil: backtraces say no files and lines
	callbacks    map[signature]string // the exports that call function pointers of a type
}

// signature is a function type in letters: i = i32, l = i64, f = f32, d = f64, v = v128, r = a reference.
type signature struct{ params, results string }

func (s signature) String() string { return "(" + s.params + ")→(" + s.results + ")" }

type importEntry struct {
	module, name string
	kind         wasm.Kind
	sig          signature
}

type limits struct{ min, max uint64 } // pages; max is 65536 when not declared

var kindNames = [...]string{"function", "table", "memory", "global", "exception tag"}

// Bounds on what a module may claim without bytes to show for it. A function's locals are bounded by the decoder.
const (
	maxTable       = 10_000_000 // elements
	maxBody        = 4 << 20    // bytes of a function's code: wazero takes up to 0.9 GiB of memory for each MB
	freeLocals     = 1 << 20    // locals of all functions together, above which they must not outnumber the file's bytes
	maxMemoryPages = 65536
)

// scan reads the module's structure. It checks everything whose size wazero would take on trust, and returns an error
// for the person who named the file.
func scan(file []byte) (*layout, error) {
	if err := sniff(file); err != nil {
		return nil, err
	}
	m, err := wasm.Decode(file)
	if err != nil {
		return nil, invalid(err)
	}
	l := &layout{module: m, exports: map[string]wasm.Export{}, stackPointer: -1, names: m.Names(),
		named: m.Custom("name") != nil}
	spaces := m.Spaces()
	l.functions = len(spaces.Functions)
	if err := claims(m, spaces, len(file)); err != nil {
		return nil, invalid(err)
	}
	l.wide = wideSpace(spaces)
	l.lp64 = lower.LP64(m)
	if i, size := l.largest(); size > maxBody {
		return nil, fmt.Errorf("%s has %.1f MB of code, more than the %.1f MB that one function may have: split it, or "+
			"compile its "+
			"file with less inlining and unrolling (-O1)", l.functionName(i), float64(size)/1e6, float64(maxBody)/1e6)
	}
	for _, e := range m.Exports {
		l.exports[e.Name] = e
	}
	for i := range m.Imports {
		im := &m.Imports[i]
		entry := importEntry{module: im.Module, name: im.Name, kind: im.Kind}
		if im.Kind == wasm.KindFunction {
			if int(im.Type) >= len(m.Types) {
				return nil, invalid(fmt.Errorf("%s.%s has type %d of %d", im.Module, im.Name, im.Type, len(m.Types)))
			}
			entry.sig = signatureOf(m.Types[im.Type])
		}
		l.imports = append(l.imports, entry)
	}
	if e, ok := l.exports["memory"]; ok && e.Kind == wasm.KindMemory && int(e.Index) < len(spaces.Memories) {
		memory := spaces.Memories[e.Index]
		l.memory = &limits{memory.Min, maxMemoryPages}
		if memory.HasMax {
			l.memory.max = min(memory.Max, maxMemoryPages)
		}
	}
	if e, ok := l.exports["_start"]; ok && e.Kind == wasm.KindFunction {
		if t, ok := spaces.FunctionType(e.Index); ok {
			l.start = &t
		}
	}
	l.findStackPointer(spaces)
	return l, nil
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
func (l *layout) largest() (index, size int) {
	imported := int(l.module.ImportedFunctions())
	for i := range l.module.Functions {
		if n := len(l.module.Functions[i].Body); n > size {
			index, size = imported+i, n
		}
	}
	return index, size
}

// LargestFunction names the function with the most code of a module, "work (0.7 MB of code)"; "" of what is none.
func LargestFunction(file []byte) string {
	l, err := scan(file)
	if err != nil {
		return ""
	}
	i, size := l.largest()
	return fmt.Sprintf("%s (%.1f MB of code)", l.functionName(i), float64(size)/1e6)
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
	return fmt.Errorf("not a valid WebAssembly module: %s", printable(strings.TrimPrefix(err.Error(), "wasm: ")))
}

func signatureOf(t wasm.FuncType) signature {
	return signature{lettersOf(t.Params), lettersOf(t.Results)}
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
func (l *layout) findStackPointer(s *wasm.Spaces) {
	index, first := -1, int(l.module.ImportedGlobals())
	for i, name := range l.names.Globals {
		if name == stackPointerName {
			index = int(i)
		}
	}
	if e, ok := l.exports[stackPointerName]; index < 0 && ok && e.Kind == wasm.KindGlobal {
		index = int(e.Index)
	}
	if index < 0 && !l.named {
		index = 0
	}
	if index < first || index >= len(s.Globals) || !s.Globals[index].Mutable {
		return
	}
	r := wasm.NewReader(l.module.Globals[index-first].Init)
	if !r.Next() || r.Instr.Op != wasm.OpI32Const && r.Instr.Op != wasm.OpI64Const {
		return
	}
	top := int64(r.Instr.Bits)
	if top > 0 && r.Next() && r.Instr.Op == wasm.OpEnd {
		l.stackPointer, l.stackTop = index, top
	}
}

// functionName is the name section's, or "function 12".
func (l *layout) functionName(index int) string {
	if name := l.names.Functions[uint32(index)]; name != "" {
		return printable(name)
	}
	return fmt.Sprintf("function %d", index)
}

// encode writes the module for wazero: the counts are those of what is there, debug information is what tells us a
// frame's place, and there are no names. wazero writes its traces as text, in which a name could say anything; so they
// tell numbers, and the names are put in here.
func (l *layout) encode() ([]byte, error) {
	m := l.module
	l.source = newSource(m)
	m.Customs = slices.DeleteFunc(slices.Clone(m.Customs), func(c wasm.Custom) bool {
		return c.Name == "name" || strings.HasPrefix(c.Name, ".debug_") || wasm.IsCodeMap(c.Name) || lower.IsSection(c.Name)
	})
	if l.source == nil {
		return m.Encode(), nil
	}
	m.Customs = append(m.Customs, lineStub()...)
	out := m.Encode()
	written, err := wasm.Decode(out)
	if err != nil {
		return nil, fmt.Errorf("engine: what was written can't be read: %w", err)
	}
	l.source.bodies = written.Bodies()
	return out, nil
}

// Check says what is wrong with a file that no pass could turn into a program: it is something else than a module, or
// damaged, or not linked. Of a module that imports functions which Link did not bind it lists these, as Unbound does.
func (e *Engine) Check(file []byte) (unbound []string, err error) {
	l, err := scan(file)
	if err != nil {
		return nil, err
	}
	if err := l.linked(); err != nil {
		return nil, err
	}
	functions := slices.DeleteFunc(slices.Clone(l.imports),
		func(i importEntry) bool { return i.kind != wasm.KindFunction })
	if unbound := e.unbound(functions, l.lp64); len(unbound) > 0 {
		return unbound, nil
	}
	return nil, l.program()
}
