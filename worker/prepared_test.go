package worker

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// cachedFile finds the one file of the module cache that ends so.
func cachedFile(t *testing.T, m *modules, suffix string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(m.dir, "*"+suffix))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %v, %v", suffix, found, err)
	}
	return found[0]
}

// A prepared program that can't be believed is made anew, and the job that has found it runs.
func TestPreparedAnew(t *testing.T) {
	b := newBench(t, func(c *Config) { c.CacheDir = t.TempDir() })
	m := b.worker.modules
	spec := interactive(b.app("hello", 1))
	run := func(what string) {
		t.Helper()
		if o := b.run(spec); o.End.State != "CD" {
			t.Errorf("%s: %v", what, o.End)
		}
		b.worker.idle.close() // or the next job finds the program loaded
	}
	run("at first")
	suffixes := []string{".layout", ".run.wasm", ".prepared"}
	good := map[string][]byte{}
	for _, s := range suffixes {
		data, err := os.ReadFile(cachedFile(t, m, s))
		if err != nil {
			t.Fatal(err)
		}
		good[s] = data
	}
	damage := map[string]func(whole []byte) []byte{
		"gone":       func([]byte) []byte { return nil },
		"empty":      func([]byte) []byte { return []byte{} },
		"cut short":  func(b []byte) []byte { return b[:len(b)/2] },
		"damaged":    func(b []byte) []byte { b = bytes.Clone(b); b[len(b)/2] ^= 1; return b },
		"longer":     func(b []byte) []byte { return append(bytes.Clone(b), 0) },
		"newer":      func(b []byte) []byte { b = bytes.Clone(b); b[min(16, len(b)-1)]++; return b },
		"the module": func([]byte) []byte { return good[".run.wasm"] },
	}
	for what, change := range damage {
		for _, suffix := range suffixes {
			path := cachedFile(t, m, suffix)
			bad := change(good[suffix])
			switch {
			case bytes.Equal(bad, good[suffix]):
				continue
			case bad == nil:
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			default:
				if err := os.WriteFile(path, bad, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			run(what + " " + suffix)
			for _, s := range suffixes {
				if now, err := os.ReadFile(cachedFile(t, m, s)); err != nil || s != ".prepared" && !bytes.Equal(now, good[s]) {
					t.Errorf("%s %s: %s is not as it was, %v", what, suffix, s, err)
				}
			}
		}
	}
}

// What a compile child leaves that was killed before it was through is not believed: there is no mark.
func TestPreparedByHalves(t *testing.T) {
	b := newBench(t, func(c *Config) { c.CacheDir = t.TempDir() })
	m := b.worker.modules
	spec := interactive(b.app("hello", 1))
	if o := b.run(spec); o.End.State != "CD" {
		t.Fatalf("%v", o.End)
	}
	b.worker.idle.close()
	entries, err := os.ReadDir(m.dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(cachedFile(t, m, ".prepared")); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{".run.wasm", ".layout"} { // an older release's, and one half written
		path := cachedFile(t, m, suffix)
		for _, name := range []string{path, filepath.Join(m.dir, ".run-1"+suffix)} {
			if err := os.WriteFile(name, []byte("half"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if o := b.run(spec); o.End.State != "CD" {
		t.Errorf("%v", o.End)
	}
	after, err := os.ReadDir(m.dir)
	if err != nil {
		t.Fatal(err)
	}
	after = slices.DeleteFunc(after, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), ".") })
	if len(after) != len(entries) {
		t.Errorf("%v became %v", entries, after)
	}
}
