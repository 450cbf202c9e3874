package toolchain

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/faasmrun/faasmrun/internal/filetype"
	"github.com/faasmrun/faasmrun/internal/wasm"
)

// weaken makes those global data symbols of an object weak that may be defined in several files: the linker takes the
// first, or a strong one. clang has no common symbols for wasm, which is what they are elsewhere. With -fcommon these
// are variables without a value; they stand among the zeroed ones and cannot be told from those that are initialised to
// zero.
func weaken(file string, may func(dataSymbol) bool) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	symbols, err := dataSymbols(data)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	changed := false
	for _, s := range symbols {
		if may(s) {
			data[s.flags] |= symbolWeak
			changed = true
		}
	}
	if !changed {
		return nil
	}
	return os.WriteFile(file, data, 0o644)
}

// ofOpenMP reports whether it is a variable that clang makes for directives in every file that needs it: the lock of a
// critical section or reduction, by its name, or the copies of a threadprivate variable.
func (s *dataSymbol) ofOpenMP() bool {
	return strings.HasPrefix(s.name, ".gomp_critical_user_") || strings.HasSuffix(s.name, ".cache.")
}

// The parts of an object's linking section that matter here; see tool-conventions/Linking.md.
const (
	segmentInfo = 5
	symbolTable = 8

	symbolFunction = 0
	symbolData     = 1
	symbolGlobal   = 2
	symbolSection  = 3
	symbolEvent    = 4
	symbolTableSym = 5

	symbolWeak      = 0x01
	symbolLocal     = 0x02
	symbolBinding   = 0x03
	symbolUndefined = 0x10
	symbolExplicit  = 0x40
)

var errObject = errors.New("clang's object has a linking section that cannot be read")

// dataSymbol is a global variable that an object defines.
type dataSymbol struct {
	name    string
	flags   int // where its flags stand; bit 0 of them is bit 0 of the first byte, whatever the length of the number
	segment int
	zeroed  bool // its segment holds nothing but zeros
}

// functionSymbol is a function that an object defines or calls.
type functionSymbol struct {
	name    string // "" where the import of that index says it
	index   int
	defined bool
}

// symbols are what an object's linking section says.
type symbols struct {
	data      []dataSymbol // those that are defined and not weak
	functions []functionSymbol
}

// dataSymbols lists an object's global variables that are not weak.
func dataSymbols(object []byte) ([]dataSymbol, error) {
	s, err := readSymbols(object)
	return s.data, err
}

func readSymbols(object []byte) (symbols, error) {
	if filetype.Of(object) != filetype.Module {
		return symbols{}, nil // -emit-llvm and the like
	}
	in := &objectReader{b: object, pos: 8}
	for in.more() {
		id, end := in.byte(), 0
		size := in.number()
		end = in.pos + size
		if id == 0 && in.name() == "linking" {
			return linking(in, end)
		}
		in.seek(end)
	}
	return symbols{}, in.err
}

// functionTypes gives the types of the functions that an object calls and does not define, and of those that it defines
// for others.
func functionTypes(object []byte) (called, defined map[string]wasm.FuncType, err error) {
	found, err := readSymbols(object)
	if err != nil {
		return nil, nil, err
	}
	m, err := wasm.Decode(object)
	if err != nil {
		return nil, nil, err
	}
	var imports []string
	for _, im := range m.Imports {
		if im.Kind == wasm.KindFunction {
			imports = append(imports, im.Name)
		}
	}
	space := m.Spaces()
	called, defined = map[string]wasm.FuncType{}, map[string]wasm.FuncType{}
	for _, f := range found.functions {
		t, there := space.FunctionType(uint32(f.index))
		switch {
		case !there:
			return nil, nil, errObject
		case f.defined:
			defined[f.name] = t
		case f.name != "":
			called[f.name] = t
		case f.index < len(imports):
			called[imports[f.index]] = t
		}
	}
	return called, defined, nil
}

func linking(in *objectReader, end int) (symbols, error) {
	in.number()       // version
	var zeroed []bool // by segment
	var found symbols
	for in.more() && in.pos < end {
		kind, size := in.byte(), in.number()
		next := in.pos + size
		switch kind {
		case segmentInfo:
			for n := in.number(); n > 0 && in.more(); n-- {
				zeroed = append(zeroed, strings.HasPrefix(in.name(), ".bss."))
				in.number() // alignment
				in.number() // flags
			}
		case symbolTable:
			found = readSymbolTable(in)
		}
		in.seek(next)
	}
	for i := range found.data {
		s := &found.data[i]
		s.zeroed = s.segment < len(zeroed) && zeroed[s.segment]
	}
	return found, in.err
}

func readSymbolTable(in *objectReader) (found symbols) {
	for n := in.number(); n > 0 && in.more(); n-- {
		kind, at := in.byte(), in.pos
		flag := in.number()
		defined := flag&symbolUndefined == 0
		switch kind {
		case symbolFunction, symbolGlobal, symbolEvent, symbolTableSym:
			index, name := in.number(), ""
			if defined || flag&symbolExplicit != 0 {
				name = in.name()
			}
			if kind == symbolFunction && flag&symbolBinding != symbolLocal {
				found.functions = append(found.functions, functionSymbol{name, index, defined})
			}
		case symbolData:
			name := in.name()
			if !defined {
				continue
			}
			segment := in.number()
			in.number() // offset
			in.number() // size
			if flag&symbolBinding == 0 {
				found.data = append(found.data, dataSymbol{name: name, flags: at, segment: segment})
			}
		case symbolSection:
			in.number()
		default:
			in.err = errObject
		}
	}
	return found
}

// objectReader reads clang's own output; an error stays and ends all loops.
type objectReader struct {
	b   []byte
	pos int
	err error
}

func (r *objectReader) more() bool { return r.err == nil && r.pos < len(r.b) }

func (r *objectReader) seek(pos int) {
	if pos < r.pos || pos > len(r.b) {
		r.err = errObject
		return
	}
	r.pos = pos
}

func (r *objectReader) byte() byte {
	if !r.more() {
		r.err = errObject
		return 0
	}
	r.pos++
	return r.b[r.pos-1]
}

func (r *objectReader) number() int {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.b[r.pos:])
	if n <= 0 || v > 1<<32 {
		r.err = errObject
		return 0
	}
	r.pos += n
	return int(v)
}

func (r *objectReader) name() string {
	n := r.number()
	if r.err != nil || n > len(r.b)-r.pos {
		r.err = errObject
		return ""
	}
	r.pos += n
	return string(r.b[r.pos-n : r.pos])
}
