package wasm

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// FuzzModule feeds Decode and everything behind it. What decodes must survive encoding; what is valid must stay so.
func FuzzModule(f *testing.F) {
	for _, seed := range seedModules(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(data)
		if err != nil {
			return
		}
		encoded := m.Encode()
		again, err := Decode(encoded)
		if err != nil {
			t.Fatalf("what Encode wrote: %v", err)
		}
		if !bytes.Equal(again.Encode(), encoded) {
			t.Fatal("encoding twice gives other bytes")
		}
		valid := m.Validate()
		if (valid == nil) != (again.Validate() == nil) {
			t.Fatalf("before %v, after %v", valid, again.Validate())
		}
		_, _ = Features(m)
		if g, err := m.Spaces().CallGraph(); err == nil {
			g.Reaching([]uint32{0})
			g.Targets(0)
		}
		m.SetNames(m.Names()) // puts subsections in order
		n := m.Names()
		m.SetNames(n)
		if got := m.Names(); !reflect.DeepEqual(got, n) {
			t.Fatalf("names %v became %v", n, got)
		}
		if valid != nil {
			_, _ = m.AddFunctionImport("a", "b", FuncType{})
			return
		}
		for i := range m.Functions {
			checkRewrite(t, "body", m.Functions[i].Body)
		}
		if _, err := m.AddFunctionImport("a", "b", FuncType{Params: []ValueType{I32}}); err != nil {
			t.Fatal(err)
		}
		if err := m.Validate(); err != nil {
			t.Fatalf("with one import more: %v", err)
		}
	})
}

// FuzzBody feeds a Cursor one body in the middle of a module that has something of everything.
func FuzzBody(f *testing.F) {
	for _, seed := range seedModules(f) {
		if m, err := Decode(seed); err == nil {
			for i := range m.Functions[:min(len(m.Functions), 20)] {
				f.Add([]byte(m.Functions[i].Body))
			}
		}
	}
	m := &Module{Types: []FuncType{{}, {Params: []ValueType{I32}, Results: []ValueType{I32}},
		{Params: []ValueType{F64, I64}},
		{Results: []ValueType{V128, FuncRef}}}}
	m.Tables = []Table{{Type: FuncRef}, {Type: ExternRef}, {Type: FuncRef, Limits: Limits{Is64: true}}}
	m.Memories = []Limits{{Min: 1}, {Min: 1, Is64: true}}
	m.Tags = []uint32{0, 2}
	m.Data, m.HasCount = []Data{{Passive: true}}, true
	m.Elements = []Element{{Mode: ElementPassive, Type: FuncRef, Functions: []uint32{0, 1, 2, 3}}}
	for _, t := range []ValueType{I32, I64, F32, F64, V128, FuncRef, ExternRef} {
		m.AddGlobal(GlobalType{Type: t, Mutable: true})
	}
	for t := range uint32(4) {
		m.Functions = append(m.Functions, Function{Type: t, Locals: []Locals{{Count: 3, Type: I32}, {Count: 1, Type: F64}}})
	}
	spaces := m.Spaces()
	f.Fuzz(func(t *testing.T, body []byte) {
		for i := range m.Functions {
			m.Functions[i].Body = Expr(body)
			c := spaces.Cursor()
			if c.Open(uint32(i)) != nil {
				t.Fatal("does not open")
			}
			for c.Next() {
				if len(c.Frames()) == 0 {
					t.Fatal("an instruction outside of every block")
				}
				if top := c.Frames()[len(c.Frames())-1]; len(c.Stack()) < top.Height {
					t.Fatal("the stack is lower than its block")
				}
			}
			if c.Err() == nil {
				checkRewrite(t, "body", Expr(body))
				_, _ = spaces.Liveness(uint32(i))
			}
		}
	})
}

// seedModules are small modules from the standard's suite, many features among them.
func seedModules(f testing.TB) [][]byte {
	var seeds [][]byte
	root := filepath.Join(wazeroSources(f), "internal", "integration_test", "spectest")
	for _, pattern := range []string{"v2/testdata/bulk.*.wasm", "v2/testdata/elem.*.wasm", "v2/testdata/names.*.wasm",
		"v2/testdata/simd_lane.0.wasm", "v2/testdata/ref_func.*.wasm", "v2/testdata/br_table.0.wasm", "v2/testdata/if.0.wasm",
		"v2/testdata/unreached-valid.*.wasm", "v2/testdata/custom.*.wasm", "v2/testdata/global.0.wasm",
		"v2/testdata/func.0.wasm", "threads/testdata/*.wasm", "tail-call/testdata/*.wasm",
		"exception-handling/testdata/*.wasm"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(files) == 0 {
			f.Fatalf("no files %s: %v", pattern, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			if len(data) < 20_000 {
				seeds = append(seeds, data)
			}
		}
	}
	for op := range Opcode(opcodes) { // what the suite lacks
		if params, addresses, results := addressed(op, &operations[op], I64, I64); addresses != nil {
			seeds = append(seeds, using(op, I64, I64, params, results).Encode())
		}
	}
	return seeds
}
