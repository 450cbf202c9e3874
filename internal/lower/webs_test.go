package lower

import (
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// TestWays: a number that comes to an instruction by one of many ways is the same variable there as behind that way,
// although it is a pointer too on the way, of which 32 bits would be enough.
func TestWays(t *testing.T) {
	const x, other = 2, 1 << 40
	// pointer gives the local a value of more than 32 bits and uses it as an address.
	pointer := func(c *wasm.Code, v int64) {
		c.I64(v)
		c.Index(wasm.OpLocalSet, x)
		for range 3 {
			c.Index(wasm.OpLocalGet, x)
			c.Memory(wasm.OpF64Load, wasm.MemArg{Align: 3})
			c.Op(wasm.OpDrop)
		}
	}
	ways := map[string]func(c *wasm.Code){
		"falls through": func(c *wasm.Code) {
			c.Block(wasm.OpBlock, wasm.BlockVoid)
			pointer(c, other)
			c.Op(wasm.OpEnd)
		},
		"br": func(c *wasm.Code) {
			c.Block(wasm.OpBlock, wasm.BlockVoid)
			pointer(c, other)
			c.Index(wasm.OpBr, 0)
			c.Op(wasm.OpEnd)
		},
		"br_if": func(c *wasm.Code) {
			c.Block(wasm.OpBlock, wasm.BlockVoid)
			pointer(c, other)
			c.Index(wasm.OpLocalGet, 1)
			c.Index(wasm.OpBrIf, 0)
			pointer(c, 8)
			c.Op(wasm.OpEnd)
		},
		"then": func(c *wasm.Code) {
			c.Index(wasm.OpLocalGet, 1)
			c.Block(wasm.OpIf, wasm.BlockVoid)
			pointer(c, other)
			c.Op(wasm.OpElse)
			pointer(c, 8)
			c.Op(wasm.OpEnd)
		},
		"else": func(c *wasm.Code) {
			c.Index(wasm.OpLocalGet, 1)
			c.Op(wasm.OpI32Eqz)
			c.Block(wasm.OpIf, wasm.BlockVoid)
			pointer(c, 8)
			c.Op(wasm.OpElse)
			pointer(c, other)
			c.Op(wasm.OpEnd)
		},
		"past an if": func(c *wasm.Code) {
			pointer(c, other)
			c.Index(wasm.OpLocalGet, 1)
			c.Op(wasm.OpI32Eqz)
			c.Block(wasm.OpIf, wasm.BlockVoid)
			pointer(c, 8)
			c.Op(wasm.OpEnd)
		},
		"round a loop": func(c *wasm.Code) {
			c.Block(wasm.OpLoop, wasm.BlockVoid)
			c.Block(wasm.OpBlock, wasm.BlockVoid)
			c.Index(wasm.OpLocalGet, 1)
			c.Op(wasm.OpI32Eqz)
			c.Index(wasm.OpBrIf, 0) // the second time
			c.I32(0)
			c.Index(wasm.OpLocalSet, 1)
			pointer(c, other)
			c.Index(wasm.OpBr, 1)
			c.Op(wasm.OpEnd)
			c.Op(wasm.OpEnd)
		},
	}
	for label := range 3 {
		ways["br_table "+string(rune('0'+label))] = func(c *wasm.Code) {
			for range 3 {
				c.Block(wasm.OpBlock, wasm.BlockVoid)
			}
			pointer(c, other)
			c.I32(int32(label))
			c.BrTable([]uint32{0, 1, 2})
			for depth := range 3 { // behind each of the three blocks the local is read, or written anew
				c.Op(wasm.OpEnd)
				if depth == label {
					c.Index(wasm.OpLocalGet, x)
					c.Op(wasm.OpReturn)
				} else {
					pointer(c, 8)
				}
			}
		}
	}
	for name, write := range ways {
		t.Run(name, func(t *testing.T) {
			b := newBuilder()
			b.add("f", wasm.FuncType{Params: []wasm.ValueType{i64, i32}, Results: []wasm.ValueType{i64}},
				[]wasm.Locals{{Count: 1, Type: i64}}, func(c *wasm.Code) {
					pointer(c, 16)
					write(c)
					c.Index(wasm.OpLocalGet, x)
				})
			got, trap := call(instantiate(t, b.lower(t, Options{})), "f", 0, 1)
			if trap != "" || len(got) != 1 || got[0] != other {
				t.Errorf("%d, %q", got, trap)
			}
		})
	}
}

// TestManyLocals: a function that has almost as many locals as it may, or whose locals have many values, still runs.
func TestManyLocals(t *testing.T) {
	const values = 30_000 // in one local, each a web
	for _, locals := range []uint32{1, 20_000, 26_000, wasm.MaxLocals - 30} {
		b := newBuilder()
		b.add("f", wasm.FuncType{Results: []wasm.ValueType{i64}}, []wasm.Locals{{Count: locals, Type: i64}},
			func(c *wasm.Code) {
				for i := range int64(values) {
					c.I64(i << 32)
					c.Index(wasm.OpLocalSet, locals-1)
					c.Index(wasm.OpLocalGet, locals-1)
					c.Index(wasm.OpLocalGet, locals-1)
					c.Memory(wasm.OpI64Load, wasm.MemArg{Align: 3})
					c.Memory(wasm.OpI64Store, wasm.MemArg{Align: 3})
				}
				c.Index(wasm.OpLocalGet, locals-1)
			})
		m := b.lower(t, Options{})
		if err := m.Validate(); err != nil {
			t.Fatal(err)
		}
		if got, trap := call(instantiate(t, m), "f"); trap != "" || len(got) != 1 || got[0] != (values-1)<<32 {
			t.Errorf("%d locals: %d, %q", locals, got, trap)
		}
	}
}
