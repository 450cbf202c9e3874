package wasm

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// widths is a memory or table of either kind, by the type of its addresses.
var widths = []ValueType{I32, I64}

// TestAddressTypes takes every instruction that names a memory or table, on memories and tables of 32 and of 64 bits:
// it is valid with the addresses that those have and not with any one of the other type.
func TestAddressTypes(t *testing.T) {
	tried := map[Opcode]bool{}
	for op := range Opcode(opcodes) {
		o := &operations[op]
		for _, first := range widths {
			for _, second := range widths {
				params, addresses, results := addressed(op, o, first, second)
				if addresses == nil {
					continue
				}
				tried[op] = true
				name := fmt.Sprintf("%s on %s and %s", op, first, second)
				if err := using(op, first, second, params, results).Validate(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				for _, i := range addresses {
					other := slices.Clone(params)
					other[i] = I32 + I64 - other[i]
					if using(op, first, second, other, results).Validate() == nil {
						t.Errorf("%s: valid with %s", name, typeList(other))
					}
				}
			}
		}
	}
	for _, op := range []Opcode{OpI32Load, OpV128Store8Lane, OpAtomicWait64, OpMemoryGrow, OpMemoryInit, OpMemoryCopy,
		OpMemoryFill,
		OpTableGet, OpTableSet, OpTableInit, OpTableCopy, OpTableGrow, OpTableFill, OpCallIndirect, OpReturnCallIndirect} {
		if !tried[op] {
			t.Errorf("%s was not tried", op)
		}
	}
	if len(tried) < 100 {
		t.Errorf("only %d instructions were tried", len(tried))
	}
}

// addressed gives what an instruction takes and gives where its memories or tables are of these types, and which of its
// operands are addresses; nil where none is.
func addressed(op Opcode, o *operation, first, second ValueType) (params []ValueType, addresses []int,
	results []ValueType) {
	switch op {
	case OpTableGet:
		return []ValueType{first}, []int{0}, []ValueType{FuncRef}
	case OpTableSet:
		return []ValueType{first, FuncRef}, []int{0}, nil
	case OpTableGrow:
		return []ValueType{FuncRef, first}, []int{1}, []ValueType{first}
	case OpTableFill:
		return []ValueType{first, FuncRef, first}, []int{0, 2}, nil
	case OpCallIndirect, OpReturnCallIndirect:
		return []ValueType{first}, []int{0}, nil
	}
	letters := map[byte]ValueType{'a': first, 'b': second, 'c': I64}
	if first == I32 || second == I32 {
		letters['c'] = I32
	}
	typeOf := func(letter byte) ValueType {
		if t, ok := letters[letter]; ok {
			return t
		}
		return letterTypes[letter]
	}
	for i := range len(o.pops) {
		if letters[o.pops[i]] != Unknown {
			addresses = append(addresses, i)
		}
		params = append(params, typeOf(o.pops[i]))
	}
	if o.pushes != "" {
		results = []ValueType{typeOf(o.pushes[0])}
	}
	return params, addresses, results
}

// using is a module of one function that gives its parameters to an instruction; its memories and tables are of the
// given types.
func using(op Opcode, first, second ValueType, params, results []ValueType) *Module {
	m := &Module{Types: []FuncType{{Params: params, Results: results}, {}}, HasCount: true, Data: []Data{{Passive: true}},
		Elements: []Element{{Mode: ElementPassive, Type: FuncRef}}}
	for _, w := range []ValueType{first, second} {
		limits := Limits{Min: 1, Max: 2, HasMax: true, Is64: w == I64}
		m.Tables = append(m.Tables, Table{Type: FuncRef, Limits: limits})
		limits.Shared = true
		m.Memories = append(m.Memories, limits)
	}
	var c Code
	for i := range params {
		c.Index(OpLocalGet, uint32(i))
	}
	in := Instr{Op: op}
	switch o := &operations[op]; o.imm {
	case immMem, immMemLane:
		in.Memory.Align = uint32(o.limit)
	case immMemoryCopy, immTableCopy:
		in.Index2 = 1
	case immCallIndirect:
		in.Index = 1
	}
	c.Instr(&in)
	c.Op(OpEnd)
	m.Functions = []Function{{Body: Expr(c)}}
	return m
}

// TestLimits64: the flags and numbers of limits are read and written as they are, up to 64 bits, and held to what the
// standard allows.
func TestLimits64(t *testing.T) {
	for _, c := range []struct {
		memory bool
		limits Limits
		valid  bool
	}{
		{true, Limits{Min: 1}, true},
		{true, Limits{Min: 1 << 16, Max: 1 << 16, HasMax: true}, true},
		{true, Limits{Min: 1<<16 + 1}, false},
		{true, Limits{Max: 1<<16 + 1, HasMax: true}, false},
		{true, Limits{Is64: true}, true},
		{true, Limits{Min: 1 << 48, Is64: true}, true},
		{true, Limits{Min: 1<<48 + 1, Is64: true}, false},
		{true, Limits{Max: 1 << 48, HasMax: true, Is64: true}, true},
		{true, Limits{Max: math.MaxUint64, HasMax: true, Is64: true}, false},
		{true, Limits{Min: 3, Max: 2, HasMax: true, Is64: true}, false},
		{true, Limits{Max: 1 << 20, HasMax: true, Shared: true, Is64: true}, true},
		{true, Limits{Shared: true, Is64: true}, false},
		{false, Limits{Min: math.MaxUint32}, true},
		{false, Limits{Min: math.MaxUint64, Is64: true}, true},
		{false, Limits{Min: 1, Max: math.MaxUint64, HasMax: true, Is64: true}, true},
		{false, Limits{Min: 1 << 40, Max: 1 << 39, HasMax: true, Is64: true}, false},
	} {
		m := &Module{}
		if c.memory {
			m.Memories = []Limits{c.limits}
			m.Imports = []Import{{Module: "m", Name: "m", Kind: KindMemory, Memory: c.limits}}
		} else {
			m.Tables = []Table{{Type: FuncRef, Limits: c.limits}}
			m.Imports = []Import{{Module: "m", Name: "t", Kind: KindTable, Table: m.Tables[0]}}
		}
		if err := m.Validate(); (err == nil) != c.valid {
			t.Errorf("%+v: %v", c.limits, err)
		}
		if !c.limits.Is64 && c.limits.Min > math.MaxUint32 {
			continue
		}
		again, err := Decode(m.Encode())
		if err != nil {
			t.Errorf("%+v: %v", c.limits, err)
			continue
		}
		checkRoundTrip(t, fmt.Sprintf("%+v", c.limits), m)
		if got := again.Spaces(); c.memory && got.Memories[1] != c.limits || !c.memory && got.Tables[0].Limits != c.limits {
			t.Errorf("%+v became %+v", c.limits, again)
		}
	}
	section := func(id byte, entry ...byte) []byte {
		return append(append([]byte(header), id, byte(len(entry)+1), 1), entry...)
	}
	huge := []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00}
	for name, module := range map[string][]byte{
		"an unknown flag": section(sectionMemory, 8, 1),
		"a shared table":  section(sectionTable, byte(FuncRef), limitShared, 1),
		"33 bits of 32":   section(sectionMemory, 0, 0x80, 0x80, 0x80, 0x80, 0x10),
		"65 bits": section(sectionMemory, limit64, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
			0x02),
		"a number of 11 bytes":        section(sectionMemory, append([]byte{limit64}, huge...)...),
		"a maximum that is not there": section(sectionMemory, limit64|limitHasMax, 1),
	} {
		if _, err := Decode(module); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestOffsets64: an access has an offset of up to 64 bits, padded by linkers to ten bytes, where its memory has.
func TestOffsets64(t *testing.T) {
	access := func(wide bool, offset uint64, padded int) *Module {
		m := using(OpI64Load, widths[0], widths[0], nil, []ValueType{I64})
		m.Memories[0].Is64 = wide
		var c Code
		if wide {
			c.I64(0)
		} else {
			c.I32(0)
		}
		c.Op(OpI64Load)
		c.Raw([]byte{3})
		number := AppendU64(nil, offset)
		for len(number) < padded {
			number[len(number)-1] |= 0x80
			number = append(number, 0)
		}
		c.Raw(number)
		c.Op(OpEnd)
		m.Functions[0].Body = Expr(c)
		return m
	}
	for _, c := range []struct {
		wide   bool
		offset uint64
		padded int
		want   string // of the error
	}{
		{false, math.MaxUint32, 0, ""},
		{false, 1 << 32, 0, "beyond a memory of 32 bits"},
		{true, 1 << 32, 0, ""},
		{true, math.MaxUint64, 0, ""},
		{true, 16, 10, ""},
		{true, 16, 11, "too long"},
	} {
		m := access(c.wide, c.offset, c.padded)
		err := m.Validate()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
		if err != nil {
			continue
		}
		again, err := Decode(m.Encode())
		if err != nil || !bytes.Equal(again.Functions[0].Body, m.Functions[0].Body) {
			t.Errorf("%+v: another body, %v", c, err)
		}
		checkRewrite(t, "access", m.Functions[0].Body)
		r := NewReader(m.Functions[0].Body)
		r.Next()
		if r.Next(); r.Instr.Memory.Offset != c.offset {
			t.Errorf("%+v: read as %#x", c, r.Instr.Memory.Offset)
		}
	}
}

// TestSegments64: the offsets of active segments are of their memory's or table's type.
func TestSegments64(t *testing.T) {
	for _, have := range widths {
		for _, give := range widths {
			limits := Limits{Min: 1, Is64: have == I64}
			data := &Module{Memories: []Limits{limits}, Data: []Data{{Offset: ConstExpr(give), Bytes: []byte{1}}}}
			elements := &Module{Tables: []Table{{Type: FuncRef, Limits: limits}},
				Elements: []Element{{Offset: ConstExpr(give), Type: FuncRef}}}
			for what, m := range map[string]*Module{"data": data, "elements": elements} {
				if err := m.Validate(); (err == nil) != (have == give) {
					t.Errorf("%s at %s in %s: %v", what, give, have, err)
				}
				checkRoundTrip(t, what, m)
			}
		}
	}
	stray := &Module{Data: []Data{{Memory: 3, Offset: ConstExpr(I64)}}}
	if stray.Validate() == nil {
		t.Error("data for a memory that is not there")
	}
}

// TestFeature64 names memories and tables of 64 bits, for engines without.
func TestFeature64(t *testing.T) {
	for what, m := range map[string]*Module{
		"memory 0": {Memories: []Limits{{Is64: true}}},
		"table 0":  {Tables: []Table{{Type: FuncRef, Limits: Limits{Is64: true}}}},
	} {
		got, err := Features(m)
		if err != nil || len(got) != 1 || got[0].Name != Memory64 || got[0].What != what {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
}
