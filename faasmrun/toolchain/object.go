package toolchain

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/faasmrun/faasmrun/internal/filetype"
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

// dataSymbols lists an object's global variables that are not weak.
func dataSymbols(object []byte) ([]dataSymbol, error) {
	if filetype.Of(object) != filetype.Module {
		return nil, nil // -emit-llvm and the like
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
	return nil, in.err
}

func linking(in *objectReader, end int) ([]dataSymbol, error) {
	in.number()       // version
	var zeroed []bool // by segment
	var found []dataSymbol
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
			found = variables(in)
		}
		in.seek(next)
	}
	for i := range found {
		found[i].zeroed = found[i].segment < len(zeroed) && zeroed[found[i].segment]
	}
	return found, in.err
}

func variables(in *objectReader) (found []dataSymbol) {
	for n := in.number(); n > 0 && in.more(); n-- {
		kind, at := in.byte(), in.pos
		flag := in.number()
		defined := flag&symbolUndefined == 0
		switch kind {
		case symbolFunction, symbolGlobal, symbolEvent, symbolTableSym:
			in.number()
			if defined || flag&symbolExplicit != 0 {
				in.name()
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
				found = append(found, dataSymbol{name: name, flags: at, segment: segment})
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
