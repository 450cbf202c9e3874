package worker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// cacheFiles is how much each part of a cache holds, by name.
func cacheFiles(t *testing.T, m *modules) (inModules, inNative int) {
	t.Helper()
	for dir, n := range map[string]*int{m.dir: &inModules, m.native(): &inNative} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		*n = len(entries)
	}
	return inModules, inNative
}

// sizeOf is how many bytes the files below a directory have.
func sizeOf(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		bytes += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// What real compile children leave is counted, machine code too, and goes with its module.
func TestEvictOfRealModules(t *testing.T) {
	cache := t.TempDir()
	b := newBench(t, func(c *Config) { c.CacheDir = cache })
	for _, name := range []string{"hello", "act"} {
		if o := b.run(interactive(b.app(name, 1))); o.End.State != "CD" {
			t.Fatalf("%s: %v", name, o.End)
		}
	}
	m := b.worker.modules
	if in, native := cacheFiles(t, m); in == 0 || native != 2 {
		t.Fatalf("%d files of modules, %d directories of machine code, not 2", in, native)
	}
	all := m.inventory()
	if len(all) != 2 {
		t.Errorf("%d modules, not 2: machine code has no owner", len(all))
	}
	var counted int64
	for _, c := range all {
		counted += c.bytes
		if len(c.locks) != 1 {
			t.Errorf("module %s has %d directories of machine code", c.sha, len(c.locks))
		}
	}
	if want := sizeOf(t, cache); counted != want {
		t.Errorf("%d bytes counted, not %d", counted, want)
	}
	m.evict(0, time.Now().Add(2*recent))
	if in, native := cacheFiles(t, m); in != 0 || native != 0 {
		t.Errorf("%d files of modules and %d directories of machine code are left", in, native)
	}
	if o := b.run(interactive(b.app("hello", 1))); o.End.State != "CD" {
		t.Errorf("after that: %v", o.End)
	}
}

// Machine code that belongs to no module counts, and goes when it is the oldest; what is being compiled stays.
func TestEvictOfMachineCodeAlone(t *testing.T) {
	dir := t.TempDir()
	m := &modules{cacheDir: dir, dir: filepath.Join(dir, "modules")}
	now := time.Now()
	old, made := filepath.Join(m.native(), strings.Repeat("a", 64)+"-1"),
		filepath.Join(m.native(), strings.Repeat("b", 64)+"-1")
	for _, entry := range []string{old, made} {
		if err := os.MkdirAll(entry, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{lockName, "code"} {
			path := filepath.Join(entry, name)
			if err := os.WriteFile(path, make([]byte, 50), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, now.Add(-time.Hour), now.Add(-time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
	}
	lock, err := os.Open(filepath.Join(made, lockName))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	left := func() (n int) {
		entries, _ := os.ReadDir(m.native())
		return len(entries)
	}
	m.evict(200, now)
	if n := left(); n != 2 {
		t.Errorf("within the bound %d of 2 are left", n)
	}
	m.evict(0, now)
	if _, err := os.Stat(made); err != nil || left() != 1 {
		t.Errorf("%d left; what is being compiled: %v", left(), err)
	}
	lock.Close()
	m.evict(0, now)
	if n := left(); n != 0 {
		t.Errorf("%d left", n)
	}
}
