package program

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A prepared program is two files beside the module as it was linked. Their names tell both whose they are and what was
// prepared, so that a process which loads them gets what was prepared for it, whatever another release makes of the
// same module meanwhile:
//
//	<sha256>.wasm              the module as it was linked
//	<sha256>.<hash>.run.wasm   the module that an engine is given; <hash> is the beginning of Program.Hash
//	<sha256>.<hash>.layout     what is known of it
const (
	ModuleSuffix = ".run.wasm"
	layoutSuffix = ".layout"
	// HashDigits are those of Program.Hash that are in the names.
	HashDigits = 16
)

// Save writes a prepared program into a directory and returns the name of its module there. Each file appears whole or
// not at all, the layout last.
func (p Prepared) Save(dir string, origin Hash) (name string, err error) {
	base := origin.String() + "." + hashOf(p.Layout).String()[:HashDigits]
	for _, file := range []struct {
		suffix string
		data   []byte
	}{{ModuleSuffix, p.Module}, {layoutSuffix, p.Layout}} {
		if err := writeWhole(filepath.Join(dir, base+file.suffix), file.data); err != nil {
			return "", fmt.Errorf("keep the prepared program: %w", err)
		}
	}
	return base + ModuleSuffix, nil
}

// writeWhole writes a file that appears whole or not at all.
func writeWhole(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".run-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // of no effect after the rename
	_, err = tmp.Write(data)
	if err := errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// Load opens the program that Save has put there, by its module's path. Close gives back what it holds. Files that are
// missing are ErrUnusable too.
func Load(module string, t Target) (*Program, error) {
	base, ok := strings.CutSuffix(module, ModuleSuffix)
	sha, _, whole := strings.Cut(filepath.Base(base), ".")
	origin, err := parseHash(sha)
	if !ok || !whole || err != nil {
		return nil, fmt.Errorf("%s is not the name of a prepared program", module)
	}
	var p Prepared
	if p.Layout, err = os.ReadFile(base + layoutSuffix); err == nil {
		p.Module, err = os.ReadFile(module)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = unusable("%v", err)
	}
	if err != nil {
		return nil, err
	}
	o := Origin{Hash: origin}
	linked, err := os.Open(filepath.Join(filepath.Dir(module), sha+".wasm"))
	if err == nil { // else there are no lines
		o.File = linked
	}
	opened, err := Open(p, o, t)
	if err != nil {
		linked.Close()
		return nil, fmt.Errorf("%s: %w", module, err)
	}
	if opened.HasLines() {
		opened.file = linked
	} else {
		linked.Close()
	}
	return opened, nil
}

// HashOf is the hash of the program that Save has put there, by its module's path.
func HashOf(module string) (Hash, error) {
	base, ok := strings.CutSuffix(module, ModuleSuffix)
	if !ok {
		return Hash{}, fmt.Errorf("%s is not the name of a prepared program", module)
	}
	l, err := os.ReadFile(base + layoutSuffix)
	return hashOf(l), err
}

func parseHash(s string) (h Hash, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(h) {
		return h, fmt.Errorf("%q is no SHA-256", s)
	}
	return Hash(b), nil
}
