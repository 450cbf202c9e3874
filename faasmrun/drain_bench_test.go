package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// warm is a cluster of a scheduler and one worker, each a process, which has run the program once.
type warm struct {
	b                   *testing.B
	dir, binary, socket string
	jobs                schedpb.JobsClient
	module              *module
	wasm                string
	daemons             []*exec.Cmd
	conn                *grpc.ClientConn
}

const helloSource = `
#include <mpi.h>
#include <stdio.h>
int main(int argc, char **argv) {
  int rank;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  printf("hello from %d\n", rank);
  MPI_Finalize();
}
`

func newWarm(b *testing.B, slots string) *warm {
	dir := b.TempDir()
	w := &warm{b: b, dir: dir, socket: "unix:" + filepath.Join(dir, "sock"), wasm: filepath.Join(dir, "hello.wasm")}
	w.binary = filepath.Join(buildTree(b), "faasmrun")
	b.Cleanup(w.end)
	source := filepath.Join(dir, "hello.c")
	if err := os.WriteFile(source, []byte(helloSource), 0o600); err != nil {
		b.Fatal(err)
	}
	if out, err := exec.Command(w.binary, "cc", "-O1", "-o", w.wasm, source).CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	wasm, err := os.ReadFile(w.wasm)
	if err != nil {
		b.Fatal(err)
	}
	sum := sha256.Sum256(wasm)
	w.module = &module{sha256: hex.EncodeToString(sum[:]), bytes: wasm}
	w.daemon("scheduler", "--listen", w.socket, "--state", filepath.Join(dir, "sched"))
	w.daemon("worker", "--scheduler", w.socket, "--name", "w1", "--slots", slots, "--state", filepath.Join(dir, "w1"),
		"--cache", filepath.Join(dir, "cache"))
	if w.conn, err = dialAs(w.socket, ""); err != nil {
		b.Fatal(err)
	}
	w.jobs = schedpb.NewJobsClient(w.conn)
	if out, err := w.launch("1"); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return w
}

func (w *warm) daemon(args ...string) {
	c := exec.Command(w.binary, args...)
	c.Env = append(os.Environ(), "FAASMRUN_HOME="+filepath.Join(w.dir, "home"))
	pipe, err := c.StderrPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		w.b.Fatal(err)
	}
	w.daemons = append(w.daemons, c)
	lines := bufio.NewScanner(pipe)
	for lines.Scan() && !strings.Contains(lines.Text(), "is ready") {
	}
	go io.Copy(io.Discard, pipe)
}

// launch runs the program as a user would, from enter to exit.
func (w *warm) launch(ranks string) ([]byte, error) {
	c := exec.Command(w.binary, "-np", ranks, w.wasm)
	c.Env = append(os.Environ(), "FAASMRUN_SCHEDULER="+w.socket, "FAASMRUN_HOME="+filepath.Join(w.dir, "home"))
	return c.CombinedOutput()
}

func (w *warm) end() {
	for _, c := range slices.Backward(w.daemons) {
		c.Process.Signal(syscall.SIGTERM)
		c.Wait()
	}
	if w.conn != nil {
		w.conn.Close()
	}
}

func (w *warm) submit() (uint64, error) {
	answer, err := w.jobs.Submit(w.b.Context(), &schedpb.SubmitRequest{Spec: &schedpb.JobSpec{Apps: []*schedpb.App{{
		ModuleSha256: w.module.sha256, Program: "hello.wasm", Dir: w.dir, Ranks: 1}}}})
	return answer.GetJobId(), err
}

// BenchmarkDrain is from the first submission to the last recorded end of batch jobs that do next to nothing, each in an
// executor of its own, with a scheduler and a worker that are daemons.
func BenchmarkDrain(b *testing.B) {
	for _, slots := range []string{"2", "4", "8"} {
		b.Run(slots+" slots", func(b *testing.B) {
			w := newWarm(b, slots)
			b.ResetTimer()
			ids := make([]uint64, b.N)
			var clients sync.WaitGroup
			const connections = 4
			for c := range connections {
				clients.Go(func() {
					for i := c; i < b.N; i += connections {
						var err error
						if ids[i], err = w.submit(); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			clients.Wait()
			w.drained(ids)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
		})
	}
}

// drained waits until all jobs have ended well.
func (w *warm) drained(ids []uint64) {
	ctx, cancel := context.WithCancel(w.b.Context())
	defer cancel()
	feed, err := w.jobs.Watch(ctx, &schedpb.WatchRequest{Ids: ids})
	ends := map[uint64]bool{}
	for err == nil {
		var m *schedpb.WatchResponse
		if m, err = feed.Recv(); err != nil {
			break
		}
		for _, j := range m.Jobs {
			if j.EndedUnixNs != 0 {
				ends[j.Id] = true
				if j.State != "CD" {
					w.b.Errorf("job %d ended as %s: %s", j.Id, j.State, j.Reason)
				}
			}
		}
	}
	if err != io.EOF || len(ends) != len(ids) {
		w.b.Errorf("%d of %d jobs have ended: %v", len(ends), len(ids), err)
	}
}

// BenchmarkLaunch is a launcher from enter to exit, against daemons.
func BenchmarkLaunch(b *testing.B) {
	w := newWarm(b, "16")
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		if out, err := w.launch("16"); err != nil || bytes.Count(out, []byte("\n")) != 16 {
			b.Fatalf("%v: %s", err, out)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-median")
}
