// Package translate writes a module as C for clang, which makes machine code of it: the first half of the native
// engine's compiler. What comes out depends on the module's code alone and holds no text of it. It leaves to others how
// clang is run and what becomes of the object (worker/engine/native/object), and what the code runs on: memory, host
// functions, traps (worker/engine/native).
//
// A function of the module is a function of C: its locals are variables, what its instructions leave on the stack are
// expressions or variables that are written once, its blocks are labels, nothing is nested. The instance and the memory
// are its first two parameters. What an access beyond the memory, a division by zero or a call through a null pointer
// has to do is in c/prelude.h, which also has the layout of what the code and the engine share.
package translate

import (
	"fmt"
	"strings"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// File is one file of C, complete in itself: no other one has to be there for clang to compile it, and the machine code
// follows from its text and from clang's flags.
type File struct {
	Name string
	Text []byte
}

// loopsPrefix begins the names of files with a loop that is written twice.
const loopsPrefix = "loops"

// FlagsOf are more flags for a file of some name: where a loop is written twice clang has something to unroll, and -O1
// doesn't.
func FlagsOf(name string) []string {
	if strings.HasPrefix(name, loopsPrefix) {
		return []string{"-O2"}
	}
	return nil
}

// Version is of the text: another one means that the same module may come out as other C.
const Version = 8

// Flags are clang's flags without which the text does not mean what the module means. Whoever runs clang adds those for
// the processor, for optimising and for line tables.
//
//   - Integers wrap, addresses may be computed beyond any object, and accesses of any type may be of the same memory.
//   - Floating point is computed as written: no fused multiply-add, and no function sets errno.
//   - Loops may be endless, and so may calls: none becomes a jump, so that too many end in the stack's guard, and every
//     function is found in a backtrace.
//   - A frame larger than the guard touches each page of it.
var Flags = []string{"-std=gnu17", "-fwrapv", "-fno-strict-aliasing", "-fno-delete-null-pointer-checks",
	"-ffp-contract=off", "-fno-math-errno", "-fno-finite-loops", "-fno-optimize-sibling-calls", "-ffreestanding",
	"-fPIC", "-fvisibility=hidden", "-fno-stack-protector", "-fstack-clash-protection", "-w"}

// Translate writes the module as files of C: the same for the same code. The module is validated first. Errors are for
// a person: what is wrong with the module, what of it the native engine does not know, or that it would become too
// large.
func Translate(m *wasm.Module) ([]File, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	if err := refuse(m); err != nil {
		return nil, err
	}
	t := newTranslator(m)
	t.findTails()
	if err := t.functions(); err != nil {
		return nil, err
	}
	return append(t.files, t.object(), t.support()), nil
}

// refuse names what of a valid module has no translation.
func refuse(m *wasm.Module) error {
	features, err := wasm.Features(m)
	if err != nil {
		return err
	}
	for _, f := range features {
		switch f.Name {
		case wasm.RelaxedSIMD, wasm.LegacyExceptions, wasm.Exceptions, wasm.MultiMemory:
			return fmt.Errorf("the native engine does not know %s: %s", f, f.Advice)
		}
	}
	if spaces := m.Spaces(); len(spaces.Tags) > 0 {
		return fmt.Errorf("the native engine does not know exceptions, and the module has a tag")
	}
	return nil
}

// translator holds what all functions share, and the file that is being written.
type translator struct {
	*wasm.Spaces
	first    uint32   // index of the first function that the module defines
	types    []uint32 // of each type the first one that equals it
	results  []uint32 // of each type the first one that gives the same values
	memory64 bool
	shared   bool // threads may change the memory
	tails    tails
	f        *function
	group    group
	files    []File
	written  int // bytes of C
	limit    int
}

// Bounds of what is written, in bytes: a module's code may become that many times as much, and this much at least.
// Compilers' modules become 10 to 15 times as much. What grows further was made to, by blocks that carry hundreds of
// values.
const (
	maxGrowth = 64
	minLimit  = 16 << 20
)

func newTranslator(m *wasm.Module) *translator {
	t := &translator{Spaces: m.Spaces(), first: m.ImportedFunctions(), limit: minLimit}
	equal, gives := map[string]uint32{}, map[string]uint32{}
	for i, ft := range m.Types {
		t.types = append(t.types, firstOf(equal, typeBytes(ft.Params)+"\x00"+typeBytes(ft.Results), uint32(i)))
		t.results = append(t.results, firstOf(gives, typeBytes(ft.Results), uint32(i)))
	}
	for i := range m.Functions {
		t.limit += maxGrowth * len(m.Functions[i].Body)
	}
	t.memory64 = len(t.Memories) > 0 && t.Memories[0].Is64
	t.shared = len(t.Memories) > 0 && t.Memories[0].Shared
	t.f = newFunction(t)
	return t
}

func typeBytes(types []wasm.ValueType) string {
	b := make([]byte, len(types))
	for i, t := range types {
		b[i] = byte(t)
	}
	return string(b)
}

func firstOf(seen map[string]uint32, key string, index uint32) uint32 {
	if first, ok := seen[key]; ok {
		return first
	}
	seen[key] = index
	return index
}

// functions translates every function that the module defines, in groups of a file each.
func (t *translator) functions() error {
	for i := range t.Module.Functions {
		index := t.first + uint32(i)
		if err := t.f.translate(index, false); err != nil {
			return err
		}
		t.group.add(t.f)
		if t.tails.second[index] && t.tails.own[index] {
			if err := t.f.translate(index, true); err != nil {
				return err
			}
			t.group.add(t.f)
		}
		if t.group.ends(t.Module.Functions[i].Body) {
			t.finish()
		}
	}
	if len(t.group.text) > 0 {
		t.finish()
	}
	return nil
}

// count keeps account of what is written.
func (t *translator) count(bytes int) error {
	if t.written += bytes; t.written > t.limit {
		return fmt.Errorf("the module would become more than %d MiB of C, far more than compilers' modules of its size",
			t.limit>>20)
	}
	return nil
}
