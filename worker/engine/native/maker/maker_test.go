package maker

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/engine/native/clang"
	"github.com/faasmrun/faasmrun/worker/engine/native/object"
	"github.com/faasmrun/faasmrun/worker/engine/native/translate"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "clang" {
		os.Exit(clang.Main(os.Args[2:], os.Stderr))
	}
	os.Exit(m.Run())
}

// functions is the C of a module of many functions, of which one may be longer than its usual.
func functions(t *testing.T, longer int) []translate.File {
	t.Helper()
	m := &wasm.Module{Types: []wasm.FuncType{{Params: []wasm.ValueType{wasm.I32}, Results: []wasm.ValueType{wasm.I32}}}}
	for i := range 300 {
		var c wasm.Code
		c.Index(wasm.OpLocalGet, 0)
		n := 150 + i%17*20
		if i == longer {
			n++
		}
		for k := range n {
			c.I32(int32(i + k))
			c.Op(wasm.OpI32Xor)
		}
		c.Op(wasm.OpEnd)
		m.Functions = append(m.Functions, wasm.Function{Body: wasm.Expr(c)})
	}
	files, err := translate.Translate(m)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// A program of which one function has changed has the files compiled that are others now, and no more; one that was
// interrupted goes on where it was; of what is damaged the compiler makes anew.
func TestParts(t *testing.T) {
	c, err := clang.Find(t.Context(), os.Getenv("PATH"), "")
	if errors.Is(err, clang.ErrAbsent) || !clang.Supported() {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	store := object.Open(cache)
	compile := func(module byte, files []translate.File) (compiled int) {
		t.Helper()
		dir := t.TempDir()
		for _, f := range files {
			if err := os.WriteFile(filepath.Join(dir, f.Name), f.Text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var mu sync.Mutex
		task := clang.Task{Command: []string{os.Args[0], "clang"}, Limits: clang.DefaultLimits,
			Keep: func(clang.File, []byte) {
				mu.Lock()
				defer mu.Unlock()
				compiled++
			}}
		k := KeyOf([32]byte{module}, c)
		if err := Make(t.Context(), store, k, c, dir, task); err != nil {
			t.Fatal(err)
		}
		r, err := store.Find(k)
		if err != nil {
			t.Fatal(err)
		}
		o, err := object.Load(r)
		if err != nil {
			t.Fatal(err)
		}
		o.Close()
		return compiled
	}
	first := functions(t, -1)
	if n := compile(1, first); n != len(first) || n < 5 {
		t.Fatalf("%d of %d files were compiled", n, len(first))
	}
	if n := compile(2, first); n != 0 {
		t.Errorf("of the same C %d files were compiled", n)
	}
	if n := compile(3, functions(t, 100)); n < 1 || n > 2 {
		t.Errorf("one function is longer, and %d of %d files were compiled", n, len(first))
	}
	parts, err := filepath.Glob(filepath.Join(cache, "native", "parts1", "*.o"))
	if err != nil || len(parts) < len(first) {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	for _, path := range parts[:2] {
		if err := os.Truncate(path, 100); err != nil {
			t.Fatal(err)
		}
	}
	if n := compile(4, first) + compile(5, functions(t, 100)); n != 2 {
		t.Errorf("two parts were damaged, and %d files were compiled", n)
	}
}
