package eh

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// builder makes small modules: one import of each kind of host, then functions.
type builder struct{ m wasm.Module }

const (
	wasiImport   = 0 // () -> (), of a module that does not call back
	otherImport  = 1 // () -> (), of one that may
	firstDefined = 2
)

func newBuilder() *builder {
	b := &builder{}
	none := b.m.AddType(wasm.FuncType{})
	b.m.Imports = []wasm.Import{{Module: "wasi_test", Name: "f", Kind: wasm.KindFunction, Type: none},
		{Module: "mpi", Name: "f", Kind: wasm.KindFunction, Type: none}}
	b.m.Tags = []uint32{none}
	return b
}

// add adds a function () -> () and returns its index. write leaves the last end out.
func (b *builder) add(write func(c *wasm.Code)) uint32 {
	var c wasm.Code
	write(&c)
	c.Op(wasm.OpEnd)
	b.m.Functions = append(b.m.Functions, wasm.Function{Body: wasm.Expr(c)})
	return firstDefined + uint32(len(b.m.Functions)-1)
}

// call writes a call.
func call(f uint32) func(c *wasm.Code) {
	return func(c *wasm.Code) { c.Index(wasm.OpCall, f) }
}

// rewritten is a module after Lower, and where its code came from.
func rewritten(module []byte) (out []byte, code *wasm.CodeMap, changed bool, err error) {
	m, err := wasm.Decode(module)
	if err != nil {
		return nil, nil, false, err
	}
	m.MapCode()
	changed, err = Lower(m)
	return m.Encode(), m.CodeMap(), changed, err
}

func lowered(t testing.TB, module []byte) []byte {
	t.Helper()
	out, _, changed, err := rewritten(module)
	if err != nil || !changed {
		t.Fatalf("lowered %t, %v", changed, err)
	}
	return out
}

// tests lowers the module and counts in each function the tests of the pending global.
func (b *builder) tests(t *testing.T) []int {
	m, err := wasm.Decode(lowered(t, b.m.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	pending, _ := m.Export(Pending)
	var counts []int
	for i := range m.Functions {
		n := 0
		for r := wasm.NewReader(m.Functions[i].Body); r.Next(); {
			if r.Instr.Op == wasm.OpGlobalGet && r.Instr.Index == pending.Index {
				n++
			}
		}
		counts = append(counts, n)
	}
	return counts
}

// TestTestsOnlyWhereExceptionsComeFrom: what can't throw is not tested for it.
func TestTestsOnlyWhereExceptionsComeFrom(t *testing.T) {
	b := newBuilder()
	thrower := b.add(func(c *wasm.Code) { c.Index(wasm.OpThrow, 0) })
	catcher := b.add(func(c *wasm.Code) { // a try of two calls, which takes everything
		c.Block(wasm.OpTry, wasm.BlockVoid)
		call(thrower)(c)
		call(thrower)(c)
		c.Op(wasm.OpCatchAll)
		c.Op(wasm.OpEnd)
	})
	cleaner := b.add(func(c *wasm.Code) { // throws on what it catches
		c.Block(wasm.OpTry, wasm.BlockVoid)
		call(thrower)(c)
		c.Op(wasm.OpCatchAll)
		call(wasiImport)(c)
		c.Index(wasm.OpRethrow, 0)
		c.Op(wasm.OpEnd)
	})
	idle := b.add(func(c *wasm.Code) { // a rethrow that nothing comes to
		c.Block(wasm.OpTry, wasm.BlockVoid)
		call(catcher)(c)
		c.Op(wasm.OpCatchAll)
		c.Index(wasm.OpRethrow, 0)
		c.Op(wasm.OpEnd)
	})
	b.add(func(c *wasm.Code) {
		for _, f := range []uint32{catcher, cleaner, idle, wasiImport, otherImport} {
			call(f)(c)
		}
		c.Op(wasm.OpNop) // so that the last call is not the end
	})
	if got, want := b.tests(t), []int{0, 2, 1, 0, 2}; !slices.Equal(got, want) {
		t.Errorf("tests per function: %v, not %v", got, want)
	}
}

// TestTailCall: what a tail call throws is not caught by the function that made it.
func TestTailCall(t *testing.T) {
	b := newBuilder()
	thrower := b.add(func(c *wasm.Code) { c.Index(wasm.OpThrow, 0) })
	tail := b.add(func(c *wasm.Code) {
		c.Block(wasm.OpTry, wasm.BlockVoid)
		c.Index(wasm.OpReturnCall, thrower)
		c.Op(wasm.OpCatchAll)
		c.Op(wasm.OpEnd)
	})
	b.add(func(c *wasm.Code) {
		call(tail)(c)
		c.Op(wasm.OpNop)
	})
	if got, want := b.tests(t), []int{0, 0, 1}; !slices.Equal(got, want) {
		t.Errorf("tests per function: %v, not %v", got, want)
	}
}

func TestModuleWithoutExceptionsStays(t *testing.T) {
	b := newBuilder()
	b.m.Tags = nil
	b.add(call(otherImport))
	module := b.m.Encode()
	changed, err := Lower(&b.m)
	if err != nil || changed || !bytes.Equal(b.m.Encode(), module) {
		t.Errorf("changed %v, %v", changed, err)
	}
}

func TestRefusals(t *testing.T) {
	valid := func() *builder {
		b := newBuilder()
		b.add(func(c *wasm.Code) { c.Index(wasm.OpThrow, 0) })
		return b
	}
	for _, c := range []struct {
		name   string
		module func() *wasm.Module
		want   string
	}{
		{"final encoding", func() *wasm.Module {
			b := valid()
			f := b.add(func(c *wasm.Code) {
				c.Block(wasm.OpTryTable, wasm.BlockVoid)
				*c = append(*c, 0)
				c.Op(wasm.OpEnd)
			})
			b.m.SetNames(&wasm.Names{Functions: map[uint32]string{f: "modern"}})
			return &b.m
		}, "function modern uses try_table, of the final encoding"},
		{"imported tag", func() *wasm.Module {
			b := valid()
			b.m.Imports = append(b.m.Imports, wasm.Import{Module: "env", Name: "tag", Kind: wasm.KindTag})
			return &b.m
		}, "imports the tag env.tag"},
		{"name taken", func() *wasm.Module {
			b := valid()
			b.m.Exports = []wasm.Export{{Name: Pending, Kind: wasm.KindFunction}}
			return &b.m
		}, "exports __faasmrun_exn, a name that"},
		{"object file", func() *wasm.Module {
			b := valid()
			b.m.Customs = []wasm.Custom{{Name: "linking"}}
			return &b.m
		}, "an object file, not yet linked"},
		{"exnref in a tag", func() *wasm.Module {
			b := valid()
			b.m.Tags = append(b.m.Tags, b.m.AddType(wasm.FuncType{Params: []wasm.ValueType{wasm.ExnRef}}))
			return &b.m
		}, "tag 1 carries a exnref"},
		{"too much in a tag", func() *wasm.Module {
			b := valid()
			b.m.Tags = append(b.m.Tags, b.m.AddType(wasm.FuncType{Params: slices.Repeat([]wasm.ValueType{wasm.F64},
				maxCarried+1)}))
			return &b.m
		}, "tag 1 they carry more than 16 values"},
		{"invalid", func() *wasm.Module {
			b := valid()
			b.add(func(c *wasm.Code) { c.Op(wasm.OpDrop) })
			return &b.m
		}, "drop needs a value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed, err := Lower(c.module())
			if err == nil || changed || !strings.Contains(err.Error(), c.want) {
				t.Errorf("changed %v, error %v; wanted %q", changed, err, c.want)
			}
		})
	}
}

// TestValueIsTheAddress: of what an exception carries the first that an address can be is exported, which a memory's
// type says.
func TestValueIsTheAddress(t *testing.T) {
	for _, c := range []struct {
		memory  []wasm.Limits
		carried []wasm.ValueType
		want    wasm.ValueType
	}{
		{nil, []wasm.ValueType{wasm.I64, wasm.I32}, wasm.I32},
		{[]wasm.Limits{{Min: 1}}, []wasm.ValueType{wasm.I64, wasm.I32}, wasm.I32},
		{[]wasm.Limits{{Min: 1, Is64: true}}, []wasm.ValueType{wasm.I32, wasm.I64}, wasm.I64},
		{[]wasm.Limits{{Min: 1, Is64: true}}, []wasm.ValueType{wasm.I32}, wasm.Unknown},
	} {
		b := newBuilder()
		b.m.Memories = c.memory
		b.m.Tags = []uint32{b.m.AddType(wasm.FuncType{Params: c.carried})}
		b.add(func(code *wasm.Code) {
			for _, v := range c.carried {
				code.Zero(v)
			}
			code.Index(wasm.OpThrow, 0)
		})
		m, err := wasm.Decode(lowered(t, b.m.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		got := wasm.Unknown
		if e, ok := m.Export(Value); ok {
			got = m.Spaces().Globals[e.Index].Type
		}
		if got != c.want {
			t.Errorf("%v carries %v: the value is %s and not %s", c.memory, c.carried, got, c.want)
		}
	}
}

// TestTagExportsGo: an exported tag means nothing to a host once exceptions are gone.
func TestTagExportsGo(t *testing.T) {
	b := newBuilder()
	b.add(func(c *wasm.Code) { c.Index(wasm.OpThrow, 0) })
	b.m.Exports = []wasm.Export{{Name: "tag", Kind: wasm.KindTag},
		{Name: "f", Kind: wasm.KindFunction, Index: firstDefined}}
	m, err := wasm.Decode(lowered(t, b.m.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Tags) != 0 || len(m.Exports) != 2 || m.Exports[0].Name != "f" || m.Exports[1].Name != Pending {
		t.Errorf("tags %v, exports %v", m.Tags, m.Exports)
	}
}

// FuzzLower: whatever comes in, an error or a valid module comes out.
func FuzzLower(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(encode(generate(seed)))
	}
	f.Fuzz(func(t *testing.T, module []byte) {
		m, err := wasm.Decode(module)
		if err != nil {
			return
		}
		if changed, err := Lower(m); err != nil || !changed {
			return
		}
		if m, err = wasm.Decode(m.Encode()); err != nil {
			t.Fatal(err)
		}
		if err := m.Validate(); err != nil {
			t.Fatal(err)
		}
		if features, err := wasm.Features(m); err != nil {
			t.Fatal(err)
		} else {
			for _, x := range features {
				if x.Name == wasm.LegacyExceptions {
					t.Fatal("exceptions are left: ", x)
				}
			}
		}
	})
}
