package toolchain

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"strings"
)

// weakenTentative gives an object the meaning of -fcommon: several files may define the same variable without a value.
// clang has no common symbols for wasm. It puts such variables among the zeroed ones, where they cannot be told from those
// that are initialised to zero by name; all of them become weak, so that the linker takes the first, or one with a value.
func weakenTentative(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	flags, err := tentative(data)
	if err != nil || len(flags) == 0 {
		return err
	}
	for _, at := range flags {
		data[at] |= symbolWeak
	}
	return os.WriteFile(file, data, 0o644)
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

// tentative returns the places in an object of the flags of its global zeroed variables. Bit 0 of a symbol's flags is
// bit 0 of its first byte, whatever the length of the number.
func tentative(object []byte) ([]int, error) {
	if !bytes.HasPrefix(object, []byte("\x00asm\x01\x00\x00\x00")) {
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

func linking(in *objectReader, end int) ([]int, error) {
	in.number()       // version
	var zeroed []bool // by segment
	var found []variable
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
	var flags []int
	for _, v := range found {
		if v.segment < len(zeroed) && zeroed[v.segment] {
			flags = append(flags, v.flags)
		}
	}
	return flags, in.err
}

// variable is a defined global data symbol: where its flags stand, and in which segment it lies.
type variable struct{ flags, segment int }

func variables(in *objectReader) (found []variable) {
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
			in.name()
			if !defined {
				continue
			}
			segment := in.number()
			in.number() // offset
			in.number() // size
			if flag&symbolBinding == 0 {
				found = append(found, variable{at, segment})
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
