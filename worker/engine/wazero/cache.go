package wazero

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/tetratelabs/wazero"
	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/worker/program"
)

// wazero's files are trusted as they are: its checksum leaves out the table of functions, a wrong length makes it
// allocate whatever it says, and any error fails the module. So each module has a directory of its own, and each file
// of wazero's in it a note with size and checksum beside it; only files that agree with their notes are left for wazero
// to find.
//
//	CACHE/<module>/lock                               held by whoever writes
//	CACHE/<module>/wazero-<version>-<machine>/<key>      machine code; the key covers the CPU's features
//	CACHE/<module>/wazero-<version>-<machine>/<key>.sum  its note
//
// <module> is the program's hash, and codeVersion. Whoever keeps the program knows the hash, and so can count and
// remove what was made of it; wazero's own key is of the bytes that it was given, so that nothing is taken for
// something else.
const (
	// codeVersion is raised when other machine code, or more about it, is made of the same module.
	codeVersion = "4"

	lockName  = "lock"
	sumSuffix = ".sum"
)

// cacheEntry is the directory of one module.
type cacheEntry struct{ dir string }

// compileCached compiles with the cache directory. An error may be the cache's fault or the module's.
func (e *Engine) compileCached(p *program.Program) (*Module, error) {
	entry := cacheEntry{filepath.Join(e.options.CacheDir, p.Hash().String()+"-"+codeVersion)}
	if whole, err := entry.check(); err == nil && whole {
		return e.compileIn(entry, p)
	}
	unlock, err := entry.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := entry.clean(); err != nil { // another process may have written it by now
		return nil, err
	}
	m, err := e.compileIn(entry, p)
	if err != nil {
		return nil, errors.Join(err, entry.remove())
	}
	m.cacheErr = entry.note() // without notes the next process compiles again
	return m, nil
}

func (e *Engine) compileIn(entry cacheEntry, p *program.Program) (*Module, error) {
	cache, err := wazero.NewCompilationCacheWithDir(entry.dir)
	if err != nil {
		return nil, err
	}
	return e.compile(p, cache)
}

// lock makes the directory and waits for whoever else writes to it. The lock ends with its process, however that ends.
func (c cacheEntry) lock() (unlock func(), err error) {
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(c.dir, lockName), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}

// check reports whether there is machine code, all of it as it was written.
func (c cacheEntry) check() (whole bool, err error) {
	files := 0
	err = c.walk(func(path string) error {
		files++
		sum, err := checksum(path)
		if err != nil {
			return err
		}
		noted, err := os.ReadFile(path + sumSuffix)
		if err == nil && string(noted) != sum {
			err = fmt.Errorf("%s is damaged", path)
		}
		return err
	})
	return files > 0 && err == nil, err
}

// clean removes what check would complain about, and what a process that was killed left half written.
func (c cacheEntry) clean() error {
	return c.walk(func(path string) error {
		sum, err := checksum(path)
		if err != nil {
			return err
		}
		if noted, err := os.ReadFile(path + sumSuffix); err == nil && string(noted) == sum {
			return nil
		}
		return os.Remove(path)
	})
}

// note writes down what wazero wrote, and lets other users read it: the cache directory itself says who may.
func (c cacheEntry) note() error {
	return c.walk(func(path string) error {
		sum, err := checksum(path)
		if err != nil {
			return err
		}
		temporary := path + sumSuffix + ".tmp"
		if err := os.WriteFile(temporary, []byte(sum), 0o644); err != nil {
			return err
		}
		return errors.Join(os.Chmod(filepath.Dir(path), 0o755), os.Chmod(path, 0o644),
			os.Rename(temporary, path+sumSuffix))
	})
}

// remove takes away all machine code of the module.
func (c cacheEntry) remove() error { return c.walk(os.Remove) }

// walk visits wazero's files, finished or not.
func (c cacheEntry) walk(visit func(path string) error) error {
	return filepath.WalkDir(c.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == lockName || strings.HasSuffix(path, sumSuffix) {
			return err
		}
		return visit(path)
	})
}

// checksum is for accidents of disks and crashes. It does not keep an attacker out: who can write here can run code.
func checksum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	size, err := io.Copy(sum, f)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d bytes, crc32c %08x\n", size, sum.Sum32()), nil
}
