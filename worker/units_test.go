package worker

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/faasmrun/faasmrun/scheduler/core/result"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/control"
)

func TestAvailable(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	meminfo := file("MemTotal:       2000 kB\nMemAvailable:   1000 kB\n")
	for _, c := range []struct {
		name string
		root fstest.MapFS
		want uint64
	}{
		{"nothing known", fstest.MapFS{}, math.MaxUint64},
		{"a machine", fstest.MapFS{"proc/meminfo": meminfo}, 1000 << 10},
		{"version 2, limit on the way up", fstest.MapFS{"proc/meminfo": meminfo, "proc/self/cgroup": file("0::/a/b\n"),
			"sys/fs/cgroup/a/memory.max": file("600000\n"), "sys/fs/cgroup/a/memory.current": file("300000\n"),
			"sys/fs/cgroup/a/memory.stat":  file("anon 5\ninactive_file 100000\n"),
			"sys/fs/cgroup/a/b/memory.max": file("max\n"), "sys/fs/cgroup/a/b/memory.current": file("5\n")}, 400000},
		{"version 2 in a container", fstest.MapFS{"proc/meminfo": meminfo, "proc/self/cgroup": file("0::/not/seen/here\n"),
			"sys/fs/cgroup/memory.max": file("5000\n"), "sys/fs/cgroup/memory.current": file("6000\n")}, 0},
		{"version 1", fstest.MapFS{"proc/meminfo": meminfo, "proc/self/cgroup": file("3:cpu:/x\n4:memory:/y\n0::/\n"),
			"sys/fs/cgroup/memory/y/memory.limit_in_bytes": file("7000\n"),
			"sys/fs/cgroup/memory/y/memory.usage_in_bytes": file("1000\n")}, 6000},
		{"nonsense", fstest.MapFS{"proc/meminfo": file("MemAvailable: x\n"), "proc/self/cgroup": file("::\n\n0\n")},
			math.MaxUint64},
	} {
		if got := available(c.root); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestCrash(t *testing.T) {
	stack := "\ngoroutine 7 [running]:\nmain.f()\n\t/a/b.go:3 +0x1\n"
	for words, want := range map[string]string{
		"": "", "one line\n": "one line",
		"faasmrun executor: trouble\npanic: oh\n" +
			stack: "panic: oh\n    goroutine 7 [running]:\n    main.f()\n    \t/a/b.go:3 +0x1",
		"fatal error: all goroutines are asleep\n": "fatal error: all goroutines are asleep",
	} {
		if got := crash([]byte(words)); got != want {
			t.Errorf("%q: %q, want %q", words, got, want)
		}
	}
	if n := strings.Count(crash([]byte("panic: oh\ngoroutine 1\n"+strings.Repeat("f()\n", 1000))),
		"\n"); n > maxCrashLines {
		t.Errorf("%d lines", n)
	}
}

func TestSweep(t *testing.T) {
	m := &modules{dir: t.TempDir()}
	for _, name := range []string{".fetch-1", "a.wasm"} {
		if err := os.WriteFile(filepath.Join(m.dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	left := func() int {
		entries, err := os.ReadDir(m.dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	m.sweep(time.Now())
	if n := left(); n != 2 {
		t.Errorf("%d files: a new one was swept", n)
	}
	m.sweep(time.Now().Add(leftover + time.Minute))
	if n := left(); n != 1 {
		t.Errorf("%d files left", n)
	}
}

// The cache keeps within its bound what was used last.
func TestEvict(t *testing.T) {
	dir := t.TempDir()
	m := &modules{cacheDir: dir, dir: filepath.Join(dir, "modules")}
	now := time.Now()
	make := func(age time.Duration, names ...string) {
		for _, name := range names {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(strings.Repeat("x", 100)), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, now.Add(-age), now.Add(-age)); err != nil {
				t.Fatal(err)
			}
		}
	}
	old, plain, fresh := strings.Repeat("a", 64), strings.Repeat("b", 64), strings.Repeat("c", 64)
	make(3*time.Hour, "modules/"+old+".wasm", "modules/"+old+".prepared", "modules/"+old+".checked.prepared",
		"modules/"+old+".0123456789abcdef.run.wasm",
		"native/0123456789abcdef"+strings.Repeat("0", 48)+"-2/code")
	make(2*time.Hour, "modules/"+plain+".wasm", "modules/"+plain+".prepared", "native/"+plain+"-2/code")
	make(time.Minute, "modules/"+fresh+".wasm", "modules/"+fresh+".prepared")
	left := func() (n int) {
		filepath.WalkDir(dir, func(_ string, d os.DirEntry, _ error) error {
			if !d.IsDir() {
				n++
			}
			return nil
		})
		return n
	}
	for _, c := range []struct {
		bound int64
		left  int
	}{{1000, 10}, {999, 5}, {500, 5}, {499, 2}, {0, 2}} {
		m.evict(c.bound, now)
		if got := left(); got != c.left {
			t.Errorf("bound %d: %d files, not %d", c.bound, got, c.left)
		}
	}
}

func TestOutboxIsBounded(t *testing.T) {
	o := outbox{wake: make(chan struct{}, 1)}
	piece := &control.Stdin{Data: make([]byte, 64<<10)}
	for i := range maxStdinAhead / len(piece.Data) {
		if !o.put(piece) {
			t.Fatalf("refused after %d pieces", i)
		}
	}
	if o.put(piece) {
		t.Error("took more than the bound")
	}
	if !o.put(&control.Terminate{}) || !o.put(&control.Stdin{EOF: true}) {
		t.Error("orders are refused because of input")
	}
	for _, m := range []control.Message{&control.Signal{Number: 10}, &control.QueryRanks{}, &control.Input{Signal: 10},
		&control.Stdin{EOF: true}} {
		o := outbox{wake: make(chan struct{}, 1)}
		for i := 0; o.put(m); i++ {
			if i > 2*maxStdinAhead/itemCost {
				t.Fatalf("a stopped executor is left any number of %T", m)
			}
		}
		if !o.put(&control.Terminate{}) {
			t.Errorf("a termination is refused because of %T", m)
		}
	}
}

// What is delivered is told now and then, and the slowest of several readers counts.
func TestDelivered(t *testing.T) {
	b := newBench(t, func(c *Config) { c.LogWindow = 1600 })
	j := newJob(b.worker, nil)
	j.spec = interactive()
	told := func() (offsets []uint64) {
		for _, m := range j.orders.take() {
			offsets = append(offsets, m.(*control.Delivered).Offset)
		}
		return offsets
	}
	fast, slow := j.attach(0), j.attach(0)
	for _, c := range []struct {
		reader int
		offset uint64
		told   string
	}{{fast, 1000, "[]"}, {slow, 50, "[]"}, {slow, 150, "[150]"}, {slow, 200, "[]"}, {slow, 2000, "[1000]"}} {
		unneeded := j.delivered(c.reader, c.offset)
		if got := fmt.Sprint(told()); unneeded != 0 || got != c.told {
			t.Errorf("at %d: %d can go, told %s", c.offset, unneeded, got)
		}
	}
	j.detach(slow, false)
	if unneeded := j.delivered(fast, resumable+1); unneeded != 1 {
		t.Errorf("of one of one reader %d can go", unneeded)
	}
	told()
	j.detach(fast, false)
	if got := told(); len(got) != 1 || got[0] != math.MaxUint64 {
		t.Errorf("nobody reads any more: %v", got)
	}
}

// Output that a launcher has not written yet may be asked for again: neither is it dropped, nor need the ranks stop for
// the loss of a reader. With what it has written both go on.
func TestDeliveredToALauncher(t *testing.T) {
	b := newBench(t, func(c *Config) { c.LogWindow = 1600 })
	j := newJob(b.worker, nil)
	j.spec = interactive()
	j.attachLauncher()
	reader := j.attach(0)
	if unneeded := j.delivered(reader, 5<<20); unneeded != 0 || len(j.orders.take()) > 0 {
		t.Errorf("sent, and %d can go", unneeded)
	}
	j.outputTaken(1 << 20)
	if unneeded := j.delivered(reader, 6<<20); unneeded != 1<<20 {
		t.Errorf("written, and %d can go", unneeded)
	}
	if told := j.orders.take(); len(told) != 1 || told[0].(*control.Delivered).Offset != 1<<20 {
		t.Errorf("the executor was told %v", told)
	}
	j.detach(reader, true)
	if told := j.orders.take(); len(told) > 0 || j.read {
		t.Errorf("its stream has ended: told %v", told)
	}
	j.outputTaken(forGood)
	if told := j.orders.take(); len(told) != 1 || told[0].(*control.Delivered).Offset != math.MaxUint64 {
		t.Errorf("it is gone for good: told %v", told)
	}
}

// Input is handed on once and in order, whatever comes again and whatever was lost in front of it.
func TestInput(t *testing.T) {
	b := newBench(t, nil)
	j := newJob(b.worker, nil)
	stdin := func(seq uint64, data string) {
		j.input(&schedpb.Input{Seq: seq, Item: &schedpb.Input_Stdin{Stdin: &schedpb.Stdin{Data: []byte(data)}}})
	}
	passed := func() (all string) {
		for _, m := range j.orders.take() {
			all += string(m.(*control.Input).Data)
		}
		return all
	}
	for _, seq := range []uint64{2, 1, 1, 3, 2, 4, 3, 3} {
		stdin(seq, fmt.Sprint(seq))
	}
	if got := passed(); got != "123" {
		t.Errorf("passed on: %q", got)
	}
	// The worker is another one: it waits for the word of the executor.
	j = newJob(b.worker, nil)
	j.in.unknown = true
	stdin(4, "lost")
	j.inputTaken(&control.InputTaken{Received: 3, Stdin: 2})
	stdin(3, "seen")
	stdin(4, "new")
	if got := passed(); got != "new" {
		t.Errorf("passed on by the next worker: %q", got)
	}
}

// Whatever the scheduler says of a job is taken in each state that the job's fields can be in: its process is there, is
// gone, is not there yet or not any more.
func TestOrdersInEveryState(t *testing.T) {
	b := newBench(t, nil)
	gone := &process{done: make(chan struct{}), gone: true}
	close(gone.done)
	for _, p := range []*process{nil, gone} {
		for _, started := range []bool{false, true} {
			for _, end := range []*schedpb.JobEnded{nil, {}} {
				j := newJob(b.worker, &schedpb.StartJob{Job: &schedpb.JobRef{JobId: 1, Epoch: 1}, Spec: interactive(), Ranks: 1})
				j.process, j.started, j.end = p, started, end
				for _, order := range []func(){j.query, func() { j.signal(int32(syscall.SIGTSTP)) },
					func() { j.signal(int32(syscall.SIGCONT)) },
					func() { j.signal(int32(syscall.SIGUSR1)) }, func() { j.stdin(&schedpb.Stdin{Data: []byte("x")}) },
					func() { j.terminate(&schedpb.TerminateJob{}) }, func() { j.terminate(&schedpb.TerminateJob{Kill: true}) },
					j.resendReports, func() { j.detachWorker(false) },
					j.acknowledge} {
					order()
				}
			}
		}
	}
}

// A panic of the worker ends it, though it left a lock held: it must not hang.
func TestPanicEndsTheWorker(t *testing.T) {
	b := newBench(t, nil)
	b.worker.Stop()
	b.running.Wait()
	w, err := New(b.worker.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer w.state.Close()
	w.client = nil // connecting will panic
	held := newJob(w, &schedpb.StartJob{Job: &schedpb.JobRef{JobId: 1, Epoch: 1}, Spec: interactive()})
	held.mu.Lock()
	w.jobs[held.key] = held
	over := make(chan any)
	go func() {
		defer func() { over <- recover() }()
		defer w.Stop() // as the daemon does
		w.Run(context.Background())
	}()
	if wait(t, over, "end of the worker") == nil {
		t.Error("it did not panic")
	}
	w.prestarted.close()
}

// Of jobs that are over and that nobody has read only so many are kept, the newest.
func TestKeptJobsAreBounded(t *testing.T) {
	w := &Worker{Config: Config{Dir: t.TempDir()}, jobs: map[jobKey]*job{}}
	for i := range uint64(maxKept + 3) {
		j := &job{key: jobKey{i, 1}, spec: interactive(), dir: t.TempDir()}
		w.jobs[j.key] = j
		w.release(j)
	}
	if len(w.jobs) != maxKept || len(w.kept) != maxKept || w.jobs[jobKey{2, 1}] != nil || w.jobs[jobKey{3, 1}] == nil {
		t.Errorf("%d jobs are held, %d kept", len(w.jobs), len(w.kept))
	}
}

// What thousands of ranks say of their end together has a bound, and so has what one says and what a child complains
// of.
func TestMessagesAreBounded(t *testing.T) {
	j := &job{w: &Worker{}}
	last := &control.Ended{}
	for rank := range uint32(100) {
		last.Ranks = append(last.Ranks, result.RankEnd{Rank: rank, Cause: result.Trapped,
			Text: strings.Repeat("m", 2*maxMessage), Program: strings.Repeat("p", 2*maxMessage)})
	}
	last.Deadlock, last.LostOutput, last.NotBegun = last.Ranks[0].Text, last.Ranks[0].Text, last.Ranks[0].Text
	r := j.account(last)
	total := 0
	for _, e := range r.Ranks {
		if len(e.Text) > maxMessage || len(e.Program) > maxMessage {
			t.Errorf("rank %d says %d and %d bytes", e.Rank, len(e.Text), len(e.Program))
		}
		total += len(e.Text) + len(e.Program)
	}
	if len(r.Ranks) != 100 || total > maxMessages || total < maxMessages-maxMessage || len(r.Deadlock) > maxMessage ||
		len(r.LostOutput) > maxMessage || len(r.NotBegun) > maxMessage {
		t.Errorf("%d ranks say %d bytes, the others %d, %d, %d", len(r.Ranks), total, len(r.Deadlock), len(r.LostOutput),
			len(r.NotBegun))
	}
	var h head
	for range 3 {
		if n, err := h.Write(make([]byte, maxStderr/2+1)); err != nil || n != maxStderr/2+1 {
			t.Errorf("%d, %v", n, err)
		}
	}
	if len(h.b) != maxStderr {
		t.Errorf("%d bytes of complaint", len(h.b))
	}
}
