package e2e

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// cutter passes connections on to a socket, and cuts each of them at a random byte of either direction, until it is
// calm.
type cutter struct {
	to       string
	listener net.Listener
	mean     int // bytes between two cuts
	running  sync.WaitGroup

	mu   sync.Mutex // guards all below
	rnd  *rand.Rand
	calm bool
	cuts int
	open map[net.Conn]bool
}

func newCutter(t *testing.T, at, to string, mean int, seed uint64) *cutter {
	listener, err := net.Listen("unix", at)
	if err != nil {
		t.Fatal(err)
	}
	r := &cutter{to: to, listener: listener, mean: mean, rnd: rand.New(rand.NewPCG(seed, 2)), open: map[net.Conn]bool{}}
	r.running.Go(r.accept)
	t.Cleanup(func() {
		listener.Close()
		r.mu.Lock()
		for c := range r.open {
			c.Close()
		}
		r.mu.Unlock()
		r.running.Wait()
	})
	return r
}

func (r *cutter) accept() {
	for {
		near, err := r.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("unix", r.to)
		if err != nil {
			near.Close()
			continue
		}
		r.mu.Lock()
		r.open[near], r.open[far] = true, true
		r.mu.Unlock()
		r.running.Go(func() { r.pass(near, far) })
		r.running.Go(func() { r.pass(far, near) })
	}
}

// pass carries one direction, to its end or the cut.
func (r *cutter) pass(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	r.mu.Lock()
	left := 1 + r.rnd.IntN(2*r.mean)
	r.mu.Unlock()
	buf := make([]byte, 8<<10)
	for {
		n, err := from.Read(buf)
		r.mu.Lock()
		cut := !r.calm && n >= left
		if cut {
			r.cuts++
			n = left
		}
		r.mu.Unlock()
		left -= n
		if _, fault := to.Write(buf[:n]); err != nil || fault != nil || cut {
			return
		}
		left = max(left, 1) // calm
	}
}

func (r *cutter) settle() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calm = true
	return r.cuts
}

// echo copies its standard input to its output, and says at the end how much it was.
const echo = `
#include <stdio.h>
int main(void) {
  char line[64];
  long total = 0;
  while (fgets(line, sizeof line, stdin)) {
    total++;
    fputs(line, stdout);
  }
  fprintf(stderr, "%ld lines\n", total);
}
`

// TestCutsEverywhere runs a job whose input and output go through connections that break at any byte: those of the
// launcher, and those of the worker. All arrives, once and in order.
func TestCutsEverywhere(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	dir, built := t.TempDir(), buildTree(t)
	binary := filepath.Join(built, "faasmrun")
	source, wasm := filepath.Join(dir, "echo.c"), filepath.Join(dir, "echo.wasm")
	if err := os.WriteFile(source, []byte(echo), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(binary, "cc", "-O1", "-o", wasm, source).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	path := func(name string) string { return filepath.Join(dir, name) }
	const seed = 7
	theirs := newCutter(t, path("launcher"), path("sock"), 256<<10, seed)
	workers := newCutter(t, path("worker"), path("sock"), 256<<10, seed)
	home := "FAASMRUN_HOME=" + path("home")
	daemon := func(ready string, args ...string) {
		cmd := exec.Command(binary, args...)
		cmd.Env = append(os.Environ(), home)
		log := &watchedLog{word: ready, seen: make(chan struct{})}
		cmd.Stderr = log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			cmd.Process.Signal(syscall.SIGTERM)
			cmd.Wait()
		})
		select {
		case <-log.seen:
		case <-time.After(time.Minute):
			t.Fatalf("%v does not come up: %s", args, log.String())
		}
	}
	daemon("is ready", "scheduler", "--listen", "unix:"+path("sock"), "--state", path("sched"))
	daemon("is ready", "worker", "--scheduler", "unix:"+path("worker"), "--name", "n1", "--slots", "1", "--state",
		path("work"))
	var input bytes.Buffer
	const lines = 150_000
	for i := range lines {
		fmt.Fprintf(&input, "line %d\n", i)
	}
	want := input.String()
	run := exec.Command(binary, "-np", "1", wasm)
	run.Env = append(os.Environ(), home, "FAASMRUN_SCHEDULER=unix:"+path("launcher"))
	run.Dir = dir
	var out, words bytes.Buffer
	run.Stdin, run.Stdout, run.Stderr = &input, &out, &words
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("%v: %s", err, &words)
		}
	case <-time.After(3 * time.Minute):
		run.Process.Kill()
		<-ended
		t.Fatalf("it hangs after %d bytes of output: %s", out.Len(), &words)
	}
	if out.String() != want {
		t.Errorf("%d bytes came of %d, and not the same", out.Len(), len(want))
	}
	if !strings.Contains(words.String(), fmt.Sprint(lines, " lines\n")) {
		t.Errorf("the program says %s", &words)
	}
	if a, b := theirs.settle(), workers.settle(); a < 5 || b < 5 {
		t.Errorf("%d and %d cuts", a, b)
	} else {
		t.Logf("%d cuts of the launcher's connections, %d of the worker's", a, b)
	}
}

// watchedLog waits for a word.
type watchedLog struct {
	word string
	seen chan struct{}
	once sync.Once

	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *watchedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Write(p)
	if strings.Contains(l.b.String(), l.word) {
		l.once.Do(func() { close(l.seen) })
	}
	return len(p), nil
}

func (l *watchedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
