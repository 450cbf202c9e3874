package native

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/engine/conformance"
	"github.com/faasmrun/faasmrun/worker/engine/native/object"
	"github.com/faasmrun/faasmrun/worker/engine/native/translate"
	"github.com/faasmrun/faasmrun/worker/program"
)

func TestConformance(t *testing.T) {
	conformance.Run(t, makeEngine)
}

func BenchmarkConformance(b *testing.B) { conformance.Benchmark(b, makeEngine) }

func makeEngine(o engine.Options) (engine.Engine, error) { return New(o, objects) }

// objects has objects made by clang, each once.
func objects(p *program.Program) (*object.Object, error) {
	m, err := wasm.Decode(p.Code())
	if err != nil {
		return nil, err
	}
	files, err := translate.Translate(m)
	if err != nil {
		return nil, err
	}
	file, err := objectOf(files)
	if err != nil {
		return nil, err
	}
	image, err := object.Check(file)
	return &object.Object{Image: image, File: bytes.NewReader(file), Size: int64(len(file))}, err
}

// made are files that were made, by what they were made of: object files by their C, shared objects by their parts.
var made struct {
	sync.Mutex
	files map[[sha256.Size]byte][]byte // guarded by the mutex
}

// once makes a file in a directory by a command, or has it made before.
func once(of []byte, name string, files map[string][]byte, command ...string) ([]byte, error) {
	key := sha256.Sum256(of)
	made.Lock()
	defer made.Unlock()
	if file := made.files[key]; file != nil {
		return file, nil
	}
	dir, err := os.MkdirTemp("", "native")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return nil, err
		}
	}
	c := exec.Command(command[0], command[1:]...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%v: %w\n%s", c.Args, err, out)
	}
	file, err := os.ReadFile(filepath.Join(dir, name))
	if err == nil {
		if made.files == nil {
			made.files = map[[sha256.Size]byte][]byte{}
		}
		made.files[key] = file
	}
	return file, err
}

var (
	compile = append([]string{"clang-19", "-O1", "-march=native", "-gline-tables-only", "-fno-asynchronous-unwind-tables",
		"-c", "-o", "a.o", "a.c"}, translate.Flags...)
	link = []string{"ld.lld-19", "-shared", "-Bsymbolic", "--hash-style=sysv", "-z", "noseparate-code", "-z", "relro",
		"-z", "now", "--no-undefined", "-o", "object.so"}
)

// objectOf compiles and links C.
func objectOf(files []translate.File) ([]byte, error) {
	var all []byte
	parts, command := map[string][]byte{}, slices.Clone(link)
	for _, f := range files {
		part, err := once(f.Text, "a.o", map[string][]byte{"a.c": f.Text}, compile...)
		if err != nil {
			return nil, err
		}
		parts[f.Name+".o"] = part
		command = append(command, f.Name+".o")
		all = append(all, part...)
	}
	return once(all, "object.so", parts, command...)
}

// TestSpec runs the standard's suite; FAASMRUN_SPEC=all has it run whole, with some 2,500 modules for clang.
func TestSpec(t *testing.T) { conformance.Spec(t, "native", makeEngine) }
