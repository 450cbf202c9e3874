package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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

// What disturbs a cluster beside kill -9, for the kill tests, and the interactive jobs that go on meanwhile.

// relay stands between daemons and whoever calls them, and can cut every connection.
type relay struct {
	path, target string
	listener     net.Listener
	serving      sync.WaitGroup

	mu    sync.Mutex // guards conns; nil: closed
	conns map[net.Conn]bool
}

func newRelay(t *testing.T, path, target string) *relay {
	t.Helper()
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{path: path, target: target, listener: listener, conns: map[net.Conn]bool{}}
	r.serving.Go(func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("unix", r.target)
			if err != nil {
				near.Close() // as where nobody listens
				continue
			}
			r.pair(near, far)
		}
	})
	return r
}

// pair carries bytes both ways until either side hangs up.
func (r *relay) pair(near, far net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conns == nil {
		near.Close()
		far.Close()
		return
	}
	r.conns[near], r.conns[far] = true, true
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		r.serving.Go(func() {
			io.Copy(way[0], way[1])
			near.Close()
			far.Close()
			r.mu.Lock()
			defer r.mu.Unlock()
			delete(r.conns, near)
			delete(r.conns, far)
		})
	}
}

func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		c.Close()
	}
}

func (r *relay) close() {
	r.listener.Close()
	r.cut()
	r.mu.Lock()
	r.conns = nil
	r.mu.Unlock()
	r.serving.Wait()
}

// disturbance is something that happens to a cluster.
type disturbance struct {
	name string
	do   func(k *killed, worker string)
}

var disturbances = []disturbance{
	{"cut of a worker's connection", func(k *killed, worker string) { k.relays[worker].cut() }},
	{"cut of the launchers' connections", func(k *killed, _ string) { k.relays["launchers"].cut() }},
	{"stop of a worker", func(k *killed, worker string) { k.stop(worker); k.start(worker, "") }},
	{"stop of the scheduler", func(k *killed, _ string) { k.stop("scheduler"); k.start("scheduler", "") }},
	{"reboot", func(k *killed, worker string) { k.reboot(worker); k.start(worker, "") }},
	{"reboot without its state", func(k *killed, worker string) { k.reboot(worker); k.wipe(worker); k.start(worker, "") }},
	{"loss of a worker's state", func(k *killed, _ string) { k.kill("w2"); k.wipe("w2"); k.start("w2", "") }},
}

func (k *killed) disturb(n int) {
	k.pass(1 + k.rnd.IntN(4))
	disturbances[n].do(k, workerNames[k.rnd.IntN(len(workerNames))])
	k.count(disturbances[n].name)
}

// stop has a daemon end in order.
func (k *killed) stop(name string) {
	v := k.daemons[name]
	v.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-v.gone:
	case <-time.After(time.Minute):
		k.t.Errorf("%s does not stop", name)
		k.kill(name)
	}
}

// reboot ends a worker and all its executors together, as a machine's end does.
func (k *killed) reboot(name string) {
	k.kill(name)
	for _, pid := range k.executors() {
		// Its last words go to a file in the state of the worker that started it, whatever has become of both.
		words, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/2", pid))
		if err == nil && strings.HasPrefix(words, filepath.Join(k.dir, name)+"/") {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func (k *killed) wipe(name string) {
	if err := os.RemoveAll(filepath.Join(k.dir, name)); err != nil {
		k.t.Error(err)
	}
}

// copies reads numbered lines and writes each back. What it reads out of turn it says.
const copies = `
#include <stdio.h>
#include <stdlib.h>
int main(void) {
  char line[64];
  long want = 0;
  setvbuf(stdout, NULL, _IOLBF, 0);
  while (fgets(line, sizeof line, stdin)) {
    if (atol(line) != want) { printf("read %s, not %ld\n", line, want); return 7; }
    printf("%ld\n", want++);
  }
  printf("end after %ld\n", want);
}
`

// asideLines is how many lines go through an interactive job, and asidePause how often one is written.
const (
	asideLines = 300
	asidePause = 5 * time.Millisecond
)

// runInteractive runs one interactive job after another, each with input that comes bit by bit.
func (k *killed) runInteractive(ctx context.Context) {
	for ctx.Err() == nil {
		how, err := k.aside()
		if err != nil {
			k.t.Errorf("an interactive job, which ended with %s: %v", how, err)
			return
		}
		k.mu.Lock()
		k.asides[how]++
		k.mu.Unlock()
	}
}

// aside runs one. Its output is whole and in order however it ends: each line that it has printed once, and with status
// 0 all of them.
func (k *killed) aside() (how string, err error) {
	cmd := exec.Command(k.binary, "-np", "1", "--scheduler", "unix:"+k.relays["launchers"].path,
		filepath.Join(k.dir, "copies.wasm"))
	cmd.Env = append(os.Environ(), "FAASMRUN_HOME="+filepath.Join(k.dir, "home"))
	cmd.Dir = filepath.Join(k.dir, "runs")
	var out, words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &words
	in, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	gone := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		defer in.Close()
		beat := time.NewTicker(asidePause)
		defer beat.Stop()
		for n := range asideLines {
			select {
			case <-beat.C:
			case <-gone:
				return
			}
			if _, err := fmt.Fprintln(in, n); err != nil {
				return // it ended before its input did
			}
		}
	})
	late := time.AfterFunc(5*time.Minute, func() { cmd.Process.Signal(syscall.SIGQUIT) })
	defer late.Stop()
	err = cmd.Wait()
	close(gone)
	writing.Wait()
	status := cmd.ProcessState.ExitCode()
	how = fmt.Sprintf("status %d", status)
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		return how, err
	}
	lines := strings.SplitAfter(out.String(), "\n")
	for n, line := range lines[:len(lines)-1] {
		switch want := fmt.Sprintf("%d\n", n); {
		case line == want:
		case n == asideLines && line == fmt.Sprintf("end after %d\n", asideLines):
		default:
			return how, fmt.Errorf("line %d of its output is %q\n%s", n, line, &words)
		}
	}
	if status == 0 {
		if len(lines) != asideLines+2 {
			err = fmt.Errorf("it has printed %d lines of %d", len(lines)-1, asideLines+1)
		}
		return how, err
	}
	const early = "no scheduler answers" // when it came
	if why := lawfulEnd(words.String()); why != "" {
		return how + ", " + why, nil
	} else if len(lines) == 1 && strings.Contains(words.String(), early) {
		return how + ", " + early, nil
	}
	return how, fmt.Errorf("nobody ended it like that:\n%s", &words)
}

// lawfulEnd is what a launcher says of what was done to its job, if that may end it: the end of its worker or of its
// executor alone may.
func lawfulEnd(words string) string {
	for _, why := range []string{"was killed", "was lost", "was stopped", "came back without it", "lost its state",
		"was restarted",
		"could not start its ranks", "lost the scheduler"} {
		if strings.Contains(words, why) {
			return why
		}
	}
	return ""
}

func (k *killed) checkAsides() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.t.Logf("interactive jobs: %v", k.asides)
	for _, d := range disturbances {
		if k.counts[d.name] == 0 {
			k.t.Errorf("there was no %s", d.name)
		}
	}
}
