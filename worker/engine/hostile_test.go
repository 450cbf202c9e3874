package engine_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/engine/native/clang"
)

// hostile are programs made to hurt whoever compiles them. Of each function 1, which takes an i32, is the one that
// hurts; _start, behind the others, calls it.
var hostile = []struct {
	name  string
	write func(m *wasm.Module) // adds functions
}{
	{"functions", func(m *wasm.Module) { // 100,000
		for i := range 100_000 {
			add(m, 0, func(c *wasm.Code) {
				c.Index(wasm.OpLocalGet, 0)
				c.I32(int32(i))
				c.Op(wasm.OpI32Add)
				c.Index(wasm.OpCall, uint32(i+1))
			})
		}
		add(m, 0, func(c *wasm.Code) {})
	}},
	{"blocks", func(m *wasm.Module) { // 300 KB of them, nested
		add(m, 0, func(c *wasm.Code) { nested(c, wasm.OpBlock, 100_000) })
	}},
	{"loops", func(m *wasm.Module) {
		add(m, 0, func(c *wasm.Code) { nested(c, wasm.OpLoop, 50_000) })
	}},
	{"ifs", func(m *wasm.Module) {
		add(m, 0, func(c *wasm.Code) {
			for range 60_000 {
				c.Index(wasm.OpLocalGet, 0)
				c.Block(wasm.OpIf, wasm.BlockVoid)
			}
			for range 60_000 {
				c.Op(wasm.OpEnd)
			}
		})
	}},
	{"table", func(m *wasm.Module) { // a branch table of 300,000 entries
		add(m, 0, func(c *wasm.Code) {
			labels := make([]uint32, 300_001)
			for i := range labels {
				labels[i] = uint32(i*7+i/3) % 100
			}
			for range 100 {
				c.Block(wasm.OpBlock, wasm.BlockVoid)
			}
			c.Index(wasm.OpLocalGet, 0)
			c.BrTable(labels)
			for range 100 {
				c.Op(wasm.OpEnd)
			}
		})
	}},
	{"locals", func(m *wasm.Module) { // 49,999, each read and written
		add(m, 49_998, func(c *wasm.Code) {
			for i := range uint32(49_998) {
				c.Index(wasm.OpLocalGet, i)
				c.Index(wasm.OpLocalSet, i+1)
			}
		})
	}},
	{"phis", func(m *wasm.Module) { // 10,000 locals, each of which may be another one at each of 10,000 joins
		add(m, 10_000, func(c *wasm.Code) {
			c.Block(wasm.OpLoop, wasm.BlockVoid)
			for i := range uint32(10_000) {
				c.Index(wasm.OpLocalGet, 0)
				c.I32(int32(i))
				c.Op(wasm.OpI32Eq)
				c.Block(wasm.OpIf, wasm.BlockVoid)
				for k := range uint32(20) {
					c.Index(wasm.OpLocalGet, (i*7+k)%10_000)
					c.Index(wasm.OpLocalSet, 1+(i*13+k*501)%9_999)
				}
				c.Op(wasm.OpEnd)
			}
			c.Index(wasm.OpLocalGet, 9_999)
			c.Index(wasm.OpBrIf, 0)
			c.Op(wasm.OpEnd)
		})
	}},
	{"straight", func(m *wasm.Module) { // 3 MB of code without a branch
		add(m, 1, func(c *wasm.Code) {
			for i := range 300_000 {
				c.Index(wasm.OpLocalGet, 1)
				c.Index(wasm.OpLocalGet, 0)
				c.Op([]wasm.Opcode{wasm.OpI32Add, wasm.OpI32Mul, wasm.OpI32Xor}[i%3])
				c.I32(int32(i))
				c.Op(wasm.OpI32Sub)
				c.Index(wasm.OpLocalSet, 1)
			}
			c.I32(0)
			c.Index(wasm.OpLocalGet, 1)
			c.Memory(wasm.OpI32Store, wasm.MemArg{})
		})
	}},
	{"accesses", func(m *wasm.Module) { // 200,000 loads and stores of one address
		add(m, 1, func(c *wasm.Code) {
			for i := range 100_000 {
				c.Index(wasm.OpLocalGet, 0)
				c.Index(wasm.OpLocalGet, 0)
				c.Memory(wasm.OpI32Load, wasm.MemArg{Offset: uint64(i*4) % 65000})
				c.Memory(wasm.OpI32Store, wasm.MemArg{Offset: uint64(i*12) % 65000})
			}
		})
	}},
	{"inlining", func(m *wasm.Module) { // each function calls the one before it eight times
		add(m, 0, func(c *wasm.Code) {
			c.Index(wasm.OpLocalGet, 0)
			c.Index(wasm.OpLocalGet, 0)
			c.Memory(wasm.OpI32Store, wasm.MemArg{})
		})
		for i := range uint32(200) {
			add(m, 0, func(c *wasm.Code) {
				c.Index(wasm.OpLocalGet, 0)
				c.I32(int32(200 - i))
				c.Op(wasm.OpI32GtU)
				c.Index(wasm.OpBrIf, 0)
				for range 8 {
					c.Index(wasm.OpLocalGet, 0)
					c.Index(wasm.OpCall, i)
				}
			})
		}
	}},
	{"nest of loops", func(m *wasm.Module) { // 20,000 loops in a row, in loops, with memory
		add(m, 3, func(c *wasm.Code) {
			for range 4 {
				c.Block(wasm.OpLoop, wasm.BlockVoid)
			}
			for i := range 20_000 {
				c.Block(wasm.OpLoop, wasm.BlockVoid)
				c.Index(wasm.OpLocalGet, 1)
				c.Index(wasm.OpLocalGet, 1)
				c.Memory(wasm.OpI32Load, wasm.MemArg{Offset: uint64(i)})
				c.Memory(wasm.OpI32Store, wasm.MemArg{})
				c.Index(wasm.OpLocalGet, 1)
				c.I32(4)
				c.Op(wasm.OpI32Add)
				c.Index(wasm.OpLocalTee, 1)
				c.I32(1000)
				c.Op(wasm.OpI32LtU)
				c.Index(wasm.OpBrIf, 0)
				c.Op(wasm.OpEnd)
			}
			for range 4 {
				c.Index(wasm.OpLocalGet, 0)
				c.Index(wasm.OpBrIf, 0)
				c.Op(wasm.OpEnd)
			}
		})
	}},
}

// add adds a function with so many locals beside its parameter.
func add(m *wasm.Module, locals uint32, write func(c *wasm.Code)) {
	var c wasm.Code
	write(&c)
	c.Op(wasm.OpEnd)
	f := wasm.Function{Type: 1, Body: wasm.Expr(c)}
	if locals > 0 {
		f.Locals = []wasm.Locals{{Count: locals, Type: wasm.I32}}
	}
	m.Functions = append(m.Functions, f)
}

// nested writes blocks in each other, and branches out of each.
func nested(c *wasm.Code, op wasm.Opcode, n int) {
	for range n {
		c.Block(op, wasm.BlockVoid)
	}
	for i := range n {
		c.Index(wasm.OpLocalGet, 0)
		c.Index(wasm.OpBrIf, uint32(i%2))
		c.Op(wasm.OpEnd)
	}
}

func hostileFile(write func(m *wasm.Module)) []byte {
	m := &wasm.Module{Types: []wasm.FuncType{{}, {Params: []wasm.ValueType{wasm.I32}}},
		Memories: []wasm.Limits{{Min: 1}}}
	write(m)
	var c wasm.Code
	c.I32(0)
	c.Index(wasm.OpCall, uint32(len(m.Functions)-1))
	c.Op(wasm.OpEnd)
	m.Exports = []wasm.Export{{Name: "_start", Index: uint32(len(m.Functions))}, {Name: "memory", Kind: wasm.KindMemory}}
	m.Functions = append(m.Functions, wasm.Function{Body: wasm.Expr(c)})
	return m.Encode()
}

// TestHostile makes machine code of hostile programs on both engines: it comes, or the limits of compilers end it, in
// words for the user. FAASMRUN_HOSTILE=1 has it run, for minutes; with the name of a directory it writes the programs
// there.
func TestHostile(t *testing.T) {
	how := os.Getenv("FAASMRUN_HOSTILE")
	if how == "" {
		t.Skip("it takes minutes: FAASMRUN_HOSTILE=1")
	}
	p := newPair(t)
	for _, h := range hostile {
		t.Run(h.name, func(t *testing.T) {
			file := hostileFile(h.write)
			if strings.Contains(how, "/") {
				if err := os.WriteFile(filepath.Join(how, strings.ReplaceAll(h.name, " ", "")+".wasm"), file, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			for name, e := range map[string]engine.Engine{"wazero": p.wazero, "native": p.native} {
				began := time.Now()
				m, err := engine.Make(e, file)
				t.Logf("%s: %d KB in %v: %v", name, len(file)>>10, time.Since(began), err)
				if err == nil {
					e.Discard(m)
				} else if name == "native" && !clang.OfModule(err) || errors.Is(err, clang.ErrRejected) {
					t.Error("that is not for the user")
				}
			}
		})
	}
}
