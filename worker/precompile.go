package worker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/faasmrun/faasmrun/worker/control"
)

// Cache is a worker's cache of compiled modules, for those who fill it and look into it without a scheduler. Of the
// Config it takes CacheDir, Executable, Engines and Native.
type Cache struct{ w *Worker }

// OpenCache opens a cache, or makes it.
func OpenCache(c Config) (*Cache, error) {
	if c.Executable == "" {
		c.Executable = "/proc/self/exe"
	}
	m, err := newModules(c.CacheDir, c.Executable, "", nil)
	if err != nil {
		return nil, err
	}
	return &Cache{&Worker{Config: c, modules: m}}, nil
}

// Put copies a module into the cache and returns its SHA-256.
func (c *Cache) Put(file string) (sha string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	tmp, err := os.CreateTemp(c.w.modules.dir, ".put-*")
	if err != nil {
		return "", err
	}
	defer os.Remove(tmp.Name()) // of no effect after the rename
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(tmp, hash), f)
	if err := errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return "", fmt.Errorf("copy %s into the cache: %w", file, err)
	}
	sha = hex.EncodeToString(hash.Sum(nil))
	return sha, os.Rename(tmp.Name(), filepath.Join(c.w.modules.dir, sha+".wasm"))
}

// Compile compiles a module of the cache for an engine, unless it is. An error is for the user, and so is what report
// is called with.
func (c *Cache) Compile(ctx context.Context, sha, program string, native bool, report func(string)) error {
	if !native {
		_, err := c.w.modules.prepare(ctx, sha, program, control.ForWazero, report)
		return err
	}
	if key, ok := c.w.modules.nativeKey(sha, c.w.Native.Compiler); ok { // somebody wants it tried once more
		c.w.modules.objects.Forget(key)
	}
	_, err := c.w.makeObject(ctx, sha, program, report)
	return err
}

// State says what there is of a module for an engine: whether it is compiled, or why it could not be.
func (c *Cache) State(sha string, native bool) (compiled bool, failed string) {
	if !native {
		return c.w.modules.ready(sha, control.ForWazero) != nil, ""
	}
	if c.w.Native == nil {
		return false, ""
	}
	_, err := c.w.modules.findObject(sha, c.w.Native.Compiler)
	return err == nil, c.w.modules.noObject(sha, c.w.Native.Compiler)
}
