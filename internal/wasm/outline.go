package wasm

import (
	"errors"
	"io"
)

// Bounds of what ReadOutline takes from a file.
const (
	maxOutline         = 1 << 20 // bytes of the sections that it decodes
	maxOutlineSections = 1000
	maxOutlineName     = 256 // of a custom section
	maxSectionHead     = 6   // an id and a size
)

// ReadOutline decodes what a module says of itself ahead of its code: types, imports, tables and memories, and the
// names of its custom sections. Of all else it reads the sections' sizes alone, so that a large module costs little.
// What is longer than any linker's output, or not in the order of a module, is an error.
func ReadOutline(file io.ReaderAt, size int64) (*Module, error) {
	o := &outline{file: file, size: size, left: maxOutline, d: decoder{m: &Module{}}}
	head, err := o.read(0, int64(len(header)))
	if err != nil {
		return nil, err
	}
	if string(head) != header {
		return nil, errorAt(0, "not version 1 of the binary format of modules")
	}
	at := int64(len(header))
	for n := 0; at < size; n++ {
		if n == maxOutlineSections {
			return nil, errorAt(int(at), "more than %d sections", maxOutlineSections)
		}
		if at, err = o.section(at); err != nil {
			return nil, err
		}
	}
	return o.d.m, nil
}

// outline is a file whose sections are looked at one by one.
type outline struct {
	file io.ReaderAt
	size int64
	left int64 // bytes that may still be decoded
	d    decoder
}

// read returns n bytes at an offset, or as many as there are.
func (o *outline) read(at, n int64) ([]byte, error) {
	b := make([]byte, min(n, o.size-at))
	got, err := o.file.ReadAt(b, at)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b[:got], nil
}

// section looks at the section at an offset and returns where it ends.
func (o *outline) section(at int64) (end int64, err error) {
	head, err := o.read(at, maxSectionHead)
	if err != nil {
		return 0, err
	}
	p := parser{data: head, base: int(at)}
	id, size := p.byte(), int64(p.u32())
	if p.err != nil {
		return 0, p.err
	}
	at += int64(p.at)
	if size > o.size-at {
		return 0, errorAt(int(at), "section %d ends behind the file", id)
	}
	wanted := int64(0)
	switch id {
	case sectionCustom:
		wanted = min(size, maxOutlineName)
	case sectionType, sectionImport, sectionTable, sectionMemory:
		wanted = size
	}
	if o.left -= wanted; o.left < 0 {
		return 0, errorAt(int(at), "more than %d bytes of types, imports, tables and memories", maxOutline)
	}
	var body []byte
	if wanted > 0 {
		if body, err = o.read(at, wanted); err != nil {
			return 0, err
		}
	}
	switch {
	case id == sectionCustom:
		o.d.custom(body, int(at))
		if n := len(o.d.m.Customs); n > 0 {
			o.d.m.Customs[n-1].Data = nil
		}
	case o.d.inOrder(id, int(at)) && body != nil:
		o.d.content(id, body, int(at))
	}
	if o.d.err != nil {
		return 0, o.d.err
	}
	return at + size, nil
}
