package translate

import (
	"bytes"
	"os"
	"path/filepath"
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
