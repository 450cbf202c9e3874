package wasi_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/faasmrun/faasmrun/snapshot/linear"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/engine/wazero"
	"github.com/faasmrun/faasmrun/worker/wasi"
)

// TestPrograms runs programs as they come from two toolchains, whose libraries use these calls in ways of their own.
// Both say what went wrong, ask for a name and repeat it.
func TestPrograms(t *testing.T) {
	for name, build := range map[string]func(t *testing.T, wasm string) *exec.Cmd{
		"C": func(t *testing.T, wasm string) *exec.Cmd {
			if _, err := exec.LookPath("clang-19"); err != nil {
				t.Fatalf("%v: make setup installs what the tests need", err)
			}
			return exec.Command("clang-19", "--target=wasm32-wasi", "-O1", "testdata/files/files.c", "-o", wasm)
		},
		"Go": func(t *testing.T, wasm string) *exec.Cmd {
			c := exec.Command("go", "build", "-o", wasm, "testdata/files/main.go")
			c.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
			return c
		},
	} {
		t.Run(name, func(t *testing.T) {
			wasm := filepath.Join(t.TempDir(), "a.wasm")
			if out, err := build(t, wasm).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			in := &question{answer: "Ada\nand more\n", asked: make(chan struct{})}
			out, code := run(t, wasm, in)
			if out != "name? "+in.answer || code != 3 {
				t.Errorf("exit status %d, output:\n%s", code, out)
			}
		})
	}
}

// run runs a program in a directory of its own, which it also knows by the absolute path that HERE and its argument
// name.
func run(t *testing.T, file string, in *question) (string, uint32) {
	t.Helper()
	code, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	e, err := wazero.New(engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var imports []engine.Import
	for _, c := range wasi.Calls() {
		if c.Wide {
			continue
		}
		imports = append(imports, engine.Import{Module: wasi.Module, Name: c.Name, Params: c.Params, Results: c.Results,
			Call: func(host any, stack []uint64) { c.Fn(host.(*wasi.Process), stack) }})
	}
	if err := e.Link(imports); err != nil {
		t.Fatal(err)
	}
	m, err := engine.Make(e, code)
	if err != nil {
		t.Fatal(err)
	}
	memory, err := linear.New(1<<30, linear.Reserve{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	here := filepath.Join(t.TempDir(), "here")
	if err := errors.Join(os.Mkdir(here, 0o777),
		os.WriteFile(filepath.Join(here, "..", "outside"), nil, 0o666)); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(here)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	p, err := wasi.New(wasi.Config{Args: []string{"program", here}, Env: []string{"HERE=" + here}, Memory: memory.Bytes,
		Stdin: in, Stdout: wasi.OutputTo(in), Stderr: wasi.OutputTo(in), TTY: true,
		Mounts: []wasi.Mount{{Guest: "/", Root: root}, {Guest: here, Root: root}}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	instance, err := m.Instantiate(p, memory)
	if err != nil {
		t.Fatal(err)
	}
	defer instance.Close()
	var exit wasi.Exit
	if err := instance.Start(); !errors.As(err, &exit) {
		t.Fatalf("%v; output:\n%s", err, in.out.String())
	}
	return in.out.String(), exit.Code
}

// question is a person at a terminal: once the program has asked, the answer is there, and then the end.
type question struct {
	answer string
	asked  chan struct{} // closed when "name? " was printed

	mu  sync.Mutex // guards all below
	out bytes.Buffer
	at  int // of answer
}

func (q *question) Write(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	before := strings.Contains(q.out.String(), "name? ")
	q.out.Write(p)
	if !before && strings.Contains(q.out.String(), "name? ") {
		close(q.asked)
	}
	return len(p), nil
}

func (q *question) Read(p []byte) (int, error) {
	select {
	case <-q.asked:
	default:
		return 0, nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	n := copy(p, q.answer[q.at:])
	if q.at += n; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (q *question) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.answer) - q.at
}

func (q *question) Ready() <-chan struct{} { return q.asked }
