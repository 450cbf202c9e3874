package wasm

import (
	"fmt"
	"slices"
)

// Feature is something beyond the first version of WebAssembly that a module needs of its engine.
type Feature struct {
	Name string
	// Function is the first function that uses it, -1 where something outside of bodies does; What is the instruction or
	// declaration there.
	Function int
	What     string
	// Advice says how a program is compiled without it; "" where there is no need to.
	Advice string
}

func (f Feature) String() string {
	s := fmt.Sprintf("%s (%s", f.Name, f.What)
	if f.Function >= 0 {
		s += fmt.Sprintf(" in function %d", f.Function)
	}
	return s + ")"
}

// Names of features.
const (
	SignExtension    = "sign extension"
	SaturatingTrunc  = "saturating conversions"
	MultiValue       = "multiple values"
	BulkMemory       = "bulk memory"
	ReferenceTypes   = "reference types"
	SIMD             = "SIMD"
	RelaxedSIMD      = "relaxed SIMD"
	TailCalls        = "tail calls"
	Threads          = "threads"
	LegacyExceptions = "legacy exceptions"
	Exceptions       = "exceptions"
	MultiMemory      = "several memories"
	ExtendedConst    = "extended constant expressions"
	MutableGlobals   = "imported or exported mutable globals"
	Memory64         = "64-bit memories or tables"
)

var advice = map[string]string{
	RelaxedSIMD:      "compile without -mrelaxed-simd",
	TailCalls:        "compile without -mtail-call and without musttail",
	Exceptions:       "compile with -mllvm -wasm-use-legacy-eh",
	LegacyExceptions: "compile with -fno-exceptions, or lower them first",
	MultiMemory:      "link with one memory",
	ExtendedConst:    "compile without -mextended-const",
	MultiValue:       "compile without -mmultivalue",
	Threads:          "compile and link without -pthread and -matomics",
	Memory64:         "compile for wasm32",
}

// Features lists what a module needs, each once, in the order of the constants above.
func Features(m *Module) ([]Feature, error) {
	s := &scan{m: m, found: map[string]Feature{}}
	s.declarations()
	first := int(m.ImportedFunctions())
	r := NewReader(nil)
	for i := range m.Functions {
		for r.Reset(m.Functions[i].Body); r.Next(); {
			if in := &r.Instr; in.Op >= OpI32Extend8S || operations[in.Op].imm != immNone {
				s.instruction(first+i, in)
			} else if in.Op == OpThrowRef || in.Op == OpCatchAll {
				s.control(first+i, in)
			}
		}
		if r.err != nil {
			return nil, m.Spaces().bodyError(i, r.err)
		}
	}
	if s.throws != nil && s.found[Exceptions].Name == "" {
		s.add(LegacyExceptions, s.throws.Function, s.throws.What)
	}
	var features []Feature
	for _, name := range []string{SignExtension, SaturatingTrunc, MultiValue, BulkMemory, ReferenceTypes, SIMD,
		RelaxedSIMD,
		TailCalls, Threads, LegacyExceptions, Exceptions, MultiMemory, ExtendedConst, MutableGlobals, Memory64} {
		if f, ok := s.found[name]; ok {
			features = append(features, f)
		}
	}
	return features, nil
}

type scan struct {
	m     *Module
	found map[string]Feature
	// throws is the first throw, which is in both encodings of exceptions and tells nothing about which one it is.
	throws *Feature
}

func (s *scan) add(name string, function int, what string) {
	if _, known := s.found[name]; !known {
		s.found[name] = Feature{Name: name, Function: function, What: what, Advice: advice[name]}
	}
}

// declarations finds features that the module needs outside of its bodies.
func (s *scan) declarations() {
	spaces := s.m.Spaces()
	for i, t := range s.m.Types {
		if len(t.Results) > 1 {
			s.add(MultiValue, -1, fmt.Sprintf("type %d", i))
		}
		for _, v := range append(slices.Clone(t.Params), t.Results...) {
			s.valueType(v, -1, fmt.Sprintf("type %d", i))
		}
	}
	for i, l := range spaces.Memories {
		if l.Shared {
			s.add(Threads, -1, fmt.Sprintf("shared memory %d", i))
		}
		if i > 0 {
			s.add(MultiMemory, -1, fmt.Sprintf("memory %d", i))
		}
		if l.Is64 {
			s.add(Memory64, -1, fmt.Sprintf("memory %d", i))
		}
	}
	for i, t := range spaces.Tables {
		if i > 0 || t.Type != FuncRef {
			s.add(ReferenceTypes, -1, fmt.Sprintf("table %d of %s", i, t.Type))
		}
		if t.Limits.Is64 {
			s.add(Memory64, -1, fmt.Sprintf("table %d", i))
		}
	}
	imported := len(spaces.Globals) - len(s.m.Globals)
	for i, g := range spaces.Globals {
		s.valueType(g.Type, -1, fmt.Sprintf("global %d", i))
		if i < imported && g.Mutable {
			s.add(MutableGlobals, -1, fmt.Sprintf("global %d", i))
		}
	}
	for _, e := range s.m.Exports {
		if e.Kind == KindGlobal && uint64(e.Index) < uint64(len(spaces.Globals)) && spaces.Globals[e.Index].Mutable {
			s.add(MutableGlobals, -1, "export "+e.Name)
		}
	}
	for i := range s.m.Elements {
		e := &s.m.Elements[i]
		if e.Mode == ElementPassive {
			s.add(BulkMemory, -1, fmt.Sprintf("element segment %d", i))
		}
		if e.Mode == ElementDeclarative || e.Exprs != nil || e.Explicit {
			s.add(ReferenceTypes, -1, fmt.Sprintf("element segment %d", i))
		}
		s.constant(e.Offset)
	}
	for i := range s.m.Data {
		if s.m.Data[i].Passive {
			s.add(BulkMemory, -1, fmt.Sprintf("data segment %d", i))
		}
		s.constant(s.m.Data[i].Offset)
	}
	for i := range s.m.Globals {
		s.constant(s.m.Globals[i].Init)
	}
}

func (s *scan) constant(x Expr) {
	for r := NewReader(x); r.Next(); {
		if op := r.Instr.Op; op >= OpI32Add && op <= OpI64Mul {
			s.add(ExtendedConst, -1, op.String())
		}
	}
}

func (s *scan) valueType(t ValueType, function int, what string) {
	switch t {
	case V128:
		s.add(SIMD, function, what)
	case FuncRef, ExternRef:
		s.add(ReferenceTypes, function, what)
	case ExnRef:
		s.add(Exceptions, function, what)
	}
}

// instruction notes what an instruction needs. It is called for those with immediates and the later ones only.
func (s *scan) instruction(f int, in *Instr) {
	op := in.Op
	switch {
	case op < OpI32Extend8S:
		s.control(f, in)
	case op <= OpI64Extend32S:
		s.add(SignExtension, f, op.String())
	case op < firstNumeric:
		s.add(ReferenceTypes, f, op.String())
	case op <= OpI64TruncSatF64U:
		s.add(SaturatingTrunc, f, op.String())
	case op <= OpTableCopy:
		s.add(BulkMemory, f, op.String())
	case op < firstVector:
		s.add(ReferenceTypes, f, op.String())
	case op < firstRelaxed:
		s.add(SIMD, f, op.String())
	case op < firstAtomic:
		s.add(RelaxedSIMD, f, op.String())
	default:
		s.add(Threads, f, op.String())
	}
}

// control notes what the instructions of the first page need.
func (s *scan) control(f int, in *Instr) {
	switch in.Op {
	case OpTry, OpCatch, OpRethrow, OpDelegate, OpCatchAll:
		s.add(LegacyExceptions, f, in.Op.String())
	case OpThrow:
		if s.throws == nil {
			s.throws = &Feature{Function: f, What: in.Op.String()}
		}
	case OpThrowRef, OpTryTable:
		s.add(Exceptions, f, in.Op.String())
	case OpReturnCall, OpReturnCallIndirect:
		s.add(TailCalls, f, in.Op.String())
	case OpSelectTyped, OpTableGet, OpTableSet:
		s.add(ReferenceTypes, f, in.Op.String())
	case OpBlock, OpLoop, OpIf:
		if in.Block >= 0 {
			s.add(MultiValue, f, in.Op.String())
		}
	case OpCallIndirect:
		if in.Index2 != 0 {
			s.add(ReferenceTypes, f, in.Op.String())
		}
	}
}
