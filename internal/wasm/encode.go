package wasm

import "encoding/binary"

// Encode writes the module, in the canonical form that the package's comment describes.
func (m *Module) Encode() []byte {
	out, _ := m.EncodeCode()
	return out
}

// EncodeCode writes the module, and says where the bodies of its functions have come to stand, as Bodies does of a
// module that was decoded.
func (m *Module) EncodeCode() (out []byte, bodies []uint32) {
	e := &encoder{m: m, out: make([]byte, 0, m.sizeHint()), bodies: make([]uint32, 0, len(m.Functions))}
	e.out = append(e.out, header...)
	e.customs(sectionCustom)
	for _, id := range sectionOrder {
		e.section(id)
		e.customs(id)
	}
	return e.out, e.bodies
}

// sizeHint is about the size of the encoded module.
func (m *Module) sizeHint() int {
	n := 4096 + 8*(len(m.Types)+len(m.Elements)) + 32*(len(m.Imports)+len(m.Exports)+len(m.Globals))
	for i := range m.Functions {
		n += len(m.Functions[i].Body) + 2*len(m.Functions[i].Locals) + 8
	}
	for i := range m.Data {
		n += len(m.Data[i].Bytes) + 16
	}
	for i := range m.Elements {
		n += 3 * len(m.Elements[i].Functions)
	}
	for i := range m.Customs {
		n += len(m.Customs[i].Data) + len(m.Customs[i].Name) + 16
	}
	return n
}

type encoder struct {
	m        *Module
	out      []byte
	contents int      // where those of the section at hand begin
	bodies   []uint32 // where each function's body begins, counted from there
}

func (e *encoder) byte(b byte) { e.out = append(e.out, b) }
func (e *encoder) u32(v uint32) {
	e.out = AppendU32(e.out, v)
}
func (e *encoder) bytes(b []byte) {
	e.u32(uint32(len(b)))
	e.out = append(e.out, b...)
}
func (e *encoder) name(s string) {
	e.u32(uint32(len(s)))
	e.out = append(e.out, s...)
}

// sized writes what body writes, after its size.
func (e *encoder) sized(body func()) {
	const room = binary.MaxVarintLen32
	start := len(e.out)
	e.out = append(e.out, make([]byte, room)...)
	e.contents = len(e.out)
	body()
	size := len(e.out) - start - room
	n := len(AppendU32(e.out[start:start], uint32(size)))
	if n < room {
		e.out = append(e.out[:start+n], e.out[start+room:]...)
	}
}

// customs writes the custom sections that stand after a section.
func (e *encoder) customs(after byte) {
	for i := range e.m.Customs {
		if c := &e.m.Customs[i]; c.After == after {
			e.byte(sectionCustom)
			e.u32(uint32(nameSize(c.Name) + len(c.Data)))
			e.name(c.Name)
			e.out = append(e.out, c.Data...)
		}
	}
}

func nameSize(s string) int { return len(AppendU32(nil, uint32(len(s)))) + len(s) }

// section writes a section that has something in it.
func (e *encoder) section(id byte) {
	m := e.m
	switch id {
	case sectionType:
		entries(e, id, m.Types, e.funcType)
	case sectionImport:
		entries(e, id, m.Imports, e.importEntry)
	case sectionFunction:
		entries(e, id, m.Functions, func(f *Function) { e.u32(f.Type) })
	case sectionTable:
		entries(e, id, m.Tables, e.table)
	case sectionMemory:
		entries(e, id, m.Memories, e.limits)
	case sectionTag:
		entries(e, id, m.Tags, e.tag)
	case sectionGlobal:
		entries(e, id, m.Globals, func(g *Global) { e.globalType(g.GlobalType); e.expr(g.Init) })
	case sectionExport:
		entries(e, id, m.Exports, func(x *Export) { e.name(x.Name); e.byte(byte(x.Kind)); e.u32(x.Index) })
	case sectionStart:
		if m.HasStart {
			e.byte(id)
			e.sized(func() { e.u32(m.Start) })
		}
	case sectionElement:
		entries(e, id, m.Elements, e.element)
	case sectionDataCount:
		if m.HasCount {
			e.byte(id)
			e.sized(func() { e.u32(uint32(len(m.Data))) })
		}
	case sectionCode:
		entries(e, id, m.Functions, e.function)
	case sectionData:
		entries(e, id, m.Data, e.data)
	}
}

func entries[T any](e *encoder, id byte, list []T, entry func(*T)) {
	if len(list) == 0 {
		return
	}
	e.byte(id)
	e.sized(func() {
		e.u32(uint32(len(list)))
		for i := range list {
			entry(&list[i])
		}
	})
}

func (e *encoder) funcType(t *FuncType) {
	e.byte(formFunction)
	e.valueTypes(t.Params)
	e.valueTypes(t.Results)
}

func (e *encoder) valueTypes(types []ValueType) {
	e.u32(uint32(len(types)))
	for _, t := range types {
		e.byte(byte(t))
	}
}

func (e *encoder) importEntry(im *Import) {
	e.name(im.Module)
	e.name(im.Name)
	e.byte(byte(im.Kind))
	switch im.Kind {
	case KindFunction:
		e.u32(im.Type)
	case KindTable:
		e.table(&im.Table)
	case KindMemory:
		e.limits(&im.Memory)
	case KindGlobal:
		e.globalType(im.Global)
	case KindTag:
		e.tag(&im.Type)
	}
}

func (e *encoder) table(t *Table) {
	e.byte(byte(t.Type))
	e.limits(&t.Limits)
}

func (e *encoder) limits(l *Limits) {
	flags := byte(0)
	if l.HasMax {
		flags |= limitHasMax
	}
	if l.Shared {
		flags |= limitShared
	}
	if l.Is64 {
		flags |= limit64
	}
	e.byte(flags)
	e.out = AppendU64(e.out, l.Min)
	if l.HasMax {
		e.out = AppendU64(e.out, l.Max)
	}
}

func (e *encoder) tag(t *uint32) {
	e.byte(0)
	e.u32(*t)
}

func (e *encoder) globalType(t GlobalType) {
	e.byte(byte(t.Type))
	if t.Mutable {
		e.byte(1)
	} else {
		e.byte(0)
	}
}

// expr writes an expression, which brings its own end.
func (e *encoder) expr(x Expr) { e.out = append(e.out, x...) }

func (e *encoder) element(s *Element) {
	flags := uint32(0)
	switch {
	case s.Mode == ElementPassive:
		flags = elementNotActive
	case s.Mode == ElementDeclarative:
		flags = elementNotActive | elementExplicit
	case s.Explicit || s.Table != 0 || s.Type != FuncRef:
		flags = elementExplicit
	}
	if s.Exprs != nil {
		flags |= elementExprs
	}
	e.u32(flags)
	if s.Mode == ElementActive {
		if flags&elementExplicit != 0 {
			e.u32(s.Table)
		}
		e.expr(s.Offset)
	}
	short := flags&(elementNotActive|elementExplicit) == 0
	if s.Exprs != nil {
		if !short {
			e.byte(byte(s.Type))
		}
		e.u32(uint32(len(s.Exprs)))
		for _, x := range s.Exprs {
			e.expr(x)
		}
		return
	}
	if !short {
		e.byte(elementKindFunctions)
	}
	e.u32(uint32(len(s.Functions)))
	for _, f := range s.Functions {
		e.u32(f)
	}
}

func (e *encoder) data(s *Data) {
	switch {
	case s.Passive:
		e.u32(dataPassive)
	case s.Explicit || s.Memory != 0:
		e.u32(dataExplicit)
		e.u32(s.Memory)
		e.expr(s.Offset)
	default:
		e.u32(dataActive)
		e.expr(s.Offset)
	}
	e.bytes(s.Bytes)
}

func (e *encoder) function(f *Function) {
	var buffer [64]byte
	locals := AppendU32(buffer[:0], uint32(len(f.Locals)))
	for _, l := range f.Locals {
		locals = append(AppendU32(locals, l.Count), byte(l.Type))
	}
	e.u32(uint32(len(locals) + len(f.Body)))
	e.out = append(e.out, locals...)
	e.bodies = append(e.bodies, uint32(len(e.out)-e.contents))
	e.out = append(e.out, f.Body...)
}
