package e2e

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/faasmrun/daemon"
	"github.com/faasmrun/faasmrun/faasmrun/launch"
	"github.com/faasmrun/faasmrun/internal/failpoint"
	"github.com/faasmrun/faasmrun/scheduler/auth"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// Kill tests: a cluster of real processes, a stream of real jobs, batch and interactive, and kill -9 of whatever there
// is; and beside it what happens on any day: stops in order, cut connections, machines that go down, states that are
// lost (disturb_test.go). `make test` goes once through every fail point and every disturbance; `make soak` sets these
// variables.
const (
	soakMinutes = "FAASMRUN_SOAK_MINUTES"
	soakSeed    = "FAASMRUN_SOAK_SEED"
)

const killGrace = 4 * time.Second

// killed is the cluster: a scheduler and workers, each a process.
type killed struct {
	t       *testing.T
	dir     string
	binary  string
	rnd     *rand.Rand
	conn    *grpc.ClientConn
	jobs    schedpb.JobsClient
	module  *launch.Module
	daemons map[string]*victim

	ended  chan struct{} // a job has, roughly: what kills waits for the stream to go on
	mu     sync.Mutex    // guards all below
	ends   map[uint64]*schedpb.JobInfo
	counts map[string]int // of kills, by what
	asides map[string]int // interactive jobs, by how they ended
	relays map[string]*relay
}

// victim is one daemon.
type victim struct {
	name string
	args []string
	cmd  *exec.Cmd
	gone chan struct{} // closed when it has ended
}

var workerNames = []string{"w1", "w2"}

func newKilled(t *testing.T, seed uint64) *killed {
	k := &killed{t: t, dir: t.TempDir(), rnd: rand.New(rand.NewPCG(seed, 1)), daemons: map[string]*victim{},
		ended: make(chan struct{}, 1024), ends: map[uint64]*schedpb.JobInfo{}, counts: map[string]int{},
		asides: map[string]int{}, relays: map[string]*relay{}}
	built := buildTree(t)
	k.binary = filepath.Join(k.dir, "faasmrun-under-test") // by this name its executors are found
	if err := os.Link(filepath.Join(built, "faasmrun"), k.binary); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"runs", "logs"} {
		if err := os.Mkdir(filepath.Join(k.dir, dir), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	socket := "unix:" + filepath.Join(k.dir, "sock")
	k.daemons["scheduler"] = &victim{name: "scheduler", args: []string{"scheduler", "--listen", socket, "--state",
		filepath.Join(k.dir, "sched"), "--grace", killGrace.String(),
		"--snapshot-every", "20", "--keep-ended", "300"}}
	for _, name := range append([]string{"launchers"}, workerNames...) {
		k.relays[name] = newRelay(t, filepath.Join(k.dir, name+".relay"), filepath.Join(k.dir, "sock"))
	}
	for _, name := range workerNames {
		k.daemons[name] = &victim{name: name, args: []string{"worker", "--scheduler", "unix:" + k.relays[name].path, "--name",
			name, "--slots", "4",
			"--state", filepath.Join(k.dir, name), "--cache", filepath.Join(k.dir, "cache")}}
	}
	// One has no control groups, by which it could end what an earlier one of its name has left.
	k.daemons["w2"].args = append(k.daemons["w2"].args, "--no-cgroups", "--on-stop", daemon.OnStopRequeue)
	var err error
	if k.conn, err = client.DialAs(socket, "", auth.Who{Role: auth.Tenant}); err != nil {
		t.Fatal(err)
	}
	k.jobs = schedpb.NewJobsClient(k.conn)
	t.Cleanup(k.end)
	return k
}

// once notes its begin and its end, each with one write, in a file named by its job.
const once = `
#include <mpi.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void note(const char *what) {
  char line[64];
  int fd = open(getenv("SLURM_JOB_ID"), O_WRONLY | O_CREAT | O_APPEND, 0644);
  snprintf(line, sizeof line, "%s %s\n", what, getenv("SLURM_RESTART_COUNT"));
  if (fd < 0 || write(fd, line, strlen(line)) != (ssize_t)strlen(line)) exit(9);
  close(fd);
}
int main(int argc, char **argv) {
  int rank;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank == 0) note("begin");
  MPI_Barrier(MPI_COMM_WORLD);
  usleep(1000 * atoi(argv[1]));
  MPI_Barrier(MPI_COMM_WORLD);
  if (rank == 0) note("end");
  MPI_Finalize();
}
`

func (k *killed) compile() {
	k.build("copies", copies)
	b, err := os.ReadFile(k.build("once", once))
	if err != nil {
		k.t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	k.module = &launch.Module{Sha256: hex.EncodeToString(sum[:]), Bytes: b}
}

// build compiles a program and returns its file.
func (k *killed) build(name, program string) string {
	source, wasm := filepath.Join(k.dir, name+".c"), filepath.Join(k.dir, name+".wasm")
	if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
		k.t.Fatal(err)
	}
	if out, err := exec.Command(k.binary, "cc", "-O1", "-o", wasm, source).CombinedOutput(); err != nil {
		k.t.Fatalf("%v: %s", err, out)
	}
	return wasm
}

// end leaves nobody behind.
func (k *killed) end() {
	for _, v := range k.daemons {
		if v.cmd != nil {
			v.cmd.Process.Kill()
			<-v.gone
		}
	}
	for _, pid := range k.executors() {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	k.conn.Close()
	for _, r := range k.relays {
		r.close()
	}
}

// start starts a daemon, at whose point it is to die, and waits until it is ready or dead.
func (k *killed) start(name string, point failpoint.Point) {
	v := k.daemons[name]
	v.cmd = exec.Command(k.binary, v.args...)
	v.cmd.Env = append(os.Environ(), "FAASMRUN_HOME="+filepath.Join(k.dir, "home"), failpoint.Variable+"="+string(point))
	log, err := os.OpenFile(filepath.Join(k.dir, "logs", name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		k.t.Fatal(err)
	}
	pipe, err := v.cmd.StderrPipe()
	if err != nil {
		k.t.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	gone, ready := make(chan struct{}), make(chan struct{})
	v.gone = gone
	go func() {
		defer close(gone)
		defer log.Close()
		lines, told := bufio.NewScanner(io.TeeReader(pipe, log)), false
		for lines.Scan() {
			if !told && strings.Contains(lines.Text(), "is ready") {
				told = true
				close(ready)
			}
		}
		v.cmd.Wait()
	}()
	select {
	case <-ready:
	case <-gone:
	}
}

func (k *killed) count(what string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.counts[what]++
}

func (k *killed) kill(name string) {
	v := k.daemons[name]
	v.cmd.Process.Kill()
	<-v.gone
	k.count(name)
}

// executors finds those of this cluster, the supervisors of scripts among them, whoever's children they are by now.
func (k *killed) executors() (pids []int) {
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		words, err := os.ReadFile(name)
		exe, err2 := os.Readlink(filepath.Join(filepath.Dir(name), "exe"))
		if err != nil || err2 != nil || exe != k.binary {
			continue
		}
		_, verb, _ := strings.Cut(strings.TrimSuffix(string(words), "\x00"), "\x00")
		if verb == "executor" || verb == "supervisor" {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// stray finds what a job's script has left, which nobody has ended.
func (k *killed) stray() (found []string) {
	names, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, name := range names {
		if dir, err := os.Readlink(name); err == nil && dir == filepath.Join(k.dir, "runs") {
			words, _ := os.ReadFile(filepath.Join(filepath.Dir(name), "cmdline"))
			found = append(found, strings.ReplaceAll(string(words), "\x00", " "))
		}
	}
	return found
}

// onceScript is a job whose step notes its begin and its end, beside processes that are not to outlive it.
const onceScript = `#!/bin/sh
sleep 1000 &
setsid sh -c 'sleep 1000 & sleep 1000' &
srun -Q -n $SLURM_NTASKS "$1" "$2" || exit 99
`

// stepFailed is the reason of a job whose script saw its step fail, as where that is killed.
const stepFailed = "the script once.sh on %s exited with status 99"

// submit hands in one job after another, and follows each to its end, whatever dies meanwhile.
func (k *killed) submit(ctx context.Context, who int) {
	for n := 0; ctx.Err() == nil; n++ {
		request := &schedpb.SubmitRequest{IdempotencyKey: fmt.Sprint(who, ":", n),
			Spec: &schedpb.JobSpec{Requeue: true, Apps: []*schedpb.App{{
				ModuleSha256: k.module.Sha256, Program: "once.wasm", Args: []string{strconv.Itoa(n * 37 % 300)},
				Dir: filepath.Join(k.dir, "runs"), Ranks: 1 + uint32(n%2)}}}}
		if n%3 == 2 {
			request.Spec.Apps = nil
			request.Spec.Script = &schedpb.Script{Text: []byte(onceScript), Name: "once.sh",
				Args: []string{filepath.Join(k.dir, "once.wasm"), strconv.Itoa(n * 37 % 300)}, Dir: filepath.Join(k.dir, "runs"),
				Tasks: 1 + uint32(n%2)}
		}
		var id uint64
		for id == 0 {
			answer, err := k.jobs.Submit(context.Background(), request, grpc.WaitForReady(true))
			if err == nil {
				id = answer.JobId
			} else if !client.Unavailable(err) {
				k.t.Errorf("submit: %v", err)
				return
			}
		}
		k.follow(id)
	}
}

func (k *killed) follow(id uint64) {
	for {
		feed, err := k.jobs.Watch(context.Background(), &schedpb.WatchRequest{Ids: []uint64{id}}, grpc.WaitForReady(true))
		for err == nil {
			var m *schedpb.WatchResponse
			if m, err = feed.Recv(); err != nil {
				break
			}
			for _, j := range m.Jobs {
				if j.EndedUnixNs != 0 {
					k.mu.Lock()
					k.ends[id] = j
					k.mu.Unlock()
				}
			}
		}
		k.mu.Lock()
		known := k.ends[id] != nil
		k.mu.Unlock()
		if known {
			select {
			case k.ended <- struct{}{}:
			default:
			}
			return
		}
		if err != io.EOF && !client.Unavailable(err) {
			k.t.Errorf("following job %d: %v", id, err)
			return
		}
	}
}

// pass waits until some jobs have ended.
func (k *killed) pass(n int) {
	for range n {
		select {
		case <-k.ended:
		case <-time.After(2 * time.Minute):
			k.t.Fatalf("no job has ended for two minutes; the logs are %s", k.logs())
		}
	}
}

func (k *killed) logs() string {
	var all strings.Builder
	for name := range k.daemons {
		b, _ := os.ReadFile(filepath.Join(k.dir, "logs", name))
		fmt.Fprintf(&all, "--- %s\n%s", name, b[max(0, len(b)-4000):])
	}
	return all.String()
}

// die has a process die at a point, under load.
func (k *killed) die(p failpoint.Point) {
	name := p.Process()
	if name != "scheduler" {
		name = workerNames[k.rnd.IntN(len(workerNames))]
	}
	k.kill(name)
	k.start(name, p)
	if p.Process() == "executor" || p.Process() == "supervisor" { // each of this worker's dies
		for len(k.ended) > 0 {
			<-k.ended // before
		}
		k.pass(12)
		k.kill(name)
		k.count(string(p))
	} else {
		select {
		case <-k.daemons[name].gone:
			k.count(string(p))
		case <-time.After(2 * time.Minute):
			k.t.Errorf("%s was not reached", p)
			k.kill(name)
		}
	}
	k.start(name, "")
}

// strike kills something at random.
func (k *killed) strike() {
	k.pass(k.rnd.IntN(8))
	switch n := k.rnd.IntN(10); {
	case n < 3:
		k.kill("scheduler")
		k.start("scheduler", "")
	case n < 6:
		name := workerNames[k.rnd.IntN(len(workerNames))]
		k.kill(name)
		k.start(name, "")
	case n < 8:
		if pids := k.executors(); len(pids) > 0 {
			syscall.Kill(pids[k.rnd.IntN(len(pids))], syscall.SIGKILL)
			k.count("executor")
		}
	case n == 8: // for longer than the grace and its margin
		name := workerNames[k.rnd.IntN(len(workerNames))]
		k.kill(name)
		for until := time.Now().Add(2 * killGrace); time.Now().Before(until); {
			k.pass(1)
		}
		k.start(name, "")
		k.count("long absence")
	default: // all at once
		for _, name := range []string{"scheduler", "w1", "w2"} {
			k.kill(name)
		}
		for _, name := range []string{"w2", "scheduler", "w1"} {
			k.start(name, "")
		}
	}
}

// check holds the history against what jobs wrote down themselves: each line is one process's of one attempt.
func (k *killed) check() {
	states := map[string]int{}
	restarts, scripts := 0, 0
	for id, j := range k.ends {
		states[j.State]++
		if j.State == "CD" && j.Name == "once.sh" {
			scripts++
		}
		restarts += int(j.Restarts)
		if err := k.checkJob(id, j); err != nil {
			k.t.Errorf("job %d, which ended %s after %d restarts (%s): %v", id, j.State, j.Restarts, j.Reason, err)
		}
	}
	if scripts == 0 {
		k.t.Error("no script has completed")
	}
	k.t.Logf("%d of the scripts have completed", scripts)
	k.t.Logf("%d jobs acknowledged, ended %v, %d restarts; kills: %v", len(k.ends), states, restarts, k.counts)
}

func (k *killed) checkJob(id uint64, j *schedpb.JobInfo) error {
	text, err := os.ReadFile(filepath.Join(k.dir, "runs", fmt.Sprint(id)))
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	begun, ended, last := map[int]int{}, map[int]int{}, 0
	for line := range strings.Lines(string(text)) {
		var what string
		var attempt int
		if _, err := fmt.Sscanf(line, "%s %d\n", &what, &attempt); err != nil {
			return fmt.Errorf("a torn line %q", line)
		}
		if attempt < last {
			return fmt.Errorf("attempt %d goes on after attempt %d has begun: %q", attempt, last, text)
		}
		last = attempt
		if what == "begin" {
			begun[attempt]++
		} else {
			ended[attempt]++
		}
		if begun[attempt] > 1 || ended[attempt] > begun[attempt] {
			return fmt.Errorf("attempt %d ran more than once: %q", attempt, text)
		}
	}
	final := int(j.Restarts)
	switch {
	case last > final:
		return fmt.Errorf("there is no attempt %d: %q", last, text)
	case j.State == "CD" && ended[final] != 1:
		return fmt.Errorf("its last attempt has no complete run: %q", text)
	case j.State == "NF" && j.Restarts >= 10: // a soak's are hard nodes
	// whose executors died, one after another
	case j.State == "NF" && strings.Contains(j.Reason, "could not start its ranks"):
	case j.State == "F" && len(j.Nodes) > 0 && j.Reason == fmt.Sprintf(stepFailed, j.Nodes[0].Node):
	case j.State != "CD" && !(j.State == "F" && strings.Contains(j.Reason, "killed")):
		return fmt.Errorf("nobody ended it like that: %q", text)
	}
	return nil
}

// oneEnd restarts the scheduler once more: what it tells of the jobs that have ended is what it told before.
func (k *killed) oneEnd() {
	k.kill("scheduler")
	k.start("scheduler", "")
	after := uint64(0)
	seen := map[uint64]string{}
	for {
		page, err := k.jobs.List(context.Background(), &schedpb.ListRequest{Any: true, AboveId: after},
			grpc.WaitForReady(true))
		if err != nil {
			k.t.Fatal(err)
		}
		for _, j := range page.Jobs {
			if after = j.Id; !j.Interactive { // of those each launcher has seen to the end
				seen[j.Id] = j.State
			}
		}
		if !page.More {
			break
		}
	}
	forgotten := 0
	for id, j := range k.ends {
		switch seen[id] {
		case j.State:
		case "":
			forgotten++ // the history keeps the newest
		default:
			k.t.Errorf("job %d had ended %s, and is now %s", id, j.State, seen[id])
		}
	}
	for id, state := range seen {
		if k.ends[id] == nil {
			k.t.Errorf("job %d is %s, and nobody has had it acknowledged", id, state)
		}
	}
	if forgotten > 0 {
		k.t.Logf("%d of %d jobs are forgotten by now", forgotten, len(k.ends))
	}
}

func TestKills(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	number := func(name string, otherwise uint64) uint64 {
		n, err := strconv.ParseUint(os.Getenv(name), 10, 32)
		if err != nil {
			return otherwise
		}
		return n
	}
	seed, minutes := number(soakSeed, 1), number(soakMinutes, 0)
	k := newKilled(t, seed)
	k.compile()
	for _, name := range []string{"scheduler", "w1", "w2"} {
		k.start(name, "")
	}
	if err := launch.SendModules(t.Context(), k.jobs, map[string]*launch.Module{k.module.Sha256: k.module}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var submitters sync.WaitGroup
	const width = 6
	for who := range width {
		submitters.Go(func() { k.submit(ctx, who) })
	}
	for range 3 {
		submitters.Go(func() { k.runInteractive(ctx) })
	}
	k.pass(width)
	until := time.Now().Add(time.Duration(minutes) * time.Minute)
	for n := range disturbances {
		k.disturb(n)
	}
	for rounds := 0; rounds == 0 || time.Now().Before(until); rounds++ {
		points := slices.Clone(failpoint.All)
		k.rnd.Shuffle(len(points), func(i, j int) { points[i], points[j] = points[j], points[i] })
		for _, p := range points {
			k.die(p)
			if minutes > 0 || k.rnd.IntN(3) == 0 {
				k.strike()
				k.disturb(k.rnd.IntN(len(disturbances)))
			}
			if t.Failed() {
				t.Fatal(k.logs())
			}
		}
	}
	stop()
	submitters.Wait()
	if how, err := k.aside(); err != nil || how != "status 0" { // now that nothing happens any more
		t.Errorf("a last interactive job ended with %s (%v)", how, err)
	}
	if left := k.stray(); len(left) > 0 {
		t.Errorf("jobs have left %q", left)
	}
	k.oneEnd()
	k.check()
	k.checkAsides()
	for _, p := range failpoint.All {
		if k.counts[string(p)] == 0 {
			t.Errorf("nothing died at %s", p)
		}
	}
	if t.Failed() {
		t.Log(k.logs())
	}
}
