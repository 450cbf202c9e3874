package translate

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// corpus is modules of the standard's suite: their bytes by name.
func corpus(t testing.TB) map[string][]byte {
	suites := filepath.Join(wazeroSources(t), "internal", "integration_test", "spectest")
	files, err := filepath.Glob(filepath.Join(suites, "*", "testdata", "*.wasm"))
	if err != nil || len(files) < 1000 {
		t.Fatalf("%d modules: %v", len(files), err)
	}
	modules := map[string][]byte{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		modules[strings.TrimPrefix(file, suites)] = data
	}
	return modules
}

// TestSameTwice translates each module of the suite twice, the second time from its encoding: the C is the same, and no
// name of the module is in it.
func TestSameTwice(t *testing.T) {
	translated := 0
	for name, data := range corpus(t) {
		m, err := wasm.Decode(data)
		if err != nil || m.Validate() != nil {
			continue
		}
		files, err := Translate(m)
		if err != nil {
			continue
		}
		translated++
		again, err := wasm.Decode(m.Encode())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		files2, err := Translate(again)
		if err != nil || len(files2) != len(files) {
			t.Errorf("%s: %d files and then %d: %v", name, len(files), len(files2), err)
			continue
		}
		for i := range files {
			if files[i].Name != files2[i].Name || !bytes.Equal(files[i].Text, files2[i].Text) {
				t.Errorf("%s: %s is another file the second time", name, files[i].Name)
			}
			for _, e := range m.Exports {
				if len(e.Name) > 20 && bytes.Contains(files[i].Text, []byte(e.Name)) {
					t.Errorf("%s: %s holds %q", name, files[i].Name, e.Name)
				}
			}
		}
	}
	if translated < 1000 {
		t.Errorf("only %d modules were translated", translated)
	}
}

// versionHash is of the C that the suite's modules become, of which Version is the version.
const versionHash = "8 75630353a475a6e5"

// TestVersion: where the C of a module changes, Version does.
func TestVersion(t *testing.T) {
	h := sha256.New()
	modules := corpus(t)
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		m, err := wasm.Decode(modules[name])
		if err != nil {
			continue
		}
		files, _ := Translate(m)
		for _, f := range files {
			h.Write(f.Text)
		}
	}
	wide := []*wasm.Module{randomModule(1, true)}
	for i := range loops {
		wide = append(wide, loops[i].module(nil))
	}
	for _, m := range wide {
		files, err := Translate(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			h.Write(f.Text)
		}
	}
	if got := fmt.Sprintf("%d %x", Version, h.Sum(nil)[:8]); got != versionHash {
		t.Errorf("the C is another one: raise Version, and put %q here", got)
	}
}

// TestOneFunctionChanges lets one function of a module grow: one file or two change, and nothing else.
func TestOneFunctionChanges(t *testing.T) {
	const functions = 400
	build := func(longer int) map[string]bool {
		m := &wasm.Module{Types: []wasm.FuncType{{Params: []wasm.ValueType{wasm.I32}, Results: []wasm.ValueType{wasm.I32}}},
			Memories: []wasm.Limits{{Min: 1}}}
		for i := range functions {
			var c wasm.Code
			c.Index(wasm.OpLocalGet, 0)
			n := 100 + i%17*20
			if i == longer {
				n += 50
			}
			for k := range n {
				c.I32(int32(i + k))
				c.Op(wasm.OpI32Xor)
				c.Memory(wasm.OpI32Load, wasm.MemArg{})
			}
			c.Index(wasm.OpCall, uint32((i+1)%functions))
			c.Op(wasm.OpEnd)
			m.Functions = append(m.Functions, wasm.Function{Body: wasm.Expr(c)})
		}
		files, err := Translate(m)
		if err != nil {
			t.Fatal(err)
		}
		texts := map[string]bool{}
		for _, f := range files {
			texts[string(f.Text)] = true
		}
		return texts
	}
	before := build(-1)
	if len(before) < 12 {
		t.Fatalf("only %d files", len(before))
	}
	for _, longer := range []int{0, 7, 111, 222, 399} {
		changed := 0
		for text := range build(longer) {
			if !before[text] {
				changed++
			}
		}
		if changed < 1 || changed > 2 {
			t.Errorf("function %d became longer: %d of %d files are others", longer, changed, len(before))
		}
	}
}

// FuzzTranslate translates whatever decodes: no panic, and what is valid and not refused becomes C.
func FuzzTranslate(f *testing.F) {
	n := 0
	for _, data := range corpus(f) {
		if n++; n%20 == 0 && len(data) < 4096 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := wasm.Decode(data)
		if err != nil {
			return
		}
		files, err := Translate(m)
		if err == nil && len(files) < 2 {
			t.Fatalf("%d files", len(files))
		}
		if m.Validate() != nil && err == nil {
			t.Fatal("an invalid module was translated")
		}
	})
}
