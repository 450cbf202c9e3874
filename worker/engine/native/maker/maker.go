// Package maker makes a prepared program's object, in a process of its own: it has the program written as C, has
// clang compile that, and puts the object into the cache. What the C is it leaves to translate, how clang is run to
// clang, the cache's files to object, and when an object is made to the worker, which starts the process.
package maker

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/engine/native/clang"
	"github.com/faasmrun/faasmrun/worker/engine/native/object"
	"github.com/faasmrun/faasmrun/worker/engine/native/translate"
	"github.com/faasmrun/faasmrun/worker/program"
)

// KeyOf is all that the object of a program depends on.
func KeyOf(hash program.Hash, c *clang.Compiler) object.Key {
	return object.Key{Module: hash, Translator: fmt.Sprint(translate.Version), Flags: clang.AllFlags(translate.Flags),
		Compiler: c.Identity(), Processor: c.Processor}
}

// HashOf is the hash of a prepared program, by its module's path.
func HashOf(module string) (program.Hash, error) { return program.HashOf(module) }

// CompilerMemory is the file of a cache that remembers what the C compiler is.
func CompilerMemory(cache string) string { return filepath.Join(cache, "compiler") }

// Write writes a program as C into a directory. Errors are for a person: what the native engine does not know.
func Write(p *program.Program, dir string) error {
	m, err := wasm.Decode(p.Code())
	if err != nil {
		return err
	}
	files, err := translate.Translate(m)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Text, 0o600); err != nil {
			return diskError{err}
		}
	}
	return nil
}

// diskError is one of the disk's and no fault of the program's.
type diskError struct{ error }

func (e diskError) Unwrap() error { return e.error }

// OfDisk reports whether Write failed for want of a disk.
func OfDisk(err error) bool { return errors.As(err, new(diskError)) }

// maxParts bounds what is kept of compiled files, in bytes: some programs as large as there are, or what a program that
// is being written was in its last hundred forms.
const maxParts = 1 << 30

// Make compiles what Write has left in a directory, which goes, and keeps the object. Files that were compiled before,
// for this program or another one, are not compiled again.
func Make(ctx context.Context, s *object.Store, k object.Key, c *clang.Compiler, dir string, t clang.Task) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	parts := map[string]object.Part{}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		f := clang.File{Name: e.Name(), Flags: translate.FlagsOf(e.Name())}
		text, err := os.ReadFile(filepath.Join(dir, f.Name))
		if err != nil {
			return err
		}
		parts[f.Name] = object.Part{Text: sha256.Sum256(text), Flags: clang.CompileFlags(translate.Flags, f),
			Compiler: c.Identity(), Processor: c.Processor}
		t.Files = append(t.Files, f)
	}
	t.Dir, t.Flags = dir, translate.Flags
	t.Known = func(f clang.File) []byte {
		compiled, err := s.Part(parts[f.Name])
		if err != nil {
			return nil // whatever is wrong with it, it is made anew
		}
		return compiled
	}
	watch := t.Keep
	t.Keep = func(f clang.File, compiled []byte) {
		s.PutPart(parts[f.Name], compiled) // or it is compiled again some day
		if watch != nil {
			watch(f, compiled)
		}
	}
	file, err := c.Make(ctx, t)
	s.PruneParts(maxParts)
	if err != nil {
		return err
	}
	_, err = s.Put(k, file)
	return err
}
