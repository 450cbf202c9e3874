package lower

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

const (
	i32, i64 = wasm.I32, wasm.I64
	page     = 65536
)

// builder makes modules with a memory and a table of 64 bits.
type builder struct{ m wasm.Module }

func newBuilder() *builder {
	b := &builder{}
	b.m.Memories = []wasm.Limits{{Min: 1, Max: 3, HasMax: true, Is64: true}}
	b.m.Tables = []wasm.Table{{Type: wasm.FuncRef, Limits: wasm.Limits{Min: 4, Max: 8, HasMax: true, Is64: true}}}
	b.m.Exports = []wasm.Export{{Name: "memory", Kind: wasm.KindMemory}}
	return b
}

// add adds an exported function; write leaves its last end out.
func (b *builder) add(name string, t wasm.FuncType, locals []wasm.Locals, write func(c *wasm.Code)) {
	var c wasm.Code
	write(&c)
	c.Op(wasm.OpEnd)
	b.m.Exports = append(b.m.Exports, wasm.Export{Name: name, Kind: wasm.KindFunction, Index: uint32(len(b.m.Functions))})
	b.m.Functions = append(b.m.Functions, wasm.Function{Type: b.m.AddType(t), Locals: locals, Body: wasm.Expr(c)})
}

func takes(params ...wasm.ValueType) wasm.FuncType { return wasm.FuncType{Params: params} }

func (b *builder) lower(t testing.TB, o Options) *wasm.Module {
	t.Helper()
	if err := b.m.Validate(); err != nil {
		t.Fatalf("the test's own module: %v", err)
	}
	return lowered(t, b.m.Encode(), o)
}

// lowered lowers a module and sees to it that the result is valid.
func lowered(t testing.TB, module []byte, o Options) *wasm.Module {
	t.Helper()
	m, _ := mapped(t, module, o)
	return m
}

// mapped also says where the code went.
func mapped(t testing.TB, module []byte, o Options) (*wasm.Module, *wasm.CodeMap) {
	t.Helper()
	m, err := wasm.Decode(module)
	if err != nil {
		t.Fatal(err)
	}
	m.MapCode()
	if changed, err := Lower(m, o); err != nil || !changed {
		t.Fatalf("changed %t, %v", changed, err)
	}
	moved := m.CodeMap()
	if m, err = wasm.Decode(m.Encode()); err != nil {
		t.Fatal(err)
	}
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	if features, err := wasm.Features(m); err != nil ||
		slices.ContainsFunc(features, func(f wasm.Feature) bool { return f.Name == wasm.Memory64 }) {
		t.Fatalf("features %v, %v", features, err)
	}
	return m, moved
}

const features = api.CoreFeaturesV2 | experimental.CoreFeaturesThreads | experimental.CoreFeaturesTailCall |
	experimental.CoreFeaturesExtendedConst

func instantiate(t testing.TB, m *wasm.Module) api.Module {
	t.Helper()
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler().WithCoreFeatures(features))
	t.Cleanup(func() { runtime.Close(ctx) })
	instance, err := runtime.InstantiateWithConfig(ctx, m.Encode(), wazero.NewModuleConfig().WithName(""))
	if err != nil {
		t.Fatal(err)
	}
	return instance
}

// call calls a function and gives its results, or the trap's name.
func call(m api.Module, name string, args ...uint64) ([]uint64, string) {
	results, err := m.ExportedFunction(name).Call(context.Background(), args...)
	if err == nil {
		return results, ""
	}
	trap, _, _ := strings.Cut(err.Error(), "\n")
	return nil, strings.TrimPrefix(trap, "wasm error: ")
}

const outOfBounds = "out of bounds memory access"

// TestAddresses calls what takes an address or a length with those that 32 bits can and can't hold.
func TestAddresses(t *testing.T) {
	b := newBuilder()
	get := func(c *wasm.Code, locals ...uint32) {
		for _, l := range locals {
			c.Index(wasm.OpLocalGet, l)
		}
	}
	load := func(offset uint64) func(c *wasm.Code) {
		return func(c *wasm.Code) {
			get(c, 0)
			c.Memory(wasm.OpI64Load, wasm.MemArg{Align: 3, Offset: offset})
		}
	}
	one := wasm.FuncType{Params: []wasm.ValueType{i64}, Results: []wasm.ValueType{i64}}
	b.add("load", one, nil, load(0))
	b.add("load 16", one, nil, load(16))
	b.add("load 4G", one, nil, load(1<<32))
	b.add("load -8", one, nil, load(math.MaxUint64-7))
	store := func(offset uint64) func(c *wasm.Code) {
		return func(c *wasm.Code) {
			get(c, 0, 1)
			c.Memory(wasm.OpI32Store, wasm.MemArg{Align: 2, Offset: offset})
		}
	}
	b.add("store", takes(i64, i32), nil, store(0))
	b.add("store 4G", takes(i64, i32), nil, store(1<<32))
	b.add("fill", takes(i64, i32, i64), nil, func(c *wasm.Code) {
		get(c, 0, 1, 2)
		c.Op(wasm.OpMemoryFill)
		c.Raw([]byte{0})
	})
	b.add("copy", takes(i64, i64, i64), nil, func(c *wasm.Code) {
		get(c, 0, 1, 2)
		c.Op(wasm.OpMemoryCopy)
		c.Raw([]byte{0, 0})
	})
	b.add("grow", one, nil, func(c *wasm.Code) {
		get(c, 0)
		c.Index(wasm.OpMemoryGrow, 0)
	})
	b.add("size", wasm.FuncType{Results: []wasm.ValueType{i64}}, nil, func(c *wasm.Code) { c.Index(wasm.OpMemorySize, 0) })
	b.add("indirect", wasm.FuncType{Params: []wasm.ValueType{i64}, Results: []wasm.ValueType{i64}}, nil,
		func(c *wasm.Code) {
			get(c, 0)
			c.CallIndirect(b.m.AddType(wasm.FuncType{Results: []wasm.ValueType{i64}}), 0)
		})
	b.add("table.size", wasm.FuncType{Results: []wasm.ValueType{i64}}, nil,
		func(c *wasm.Code) { c.Index(wasm.OpTableSize, 0) })
	b.add("table.grow", one, nil, func(c *wasm.Code) {
		c.Zero(wasm.FuncRef)
		get(c, 0)
		c.Index(wasm.OpTableGrow, 0)
	})
	b.add("table.fill", takes(i64, i64), nil, func(c *wasm.Code) {
		get(c, 0)
		c.Zero(wasm.FuncRef)
		get(c, 1)
		c.Index(wasm.OpTableFill, 0)
	})
	sizeIndex := uint32(slices.IndexFunc(b.m.Exports, func(e wasm.Export) bool { return e.Name == "size" }) - 1)
	var at wasm.Code
	at.I64(3)
	at.Op(wasm.OpEnd)
	b.m.Elements = []wasm.Element{{Type: wasm.FuncRef, Offset: wasm.Expr(at), Functions: []uint32{sizeIndex}}}
	b.m.Data = []wasm.Data{{Offset: wasm.ConstExpr(i64), Bytes: []byte{1, 2, 3, 4, 5, 6, 7, 8}}}
	const first = 0x0807060504030201
	instances := map[bool]api.Module{}
	for _, checked := range []bool{false, true} {
		instances[checked] = instantiate(t, b.lower(t, Options{Check: checked}))
	}
	const table, element = "invalid table access", "invalid table access"
	for _, c := range []struct {
		name        string
		args        []uint64
		want, check string // the results or trap; check is "" where checking changes nothing
	}{
		{"load", []uint64{0}, fmt.Sprint(first), ""},
		{"load", []uint64{page - 8}, "0", ""},
		{"load", []uint64{page - 7}, outOfBounds, ""},
		{"load", []uint64{math.MaxUint64 - 7}, outOfBounds, ""},
		{"load", []uint64{1 << 32}, fmt.Sprint(first), outOfBounds},
		{"load", []uint64{1 << 63}, fmt.Sprint(first), outOfBounds},
		{"load 16", []uint64{math.MaxUint64 - 15}, outOfBounds, ""}, // the sum does not wrap
		{"load 4G", []uint64{0}, outOfBounds, ""},
		{"load 4G", []uint64{math.MaxUint64 - 1<<32 + 1}, outOfBounds, ""},
		{"load -8", []uint64{8}, outOfBounds, ""},
		{"store", []uint64{1<<40 + 256, 7}, "", outOfBounds},
		{"store 4G", []uint64{256, 7}, outOfBounds, ""},
		{"fill", []uint64{512, 1, 16}, "", ""},
		{"fill", []uint64{512, 1, 1 << 32}, outOfBounds, ""},
		{"fill", []uint64{512, 1, 1<<32 + 1}, outOfBounds, ""},
		{"fill", []uint64{0, 1, math.MaxUint64}, outOfBounds, ""},
		{"fill", []uint64{1<<32 + 512, 1, 0}, "", outOfBounds},
		{"copy", []uint64{512, 0, 8}, "", ""},
		{"copy", []uint64{512, 0, 1 << 32}, outOfBounds, ""},
		{"copy", []uint64{512, 1 << 32, 8}, "", outOfBounds},
		{"copy", []uint64{1<<32 + 512, 0, 8}, "", outOfBounds},
		{"size", nil, "1", ""},
		{"grow", []uint64{1<<32 + 1}, fmt.Sprint(uint64(math.MaxUint64)), ""},
		{"grow", []uint64{math.MaxUint64}, fmt.Sprint(uint64(math.MaxUint64)), ""},
		{"grow", []uint64{3}, fmt.Sprint(uint64(math.MaxUint64)), ""},
		{"grow", []uint64{1}, "1", ""},
		{"size", nil, "2", ""},
		{"indirect", []uint64{3}, "2", ""},
		{"indirect", []uint64{1<<32 + 3}, "2", table},
		{"indirect", []uint64{100}, table, ""},
		{"table.size", nil, "4", ""},
		{"table.grow", []uint64{1 << 32}, fmt.Sprint(uint64(math.MaxUint64)), ""},
		{"table.grow", []uint64{1}, "4", ""},
		{"table.size", nil, "5", ""},
		{"table.fill", []uint64{0, 1 << 32}, element, ""},
		{"table.fill", []uint64{1 << 32, 1}, element, ""},
		{"table.fill", []uint64{0, 2}, "", ""},
	} {
		for checked, m := range instances {
			want := c.want
			if checked && c.check != "" {
				want = c.check
			}
			results, trap := call(m, c.name, c.args...)
			got := trap
			if trap == "" && len(results) > 0 {
				got = fmt.Sprint(results[0])
			}
			if got != want {
				t.Errorf("%s of %#x, checked %t: %q and not %q", c.name, c.args, checked, got, want)
			}
		}
	}
}

// TestMaxima: a memory of 64 bits may say that it grows further than 32 bits reach, or nothing; what is lowered ends
// where the engine does, shared and imported or not, and a maximum below that stays.
func TestMaxima(t *testing.T) {
	const engine = 1<<16 - 1
	for _, c := range []struct {
		memory wasm.Limits
		most   uint64
	}{
		{wasm.Limits{Min: 3, Is64: true}, engine},
		{wasm.Limits{Min: 3, Max: 1 << 20, HasMax: true, Is64: true}, engine},
		{wasm.Limits{Min: 3, Max: 1 << 48, HasMax: true, Is64: true}, engine},
		{wasm.Limits{Min: 3, Max: 64 << 30 >> 16, HasMax: true, Shared: true, Is64: true}, engine},
		{wasm.Limits{Min: 3, Max: 1 << 16, HasMax: true, Shared: true, Is64: true}, engine},
		{wasm.Limits{Min: 3, Max: 5, HasMax: true, Shared: true, Is64: true}, 5},
	} {
		want := wasm.Limits{Min: 3, Max: c.most, HasMax: true, Shared: c.memory.Shared}
		own := &wasm.Module{Memories: []wasm.Limits{c.memory}}
		if got := lowered(t, own.Encode(), Options{}).Memories[0]; got != want {
			t.Errorf("%+v becomes %+v", c.memory, got)
		}
		imported := &wasm.Module{Imports: []wasm.Import{{Module: "env", Name: "memory", Kind: wasm.KindMemory,
			Memory: c.memory}}}
		if got := lowered(t, imported.Encode(), Options{}).Imports[0].Memory; got != want {
			t.Errorf("an imported %+v becomes %+v", c.memory, got)
		}
	}
}

// everyInstruction calls visit with each instruction that names a memory or a table.
func everyInstruction(visit func(in wasm.Instr, o wasm.Operands)) {
	spaces := newBuilder().m.Spaces()
	for op := range wasm.Opcode(0x500) {
		in := wasm.Instr{Op: op}
		o, ok := spaces.Operands(&in, nil)
		for align := 4; ok && align >= 0; align-- { // the largest that is valid
			if in.Memory.Align = uint32(align); module(in, o, direct).Validate() == nil {
				visit(in, o)
				ok = false
			}
		}
	}
}

// shape is how an instruction comes by its operands.
type shape int

const (
	direct  shape = iota // one after the other
	atOnce               // from a block that gives all of them
	nowhere              // not at all: it is never reached
	shapes
)

// module has one function that gives its parameters to an instruction.
func module(in wasm.Instr, o wasm.Operands, s shape) *wasm.Module {
	b := newBuilder()
	b.m.HasCount, b.m.Data = true, []wasm.Data{{Passive: true, Bytes: []byte{9, 8, 7, 6, 5, 4, 3, 2, 1}}}
	b.m.Elements = []wasm.Element{{Mode: wasm.ElementPassive, Type: wasm.FuncRef, Functions: []uint32{0}}}
	for i := range b.m.Memories {
		b.m.Memories[i].Shared = true
	}
	t := wasm.FuncType{Params: o.Takes}
	if o.Gives != wasm.Unknown {
		t.Results = []wasm.ValueType{o.Gives}
	}
	if in.Op == wasm.OpCallIndirect || in.Op == wasm.OpReturnCallIndirect {
		in.Index = b.m.AddType(wasm.FuncType{})
	}
	block := b.m.AddType(wasm.FuncType{Results: o.Takes})
	b.add("f", t, nil, func(c *wasm.Code) {
		if s == atOnce {
			c.Block(wasm.OpBlock, wasm.BlockType(block))
		}
		if s == nowhere {
			c.Op(wasm.OpUnreachable)
		}
		for i := range o.Takes {
			if s != nowhere {
				c.Index(wasm.OpLocalGet, uint32(i))
			}
		}
		if s == atOnce {
			c.Op(wasm.OpEnd)
		}
		c.Instr(&in)
	})
	return &b.m
}

// twin is the module as it would have been compiled for 32 bits.
func twin(m *wasm.Module) *wasm.Module {
	again, err := wasm.Decode(m.Encode())
	if err != nil {
		panic(err)
	}
	again.Memories[0].Is64, again.Tables[0].Limits.Is64 = false, false
	return again
}

// TestEveryInstruction lowers each instruction, however it comes by its operands, and runs it beside the same
// instruction in a module of 32 bits.
func TestEveryInstruction(t *testing.T) {
	seen, ran := 0, 0
	everyInstruction(func(in wasm.Instr, o wasm.Operands) {
		seen++
		o.Takes = slices.Clone(o.Takes)
		for s := range shapes {
			for _, check := range []bool{false, true} {
				m := lowered(t, module(in, o, s).Encode(), Options{Check: check})
				if s == nowhere || slices.ContainsFunc(o.Takes, wasm.ValueType.IsReference) || o.Gives == wasm.FuncRef ||
					slices.Contains(o.Takes, wasm.V128) || o.Gives == wasm.V128 {
					continue
				}
				narrow := o
				narrow.Takes = slices.Clone(o.Takes)
				spaces := twin(module(in, o, s)).Spaces()
				narrow, _ = spaces.Operands(&in, narrow.Takes)
				other := twin(module(in, narrow, s))
				ran++
				same(t, fmt.Sprintf("%s, shape %d, check %t", in.Op, s, check), m, other, len(o.Takes))
			}
		}
	})
	if seen < 125 || ran < 396 {
		t.Errorf("%d instructions, %d runs", seen, ran)
	}
}

// failed reports whether both modules were told that memory does not grow.
func failed(wide, narrow []uint64) bool {
	return len(wide) == 1 && len(narrow) == 1 && wide[0] == math.MaxUint64 && narrow[0] == math.MaxUint32
}

// same calls f of two modules with a few arguments and expects the same of both.
func same(t *testing.T, name string, a, b *wasm.Module, params int) {
	t.Helper()
	x, y := instantiate(t, a), instantiate(t, b)
	for _, m := range []api.Module{x, y} {
		bytes, _ := m.Memory().Read(0, page)
		for i := range bytes {
			bytes[i] = byte(i * 7)
		}
	}
	for _, args := range [][]uint64{{64, 8, 8}, {8, 72, 16}, {page - 8, 1, 2}, {page - 1, 3, 8}, {1, 1, 1}, {2, 0, 1},
		{0, 0, 0}} {
		got, trap := call(x, "f", args[:params]...)
		want, wanted := call(y, "f", args[:params]...)
		if trap != wanted || !slices.Equal(got, want) && !failed(got, want) {
			t.Errorf("%s of %d: %v %q and not %v %q", name, args[:params], got, trap, want, wanted)
		}
	}
	p, _ := x.Memory().Read(0, page)
	q, _ := y.Memory().Read(0, page)
	if !bytes.Equal(p, q) {
		t.Errorf("%s: another memory", name)
	}
}
