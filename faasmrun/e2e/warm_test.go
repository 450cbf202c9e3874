package e2e

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc"

	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/faasmrun/launch"
	"github.com/faasmrun/faasmrun/scheduler/auth"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// warm is a cluster of a scheduler and one worker, each a process, which has run the program once.
type warm struct {
	b                   testing.TB
	dir, binary, socket string
	jobs                schedpb.JobsClient
	module              *launch.Module
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

func newWarm(b testing.TB, slots string, options ...string) *warm {
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
	w.module = &launch.Module{Sha256: hex.EncodeToString(sum[:]), Bytes: wasm}
	w.backgroundDaemon(append([]string{"scheduler", "--listen", w.socket, "--state", filepath.Join(dir, "sched")},
		options...)...)
	w.backgroundDaemon("worker", "--scheduler", w.socket, "--name", "w1", "--slots", slots, "--state",
		filepath.Join(dir, "w1"),
		"--cache", filepath.Join(dir, "cache"))
	if w.conn, err = client.DialAs(w.socket, "", auth.Who{Role: auth.Tenant}); err != nil {
		b.Fatal(err)
	}
	w.jobs = schedpb.NewJobsClient(w.conn)
	if out, err := w.launch("1"); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	return w
}

func (w *warm) backgroundDaemon(args ...string) {
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
