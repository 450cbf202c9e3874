package wasm

// Kind is what an import or export is.
type Kind byte

// The kinds of imports and exports.
const (
	KindFunction Kind = iota
	KindTable
	KindMemory
	KindGlobal
	KindTag
)

// Expr is a sequence of instructions in the binary format, with its final end. Function bodies and constant expressions
// are Exprs; a Reader reads them.
type Expr []byte

// Module is a decoded module. Index spaces are as the standard has them: imports first, in their order, then what the
// module defines. Spaces gives them as flat lists.
type Module struct {
	Types     []FuncType
	Imports   []Import
	Functions []Function
	Tables    []Table
	Memories  []Limits
	Tags      []uint32 // each the index of a FuncType without results
	Globals   []Global
	Exports   []Export
	Start     uint32 // the function that runs at instantiation, where HasStart
	HasStart  bool
	Elements  []Element
	Data      []Data
	HasCount  bool // a data count section, which memory.init and data.drop need
	Customs   []Custom

	codeOffset int      // where the contents of the code section began in the module that was decoded
	codeMap    *CodeMap // nil: nobody asked for one
}

// Import is something that the host provides. Which fields count depends on Kind.
type Import struct {
	Module, Name string
	Kind         Kind
	Type         uint32 // of a function or tag: index of its FuncType
	Table        Table
	Memory       Limits
	Global       GlobalType
}

// Function is a function that the module defines.
type Function struct {
	Type   uint32 // index of its FuncType
	Locals []Locals
	Body   Expr
	// Offset is where Body began in the module that was decoded; 0 for a body that a pass has made.
	Offset int
}

// Locals are some local variables of one type. A function's locals are its parameters, then these.
type Locals struct {
	Count uint32
	Type  ValueType
}

// Global is a global that the module defines.
type Global struct {
	GlobalType
	Init Expr
}

// Export makes something visible to the host.
type Export struct {
	Name  string
	Kind  Kind
	Index uint32
}

// ElementMode says what becomes of an element segment.
type ElementMode byte

// The modes of element segments.
const (
	ElementActive      ElementMode = iota // copied into a table at instantiation
	ElementPassive                        // kept for table.init
	ElementDeclarative                    // only declares that ref.func may name these functions
)

// Element is a segment of references: of functions by index, or given by constant expressions.
type Element struct {
	Mode      ElementMode
	Table     uint32 // where active
	Offset    Expr   // where active
	Type      ValueType
	Functions []uint32
	// Exprs is not nil where the segment is given by expressions; Functions is empty then.
	Exprs []Expr
	// Explicit marks an active segment that spells out table 0 or its type although the format has a shorter form.
	Explicit bool
}

// Data is a segment of bytes for a memory.
type Data struct {
	Passive bool
	Memory  uint32 // where active
	Offset  Expr   // where active
	Bytes   []byte
	// Explicit marks an active segment that spells out memory 0.
	Explicit bool
}

// Custom is a custom section, kept at its position among the sections.
type Custom struct {
	Name string
	Data []byte
	// Offset is where Data began in the module that was decoded; 0 for a section that a pass has made.
	Offset int
	// After is the id of the last known section before it in the file; 0 for none.
	After byte
}

// ImportedFunctions is the number of imported functions: the index of the first defined one.
func (m *Module) ImportedFunctions() uint32 { return m.imported(KindFunction) }

// ImportedGlobals is the number of imported globals: the index of the first defined one.
func (m *Module) ImportedGlobals() uint32 { return m.imported(KindGlobal) }

// ImportedTags is the number of imported tags: the index of the first defined one.
func (m *Module) ImportedTags() uint32 { return m.imported(KindTag) }

func (m *Module) imported(kind Kind) uint32 {
	n := uint32(0)
	for i := range m.Imports {
		if m.Imports[i].Kind == kind {
			n++
		}
	}
	return n
}

// Export finds an export by name.
func (m *Module) Export(name string) (Export, bool) {
	for _, e := range m.Exports {
		if e.Name == name {
			return e, true
		}
	}
	return Export{}, false
}

// Custom returns the first custom section of a name, nil if there is none.
func (m *Module) Custom(name string) *Custom {
	for i := range m.Customs {
		if m.Customs[i].Name == name {
			return &m.Customs[i]
		}
	}
	return nil
}

// Spaces are a module's index spaces as flat lists, imports included. They are a snapshot: make new ones after adding
// to the module.
type Spaces struct {
	Module    *Module
	Functions []uint32 // index of each function's FuncType
	Tables    []Table
	Memories  []Limits
	Globals   []GlobalType
	Tags      []uint32 // index of each tag's FuncType
	// declared says of each function whether it may be named by ref.func in a body; nil until Validate or a Cursor asks.
	declared []bool
}

// Spaces lists the module's index spaces.
func (m *Module) Spaces() *Spaces {
	s := &Spaces{Module: m}
	s.Functions = make([]uint32, 0, len(m.Imports)+len(m.Functions))
	for i := range m.Imports {
		switch im := &m.Imports[i]; im.Kind {
		case KindFunction:
			s.Functions = append(s.Functions, im.Type)
		case KindTable:
			s.Tables = append(s.Tables, im.Table)
		case KindMemory:
			s.Memories = append(s.Memories, im.Memory)
		case KindGlobal:
			s.Globals = append(s.Globals, im.Global)
		case KindTag:
			s.Tags = append(s.Tags, im.Type)
		}
	}
	for i := range m.Functions {
		s.Functions = append(s.Functions, m.Functions[i].Type)
	}
	s.Tables = append(s.Tables, m.Tables...)
	s.Memories = append(s.Memories, m.Memories...)
	for i := range m.Globals {
		s.Globals = append(s.Globals, m.Globals[i].GlobalType)
	}
	s.Tags = append(s.Tags, m.Tags...)
	return s
}

// FunctionType is the type of a function by its index; false if there is no such function or type.
func (s *Spaces) FunctionType(function uint32) (FuncType, bool) {
	if uint64(function) >= uint64(len(s.Functions)) {
		return FuncType{}, false
	}
	return s.typeAt(s.Functions[function])
}

// TagType is the type of a tag by its index; false if there is no such tag or type.
func (s *Spaces) TagType(tag uint32) (FuncType, bool) {
	if uint64(tag) >= uint64(len(s.Tags)) {
		return FuncType{}, false
	}
	return s.typeAt(s.Tags[tag])
}

func (s *Spaces) typeAt(index uint32) (FuncType, bool) {
	if uint64(index) >= uint64(len(s.Module.Types)) {
		return FuncType{}, false
	}
	return s.Module.Types[index], true
}

// BlockType gives what a block takes and gives; false for a type that does not exist.
func (s *Spaces) BlockType(b BlockType) (FuncType, bool) {
	switch {
	case b == BlockVoid:
		return FuncType{}, true
	case b >= 0:
		if b >= BlockType(len(s.Module.Types)) {
			return FuncType{}, false
		}
		return s.Module.Types[b], true
	}
	t := ValueType(b & 0x7f)
	return FuncType{Results: only(t)}, b > BlockVoid && t.known()
}
