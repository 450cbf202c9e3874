package translate

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// hostile are modules made to hurt whoever compiles them.
var hostile = []struct {
	name    string
	make    func() *wasm.Module
	refused string // what is said of one that is not translated
}{
	{name: "100,000 functions", make: func() *wasm.Module {
		m := &wasm.Module{Types: []wasm.FuncType{{Results: []wasm.ValueType{wasm.I32}}}}
		for i := range 100_000 {
			var c wasm.Code
			c.I32(int32(i))
			c.Op(wasm.OpEnd)
			m.Functions = append(m.Functions, wasm.Function{Body: wasm.Expr(c)})
		}
		return m
	}},
	{name: "100,000 nested blocks", make: func() *wasm.Module {
		return single(nil, nil, func(c *wasm.Code) {
			for range 100_000 {
				c.Block(wasm.OpBlock, wasm.BlockVoid)
			}
			c.Index(wasm.OpBr, 99_999)
			for range 100_000 {
				c.Op(wasm.OpEnd)
			}
		})
	}},
	{name: "75,000 nested loops", make: func() *wasm.Module {
		return single([]wasm.ValueType{wasm.I32}, nil, func(c *wasm.Code) {
			for range 75_000 {
				c.Block(wasm.OpLoop, wasm.BlockVoid)
			}
			for i := range 75_000 {
				c.Index(wasm.OpLocalGet, 0)
				c.Index(wasm.OpBrIf, uint32(i%2))
				c.Op(wasm.OpEnd)
			}
		})
	}},
	{name: "a branch table of 300,000", make: func() *wasm.Module {
		return single([]wasm.ValueType{wasm.I32}, nil, func(c *wasm.Code) {
			const blocks = 100
			for range blocks {
				c.Block(wasm.OpBlock, wasm.BlockVoid)
			}
			labels := make([]uint32, 300_001)
			for i := range labels {
				labels[i] = uint32(i*7+i/3) % blocks
			}
			c.Index(wasm.OpLocalGet, 0)
			c.BrTable(labels)
			for range blocks {
				c.Op(wasm.OpEnd)
			}
		})
	}},
	{name: "50,000 locals", make: func() *wasm.Module {
		m := single([]wasm.ValueType{wasm.I32}, nil, func(c *wasm.Code) {
			for i := range uint32(49_999) {
				c.Index(wasm.OpLocalGet, i)
				c.Index(wasm.OpLocalSet, i+1)
			}
		})
		m.Functions[0].Locals = []wasm.Locals{{Count: 49_999, Type: wasm.I32}}
		return m
	}},
	{name: "a stack of 100,000", make: func() *wasm.Module {
		return single([]wasm.ValueType{wasm.I32}, nil, func(c *wasm.Code) {
			for range 100_000 {
				c.Index(wasm.OpLocalGet, 0)
			}
			for range 99_999 {
				c.I32(1)
				c.Index(wasm.OpLocalSet, 0)
				c.Op(wasm.OpI32Add)
			}
			c.Op(wasm.OpDrop)
		})
	}},
	{name: "blocks that carry 1,000 values", refused: "would become more than", make: func() *wasm.Module {
		values := make([]wasm.ValueType, 1000)
		for i := range values {
			values[i] = wasm.I32
		}
		m := single(nil, nil, func(c *wasm.Code) {
			for range 1000 {
				c.I32(1)
			}
			for range 50_000 {
				c.Block(wasm.OpLoop, 1)
			}
			for range 50_000 {
				c.Op(wasm.OpEnd)
			}
			for range 1000 {
				c.Op(wasm.OpDrop)
			}
		})
		m.Types = append(m.Types, wasm.FuncType{Params: values, Results: values})
		return m
	}},
}

// single is a module of one function, which is exported.
func single(params, results []wasm.ValueType, write func(c *wasm.Code)) *wasm.Module {
	var c wasm.Code
	write(&c)
	c.Op(wasm.OpEnd)
	return &wasm.Module{Types: []wasm.FuncType{{Params: params, Results: results}},
		Functions: []wasm.Function{{Body: wasm.Expr(c)}},
		Exports:   []wasm.Export{{Name: "f", Kind: wasm.KindFunction}}}
}

// TestHostile translates modules that were made to hurt: the C is in proportion to the module, or that is refused.
// FAASMRUN_HOSTILE=1 has clang compile the C, and says how long that takes.
func TestHostile(t *testing.T) {
	for _, h := range hostile {
		t.Run(h.name, func(t *testing.T) {
			m := h.make()
			began := time.Now()
			files, err := Translate(m)
			took := time.Since(began)
			if h.refused != "" {
				if err == nil || !strings.Contains(err.Error(), h.refused) {
					t.Fatalf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			size := 0
			for _, f := range files {
				size += len(f.Text)
			}
			module := len(m.Encode())
			t.Logf("%d bytes become %d of C in %d files, in %v", module, size, len(files), took)
			if size > 40*module+len(files)*(len(prelude)+len(vectorPrelude)) {
				t.Errorf("%d bytes become %d of C", module, size)
			}
			if os.Getenv("FAASMRUN_HOSTILE") == "" {
				return
			}
			for _, f := range files {
				if file := filepath.Join(t.TempDir(), f.Name); f.Name == "code0.c" || f.Name == "object.c" {
					os.WriteFile(file, f.Text, 0o600)
					cmd := exec.Command("clang-19", append(append([]string{}, Flags...), "-O1", "-c", file, "-o", file+".o")...)
					out, err := cmd.CombinedOutput()
					t.Logf("clang: %s in %v of processor time, %v: %.200s", f.Name, cmd.ProcessState.UserTime(), err, out)
				}
			}
		})
	}
}
