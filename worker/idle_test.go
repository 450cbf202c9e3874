package worker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/cgroup"
)

// idle lists the executors that wait.
func (b *bench) idle() (waiting []*process) {
	i := &b.worker.idle
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, w := range i.waiting {
		waiting = append(waiting, w.process)
	}
	return waiting
}

// waits returns the one executor that is idle.
func (b *bench) waits() int {
	b.t.Helper()
	waiting := b.idle()
	if len(waiting) != 1 {
		b.t.Fatalf("%d executors wait", len(waiting))
	}
	return waiting[0].pid
}

// well runs a job that must end well.
func (b *bench) well(spec *schedpb.JobSpec) outcome {
	b.t.Helper()
	o := b.run(spec)
	if o.End.State != "CD" {
		b.t.Fatalf("ended %v", o.End)
	}
	wait(b.t, b.started, "start of the ranks")
	return o
}

// A job that ended well leaves its executor to the tenant's next one, interactive or batch.
func TestServesTheNext(t *testing.T) {
	b := newBench(t, nil)
	b.well(interactive(b.app("hello", 2)))
	pid := b.waits()
	for _, spec := range []*schedpb.JobSpec{
		batch(b.app("hello", 3)), interactive(b.app("act", 1, "nothing")), batch(b.app("hello", 1)),
		batch(b.app("act", 20, "nothing")),
	} {
		b.well(spec)
		if now := b.waits(); now != pid {
			t.Errorf("executor %d has become %d", pid, now)
		}
	}
	b.worker.Stop()
	waitGone(t, pid)
	if left, _ := filepath.Glob(filepath.Join(b.dir, "executors", "*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// An operator can have every executor end with its job, and a launcher's own worker has but one.
func TestServesNoNext(t *testing.T) {
	for name, change := range map[string]func(*Config){"off": func(c *Config) { c.Idle = 0 },
		"ephemeral": func(c *Config) { c.Ephemeral = true }} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, change)
			for range 2 {
				ref := b.start(interactive(b.app("act", 1, "cat")))
				wait(t, b.started, "start of the ranks")
				pid := b.pid(ref)
				b.stdin(ref, "", true)
				if o := b.collect(); o.End.State != "CD" || len(b.idle()) != 0 {
					t.Errorf("ended %v, %d wait", o.End, len(b.idle()))
				}
				waitGone(t, pid)
			}
		})
	}
}

// In doubt an executor ends: only what came to its end by itself and in order leaves it to another job.
func TestUnfitForTheNext(t *testing.T) {
	b := newBench(t, nil)
	for _, c := range []struct {
		ranks int
		act   []string
		fit   bool
	}{
		{3, []string{"nothing"}, true}, {1, []string{"cat"}, true}, {3, []string{"exit", "1"}, false},
		{1, []string{"exit", "0"}, false},
		{3, []string{"trap", "0"}, false}, {1, []string{"trap", "0"}, false}, {2, []string{"abort", "0"}, false},
		{2, []string{"bad-rank", "0"}, false},
		{2, []string{"deadlock", "1"}, false}, {1, []string{"no-finalize", "0"}, false}, {2, []string{"no-init"}, false},
		{2, []string{"own-status"}, false},
	} {
		b.worker.idle.clear()
		spec := batch(b.app("act", c.ranks, c.act...))
		spec.Stdin = schedpb.StdinTo_STDIN_NONE
		o := b.run(spec)
		wait(t, b.started, "start of the ranks")
		if n := len(b.idle()); (n == 1) != c.fit {
			t.Errorf("%v on %d ranks, which ended %s (%s): %d executors wait", c.act, c.ranks, o.End.State, o.End.Reason, n)
		}
	}
	for _, kill := range []bool{false, true} {
		b.worker.idle.clear()
		ref, _ := b.lingering(1)
		b.terminate(ref, "CA", kill)
		if o := b.collect(); o.End.State != "CA" || len(b.idle()) != 0 {
			t.Errorf("ended %v, %d wait", o.End, len(b.idle()))
		}
	}
}

// A rank that ends with a status of its own leaves nothing behind either.
func TestFailsByItself(t *testing.T) {
	b := newBench(t, nil)
	o := b.run(batch(b.app("act", 1, "status", "7")))
	if o.End.ExitCode != 7 || o.End.State != "F" {
		t.Fatalf("ended %v", o.End)
	}
	b.waits()
}

// Nobody gets the executor of another tenant, though both run as the same user.
func TestServesOneTenant(t *testing.T) {
	who := otherUser(t)
	b := newBench(t, func(c *Config) {
		c.Users = map[string]string{"alice": who.name, "bob": who.name}
		c.Idle = 3
	})
	if err := os.Chmod(filepath.Dir(t.TempDir()), 0o711); err != nil {
		t.Fatal(err)
	}
	pids := map[string]int{}
	for range 3 {
		for _, tenant := range []string{"alice", "bob", who.name} {
			app := b.app("act", 1, "cat")
			app.Env = []*schedpb.EnvVar{{Name: "MINE", Value: tenant}}
			if err := os.Chown(app.Dir, int(who.uid), int(who.gid)); err != nil {
				t.Fatal(err)
			}
			ref := b.startAs(tenant, interactive(app))
			select {
			case <-b.started:
			case end := <-b.ended:
				t.Fatalf("ended %v", end)
			}
			pid := b.pid(ref)
			if before, there := pids[tenant]; there && before != pid {
				t.Errorf("%s had executor %d, and now %d", tenant, before, pid)
			}
			for other, theirs := range pids {
				if other != tenant && theirs == pid {
					t.Errorf("%s has the executor of %s", tenant, other)
				}
			}
			pids[tenant] = pid
			b.stdin(ref, "", true)
			if o := b.collect(); o.End.State != "CD" {
				t.Fatalf("ended %v", o.End)
			}
		}
	}
	b.worker.idle.clear()
	for _, pid := range pids {
		waitGone(t, pid)
	}
}

// Of an earlier job there is nothing to be seen, from inside or from outside, and nothing to be charged for.
func TestLeavesNothingToTheNext(t *testing.T) {
	b := newBench(t, nil)
	app := b.app("act", 2, "work")
	app.Env = []*schedpb.EnvVar{{Name: "MINE", Value: "secret"}}
	first := b.well(interactive(app))
	pid := b.waits()
	b.worker.mu.Lock()
	dir := b.worker.Dir
	b.worker.mu.Unlock()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d descriptors, %v", len(files), err)
	}
	for _, file := range files {
		to, _ := os.Readlink(file)
		if strings.HasPrefix(to, app.Dir) || strings.HasPrefix(to, filepath.Join(dir, "jobs")) ||
			strings.Contains(to, "linear-memory") {
			t.Errorf("%s is %s", file, to)
		}
	}
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil || len(maps) == 0 || strings.Contains(string(maps), "linear-memory") {
		t.Errorf("a linear memory is still there, or %v", err)
	}
	next := b.app("act", 1, "look")
	o := b.well(interactive(next))
	if b.waits() != pid {
		t.Fatal("it ran elsewhere")
	}
	b.worker.idle.clear()
	fresh := b.well(interactive(next))
	if o.out["0"] != fresh.out["0"] || !strings.HasSuffix(o.out["0"], "MINE=(null)\n") {
		t.Errorf("a later job sees %q, a first one %q", o.out["0"], fresh.out["0"])
	}
	o = b.well(interactive(b.app("hello", 1)))
	o = b.well(interactive(b.app("hello", 1)))
	if first.CpuNs < 5*o.CpuNs || first.MaxRssBytes < 192<<20 || o.MaxRssBytes > first.MaxRssBytes/2 || o.CpuNs == 0 ||
		o.MaxRssBytes == 0 {
		t.Errorf("the first is charged for %v and %d MiB, a later one for %v and %d", time.Duration(first.CpuNs),
			first.MaxRssBytes>>20,
			time.Duration(o.CpuNs), o.MaxRssBytes>>20)
	}
}

// What a process that is killed in its second job is charged for does not hold the first one's.
func TestChargedAfterKill(t *testing.T) {
	b := newBench(t, nil)
	first := b.well(interactive(b.app("act", 2, "work")))
	pid := b.waits()
	ref := b.start(interactive(b.app("act", 1, "cat")))
	wait(t, b.started, "start of the ranks")
	if b.pid(ref) != pid {
		t.Fatal("it runs elsewhere")
	}
	syscall.Kill(pid, syscall.SIGKILL)
	o := b.collect()
	if o.End.ExitCode != 137 || o.CpuNs == 0 || o.CpuNs > first.CpuNs/2 ||
		o.MaxRssBytes > first.MaxRssBytes/2 && !raceDetector {
		t.Errorf("ended %v, charged for %v and %d MiB after %v and %d", o.End, time.Duration(o.CpuNs), o.MaxRssBytes>>20,
			time.Duration(first.CpuNs), first.MaxRssBytes>>20)
	}
}

// footprint is what a process has.
type footprint struct{ files, threads, mappings, residentMiB int }

func footprintOf(t *testing.T, pid int) (f footprint) {
	t.Helper()
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	var size, resident int
	fmt.Sscan(string(statm), &size, &resident)
	return footprint{len(files), len(threads), strings.Count(string(maps), "\n"), resident * os.Getpagesize() >> 20}
}

func (f footprint) most(g footprint) footprint {
	return footprint{max(f.files, g.files), max(f.threads, g.threads), max(f.mappings, g.mappings),
		max(f.residentMiB, g.residentMiB)}
}

// Hundreds of jobs leave their executor as it was. (A goroutine a job would have it end by itself.)
func TestLeaksNothing(t *testing.T) {
	b := newBench(t, nil)
	hello, act := b.app("hello", 8), b.app("act", 3, "nothing")
	var pid int
	var most [2]footprint
	for n := range 200 {
		spec := interactive(hello)
		switch n % 4 {
		case 1:
			spec = batch(hello)
		case 3:
			spec = batch(act)
		}
		b.well(spec)
		if now := b.waits(); n == 0 {
			pid = now
		} else if now != pid {
			t.Fatalf("executor %d has become %d at job %d", pid, now, n)
		}
		most[n/100] = most[n/100].most(footprintOf(t, pid))
	}
	t.Logf("at most %+v in the first hundred, %+v in the second", most[0], most[1])
	// A leak of one a job makes a hundred. Go starts threads, each with some mappings, as calls of the system happen to
	// take long.
	for name, c := range map[string]struct{ first, second, slack int }{"files": {most[0].files, most[1].files, 4},
		"threads": {most[0].threads, most[1].threads, 16}, "mappings": {most[0].mappings, most[1].mappings, 64},
		"MiB": {most[0].residentMiB, most[1].residentMiB, 12}} {
		if c.second > c.first+c.slack {
			t.Errorf("%s: at most %d in the first hundred jobs, %d in the second", name, c.first, c.second)
		}
	}
}

// An executor that dies while it waits, or when it is given the next job, harms no job: another is started for it, and
// what was sent to the dead one is sent again.
func TestDiesBetweenJobs(t *testing.T) {
	b := newBench(t, nil)
	b.well(batch(b.app("hello", 1)))
	pid := b.waits()
	syscall.Kill(pid, syscall.SIGKILL)
	if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	b.well(batch(b.app("hello", 1)))
	if pid == b.waits() {
		t.Error("the dead serve")
	}
	for _, spec := range []*schedpb.JobSpec{interactive(b.app("act", 1, "cat")), batch(b.app("act", 1, "cat"))} {
		pid = b.waits()
		syscall.Kill(pid, syscall.SIGSTOP) // it lives, and will not read its Start
		waitStopped(t, pid, true)
		ref := b.start(spec)
		b.stdin(ref, "a line\n", false)
		b.stdin(ref, "", true)
		b.waitUntil("the job has the stopped executor", func() bool { return b.pidOf(ref) == pid })
		syscall.Kill(pid, syscall.SIGKILL)
		wait(t, b.started, "start of the ranks")
		o := b.collect()
		if all := o.out["0"]; o.End.State != "CD" || all != "name? got a line\nend after 7\n" {
			t.Errorf("ended %v after %q", o.End, all)
		}
		if b.waits() == pid {
			t.Error("the dead serve")
		}
	}
}

// pidOf is the executor's, 0 as long as there is none.
func (b *bench) pidOf(ref *schedpb.JobRef) int {
	j := b.worker.job(ref)
	if j == nil {
		return 0
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.process == nil {
		return 0
	}
	return j.process.pid
}

// The next worker with the directory finds one process beside two jobs: one has ended there, the other runs. And an
// executor that was idle ends with its worker.
func TestAdoptsAfterTheNext(t *testing.T) {
	b := newBench(t, nil)
	ended := b.start(batch(b.app("hello", 1)))
	wait(t, b.started, "start of the ranks")
	b.read(map[string]string{}, func() bool { return false })
	if end := wait(t, b.ended, "end"); end.End.State != "CD" { // which nobody acknowledges
		t.Fatalf("ended %v", end)
	}
	pid := b.waits()
	ref, app := b.lingering(2)
	if b.pid(ref) != pid {
		t.Fatal("it runs elsewhere")
	}
	if hello := b.restart(); len(hello.Running) != 2 {
		t.Fatalf("running: %v", hello.Running)
	}
	wait(t, b.started, "start, said again")
	if end := wait(t, b.ended, "end"); end.Job.JobId != ended.JobId || end.End.State != "CD" {
		t.Errorf("ended %v", end)
	}
	if got := b.pid(ref); got != pid {
		t.Errorf("executor %d has become %d", pid, got)
	}
	release(t, app)
	if end := wait(t, b.ended, "end"); end.Job.JobId != ref.JobId || end.End.State != "CD" {
		t.Errorf("ended %v", end)
	}
	if len(b.idle()) != 0 {
		t.Error("an executor that was adopted waits for another job")
	}
	waitGone(t, pid)

	b.well(batch(b.app("hello", 1)))
	pid = b.waits()
	b.restart()
	waitGone(t, pid)
}

// Executors that nobody needs end after a while.
func TestIdleTimeout(t *testing.T) {
	b := newBench(t, func(c *Config) { c.IdleTimeout = 100 * time.Millisecond })
	ref := b.start(interactive(b.app("act", 1, "cat")))
	wait(t, b.started, "start of the ranks")
	pid := b.pid(ref)
	b.stdin(ref, "", true)
	b.collect()
	waitGone(t, pid)
	b.worker.idle.waitForEnding()
	if n := len(b.idle()); n != 0 {
		t.Errorf("%d wait", n)
	}
	b.well(interactive(b.app("hello", 1)))
}

// There are never more than the bound, and a tenant that has many gives way to one that has few.
func TestIdleBound(t *testing.T) {
	i := &idleExecutors{limit: 3, timeout: time.Hour}
	defer i.close()
	dir := t.TempDir()
	put := func(tenant string) *process {
		p, err := testSpawner(dir).spawn(executorVerb, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.tenant = tenant
		if !i.put(p) {
			t.Fatal("refused")
		}
		return p
	}
	few, many := put("few"), []*process{put("many"), put("many"), put("many")}
	i.waitForEnding()
	if many[0].isRunning() || !many[1].isRunning() || !few.isRunning() || len(i.waiting) != 3 {
		t.Errorf("%d wait, the oldest of many: %v", len(i.waiting), many[0].isRunning())
	}
	if i.take("other", nil) != nil || i.take("many", &identity{uid: 1}) != nil {
		t.Error("somebody else got one")
	}
	p := i.take("many", nil)
	if p != many[2] {
		t.Error("not the one that was busy last")
	}
	defer p.discard()
	many[1].kill()
	many[1].wait()
	if i.take("many", nil) != nil {
		t.Error("a dead one was given away")
	}
	i.close()
	if few.isRunning() || i.put(p) {
		t.Error("not closed")
	}
	off := &idleExecutors{}
	if off.executorTimeout() != 0 || off.put(p) {
		t.Error("not off")
	}
}

// What a process has said on its stderr belongs to one job.
func TestIdleIsSilent(t *testing.T) {
	i := &idleExecutors{limit: 1, timeout: time.Hour}
	defer i.close()
	p, err := testSpawner(t.TempDir()).spawn(executorVerb, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.discard()
	if _, err := p.stderr.WriteString("something is odd\n"); err != nil {
		t.Fatal(err)
	}
	if i.put(p) {
		t.Error("it waits")
	}
}

// Each job has its own limits, in the one group of its process; and no group stays behind.
func TestIdleInItsGroup(t *testing.T) {
	groups := cgroup.Detect("/", t.Name())
	if strings.Contains(groups.String(), "no memory limits") {
		t.Skipf("this process may limit no memory here: %v", groups)
	}
	b := newBench(t, func(c *Config) { c.Groups, c.MemBytes = groups, 1<<30 })
	b.well(batch(b.app("act", 1, "work"))) // 96 MiB
	pid := b.waits()
	if held := b.idle()[0].group.Held(); held == 0 || held > maxIdleHeld {
		t.Errorf("an idle executor holds %d MiB", held>>20)
	}
	b.worker.MemBytes = 160 << 20
	if o := b.run(interactive(b.app("act", 1, "devour"))); o.End.State != "OOM" {
		t.Errorf("ended %v", o.End)
	}
	waitGone(t, pid)
	b.worker.MemBytes = 1 << 30
	b.well(batch(b.app("act", 2, "work")))
	if b.waits() == pid {
		t.Error("the dead serve")
	}
	b.worker.idle.clear()
	if err := groups.Sweep(func(name string) bool { t.Errorf("the group %s is left", name); return false }); err != nil {
		t.Error(err)
	}
}

// A worker that is short of memory has none wait.
func TestIdleGivesWay(t *testing.T) {
	b := newBench(t, func(c *Config) { c.MemBytes = 1 << 20 })
	p, err := testSpawner(b.dir).spawn(executorVerb, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !b.worker.idle.put(p) {
		t.Fatal("it may not wait")
	}
	if o := b.run(interactive(b.app("hello", 64))); o.End.State != "F" ||
		!strings.Contains(o.End.Reason, "not enough memory") {
		t.Errorf("ended %v", o.End)
	}
	if err := syscall.Kill(p.pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("it still waits: %v", err)
	}
}
