package object

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// ABI is the version of what is agreed between the machine code in an object and its runtime. It is raised when
// either expects something else of the other.
const ABI = 1

const (
	// Symbol is the one thing that an object exports: see the type Object of the C that it is made of.
	Symbol     = "native_object"
	symbolSize = 5 * 8

	pageSize = 4096
	// maxImage bounds the addresses that an object asks for.
	maxImage = 1 << 30
)

// Image is a checked object: what of it is to be mapped, where, and what is to be written into it then.
type Image struct {
	Size        uint64 // addresses that it takes, from 0 on: whole pages
	Segments    []Segment
	Relocations []Relocation
	Object      uint64 // where what Symbol names begins
}

// Segment is a part of the image. No page has parts of two.
type Segment struct {
	Address, Size  uint64
	Data           []byte // what it begins with; the rest is zeros
	Write, Execute bool   // never both; nothing is written but by relocations
}

// Relocation is an address that is to be written: where the image was put, plus To.
type Relocation struct{ At, To uint64 }

// ErrBad is of an object that must not be mapped.
var ErrBad = errors.New("is no object of a program")

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrBad, fmt.Sprintf(format, args...))
}

// Check says what a shared object has, or that it has anything which the objects that we make never have: another
// machine's code, memory that can be both written and executed, parts outside the file, relocations other than of its
// own addresses and outside what can be written, symbols or libraries that it wants of others, code that runs when it
// is loaded.
func Check(file []byte) (*Image, error) {
	f, err := elf.NewFile(bytes.NewReader(file))
	if err != nil {
		return nil, bad("%v", err)
	}
	if f.Class != elf.ELFCLASS64 || f.Data != elf.ELFDATA2LSB || f.Type != elf.ET_DYN || f.Machine != elf.EM_X86_64 ||
		f.Entry != 0 {
		return nil, bad("it is %v, %v, %v, %v", f.Class, f.Data, f.Type, f.Machine)
	}
	for _, s := range f.Sections {
		if err := checkSection(s, uint64(len(file))); err != nil {
			return nil, err
		}
	}
	im := &Image{}
	if err := im.addSegments(f, file); err != nil {
		return nil, err
	}
	if err := im.addDynamic(f); err != nil {
		return nil, err
	}
	return im, im.addSymbol(f)
}

func checkSection(s *elf.Section, size uint64) error {
	if s.Type != elf.SHT_NOBITS && (s.Offset > size || s.FileSize > size-s.Offset) {
		return bad("its section %s is not all there", s.Name)
	}
	switch s.Type {
	case elf.SHT_INIT_ARRAY, elf.SHT_FINI_ARRAY, elf.SHT_PREINIT_ARRAY:
		return bad("it has code that runs by itself (%s)", s.Name)
	case elf.SHT_REL:
		return bad("it has relocations of another kind (%s)", s.Name)
	}
	if s.Flags&elf.SHF_TLS != 0 {
		return bad("it has variables of threads (%s)", s.Name)
	}
	return nil
}

// addSegments takes what is to be mapped.
func (im *Image) addSegments(f *elf.File, file []byte) error {
	for _, p := range f.Progs {
		switch p.Type {
		case elf.PT_LOAD:
			if err := im.addSegment(p, file); err != nil {
				return err
			}
		case elf.PT_GNU_STACK:
			if p.Flags&elf.PF_X != 0 {
				return bad("it wants to execute its stack")
			}
		case elf.PT_PHDR, elf.PT_DYNAMIC, elf.PT_GNU_RELRO, elf.PT_NOTE, elf.PT_GNU_EH_FRAME, elf.PT_GNU_PROPERTY:
		default:
			return bad("it has a segment of type %v", p.Type)
		}
	}
	if len(im.Segments) == 0 {
		return bad("there is nothing to map")
	}
	return nil
}

func (im *Image) addSegment(p *elf.Prog, file []byte) error {
	size := uint64(len(file))
	switch {
	case p.Filesz > p.Memsz || p.Memsz == 0 || p.Off > size || p.Filesz > size-p.Off:
		return bad("a segment is not all there")
	case p.Vaddr > maxImage || p.Memsz > maxImage-p.Vaddr:
		return bad("a segment takes too much room")
	case p.Flags&elf.PF_R == 0 || p.Flags&^(elf.PF_R|elf.PF_W|elf.PF_X) != 0:
		return bad("a segment has flags %v", p.Flags)
	case p.Flags&elf.PF_W != 0 && p.Flags&elf.PF_X != 0:
		return bad("a segment can be both written and executed")
	case im.Segments == nil && p.Vaddr >= pageSize || p.Vaddr&^(pageSize-1) < im.Size:
		return bad("segments share pages, or are out of order")
	}
	im.Segments = append(im.Segments, Segment{p.Vaddr, p.Memsz, file[p.Off : p.Off+p.Filesz], p.Flags&elf.PF_W != 0,
		p.Flags&elf.PF_X != 0})
	im.Size = (p.Vaddr + p.Memsz + pageSize - 1) &^ (pageSize - 1)
	return nil
}

// holds reports whether so many bytes from an address on are the segment's.
func (s Segment) holds(at, size uint64) bool {
	return at >= s.Address && at-s.Address <= s.Size && size <= s.Size-(at-s.Address)
}

// bytes are those of the file at an address; nil where they are not all of one segment and in the file.
func (im *Image) bytes(at, size uint64) []byte {
	for _, s := range im.Segments {
		if n := uint64(len(s.Data)); at >= s.Address && at-s.Address <= n && size <= n-(at-s.Address) {
			return s.Data[at-s.Address:][:size]
		}
	}
	return nil
}

// accepted are the entries that a dynamic section may have beside those that are looked at. What isn't listed asks for
// something: libraries, code that runs by itself, relocations of another kind.
var accepted = map[elf.DynTag]bool{elf.DT_SYMTAB: true, elf.DT_SYMENT: true, elf.DT_STRTAB: true, elf.DT_STRSZ: true,
	elf.DT_HASH: true, elf.DT_GNU_HASH: true, elf.DT_SONAME: true, elf.DT_SYMBOLIC: true, elf.DT_FLAGS: true,
	elf.DT_FLAGS_1: true, elf.DT_RELACOUNT: true}

// flagsAllowed are those of DT_FLAGS.
const flagsAllowed = uint64(elf.DF_SYMBOLIC | elf.DF_BIND_NOW)

func (im *Image) addDynamic(f *elf.File) error {
	var table []byte
	for _, p := range f.Progs {
		if p.Type != elf.PT_DYNAMIC {
			continue
		}
		if table != nil || p.Memsz != p.Filesz {
			return bad("it has two dynamic sections")
		}
		if table = im.bytes(p.Vaddr, p.Filesz); table == nil {
			return bad("its dynamic section is elsewhere")
		}
	}
	values := map[elf.DynTag]uint64{}
	for ; len(table) >= 16; table = table[16:] {
		tag, value := elf.DynTag(binary.LittleEndian.Uint64(table)), binary.LittleEndian.Uint64(table[8:])
		switch {
		case tag == elf.DT_NULL:
			return im.addRelocations(values)
		case tag == elf.DT_RELA || tag == elf.DT_RELASZ || tag == elf.DT_RELAENT:
			values[tag] = value
		case tag == elf.DT_FLAGS && value&^flagsAllowed != 0 || !accepted[tag]:
			return bad("its dynamic section has %v %#x", tag, value)
		}
	}
	return bad("its dynamic section has no end")
}

func (im *Image) addRelocations(dynamic map[elf.DynTag]uint64) error {
	const entry = 24
	size := dynamic[elf.DT_RELASZ]
	table := im.bytes(dynamic[elf.DT_RELA], size)
	if size%entry != 0 || size > 0 && (table == nil || dynamic[elf.DT_RELAENT] != entry) {
		return bad("its relocations are not all there")
	}
	for ; len(table) > 0; table = table[entry:] {
		r := Relocation{binary.LittleEndian.Uint64(table), binary.LittleEndian.Uint64(table[16:])}
		if kind := binary.LittleEndian.Uint64(table[8:]); kind != uint64(elf.R_X86_64_RELATIVE) {
			return bad("it has a relocation of type %#x", kind)
		}
		within := func(s Segment) bool { return s.Write && s.holds(r.At, 8) }
		if r.At%8 != 0 || r.To >= im.Size || !slices.ContainsFunc(im.Segments, within) {
			return bad("a relocation at %#x leads astray", r.At)
		}
		im.Relocations = append(im.Relocations, r)
	}
	return nil
}

// addSymbol finds what the object exports.
func (im *Image) addSymbol(f *elf.File) error {
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return bad("%v", err)
	}
	if len(symbols) != 1 {
		return bad("it has %d symbols for others, or of others, not 1", len(symbols))
	}
	s := symbols[0]
	if s.Name != Symbol || s.Section == elf.SHN_UNDEF || elf.ST_BIND(s.Info) != elf.STB_GLOBAL ||
		elf.ST_TYPE(s.Info) != elf.STT_OBJECT || s.Size != symbolSize || s.Value%8 != 0 {
		return bad("%q is not what it is to export", s.Name)
	}
	b := im.bytes(s.Value, s.Size)
	if b == nil {
		return bad("what it exports is elsewhere")
	}
	if abi := binary.LittleEndian.Uint64(b); abi != ABI {
		return bad("it was made for version %d of the runtime, not %d", abi, ABI)
	}
	im.Object = s.Value
	return nil
}
