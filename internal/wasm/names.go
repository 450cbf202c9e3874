package wasm

import (
	"maps"
	"slices"
)

// Names is a name section: what debuggers and backtraces call things. Indices count imports too.
type Names struct {
	Module    string
	Functions map[uint32]string
	Locals    map[uint32]map[uint32]string // by function
	Globals   map[uint32]string
	Tags      map[uint32]string
	// Others are subsections that are kept as they are: labels, types, tables, memories, segments.
	Others []NameSubsection
}

// NameSubsection is a part of a name section that is not decoded.
type NameSubsection struct {
	ID   byte
	Data []byte
}

// Subsections of the name section.
const (
	namesModule    = 0
	namesFunctions = 1
	namesLocals    = 2
	namesGlobals   = 7
	namesTags      = 11
)

const nameSectionName = "name"

// Names decodes the module's name section. It never fails: a name section is a courtesy, and where it is malformed the
// names before the fault are returned. Each call decodes anew.
func (m *Module) Names() *Names {
	n := &Names{Functions: map[uint32]string{}, Locals: map[uint32]map[uint32]string{}, Globals: map[uint32]string{},
		Tags: map[uint32]string{}}
	c := m.Custom(nameSectionName)
	if c == nil {
		return n
	}
	for p := (parser{data: c.Data}); p.more(); {
		id := p.byte()
		part := parser{data: p.bytes(int(p.u32()))}
		if p.err != nil {
			return n
		}
		n.read(id, &part)
	}
	return n
}

func (n *Names) read(id byte, p *parser) {
	switch id {
	case namesModule:
		n.Module = p.name()
	case namesFunctions:
		nameMap(p, n.Functions)
	case namesLocals:
		for count := p.count(2, "functions"); count > 0 && p.err == nil; count-- {
			locals := map[uint32]string{}
			f := p.u32()
			nameMap(p, locals)
			if p.err == nil {
				n.Locals[f] = locals
			}
		}
	case namesGlobals:
		nameMap(p, n.Globals)
	case namesTags:
		nameMap(p, n.Tags)
	default:
		n.Others = append(n.Others, NameSubsection{ID: id, Data: p.data})
	}
}

func nameMap(p *parser, names map[uint32]string) {
	for count := p.count(2, "names"); count > 0 && p.err == nil; count-- {
		index, name := p.u32(), p.name()
		if p.err == nil {
			names[index] = name
		}
	}
}

// SetNames replaces the module's name section, at its position, or behind everything else where there was none.
func (m *Module) SetNames(n *Names) {
	data := n.encode()
	if c := m.Custom(nameSectionName); c != nil {
		c.Data = data
		return
	}
	m.Customs = append(m.Customs, Custom{Name: nameSectionName, Data: data, After: sectionData})
}

// encode writes the subsections in the order of their ids, and each one's names in the order of their indices.
func (n *Names) encode() []byte {
	parts := slices.Clone(n.Others)
	add := func(id byte, data []byte) { parts = append(parts, NameSubsection{ID: id, Data: data}) }
	if n.Module != "" {
		add(namesModule, appendName(nil, n.Module))
	}
	if len(n.Functions) > 0 {
		add(namesFunctions, appendNameMap(nil, n.Functions))
	}
	if len(n.Locals) > 0 {
		data := AppendU32(nil, uint32(len(n.Locals)))
		for _, f := range slices.Sorted(maps.Keys(n.Locals)) {
			data = appendNameMap(AppendU32(data, f), n.Locals[f])
		}
		add(namesLocals, data)
	}
	if len(n.Globals) > 0 {
		add(namesGlobals, appendNameMap(nil, n.Globals))
	}
	if len(n.Tags) > 0 {
		add(namesTags, appendNameMap(nil, n.Tags))
	}
	slices.SortStableFunc(parts, func(a, b NameSubsection) int { return int(a.ID) - int(b.ID) })
	var out []byte
	for _, p := range parts {
		out = append(AppendU32(append(out, p.ID), uint32(len(p.Data))), p.Data...)
	}
	return out
}

func appendName(b []byte, s string) []byte { return append(AppendU32(b, uint32(len(s))), s...) }

func appendNameMap(b []byte, names map[uint32]string) []byte {
	b = AppendU32(b, uint32(len(names)))
	for _, index := range slices.Sorted(maps.Keys(names)) {
		b = appendName(AppendU32(b, index), names[index])
	}
	return b
}
