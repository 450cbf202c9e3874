package engine

import (
	"fmt"
	"strings"
)

// layout is what a module says about itself outside its instructions. It is read before wazero sees the module, for three
// reasons: wazero allocates what a count in the file claims, however small the file is; an error of ours can say what kind
// of file it is; and wazero does not tell of imported globals and tables, nor which global is the C stack pointer.
type layout struct {
	types    []signature
	imports  []importEntry
	funcs    []uint32 // type of each function, the imported ones first
	memory   *limits
	globals  []global
	exports  map[string]export
	names    names
	features []string // used, but not to be had here; each with its way out
	object   bool     // has a linking section: the linker has not seen it yet
	dynamic  bool     // has a dylink section: to be loaded beside a main module
	code     []byte   // body of the code section, for diagnose
	sections []span   // where everything stands, for addCallbacks
	imported int      // how many of funcs are imported
	tables   int
	pointers bool // table 0 holds functions
}

// span is a section of a module: bytes [start, end) with its header, [body, end) without.
type span struct {
	id               byte
	start, body, end int
}

// signature is a function type in letters: i = i32, l = i64, f = f32, d = f64, v = v128, r = a reference.
type signature struct{ params, results string }

func (s signature) String() string { return "(" + s.params + ")→(" + s.results + ")" }

type importEntry struct {
	module, name string
	kind         byte
	sig          signature
}

type export struct {
	kind  byte
	index uint32
}

type limits struct{ min, max uint64 } // pages; max is 65536 when not declared

type global struct {
	imported, mutable bool
	letter            byte
	init              int32 // of an i32 that begins as a constant
	constant          bool
}

// names holds what the name section tells. Functions are only read when an error wants them.
type names struct {
	present      bool
	functions    []byte // the undecoded map
	stackPointer int    // index of the global so called; -1 when there is none
}

const (
	kindFunc byte = iota
	kindTable
	kindMemory
	kindGlobal
	kindTag
)

var kindNames = [...]string{"function", "table", "memory", "global", "exception tag"}

// Bounds on what a module may claim; the first two are those that browsers agreed on.
const (
	maxLocals      = 50_000     // of one function
	maxTable       = 10_000_000 // elements
	freeLocals     = 1 << 20    // locals of all functions together, above which they must not outnumber the file's bytes
	maxMemoryPages = 65536
)

// scan reads the module's structure. It checks everything whose size wazero would take on trust, and returns an error for
// the person who named the file.
func scan(wasm []byte) (*layout, error) {
	if err := sniff(wasm); err != nil {
		return nil, err
	}
	m := &layout{exports: map[string]export{}, names: names{stackPointer: -1}}
	r := &reader{b: wasm, pos: 8}
	for r.pos < len(r.b) {
		start := r.pos
		id := r.u8()
		size := r.u32()
		if r.err == nil && int(size) > r.left() {
			return nil, fmt.Errorf("the file is cut short: its %s section says %d bytes, %d are left",
				sectionName(id), size, r.left())
		}
		m.sections = append(m.sections, span{id, start, r.pos, r.pos + int(size)})
		body := &reader{b: r.bytes(int(size))}
		if r.err != nil {
			return nil, fmt.Errorf("the file is cut short at byte %d", r.pos)
		}
		if err := m.section(id, body, len(wasm)); err != nil {
			return nil, fmt.Errorf("not a valid WebAssembly module: %s section: %w", sectionName(id), err)
		}
	}
	return m, nil
}

var sectionNames = [...]string{"custom", "type", "import", "function", "table", "memory", "global", "export", "start",
	"element", "code", "data", "data count", "tag"}

func sectionName(id byte) string {
	if int(id) < len(sectionNames) {
		return sectionNames[id]
	}
	return fmt.Sprintf("%d", id)
}

func (m *layout) section(id byte, r *reader, fileSize int) error {
	switch id {
	case 0:
		m.custom(r)
		return r.err
	case 1:
		m.typeSection(r)
	case 2:
		m.importSection(r)
	case 3:
		for n := r.count(); n > 0 && r.err == nil; n-- {
			m.funcs = append(m.funcs, r.u32())
		}
	case 4:
		for n := r.count(); n > 0 && r.err == nil; n-- {
			m.table(r, true)
		}
	case 5:
		m.memorySection(r)
	case 6:
		for n := r.count(); n > 0 && r.err == nil; n-- {
			g := m.globalType(r)
			g.init, g.constant = m.expr(r)
			m.globals = append(m.globals, g)
		}
	case 7:
		for n := r.count(); n > 0 && r.err == nil; n-- {
			name := r.name()
			m.exports[name] = export{r.u8(), r.u32()}
		}
	case 8:
		r.u32()
	case 9:
		for n := r.count(); n > 0 && r.err == nil; n-- {
			m.element(r)
		}
	case 10:
		m.code = r.b
		m.codeSection(r, fileSize)
	case 11:
		for n := r.count(); n > 0 && r.err == nil; n-- {
			m.data(r)
		}
	case 12:
		r.u32()
	case 13:
		m.lacks(exceptionHandling)
		r.pos = len(r.b)
	default:
		return fmt.Errorf("no such section is known")
	}
	if r.err == nil && r.left() > 0 && len(m.features) == 0 {
		r.fail("%d bytes too many", r.left())
	}
	if r.err != nil && len(m.features) > 0 {
		return nil // what follows an unknown encoding can't be read; the feature is the news
	}
	return r.err
}

// lacks records a feature that the module needs and wazero has not.
func (m *layout) lacks(feature string) {
	for _, f := range m.features {
		if f == feature {
			return
		}
	}
	m.features = append(m.features, feature)
}

func (m *layout) custom(r *reader) {
	switch name := r.name(); {
	case r.err != nil:
	case name == "linking" || strings.HasPrefix(name, "reloc."):
		m.object = true
	case name == "dylink" || name == "dylink.0":
		m.dynamic = true
	case name == "name":
		m.nameSection(r)
	}
}

func (m *layout) nameSection(r *reader) {
	m.names.present = true
	for r.left() > 0 && r.err == nil {
		id := r.u8()
		sub := &reader{b: r.bytes(int(r.u32()))}
		switch id {
		case 0:
			sub.name()
		case 1:
			m.names.functions = sub.b
			sub.nameMap(nil)
		case 2:
			for n := sub.count(); n > 0 && sub.err == nil; n-- {
				sub.u32()
				sub.nameMap(nil)
			}
		case 7:
			sub.nameMap(func(index uint32, name string) {
				if name == stackPointerName {
					m.names.stackPointer = int(index)
				}
			})
		}
		if sub.err != nil && r.err == nil {
			r.err = sub.err
		}
	}
}

func (m *layout) typeSection(r *reader) {
	for n := r.count(); n > 0 && r.err == nil; n-- {
		switch form := r.u8(); form {
		case 0x60:
			m.types = append(m.types, signature{m.valueTypes(r), m.valueTypes(r)})
		case 0x4e, 0x4f, 0x50, 0x5e, 0x5f:
			m.lacks(garbageCollection)
			return
		default:
			r.fail("type %d has the unknown form 0x%02x", len(m.types), form)
		}
	}
}

func (m *layout) valueTypes(r *reader) string {
	letters := make([]byte, 0, 8)
	for n := r.count(); n > 0 && r.err == nil; n-- {
		letters = append(letters, m.valueType(r))
	}
	return string(letters)
}

func (m *layout) valueType(r *reader) byte {
	switch t := r.u8(); t {
	case 0x7f:
		return 'i'
	case 0x7e:
		return 'l'
	case 0x7d:
		return 'f'
	case 0x7c:
		return 'd'
	case 0x7b:
		return 'v'
	case 0x70, 0x6f:
		return 'r'
	case 0x69, 0x68:
		m.lacks(exceptionHandling)
	case 0x63, 0x64:
		m.lacks(functionReferences)
		r.s64()
	case 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x71, 0x72, 0x73:
		m.lacks(garbageCollection)
	default:
		r.fail("0x%02x is no value type", t)
	}
	return '?'
}

func (m *layout) importSection(r *reader) {
	for n := r.count(); n > 0 && r.err == nil; n-- {
		imp := importEntry{module: r.name(), name: r.name(), kind: r.u8()}
		switch imp.kind {
		case kindFunc:
			t := r.u32()
			if int(t) >= len(m.types) {
				r.fail("%s.%s has type %d of %d", imp.module, imp.name, t, len(m.types))
				return
			}
			imp.sig = m.types[t]
			m.funcs = append(m.funcs, t)
			m.imported++
		case kindTable:
			m.table(r, false)
		case kindMemory:
			m.limits(r)
		case kindGlobal:
			g := m.globalType(r)
			g.imported = true
			m.globals = append(m.globals, g)
		case kindTag:
			m.lacks(exceptionHandling)
			r.u8()
			r.u32()
		default:
			r.fail("%s.%s is of unknown kind %d", imp.module, imp.name, imp.kind)
		}
		m.imports = append(m.imports, imp)
	}
}

func (m *layout) table(r *reader, own bool) {
	init := own && r.left() > 0 && r.b[r.pos] == 0x40
	if init {
		r.u8()
		r.u8()
	}
	if m.tables++; m.tables == 1 && r.left() > 0 {
		m.pointers = r.b[r.pos] == 0x70
	}
	m.valueType(r)
	if l := m.limits(r); l.min > maxTable {
		r.fail("a table of %d elements is beyond the limit of %d", l.min, maxTable)
	}
	if init {
		m.expr(r)
	}
}

func (m *layout) memorySection(r *reader) {
	n := r.count()
	for ; n > 0 && r.err == nil; n-- {
		l := m.limits(r)
		if m.memory != nil {
			m.lacks(multipleMemories)
		}
		if l.min > maxMemoryPages {
			r.fail("a memory of %d pages is beyond 4 GiB", l.min)
		}
		m.memory = &l
	}
}

func (m *layout) limits(r *reader) limits {
	flag := r.u8()
	switch {
	case flag&4 != 0:
		m.lacks(memory64)
	case flag&8 != 0:
		m.lacks(customPageSizes)
	case flag > 3:
		r.fail("0x%02x is no kind of limit", flag)
	}
	l := limits{min: r.u64(), max: maxMemoryPages}
	if flag&1 != 0 {
		l.max = min(r.u64(), maxMemoryPages)
	}
	if flag&8 != 0 {
		r.u32()
	}
	return l
}

func (m *layout) globalType(r *reader) global {
	g := global{letter: m.valueType(r)}
	g.mutable = r.u8() == 1
	return g
}

// expr passes over a constant expression and returns its value if it is a single i32 constant.
func (m *layout) expr(r *reader) (value int32, constant bool) {
	for n := 0; r.err == nil; n++ {
		switch op := r.u8(); op {
		case 0x0b:
			return value, constant && n == 1
		case 0x41:
			value, constant = int32(r.s64()), true
		case 0x42:
			r.s64()
		case 0x43:
			r.bytes(4)
		case 0x44:
			r.bytes(8)
		case 0x23, 0xd2:
			r.u32()
		case 0xd0:
			r.s64()
		case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e:
		case 0xfd:
			if sub := r.u32(); sub != 12 {
				r.fail("0xfd %d is no constant instruction", sub)
			}
			r.bytes(16)
		case 0xfb:
			m.lacks(garbageCollection)
			r.fail("a constant expression of the GC proposal")
		default:
			r.fail("0x%02x is no constant instruction", op)
		}
	}
	return 0, false
}

func (m *layout) element(r *reader) {
	flag := r.u32()
	if flag > 7 {
		r.fail("0x%02x is no kind of element segment", flag)
		return
	}
	if flag&1 == 0 { // active: goes to a table at once
		if flag&2 != 0 {
			r.u32()
		}
		m.expr(r)
	}
	expressions := flag&4 != 0
	if flag&3 != 0 {
		if expressions {
			m.valueType(r)
		} else {
			r.u8()
		}
	}
	for n := r.count(); n > 0 && r.err == nil; n-- {
		if expressions {
			m.expr(r)
		} else {
			r.u32()
		}
	}
}

func (m *layout) codeSection(r *reader, fileSize int) {
	all := uint64(0)
	n := r.count()
	for i := uint32(0); i < n && r.err == nil; i++ {
		body := &reader{b: r.bytes(int(r.u32()))}
		locals := uint64(0)
		for k := body.count(); k > 0 && body.err == nil; k-- {
			locals += uint64(body.u32())
			m.valueType(body)
		}
		if all += locals; locals > maxLocals || all > max(freeLocals, uint64(fileSize)) {
			body.fail("too many local variables (%d)", locals)
		}
		if body.err != nil && r.err == nil {
			r.fail("function %d: %v", i, body.err)
		}
	}
}

func (m *layout) data(r *reader) {
	flag := r.u32()
	if flag > 2 {
		r.fail("0x%02x is no kind of data segment", flag)
		return
	}
	if flag == 2 {
		if r.u32() != 0 {
			m.lacks(multipleMemories)
		}
	}
	if flag != 1 {
		m.expr(r)
	}
	r.bytes(int(r.u32()))
}

const stackPointerName = "__stack_pointer"

// stackPointer is the index of the global that clang's code keeps its stack in, or -1. A stripped module has no names;
// wasm-ld always puts it first, and begins it with a positive constant.
func (m *layout) stackPointer() int {
	index := m.names.stackPointer
	if e, ok := m.exports[stackPointerName]; index < 0 && ok && e.kind == kindGlobal {
		index = int(e.index)
	}
	if index < 0 && !m.names.present {
		index = 0
	}
	if index < 0 || index >= len(m.globals) {
		return -1
	}
	if g := m.globals[index]; g.imported || !g.mutable || g.letter != 'i' || !g.constant || g.init <= 0 {
		return -1
	}
	return index
}

// functionName is the name section's, or "function 12".
func (m *layout) functionName(index uint32) string {
	found := ""
	(&reader{b: m.names.functions}).nameMap(func(i uint32, name string) {
		if i == index {
			found = name
		}
	})
	if found == "" {
		return fmt.Sprintf("function %d", index)
	}
	return printable(found)
}
