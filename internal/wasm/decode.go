package wasm

import "bytes"

// Decode reads a module. It checks the format, and that counts agree, but neither instructions nor indices: Validate
// does. The result refers to data, which is to stay unchanged. Errors are of type *Error.
func Decode(data []byte) (*Module, error) {
	if !bytes.HasPrefix(data, []byte(header)) {
		if bytes.HasPrefix(data, []byte(header[:4])) {
			return nil, errorAt(4, "not version 1 of the binary format of modules")
		}
		return nil, errorAt(0, "not a WebAssembly module: it does not begin with \"\\0asm\"")
	}
	d := &decoder{parser: parser{data: data, at: len(header)}, m: &Module{}}
	for d.more() {
		d.section()
	}
	if d.err == nil && d.m.HasCount && d.dataCount != len(d.m.Data) {
		d.fail("%d data segments are announced and %d are there", d.dataCount, len(d.m.Data))
	}
	if d.err == nil && d.types != nil && !d.codeSeen {
		d.fail("%d functions are announced and no code is there", len(d.types))
	}
	if d.err != nil {
		return nil, d.err
	}
	return d.m, nil
}

// decoder is a parser with the module that it fills.
type decoder struct {
	parser
	m         *Module
	last      byte     // the last known section
	types     []uint32 // of the functions to come in the code section
	codeSeen  bool
	dataCount int
	locals    []Locals    // the unused end of the array that functions' locals are cut from
	values    []ValueType // the same for parameters and results
}

func (d *decoder) section() {
	id := d.byte()
	size := d.u32()
	at := d.at
	body := d.bytes(int(size))
	if d.err != nil {
		return
	}
	if id == sectionCustom {
		d.custom(body, at)
		return
	}
	if d.inOrder(id, at) {
		d.content(id, body, at)
	}
}

// inOrder reports whether a section may follow the last one; at is where its contents begin in the module.
func (d *decoder) inOrder(id byte, at int) bool {
	switch rank := sectionRank(id); {
	case rank == 0:
		d.err = errorAt(at, "section %d is not known", id)
		return false
	case rank <= sectionRank(d.last):
		d.err = errorAt(at, "section %d comes twice or out of order", id)
		return false
	}
	d.last = id
	return true
}

// content decodes what a section holds.
func (d *decoder) content(id byte, body []byte, at int) {
	whole := d.parser
	d.parser = parser{data: body, base: at}
	d.known(id)
	if d.err == nil && d.at != len(d.data) {
		d.fail("section %d is longer than what it holds", id)
	}
	whole.err = d.err
	d.parser = whole
}

func (d *decoder) custom(body []byte, at int) {
	p := parser{data: body, base: at}
	name := p.name()
	if p.err != nil {
		d.err = p.err
		return
	}
	d.m.Customs = append(d.m.Customs, Custom{Name: name, Data: body[p.at:], Offset: at + p.at, After: d.last})
}

func (d *decoder) known(id byte) {
	switch id {
	case sectionType:
		d.m.Types = list(d, 3, "types", d.funcType)
	case sectionImport:
		d.m.Imports = list(d, 4, "imports", d.importEntry)
	case sectionFunction:
		d.types = list(d, 1, "functions", d.u32)
	case sectionTable:
		d.m.Tables = list(d, 3, "tables", d.table)
	case sectionMemory:
		d.m.Memories = list(d, 2, "memories", d.memory)
	case sectionTag:
		d.m.Tags = list(d, 2, "tags", d.tag)
	case sectionGlobal:
		d.m.Globals = list(d, 3, "globals", d.global)
	case sectionExport:
		d.m.Exports = list(d, 3, "exports", d.export)
	case sectionStart:
		d.m.Start, d.m.HasStart = d.u32(), true
	case sectionElement:
		d.m.Elements = list(d, 2, "element segments", d.element)
	case sectionDataCount:
		d.dataCount, d.m.HasCount = int(d.u32()), true
	case sectionCode:
		d.code()
	case sectionData:
		d.m.Data = list(d, 2, "data segments", d.dataSegment)
	}
}

// list reads a count and that many entries, each of at least min bytes.
func list[T any](d *decoder, min int, what string, entry func() T) []T {
	n := d.count(min, what)
	if d.err != nil || n == 0 {
		return nil
	}
	entries := make([]T, 0, n)
	for ; n > 0 && d.err == nil; n-- {
		entries = append(entries, entry())
	}
	return entries
}

func (d *decoder) funcType() FuncType {
	if form := d.byte(); d.err == nil && form != formFunction {
		d.at--
		if form >= 0x4e && form <= 0x5f {
			d.fail("type form %#x belongs to garbage collection, which is not supported", form)
		} else {
			d.fail("type form %#x is not known", form)
		}
	}
	return FuncType{Params: d.valueTypes(), Results: d.valueTypes()}
}

func (d *decoder) valueTypes() []ValueType {
	n := d.count(1, "values")
	if n > MaxValues {
		d.fail("a type takes or gives more than %d values", MaxValues)
	}
	if d.err != nil || n == 0 {
		return nil
	}
	if n > len(d.values) {
		d.values = make([]ValueType, max(n, min(4096, len(d.data)-d.at)))
	}
	types := d.values[:n:n]
	d.values = d.values[n:]
	for i := range types {
		types[i] = d.valueType()
	}
	return types
}

func (d *decoder) importEntry() Import {
	im := Import{Module: d.name(), Name: d.name(), Kind: Kind(d.byte())}
	switch im.Kind {
	case KindFunction:
		im.Type = d.u32()
	case KindTable:
		im.Table = d.table()
	case KindMemory:
		im.Memory = d.memory()
	case KindGlobal:
		im.Global = d.globalType()
	case KindTag:
		im.Type = d.tag()
	default:
		d.at--
		d.fail("import %s.%s is of unknown kind %d", im.Module, im.Name, im.Kind)
	}
	return im
}

func (d *decoder) table() Table {
	if d.at < len(d.data) && d.data[d.at] == 0x40 {
		d.fail("a table with an initial value, of typed function references, which are not supported")
	}
	return Table{Type: d.referenceType(), Limits: d.limits(limitHasMax|limit64, "table")}
}

func (d *decoder) memory() Limits { return d.limits(limitHasMax|limitShared|limit64, "memory") }

func (d *decoder) limits(allowed byte, what string) Limits {
	flags := d.byte()
	if d.err == nil && flags&^allowed != 0 {
		d.at--
		d.fail("limits of a %s are of unknown form %#x", what, flags)
	}
	l := Limits{HasMax: flags&limitHasMax != 0, Shared: flags&limitShared != 0, Is64: flags&limit64 != 0}
	if l.Min = d.limit(l); l.HasMax {
		l.Max = d.limit(l)
	}
	return l
}

// limit reads one of the two numbers.
func (d *decoder) limit(l Limits) uint64 {
	if l.Is64 {
		return d.u64()
	}
	return uint64(d.u32())
}

func (d *decoder) tag() uint32 {
	if attribute := d.byte(); attribute != 0 {
		d.at--
		d.fail("a tag has the unknown attribute %#x", attribute)
	}
	return d.u32()
}

func (d *decoder) globalType() GlobalType {
	return GlobalType{Type: d.valueType(), Mutable: d.flag("a global's mutability")}
}

func (d *decoder) global() Global { return Global{GlobalType: d.globalType(), Init: d.expr()} }

func (d *decoder) export() Export {
	e := Export{Name: d.name(), Kind: Kind(d.byte())}
	if d.err == nil && e.Kind > KindTag {
		d.at--
		d.fail("export %s is of unknown kind %d", e.Name, e.Kind)
	}
	e.Index = d.u32()
	return e
}

// expr reads a constant expression up to its end.
func (d *decoder) expr() Expr {
	r := Reader{code: d.data[d.at:]}
	for depth := 1; depth > 0; {
		if !r.Next() {
			if r.err == nil {
				r.fail("a constant expression has no end")
			}
			if d.err == nil {
				d.err = errorAt(d.base+d.at+r.err.Offset, "%s", r.err.Text)
			}
			return nil
		}
		if op := r.Instr.Op; op == OpEnd || op == OpDelegate {
			depth--
		} else if op.opens() {
			depth++
		}
	}
	return d.bytes(r.at)
}

func (d *decoder) element() Element {
	flags := d.u32()
	if d.err == nil && flags >= elementFormsEnd {
		d.fail("an element segment is of unknown form %d", flags)
	}
	e := Element{Type: FuncRef}
	switch {
	case flags&elementNotActive == 0:
		if e.Explicit = flags&elementExplicit != 0; e.Explicit {
			e.Table = d.u32()
		}
		e.Offset = d.expr()
	case flags&elementExplicit == 0:
		e.Mode = ElementPassive
	default:
		e.Mode = ElementDeclarative
	}
	if short := flags&(elementNotActive|elementExplicit) == 0; flags&elementExprs == 0 {
		if !short {
			if kind := d.byte(); kind != elementKindFunctions {
				d.fail("an element segment holds the unknown kind %#x", kind)
			}
		}
		e.Functions = list(d, 1, "elements", d.u32)
	} else {
		if !short {
			e.Type = d.referenceType()
		}
		if e.Exprs = list(d, 2, "elements", d.expr); e.Exprs == nil {
			e.Exprs = []Expr{}
		}
	}
	return e
}

func (d *decoder) dataSegment() Data {
	var s Data
	switch form := d.u32(); form {
	case dataActive:
		s.Offset = d.expr()
	case dataPassive:
		s.Passive = true
	case dataExplicit:
		s.Explicit, s.Memory, s.Offset = true, d.u32(), d.expr()
	default:
		d.fail("a data segment is of unknown form %d", form)
	}
	s.Bytes = d.bytes(int(d.u32()))
	return s
}

func (d *decoder) code() {
	d.codeSeen, d.m.codeOffset = true, d.base
	n := d.count(3, "functions")
	if d.err == nil && n != len(d.types) {
		d.fail("%d functions are announced and %d are there", len(d.types), n)
	}
	if d.err != nil || n == 0 {
		return
	}
	d.m.Functions = make([]Function, n)
	for i := range d.m.Functions {
		d.m.Functions[i].Type = d.types[i]
		if d.function(&d.m.Functions[i]); d.err != nil {
			d.err.Function = int(d.m.ImportedFunctions()) + i
			return
		}
	}
}

func (d *decoder) function(f *Function) {
	size := d.u32()
	at := d.at
	body := d.bytes(int(size))
	p := parser{data: body, base: d.base + at, err: d.err}
	total := uint64(0)
	n := p.count(2, "groups of locals")
	if n > len(d.locals) {
		d.locals = make([]Locals, max(n, min(4096, len(d.data)-at)))
	}
	f.Locals = d.locals[:n:n]
	d.locals = d.locals[n:]
	for i := range f.Locals {
		f.Locals[i] = Locals{Count: p.u32(), Type: p.valueType()}
		total += uint64(f.Locals[i].Count)
	}
	if p.err == nil && total > MaxLocals {
		p.fail("the function has more than %d locals", MaxLocals)
	}
	d.err = p.err
	f.Body = Expr(body[p.at:])
	f.Offset = d.base + at + p.at
}
