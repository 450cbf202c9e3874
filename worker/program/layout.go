package program

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"math"
	"slices"
	"sync"

	"github.com/faasmrun/faasmrun/internal/passes"
	"github.com/faasmrun/faasmrun/internal/wasm"
)

// A layout is what is known of a prepared program, written down beside it so that nobody who runs the program has to
// read the module. It begins with layoutMagic, layoutVersion and a checksum of all behind it:
//
//	whose it is     what the module was prepared for (Target), the SHA-256 of the module as it was linked, size and
//	                checksum of the prepared one
//	what is asked   whether the program has 64-bit pointers, its imports
//	what it is      functions, exceptions, the start section, callbacks, memory and its lowest address, the C
//	                stack pointer
//	lines           the code map, places of bodies, where in the module as it was linked its debug information is
//	names           of functions, by index
//
// Numbers are unsigned integers of variable length, texts have their length in front. Lines and names are decoded when
// somebody asks for one: most programs end without.
const (
	layoutMagic   = "faasmrun layout\n"
	layoutVersion = 3
)

// ErrUnusable is of a prepared program that can't be believed: it is damaged, another program's, or another release's.
// It is to be made anew.
var ErrUnusable = errors.New("the prepared program is of no use")

func unusable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnusable, fmt.Sprintf(format, args...))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// layout is what encode writes and decodeLayout reads.
type layout struct {
	target     string
	origin     Hash
	size       uint64 // of the prepared module
	sum        uint32
	needs      Needs
	start      string // the export that was the start section
	throws     bool
	functions  uint64
	callbacks  []callback
	memory     wasm.Limits
	lowest     uint64
	stack      uint64 // index of the stack pointer, plus one; 0: not known
	stackTop   uint64
	lines      bool
	code       []byte // as wasm.CodeMap writes it
	bodies     []byte // the differences of their places
	debug      []section
	names      []byte // for each function that has one: the difference of indices, the name
	namesCount uint64
}

type callback struct {
	pointers Signature
	export   string
}

// section is a section of debug information, in the module as it was linked.
type section struct {
	name         string
	offset, size uint64
	sum          uint32
}

// complete adds what passes have made.
func (l *layout) complete(r *passes.Result) {
	l.size, l.sum = uint64(len(r.Module)), crc32.Checksum(r.Module, castagnoli)
	l.start, l.throws, l.functions, l.lines = r.Start, r.Throws, uint64(r.Functions), r.Code != nil
	for _, c := range r.Callbacks {
		l.callbacks = append(l.callbacks, callback{SignatureOf(c.Type), c.Export})
	}
	if l.lines {
		l.code = r.Code.Append(nil)
		l.bodies = binary.AppendUvarint(nil, uint64(len(r.Bodies)))
		last := uint32(0)
		for _, at := range r.Bodies {
			l.bodies = binary.AppendUvarint(l.bodies, uint64(at-last))
			last = at
		}
	}
	last := uint32(0)
	for _, index := range slices.Sorted(maps.Keys(r.Names.Functions)) {
		if name := r.Names.Functions[index]; name != "" && uint64(index) < l.functions {
			l.names = binary.AppendUvarint(l.names, uint64(index-last))
			l.names = appendText(l.names, name)
			l.namesCount++
			last = index
		}
	}
}

func appendText[T string | []byte](b []byte, s T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func (l *layout) encode() []byte {
	var b []byte
	number := func(v uint64) { b = binary.AppendUvarint(b, v) }
	text := func(s string) { b = appendText(b, s) }
	flag := func(f bool) {
		if f {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	signature := func(s Signature) { text(s.Params); text(s.Results) }
	text(l.target)
	b = append(b, l.origin[:]...)
	number(l.size)
	number(uint64(l.sum))
	flag(l.needs.LP64)
	number(uint64(len(l.needs.Imports)))
	for _, im := range l.needs.Imports {
		text(im.Module)
		text(im.Name)
		number(uint64(im.Kind))
		signature(im.Type)
	}
	number(l.functions)
	flag(l.throws)
	text(l.start)
	number(uint64(len(l.callbacks)))
	for _, c := range l.callbacks {
		signature(c.pointers)
		text(c.export)
	}
	number(l.memory.Min)
	flag(l.memory.HasMax)
	number(l.memory.Max)
	number(l.lowest)
	number(l.stack)
	number(l.stackTop)
	flag(l.lines)
	b = appendText(b, l.code)
	b = appendText(b, l.bodies)
	number(uint64(len(l.debug)))
	for _, s := range l.debug {
		text(s.name)
		number(s.offset)
		number(s.size)
		number(uint64(s.sum))
	}
	number(l.namesCount)
	b = appendText(b, l.names)
	head := append([]byte(layoutMagic), layoutVersion)
	return append(binary.LittleEndian.AppendUint32(head, crc32.Checksum(b, castagnoli)), b...)
}

// checkedLayout reads a layout that is whole and of this release.
func checkedLayout(b []byte) (*layout, error) {
	const head = len(layoutMagic) + 1 + 4
	switch {
	case len(b) < head || string(b[:len(layoutMagic)]) != layoutMagic:
		return nil, unusable("its layout is cut short, or something else")
	case b[len(layoutMagic)] != layoutVersion:
		return nil, unusable("its layout is of version %d, not %d", b[len(layoutMagic)], layoutVersion)
	case binary.LittleEndian.Uint32(b[head-4:]) != crc32.Checksum(b[head:], castagnoli):
		return nil, unusable("its layout is damaged")
	}
	return decodeLayout(b[head:])
}

// decodeLayout reads what stands behind the checksum. The result refers to b.
func decodeLayout(b []byte) (*layout, error) {
	d := decoder{b: b}
	l := &layout{target: d.text()}
	copy(l.origin[:], d.bytes(uint64(len(l.origin))))
	l.size, l.sum = d.number(), d.number32()
	l.needs.LP64 = d.flag()
	for n := d.count(5); n > 0 && !d.bad; n-- {
		im := Import{Module: d.text(), Name: d.text()}
		kind := d.number()
		if kind >= uint64(len(kindNames)) {
			d.bad = true
			break
		}
		im.Kind, im.Type = wasm.Kind(kind), d.signature()
		l.needs.Imports = append(l.needs.Imports, im)
	}
	if l.functions = d.number(); l.functions > math.MaxUint32 {
		d.bad = true
	}
	l.throws, l.start = d.flag(), d.text()
	for n := d.count(3); n > 0 && !d.bad; n-- {
		l.callbacks = append(l.callbacks, callback{d.signature(), d.text()})
	}
	l.memory = wasm.Limits{Min: d.number(), HasMax: d.flag(), Max: d.number()}
	if l.lowest = d.number(); l.lowest != 0 && l.lowest != wasm.NullPage {
		d.bad = true
	}
	if l.stack, l.stackTop = d.number(), d.number(); l.stack > math.MaxUint32 || l.stackTop > math.MaxInt64 {
		d.bad = true
	}
	l.lines = d.flag()
	l.code, l.bodies = d.bytes(d.number()), d.bytes(d.number())
	for n := d.count(4); n > 0 && !d.bad; n-- {
		l.debug = append(l.debug, section{d.text(), d.number(), d.number(), d.number32()})
	}
	l.namesCount = d.number()
	l.names = d.bytes(d.number())
	if d.bad || len(d.b) > 0 {
		return nil, unusable("its layout is no layout")
	}
	return l, nil
}

// functionNames reads the names. Of a table that is malformed those before the fault are returned.
func (l *layout) functionNames() map[uint32]string {
	d := decoder{b: l.names}
	names := make(map[uint32]string, min(l.namesCount, uint64(len(l.names))/2))
	index := uint64(0)
	for n := l.namesCount; n > 0; n-- {
		index += d.number()
		name := d.text()
		if d.bad || index > math.MaxUint32 {
			break
		}
		names[uint32(index)] = name
	}
	return names
}

// bodyOffsets reads the offsets of bodies.
func (l *layout) bodyOffsets() []uint32 {
	d := decoder{b: l.bodies}
	bodies := make([]uint32, d.count(1))
	at := uint64(0)
	for i := range bodies {
		if at += d.number(); d.bad || at > math.MaxUint32 {
			return nil
		}
		bodies[i] = uint32(at)
	}
	return bodies
}

// decoder reads a layout's parts. After a fault it reads zeros.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) number() uint64 {
	v, n := binary.Uvarint(d.b)
	if d.bad || n <= 0 {
		d.bad = true
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) number32() uint32 {
	v := d.number()
	d.bad = d.bad || v > math.MaxUint32
	return uint32(v)
}

func (d *decoder) flag() bool {
	v := d.number()
	d.bad = d.bad || v > 1
	return v == 1
}

func (d *decoder) bytes(n uint64) []byte {
	if d.bad || n > uint64(len(d.b)) {
		d.bad = true
		return nil
	}
	b := d.b[:n:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) text() string { return string(d.bytes(d.number())) }

func (d *decoder) signature() Signature { return Signature{d.text(), d.text()} }

// count reads how many entries follow, of at least that many bytes each.
func (d *decoder) count(least int) int {
	n := d.number()
	if d.bad || n > uint64(len(d.b)/least) {
		d.bad = true
		return 0
	}
	return int(n)
}

// open makes a program of its layout. original holds the module as it was linked, where its debug information is.
func (l *layout) open(whole []byte, original io.ReaderAt) *Program {
	p := &Program{Needs: l.needs, Throws: l.throws, Start: l.start, Functions: int(l.functions), layout: whole,
		memory: l.memory, Lowest: l.lowest, stackPointer: int(l.stack) - 1, stackTop: int64(l.stackTop),
		callbacks: map[Signature]string{},
		names:     sync.OnceValue(l.functionNames)}
	for _, c := range l.callbacks {
		p.callbacks[c.pointers] = c.export
	}
	if l.lines {
		p.source = &source{kept: sync.OnceValue(func() *kept { return l.kept(original) })}
	}
	return p
}
