package lower

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// TestArithmetic: what makes an address is made with 32 bits where that costs nothing and gives the same.
func TestArithmetic(t *testing.T) {
	get := func(l uint32) func(c *wasm.Code) { return func(c *wasm.Code) { c.Index(wasm.OpLocalGet, l) } }
	op := func(op wasm.Opcode) func(c *wasm.Code) { return func(c *wasm.Code) { c.Op(op) } }
	number := func(v int64) func(c *wasm.Code) { return func(c *wasm.Code) { c.I64(v) } }
	load := func(op wasm.Opcode) func(c *wasm.Code) {
		return func(c *wasm.Code) { c.Memory(op, wasm.MemArg{Offset: 4}) }
	}
	// The locals are an i64, an i32 and an i64.
	for _, c := range []struct {
		address []func(c *wasm.Code)
		want    string // without the load
		check   string
	}{
		{[]func(*wasm.Code){get(0)}, "local.get i32.wrap_i64", "local.get " + saturating},
		{[]func(*wasm.Code){number(1 << 20)}, "i32.const", "i32.const"},
		{[]func(*wasm.Code){get(1), op(wasm.OpI64ExtendI32S)}, "local.get", "local.get i64.extend_i32_s " + saturating},
		{[]func(*wasm.Code){get(1), op(wasm.OpI64ExtendI32U)}, "local.get", "local.get"},
		{[]func(*wasm.Code){get(0), number(8), op(wasm.OpI64Add)}, "local.get i32.wrap_i64 i32.const i32.add",
			"local.get i64.const i64.add " + saturating},
		{[]func(*wasm.Code){get(0), get(2), op(wasm.OpI64Add)}, "local.get local.get i64.add i32.wrap_i64", ""},
		{[]func(*wasm.Code){get(0), get(1), op(wasm.OpI64ExtendI32S), number(3), op(wasm.OpI64Shl), op(wasm.OpI64Add)},
			"local.get i32.wrap_i64 local.get i32.const i32.shl i32.add", ""},
		{[]func(*wasm.Code){get(0), number(32), op(wasm.OpI64Shl)}, "local.get i64.const i64.shl i32.wrap_i64", ""},
		{[]func(*wasm.Code){get(0), get(2), op(wasm.OpI64Shl)}, "local.get local.get i64.shl i32.wrap_i64", ""},
		{[]func(*wasm.Code){get(0), number(3), op(wasm.OpI64ShrU)}, "local.get i64.const i64.shr_u i32.wrap_i64", ""},
		{[]func(*wasm.Code){get(0), op(wasm.OpI64Extend32S), number(3), op(wasm.OpI64Mul)},
			"local.get i32.wrap_i64 i32.const i32.mul", ""},
		{[]func(*wasm.Code){number(0), load(wasm.OpI64Load32S), number(2), op(wasm.OpI64Shl)},
			"i32.const i32.load i32.const i32.shl", ""},
		{[]func(*wasm.Code){number(0), load(wasm.OpI64Load32U)}, "i32.const i32.load", "i32.const i32.load"},
		{[]func(*wasm.Code){number(0), load(wasm.OpI64Load32S)}, "i32.const i32.load",
			"i32.const i64.load32_s " + saturating},
		{[]func(*wasm.Code){number(0), load(wasm.OpI64Load)}, "i32.const i64.load i32.wrap_i64", ""},
		{[]func(*wasm.Code){number(1), number(2), get(1), op(wasm.OpSelect)}, "i32.const i32.const local.get select", ""},
		{[]func(*wasm.Code){get(0), func(c *wasm.Code) { c.Index(wasm.OpLocalTee, 2) }}, "local.get local.tee i32.wrap_i64",
			""},
		{[]func(*wasm.Code){func(c *wasm.Code) { c.Index(wasm.OpMemorySize, 0) }},
			"memory.size i64.extend_i32_u i32.wrap_i64", ""},
		{[]func(*wasm.Code){get(0), func(c *wasm.Code) { c.Block(wasm.OpBlock, wasm.BlockOf(i64)) }, get(2), op(wasm.OpEnd),
			op(wasm.OpI64Sub)},
			"local.get block local.get end i64.sub i32.wrap_i64", ""},
	} {
		b := newBuilder()
		b.add("f", wasm.FuncType{Params: []wasm.ValueType{i64, i32, i64}, Results: []wasm.ValueType{wasm.F64}}, nil,
			func(code *wasm.Code) {
				for _, write := range c.address {
					write(code)
				}
				code.Memory(wasm.OpF64Load, wasm.MemArg{Align: 3})
			})
		for checked, want := range map[bool]string{false: c.want, true: c.check} {
			if want == "" {
				continue
			}
			if got := instructions(b.lower(t, Options{Check: checked}).Functions[0].Body); got != want+" f64.load end" {
				t.Errorf("%s, checked %t: %s", want, checked, got)
			}
		}
	}
}

const saturating = "local.tee i32.wrap_i64 i32.const local.get i64.const i64.shr_u i64.eqz select"

func instructions(body wasm.Expr) string {
	var names []string
	for r := wasm.NewReader(body); r.Next(); {
		names = append(names, r.Instr.Op.String())
	}
	return strings.Join(names, " ")
}

// TestStoresConvertInPlace: an address beneath a value is converted where it is made, not through a local.
func TestStoresConvertInPlace(t *testing.T) {
	b := newBuilder()
	b.add("f", takes(i64, i64), nil, func(c *wasm.Code) {
		c.Index(wasm.OpLocalGet, 0)
		c.Index(wasm.OpLocalGet, 1)
		c.Memory(wasm.OpI64Store, wasm.MemArg{Align: 3, Offset: 8})
	})
	f := b.lower(t, Options{}).Functions[0]
	if got := instructions(f.Body); got != "local.get i32.wrap_i64 local.get i64.store end" || len(f.Locals) != 0 {
		t.Errorf("%s, locals %v", got, f.Locals)
	}
}

// TestPaddedOffsets: linkers write offsets of ten bytes, which a memory of 32 bits must not have.
func TestPaddedOffsets(t *testing.T) {
	b := newBuilder()
	b.add("f", takes(i64), nil, func(c *wasm.Code) {
		c.Index(wasm.OpLocalGet, 0)
		c.Raw([]byte{byte(wasm.OpI32Load), 2, 0x90, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00})
		c.Op(wasm.OpDrop)
	})
	m := b.lower(t, Options{})
	if got := m.Functions[0].Body; len(got) != 8 {
		t.Errorf("% x", got)
	}
	instantiate(t, m)
}

// TestModule: what stands outside of functions.
func TestModule(t *testing.T) {
	b := newBuilder()
	b.m.Memories[0] = wasm.Limits{Min: 2, Is64: true}
	b.m.Imports = []wasm.Import{
		{Module: "m", Name: "shared", Kind: wasm.KindMemory,
			Memory: wasm.Limits{Min: 1, Max: 1 << 20, HasMax: true, Shared: true, Is64: true}},
		{Module: "m", Name: "narrow", Kind: wasm.KindMemory, Memory: wasm.Limits{Min: 1}},
		{Module: "m", Name: "table", Kind: wasm.KindTable,
			Table: wasm.Table{Type: wasm.FuncRef, Limits: wasm.Limits{Max: 1 << 40, HasMax: true, Is64: true}}},
	}
	constant := func(write func(c *wasm.Code)) wasm.Expr {
		var c wasm.Code
		write(&c)
		c.Op(wasm.OpEnd)
		return wasm.Expr(c)
	}
	b.m.Globals = []wasm.Global{
		{GlobalType: wasm.GlobalType{Type: i64}, Init: constant(func(c *wasm.Code) { c.I64(1<<32 - 1) })},
		{GlobalType: wasm.GlobalType{Type: i64}, Init: constant(func(c *wasm.Code) { c.Index(wasm.OpGlobalGet, 0) })},
	}
	b.m.Data = []wasm.Data{
		{Offset: constant(func(c *wasm.Code) {
			c.I64(3)
			c.I64(4)
			c.Op(wasm.OpI64Mul)
			c.I64(2)
			c.Op(wasm.OpI64Add)
		}), Bytes: []byte{1}},
		{Offset: constant(func(c *wasm.Code) { c.Index(wasm.OpGlobalGet, 1) }), Bytes: []byte{1}},
		{Passive: true},
	}
	b.m.Customs = []wasm.Custom{{Name: "target_features"}, {Name: "producers", After: 11}}
	m := b.lower(t, Options{})
	spaces := m.Spaces()
	want := []wasm.Limits{{Min: 1, Max: maxPages, HasMax: true, Shared: true}, {Min: 1},
		{Min: 2, Max: maxPages, HasMax: true}}
	if !slices.Equal(spaces.Memories, want) {
		t.Errorf("memories %v", spaces.Memories)
	}
	if got := spaces.Tables[0].Limits; got != (wasm.Limits{Max: maxElements, HasMax: true}) {
		t.Errorf("table %v", got)
	}
	for i, want := range []uint32{14, 1<<32 - 1} {
		r := wasm.NewReader(m.Data[i].Offset)
		if r.Next(); r.Instr.Op != wasm.OpI32Const || uint32(r.Instr.Bits) != want {
			t.Errorf("segment %d is at %s %#x", i, r.Instr.Op, r.Instr.Bits)
		}
	}
	if m.Custom("target_features") != nil || m.Custom("producers") == nil {
		t.Errorf("custom sections %v", m.Customs)
	}
	if m.Globals[0].Type != i64 {
		t.Error("a global has become narrow")
	}
}

// TestRefusals: what 32 bits can't have at the start.
func TestRefusals(t *testing.T) {
	for want, change := range map[string]func(m *wasm.Module){
		"begins with 4 GiB of memory, and this engine's 32-bit addresses reach 4 GiB: link": func(m *wasm.Module) {
			m.Memories[0] = wasm.Limits{Min: 1 << 16, Is64: true}
		},
		"begins with a table of 4294967296 elements": func(m *wasm.Module) {
			m.Tables[0].Limits = wasm.Limits{Min: 1 << 32, Is64: true}
		},
		"data segment 0 is where this engine's 32 bits don't reach: at 0x100000000": func(m *wasm.Module) {
			var c wasm.Code
			c.I64(1 << 32)
			c.Op(wasm.OpEnd)
			m.Data = []wasm.Data{{Offset: wasm.Expr(c)}}
		},
		"element segment 0 is where this engine's 32 bits don't reach: at the value of an imported global " +
			"(0)": func(m *wasm.Module) {
			m.Imports = []wasm.Import{{Kind: wasm.KindGlobal, Global: wasm.GlobalType{Type: i64}}}
			var c wasm.Code
			c.Index(wasm.OpGlobalGet, 0)
			c.Op(wasm.OpEnd)
			m.Elements = []wasm.Element{{Type: wasm.FuncRef, Offset: wasm.Expr(c)}}
		},
		"drop needs a value": func(m *wasm.Module) {
			m.Functions = []wasm.Function{{Type: m.AddType(wasm.FuncType{}),
				Body: wasm.Expr{byte(wasm.OpDrop), byte(wasm.OpEnd)}}}
		},
		"has too many locals (50000)": func(m *wasm.Module) {
			var c wasm.Code
			c.Index(wasm.OpLocalGet, 0)
			c.Index(wasm.OpMemoryGrow, 0)
			c.Op(wasm.OpDrop)
			c.Op(wasm.OpEnd)
			m.Functions = []wasm.Function{{Type: m.AddType(wasm.FuncType{}),
				Locals: []wasm.Locals{{Count: wasm.MaxLocals, Type: i64}}, Body: wasm.Expr(c)}}
		},
	} {
		b := newBuilder()
		change(&b.m)
		if changed, err := Lower(&b.m, Options{}); err == nil || changed || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: changed %t, %v", want, changed, err)
		}
	}
}

// TestUnchanged: a module of 32 bits stays as it is.
func TestUnchanged(t *testing.T) {
	m := &wasm.Module{Memories: []wasm.Limits{{Min: 1}}}
	module := m.Encode()
	changed, err := Lower(m, Options{})
	if err != nil || changed || string(m.Encode()) != string(module) {
		t.Errorf("changed %t, %v", changed, err)
	}
}

// TestCodeMap: what stands in an instruction's place, or was left as it was, is known to come from where that stood.
func TestCodeMap(t *testing.T) {
	b := newBuilder()
	b.add("f", takes(i64, i32), nil, func(c *wasm.Code) {
		c.Op(wasm.OpNop)
		c.Index(wasm.OpLocalGet, 0)
		c.Index(wasm.OpLocalGet, 1)
		c.Op(wasm.OpI64ExtendI32S)
		c.I64(2)
		c.Op(wasm.OpI64Shl)
		c.Op(wasm.OpI64Add)
		c.Index(wasm.OpLocalGet, 1)
		c.Memory(wasm.OpI32Store, wasm.MemArg{Align: 2})
		c.Op(wasm.OpNop)
	})
	before, err := wasm.Decode(b.m.Encode())
	if err != nil {
		t.Fatal(err)
	}
	m, code := mapped(t, b.m.Encode(), Options{})
	old := map[uint64]string{}
	for r := wasm.NewReader(before.Functions[0].Body); r.Next(); {
		old[uint64(before.Bodies()[0])+uint64(r.Instr.Start)] = r.Instr.Op.String()
	}
	var got []string
	for r := wasm.NewReader(m.Functions[0].Body); r.Next(); {
		at, ok := code.Original(0, uint32(r.Instr.Start))
		if !ok {
			t.Fatal("an instruction whose origin is not known")
		}
		got = append(got, fmt.Sprintf("%s<%s", r.Instr.Op, old[at]))
	}
	want := "nop<nop local.get<local.get i32.wrap_i64< local.get<local.get i32.const<i64.const i32.shl<i64.shl " +
		"i32.add<i64.add " +
		"local.get<local.get i32.store<i32.store nop<nop end<end"
	if strings.Join(got, " ") != want {
		t.Errorf("%s", strings.Join(got, " "))
	}
}

// FuzzLower: what comes out is valid, if it was when it went in.
func FuzzLower(f *testing.F) {
	everyInstruction(func(in wasm.Instr, o wasm.Operands) {
		for s := range shapes {
			f.Add(module(in, o, s).Encode(), false)
		}
	})
	for seed := range uint64(5) {
		wide, _ := generate(seed)
		f.Add(wide.Encode(), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, check bool) {
		m, err := wasm.Decode(data)
		if err != nil {
			return
		}
		was := m.Validate()
		changed, err := Lower(m, Options{Check: check})
		if err != nil || !changed {
			return
		}
		after, err := wasm.Decode(m.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if err := after.Validate(); was == nil && err != nil {
			t.Fatalf("a valid module became one with %v", err)
		}
	})
}

// TestPointerThatWalks: a local of which only addresses are made is an i32 in the loop, with all that is added to it.
func TestPointerThatWalks(t *testing.T) {
	b := newBuilder()
	b.add("f", takes(i64, i32), []wasm.Locals{{Count: 1, Type: i64}}, func(c *wasm.Code) {
		c.Index(wasm.OpLocalGet, 0)
		c.Index(wasm.OpLocalSet, 2)
		c.Block(wasm.OpLoop, wasm.BlockVoid)
		c.Index(wasm.OpLocalGet, 2)
		c.Index(wasm.OpLocalGet, 2)
		c.Memory(wasm.OpF64Load, wasm.MemArg{Align: 3, Offset: 8})
		c.Memory(wasm.OpF64Store, wasm.MemArg{Align: 3})
		c.Index(wasm.OpLocalGet, 2)
		c.I64(8)
		c.Op(wasm.OpI64Add)
		c.Index(wasm.OpLocalSet, 2)
		c.Index(wasm.OpLocalGet, 1)
		c.Index(wasm.OpBrIf, 0)
		c.Op(wasm.OpEnd)
	})
	const want = "local.get i32.wrap_i64 local.set loop local.get local.get f64.load f64.store " +
		"local.get i32.const i32.add local.set local.get br_if end end"
	if got := instructions(b.lower(t, Options{}).Functions[0].Body); got != want {
		t.Error(got)
	}
}

// TestLocalOfManyValues: a local that holds a pointer, then a number that counts whole, is an i32 as far as it is the
// pointer; and not where both come to the same instruction.
func TestLocalOfManyValues(t *testing.T) {
	for _, meets := range []bool{false, true} {
		b := newBuilder()
		b.add("f", takes(i64, i32), []wasm.Locals{{Count: 1, Type: i64}}, func(c *wasm.Code) {
			c.Index(wasm.OpLocalGet, 0)
			c.Index(wasm.OpLocalSet, 2)
			c.Index(wasm.OpLocalGet, 2)
			c.Index(wasm.OpLocalGet, 2)
			c.Memory(wasm.OpF64Load, wasm.MemArg{Align: 3})
			c.Memory(wasm.OpF64Store, wasm.MemArg{Align: 3})
			if meets {
				c.Index(wasm.OpLocalGet, 1)
				c.Block(wasm.OpIf, wasm.BlockVoid)
			}
			c.I64(1 << 40)
			c.Index(wasm.OpLocalSet, 2)
			if meets {
				c.Op(wasm.OpEnd)
			}
			c.Index(wasm.OpLocalGet, 0)
			c.Index(wasm.OpLocalGet, 2)
			c.Memory(wasm.OpI64Store, wasm.MemArg{Align: 3})
		})
		const want = "local.get i32.wrap_i64 local.set local.get local.set local.get local.get f64.load f64.store " +
			"i64.const local.set local.get local.get i64.store end"
		got := instructions(b.lower(t, Options{}).Functions[0].Body)
		if (got == want) == meets {
			t.Errorf("%t: %s", meets, got)
		}
	}
}

// TestPointerThatIsStored: a local that is stored as well keeps its 64 bits, and the accesses have its lower half from
// a local of its own.
func TestPointerThatIsStored(t *testing.T) {
	b := newBuilder()
	b.add("f", takes(i64), nil, func(c *wasm.Code) {
		for range 4 {
			c.Index(wasm.OpLocalGet, 0)
			c.Index(wasm.OpLocalGet, 0)
			c.Memory(wasm.OpI64Store, wasm.MemArg{Align: 3})
		}
		c.Index(wasm.OpLocalGet, 0)
		c.I64(8)
		c.Op(wasm.OpI64Add)
		c.Index(wasm.OpLocalSet, 0)
	})
	want := "local.get i32.wrap_i64 local.set " + strings.Repeat("local.get local.get i64.store ", 4) +
		"local.get i64.const i64.add local.set end" // which is another variable
	if got := instructions(b.lower(t, Options{}).Functions[0].Body); got != want {
		t.Error(got)
	}
}
