// Package program owns what is known of a program whatever engine runs it: what a module declares, and whether it can
// be a rank's program at all; what files that are none are; the layout, which is kept beside a program that was
// prepared to run; its functions' names and lines; and how a program's end reads to a person: traps, signals,
// backtraces. It leaves running to worker/engine, and rewriting to internal/passes.
package program

import (
	"fmt"
	"math"
	"os"
	"slices"
	"unicode/utf8"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// Program is one that was prepared, ready for an engine: the module that the engine is given, and what is known of it
// besides, read from its layout. Frames and diagnosis need more than an engine reports, such as which global is the C
// stack pointer.
type Program struct {
	Needs
	// Throws reports whether the program had exceptions, and has internal/eh's globals in their place.
	Throws bool
	// Start is the export that is to be called before any other: it was the start section. "": there is none, or it still
	// is that.
	Start string
	// Lowest is the address below which the program has nothing in its memory, so that its null pointers can trap there:
	// wasm.NullPage, or 0 for a program that uses all of it.
	Lowest uint64
	// Functions counts those that can stand in a backtrace, the imported ones included.
	Functions int

	layout []byte
	code   []byte   // what the engine is given; until Forget
	file   *os.File // with the debug information; nil: it is elsewhere, or there is none

	callbacks    map[Signature]string
	memory       wasm.Limits // the exported one's
	stackPointer int         // index of the global; -1 when it is not known
	stackTop     int64       // what it begins with
	names        func() map[uint32]string
	source       *source // nil: backtraces say no files and lines
}

// Unnamed is a program of which nothing is known: its frames are told by the numbers of functions.
func Unnamed() *Program {
	return &Program{Functions: math.MaxInt, stackPointer: -1,
		names: func() map[uint32]string { return nil }}
}

// Needs are what a program asks of its host.
type Needs struct {
	Imports []Import
	// LP64 reports whether it was compiled with pointers of 64 bits.
	LP64 bool
}

// HasImport reports whether the module imports that function.
func (n Needs) HasImport(module, name string) bool {
	return slices.ContainsFunc(n.Imports, func(im Import) bool { return im.Module == module && im.Name == name })
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

// Code is the module that an engine is given. It has no names nor debug information, so that no program can put words
// into what an engine says.
func (p *Program) Code() []byte { return p.code }

// Hash is of everything that was prepared: what is made of the module further is kept by it.
func (p *Program) Hash() Hash { return hashOf(p.layout) }

// Forget drops the module. Code and Refused need it.
func (p *Program) Forget() { p.code = nil }

// HoldsFile reports whether the program holds a file open, for its lines.
func (p *Program) HoldsFile() bool { return p.file != nil }

// Close closes that file. Backtraces have no lines then.
func (p *Program) Close() error {
	if p.file == nil {
		return nil
	}
	return p.file.Close()
}

// Callback is the export that calls function pointers of a type, as (index, arguments…); false where no function of the
// module has that type, or it can't be called by the host.
func (p *Program) Callback(s Signature) (export string, ok bool) {
	export, ok = p.callbacks[s]
	return export, ok
}

// FunctionName is the name section's, or "function 12".
func (p *Program) FunctionName(index int) string {
	if index < 0 || index > math.MaxUint32 {
		return functionName("", index)
	}
	return functionName(p.names()[uint32(index)], index)
}

// maxName bounds a name in a message, in bytes: each of thirty frames has one.
const maxName = 1000

func functionName(name string, index int) string {
	if name == "" {
		return fmt.Sprintf("function %d", index)
	}
	if len(name) > maxName {
		end := maxName
		for end > 0 && !utf8.RuneStart(name[end]) {
			end--
		}
		name = name[:end] + "…"
	}
	return Printable(name)
}

// HasLines reports whether frames can be told with files and lines, which needs their offsets.
func (p *Program) HasLines() bool { return p.source != nil }

// Memory is the size that the exported memory begins with and the most that it may grow to, in pages, of whatever an
// engine's addresses reach at most.
func (p *Program) Memory(reach uint64) (least, most uint64) {
	most = reach
	if p.memory.HasMax {
		most = min(p.memory.Max, reach)
	}
	return p.memory.Min, most
}
