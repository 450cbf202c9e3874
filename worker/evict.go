package worker

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/worker/control"
)

// cached is one module in the cache, with all that was made of it.
type cached struct {
	sha   string
	used  time.Time
	bytes int64
	paths []string // the marks that it is ready come first
	locks []string // of its machine code: held by whoever compiles
}

// isBeingMade reports whether some process compiles it: another worker's child may be at it for longer than recent.
func (c *cached) isBeingMade() bool {
	for _, path := range c.locks {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			continue // gone, or not begun
		}
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		f.Close()
		if err == unix.EWOULDBLOCK {
			return true
		}
	}
	return false
}

// use notes that a module is wanted now.
func (m *modules) use(mark string) {
	now := time.Now()
	os.Chtimes(mark, now, now) // failing makes it look older than it is, and costs a compile some day
}

// recent is how long a module that was just used is safe, however large the cache is: an executor may be about to load
// it.
const recent = 10 * time.Minute

// evict removes the modules that nobody has used for the longest time until the cache is within its bound, and machine
// code whose module is gone as if it were one. An executor that has loaded a module does not need it any more.
func (m *modules) evict(bound int64, now time.Time) {
	all := m.inventory()
	var total int64
	for _, c := range all {
		total += c.bytes
	}
	slices.SortFunc(all, func(a, b *cached) int { return a.used.Compare(b.used) })
	for _, c := range all {
		if total <= bound || now.Sub(c.used) < recent {
			return
		}
		if c.isBeingMade() {
			continue
		}
		for _, path := range c.paths {
			os.RemoveAll(path)
		}
		total -= c.bytes
	}
}

// inventory lists the cache. Machine code is kept by the hash of the module as it runs, which its name in modules has
// the beginning of. Code that belongs to no module was made by another version of this program, or by one that was
// killed.
func (m *modules) inventory() []*cached {
	all := map[string]*cached{}
	native := map[string]*cached{} // by the beginning of what runs
	entries, _ := os.ReadDir(m.dir)
	for _, e := range entries {
		sha, rest, _ := strings.Cut(e.Name(), ".")
		info, err := e.Info()
		if err != nil || sha == "" {
			continue
		}
		c := all[sha]
		if c == nil {
			c = &cached{sha: sha}
			all[sha] = c
			native[sha[:min(len(sha), runPrefix)]] = c
		}
		c.add(info)
		path := filepath.Join(m.dir, e.Name())
		if strings.HasSuffix(e.Name(), control.PreparedSuffix) {
			c.paths = append([]string{path}, c.paths...)
		} else {
			c.paths = append(c.paths, path)
		}
		if run, found := strings.CutSuffix(rest, ".run.wasm"); found {
			native[run] = c
		}
	}
	list := m.addNative(native)
	for _, c := range all {
		list = append(list, c)
	}
	return list
}

// add counts a file in.
func (c *cached) add(info fs.FileInfo) {
	c.bytes += info.Size()
	if info.ModTime().After(c.used) {
		c.used = info.ModTime()
	}
}

// runPrefix is how much of a hash the name of what runs has.
const runPrefix = 16

// lockName is the engine's, in each directory of machine code.
const lockName = "lock"

// addNative gives machine code to the modules that it was made of, and returns what belongs to none.
func (m *modules) addNative(owners map[string]*cached) (ownerless []*cached) {
	entries, _ := os.ReadDir(m.native())
	for _, e := range entries {
		c := owners[e.Name()[:min(len(e.Name()), runPrefix)]]
		if c == nil {
			c = &cached{}
			ownerless = append(ownerless, c)
		}
		path := filepath.Join(m.native(), e.Name())
		c.paths = append(c.paths, path)
		c.locks = append(c.locks, filepath.Join(path, lockName))
		filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				if info, err := d.Info(); err == nil {
					c.add(info)
				}
			}
			return nil
		})
	}
	return ownerless
}
