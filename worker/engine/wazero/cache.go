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

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/program"
)

// wazero's files are trusted as they are: its checksum leaves out the table of functions, a wrong length makes it
// allocate whatever it says, and any error fails the module. So each module has a directory of its own, and each file
// of wazero's in it a note with size and checksum beside it; only files that agree with their notes are left for wazero
// to find.
//
//	CACHE/<module>/lock                               held by whoever writes
//	CACHE/<module>/outline.wasm                          what wazero is given instead of the module; with a note
//	CACHE/<module>/wazero-<version>-<machine>/<key>      machine code; the key covers the CPU's features
//	CACHE/<module>/wazero-<version>-<machine>/<key>.sum  its note
//
// wazero decodes and validates the module that machine code is loaded for, which takes longer than all else. It needs
// of that module everything but the bodies of functions, and finds machine code by the module's hash alone. So it is
// given the module with bodies of one instruction, the outline, and the machine code of the module itself under the
// outline's key. Whether it has found that is looked at afterwards: where not, it has made machine code of the outline,
// and written a file without a note. A note is only ever of what was made of the module itself.
//
// <module> is the program's hash, and codeVersion. Whoever keeps the program knows the hash, and so can count and
// remove what was made of it; wazero's own key is of the bytes that it was given, so that nothing is taken for
// something else.
const (
	// codeVersion is raised when other machine code, or more about it, is made of the same module.
	codeVersion = "5"

	lockName    = "lock"
	outlineName = "outline.wasm"
	workName    = "work" // a directory for what is being made
	sumSuffix   = ".sum"
)

// cacheEntry is the directory of one module.
type cacheEntry struct{ dir string }

// compileCached compiles with the cache directory. An error may be the cache's fault or the module's.
func (e *Engine) compileCached(p *program.Program) (*Module, error) {
	entry := cacheEntry{filepath.Join(e.options.CacheDir, p.Hash().String()+"-"+codeVersion)}
	if m, err := e.load(entry, p); err == nil {
		return m, nil
	}
	unlock, err := entry.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := entry.clean(); err != nil {
		return nil, err
	}
	if m, err := e.load(entry, p); err == nil { // another process has written it by now
		return m, nil
	}
	m, err := e.fill(entry, p)
	err = errors.Join(err, entry.clean())
	if m == nil {
		return nil, err
	}
	m.cacheErr = err // the next process compiles again
	return m, nil
}

// load loads machine code that is there, all of it as it was written.
func (e *Engine) load(entry cacheEntry, p *program.Program) (*Module, error) {
	if whole, err := entry.check(); err != nil || !whole {
		return nil, errors.Join(errors.New("there is no machine code"), err)
	}
	before, err := entry.open()
	defer before.close()
	if err != nil {
		return nil, err
	}
	outline, err := os.ReadFile(filepath.Join(entry.dir, outlineName))
	if err != nil {
		return nil, err
	}
	m, err := e.compileIn(entry.dir, p, outline)
	if err != nil {
		return nil, err
	}
	if err := entry.unchanged(before); err != nil {
		return nil, errors.Join(err, m.close())
	}
	return m, nil
}

// fill compiles the module and puts its machine code into the cache. The module may be there with an error of the
// cache.
func (e *Engine) fill(entry cacheEntry, p *program.Program) (*Module, error) {
	work := filepath.Join(entry.dir, workName)
	module, under := filepath.Join(work, "module"), filepath.Join(work, "outline")
	m, err := e.compileIn(module, p, p.Code())
	if err != nil {
		return nil, err
	}
	outline, err := outlineOf(p.Code())
	if err != nil {
		return m, err
	}
	path := filepath.Join(work, outlineName)
	if err := os.WriteFile(path, outline, 0o644); err != nil {
		return m, err
	}
	if err := entry.put(path, outlineName); err != nil {
		return m, err
	}
	key, err := e.compileIn(under, p, outline)
	if err != nil {
		return m, err
	}
	made, err := machineCode(module)
	name, nameless := machineCode(under)
	if err := errors.Join(key.close(), err, nameless); err != nil {
		return m, err
	}
	return m, entry.put(filepath.Join(module, made), name)
}

// put moves a file into the entry, under a name, with a note of what it is now. Other users may read both: the cache
// directory itself says who may.
func (c cacheEntry) put(from, name string) error {
	sum, err := checksum(from)
	if err != nil {
		return err
	}
	to := filepath.Join(c.dir, name)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	temporary := from + sumSuffix
	return errors.Join(os.WriteFile(temporary, []byte(sum), 0o644), os.Chmod(filepath.Dir(to), 0o755),
		os.Chmod(from, 0o644), os.Rename(from, to), os.Rename(temporary, to+sumSuffix))
}

// outlineOf is a module whose functions have bodies of one instruction.
func outlineOf(module []byte) ([]byte, error) {
	m, err := wasm.Decode(module)
	if err != nil {
		return nil, err
	}
	for i := range m.Functions {
		m.Functions[i] = wasm.Function{Type: m.Functions[i].Type,
			Body: wasm.Expr{byte(wasm.OpUnreachable), byte(wasm.OpEnd)}}
	}
	return m.Encode(), nil
}

// compileIn compiles a file for a program, with a directory for wazero's.
func (e *Engine) compileIn(dir string, p *program.Program, file []byte) (*Module, error) {
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return nil, err
	}
	return e.compile(p, file, cache)
}

// machineCode is wazero's one file in a directory.
func machineCode(dir string) (name string, err error) {
	files, err := fs.Glob(os.DirFS(dir), "wazero-*/*")
	if err == nil && len(files) != 1 {
		err = fmt.Errorf("%d files of machine code, not 1", len(files))
	}
	if err != nil {
		return "", err
	}
	return files[0], nil
}

// contents are the files of an entry, held open so that no other can get the same inode.
type contents map[string]*os.File

func (c contents) close() {
	for _, f := range c {
		f.Close()
	}
}

func (c cacheEntry) open() (contents, error) {
	files := contents{}
	return files, c.walk(func(path string) (err error) {
		files[path], err = os.Open(path)
		return err
	})
}

// unchanged is an error where other files are there than before: what wazero did not find it has made itself.
func (c cacheEntry) unchanged(before contents) error {
	n := 0
	err := c.walk(func(path string) error {
		n++
		was := before[path]
		if was == nil {
			return fmt.Errorf("%s was not there", path)
		}
		now, err := os.Stat(path)
		if err != nil {
			return err
		}
		if old, err := was.Stat(); err != nil || !os.SameFile(now, old) {
			return errors.Join(fmt.Errorf("%s is another file", path), err)
		}
		return nil
	})
	if err == nil && n != len(before) {
		err = errors.New("machine code was removed")
	}
	return err
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
	return files >= 2 && err == nil, err
}

// clean removes what check would complain about, and what a process that was killed left half written.
func (c cacheEntry) clean() error {
	err := os.RemoveAll(filepath.Join(c.dir, workName))
	return errors.Join(err, c.walk(func(path string) error {
		sum, err := checksum(path)
		if err != nil {
			return err
		}
		if noted, err := os.ReadFile(path + sumSuffix); err == nil && string(noted) == sum {
			return nil
		}
		return os.Remove(path)
	}))
}

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
