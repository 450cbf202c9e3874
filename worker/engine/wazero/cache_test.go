package wazero

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/engine/conformance"
)

// TestMain lets the test binary be the other process of TestProcessesShareACache.
func TestMain(m *testing.M) {
	if dir := os.Getenv("ENGINE_TEST_COMPILE_IN"); dir != "" {
		if err := compileAndRun(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// cached is what the cache tests compile.
func cached() []byte { return conformance.Called() }

// compileAndRun does what an executor does, and complains when the program did not do its own.
func compileAndRun(dir string) error {
	m, err := tryCompile(dir)
	if err != nil {
		return err
	}
	return m.CacheError()
}

func tryCompile(dir string) (engine.Module, error) {
	e, err := New(engine.Options{CacheDir: dir})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	if err := e.Link(conformance.Imports()); err != nil {
		return nil, err
	}
	m, err := engine.Make(e, cached())
	if err != nil {
		return nil, err
	}
	if err := conformance.RunCalled(m, &plainMemory{}); err != nil {
		return nil, err
	}
	return m, nil
}

// plainMemory is the simplest Memory there is.
type plainMemory struct{ b []byte }

func (m *plainMemory) Bytes() []byte  { return m.b }
func (m *plainMemory) Lowest() uint64 { return 0 }

func (m *plainMemory) Open(address uint64) uint64 { return uint64(len(m.Bytes())) - address }
func (m *plainMemory) Free()                      { m.b = nil }
func (m *plainMemory) Addresses() (base uintptr, before, size uint64) {
	return uintptr(unsafe.Pointer(unsafe.SliceData(m.b))), 0, uint64(len(m.b))
}
func (m *plainMemory) Reallocate(size uint64) []byte {
	m.b = append(make([]byte, 0, size), m.b...)[:size]
	return m.b
}

// codeFile finds wazero's file in the cache.
func codeFile(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "wazero-*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range files {
		if !strings.HasSuffix(f, sumSuffix) {
			found = append(found, f)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d files of machine code: %v", len(found), files)
	}
	return found[0]
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Ino
}

func TestCacheIsUsed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "cache")
	if err := compileAndRun(dir); err != nil {
		t.Fatal(err)
	}
	file := codeFile(t, dir)
	before := inode(t, file)
	if err := compileAndRun(dir); err != nil {
		t.Fatal(err)
	}
	if inode(t, file) != before {
		t.Error("compiled again")
	}
	// wazero reads that very file: one that agrees with its note but is empty makes it fail, and us compile again.
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	sum, err := checksum(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file+sumSuffix, []byte(sum), 0o644); err != nil {
		t.Fatal(err)
	}
	if m, err := tryCompile(dir); err != nil || m.CacheError() != nil || inode(t, codeFile(t, dir)) == before {
		t.Errorf("%v; the file was not used", err)
	}
	if info, err := os.Stat(codeFile(t, dir)); err != nil || info.Size() == 0 {
		t.Errorf("not mended: %v", err)
	}
}

// What wazero makes of an outline, where it has not found machine code of the module itself, never runs and is never
// kept.
func TestOutlineNeverRuns(t *testing.T) {
	dir := t.TempDir()
	if err := compileAndRun(dir); err != nil {
		t.Fatal(err)
	}
	file := codeFile(t, dir)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	note, err := os.ReadFile(file + sumSuffix)
	if err != nil {
		t.Fatal(err)
	}
	// As if made by another version of wazero, or for another processor: whole, but not what is looked for.
	other := filepath.Join(filepath.Dir(file), strings.Repeat("0", 64))
	for range 2 {
		if err := errors.Join(os.Remove(file), os.WriteFile(other, good, 0o644),
			os.WriteFile(other+sumSuffix, note, 0o644)); err != nil {
			t.Fatal(err)
		}
		if err := compileAndRun(dir); err != nil {
			t.Fatal(err)
		}
		if now, err := os.ReadFile(file); err != nil || string(now) != string(good) {
			t.Fatalf("not the module's machine code is kept: %v", err)
		}
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("the other's is gone: %v", err)
	}
	e := cacheEntry{filepath.Dir(filepath.Dir(file))}
	if whole, err := e.check(); err != nil || !whole {
		t.Errorf("whole %t, %v", whole, err)
	}
	if _, err := os.Stat(filepath.Join(e.dir, workName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was being made is still there: %v", err)
	}
}

// A note of other machine code than what stands there is none.
func TestNotesAreOfTheModule(t *testing.T) {
	dir := t.TempDir()
	if err := compileAndRun(dir); err != nil {
		t.Fatal(err)
	}
	e := cacheEntry{filepath.Dir(filepath.Dir(codeFile(t, dir)))}
	before, err := e.open()
	if err != nil {
		t.Fatal(err)
	}
	defer before.close()
	if err := e.unchanged(before); err != nil {
		t.Error(err)
	}
	file := codeFile(t, dir)
	for what, change := range map[string]func() error{
		"another file": func() error {
			return errors.Join(os.Remove(file), os.WriteFile(file, []byte("other"), 0o644))
		},
		"a further file": func() error { return os.WriteFile(file+".1.tmp", nil, 0o644) },
		"a file is gone": func() error { return os.Remove(file) },
	} {
		if err := compileAndRun(dir); err != nil {
			t.Fatal(err)
		}
		before, err := e.open()
		if err != nil {
			t.Fatal(err)
		}
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if err := e.unchanged(before); err == nil {
			t.Errorf("%s is not seen", what)
		}
		before.close()
	}
}

// Whatever stands in the files, the program runs, and the cache is whole again afterwards.
func TestDamagedCache(t *testing.T) {
	dir := t.TempDir()
	if err := compileAndRun(dir); err != nil {
		t.Fatal(err)
	}
	file := codeFile(t, dir)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	note, err := os.ReadFile(file + sumSuffix)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, code, sum []byte) {
		t.Helper()
		os.Remove(file)
		if err := os.WriteFile(file, code, 0o644); err != nil {
			t.Fatal(err)
		}
		os.Remove(file + sumSuffix)
		if sum != nil {
			if err := os.WriteFile(file+sumSuffix, sum, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := compileAndRun(dir); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if now, err := os.ReadFile(file); err != nil || string(now) != string(good) {
			t.Fatalf("%s: the cache was not mended: %v", what, err)
		}
	}
	for at := 0; at < len(good); at += 1 + at/8 {
		check(fmt.Sprintf("cut at %d", at), good[:at], note)
		flipped := append([]byte(nil), good...)
		flipped[at] ^= 1 << (at % 8)
		check(fmt.Sprintf("flipped at %d", at), flipped, note)
	}
	check("longer", append(append([]byte(nil), good...), 0), note)
	check("no note", good, nil)
	check("an empty note", good, []byte{})
	check("half a note", good, note[:len(note)/2])
	if err := os.WriteFile(file+".123.tmp", good[:10], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := compileAndRun(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file + ".123.tmp"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what a killed process left is still there: %v", err)
	}
}

func TestUnusableCache(t *testing.T) {
	t.Run("read-only and filled", func(t *testing.T) {
		dir := t.TempDir()
		if err := compileAndRun(dir); err != nil {
			t.Fatal(err)
		}
		readOnly(t, dir)
		if err := compileAndRun(dir); err != nil {
			t.Error(err)
		}
	})
	t.Run("read-only and empty", func(t *testing.T) {
		dir := t.TempDir()
		readOnly(t, dir)
		if m, err := tryCompile(dir); err != nil || m.CacheError() == nil && os.Getuid() != 0 {
			t.Errorf("%v", err)
		}
	})
	t.Run("a file", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(dir, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if m, err := tryCompile(dir); err != nil || m.CacheError() == nil {
			t.Errorf("%v", err)
		}
	})
}

// readOnly takes away the right to write. It does not stop root, for whom the test shows less.
func readOnly(t *testing.T, dir string) {
	t.Helper()
	chmod := func(mode os.FileMode) {
		filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				os.Chmod(path, mode)
			}
			return err
		})
	}
	chmod(0o555)
	t.Cleanup(func() { chmod(0o755) })
}

func TestProcessesShareACache(t *testing.T) {
	dir := t.TempDir()
	var children []*exec.Cmd
	for range 4 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "ENGINE_TEST_COMPILE_IN="+dir)
		child.Stderr = os.Stderr
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		children = append(children, child)
	}
	for _, child := range children {
		if err := child.Wait(); err != nil {
			t.Error(err)
		}
	}
	codeFile(t, dir)
}

func TestCacheErrorsOfTheModule(t *testing.T) {
	e := newEngine(t, engine.Options{CacheDir: t.TempDir()})
	if _, err := engine.Make(e, conformance.Invalid()); err == nil || !strings.Contains(err.Error(), "not a valid") {
		t.Errorf("%v", err)
	}
}
