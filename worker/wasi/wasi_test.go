package wasi

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestCallsAreAll(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Calls() {
		name := c.Name
		if c.Wide {
			name = wide + name
		}
		if seen[name] || c.Fn == nil || strings.Trim(c.Params, "il") != "" {
			t.Errorf("%s %q", name, c.Params)
		}
		seen[name] = true
	}
	if len(seen) != 2*46 {
		t.Errorf("%d calls, the specification has 46", len(seen)/2)
	}
}

func TestArgumentsAndEnvironment(t *testing.T) {
	g := newGuest(t, Config{Args: []string{"prog", "", "x y"}, Env: []string{"A=1"}})
	for _, c := range []struct {
		name, bytes string
		count       uint32
	}{{"args", "prog\x00\x00x y\x00", 3}, {"environ", "A=1\x00", 1}} {
		sizes := g.alloc(8)
		g.ok(c.name+"_sizes_get", sizes, sizes+4)
		if g.u32(sizes) != c.count || int(g.u32(sizes+4)) != len(c.bytes) {
			t.Errorf("%s: %d strings, %d bytes", c.name, g.u32(sizes), g.u32(sizes+4))
		}
		list, buf := g.alloc(12), g.alloc(len(c.bytes))
		g.ok(c.name+"_get", list, buf)
		if got := string(g.mem[buf : buf+uint64(len(c.bytes))]); got != c.bytes {
			t.Errorf("%s: %q", c.name, got)
		}
		if g.u32(list) != uint32(buf) {
			t.Errorf("%s: first string at %d", c.name, g.u32(list))
		}
		g.fails(eFAULT, c.name+"_get", list, uint64(len(g.mem)-1))
		g.fails(eFAULT, c.name+"_get", uint64(len(g.mem)-1), buf)
		g.fails(eFAULT, c.name+"_sizes_get", 1<<32-1, sizes)
	}
	if _, err := New(Config{Memory: g.p.memory, Args: []string{"a\x00b"}}); err == nil {
		t.Error("an argument with a zero byte was taken")
	}
}

func TestExit(t *testing.T) {
	g := newGuest(t, Config{})
	var exit Exit
	if err, _ := panics(func() { g.call("proc_exit", 7) }).(error); !errors.As(err, &exit) || exit.Code != 7 {
		t.Errorf("proc_exit: %v", err)
	}
	for signal, code := range map[uint64]uint32{6: 134, 9: 137, 15: 143, 24: 128 + 25, 30: 128 + 31} {
		if got := panics(func() { g.call("proc_raise", signal) }); got != (Exit{code}) {
			t.Errorf("proc_raise(%d): %v, want %d", signal, got, code)
		}
	}
	g.ok("proc_raise", 0)
	g.ok("proc_raise", 16)
	g.fails(eNOTSUP, "proc_raise", 18)
	g.fails(eINVAL, "proc_raise", 31)
}

func TestEnded(t *testing.T) {
	done := make(chan struct{})
	g := newGuest(t, Config{Done: done})
	g.ok("sched_yield")
	close(done)
	if got := panics(func() { g.call("sched_yield") }); got != (Ended{}) {
		t.Errorf("sched_yield: %v", got)
	}
}

func TestRandom(t *testing.T) {
	g := newGuest(t, Config{})
	a, b := g.alloc(32), g.alloc(32)
	g.ok("random_get", a, 32)
	g.ok("random_get", b, 32)
	if bytes.Equal(g.mem[a:a+32], g.mem[b:b+32]) {
		t.Error("twice the same")
	}
	many := g.alloc(10_001)
	g.ok("random_get", many, 10_001)
	if tail := g.mem[many+9_900 : many+10_001]; bytes.Count(tail, []byte{0}) > 20 {
		t.Errorf("the end of many: %x", tail)
	}
	g.ok("random_get", uint64(len(g.mem)), 0)
	g.fails(eFAULT, "random_get", a, 1<<32-1)
}

func TestClocks(t *testing.T) {
	g := newGuest(t, Config{})
	at := g.alloc(8)
	before := time.Now()
	g.ok("clock_time_get", clockRealtime, 0, at)
	if got := time.Unix(0, int64(g.u64(at))); got.Before(before.Round(0)) || got.After(time.Now()) {
		t.Errorf("it is %v, not %v", before, got)
	}
	for id := range uint64(4) {
		g.ok("clock_time_get", id, 0, at)
		first := g.u64(at)
		g.ok("clock_time_get", id, 0, at)
		if g.u64(at) < first {
			t.Errorf("clock %d went back", id)
		}
		g.ok("clock_res_get", id, at)
		if g.u64(at) != 1 {
			t.Errorf("clock %d: resolution %d", id, g.u64(at))
		}
		g.fails(eFAULT, "clock_time_get", id, 0, uint64(len(g.mem)-7))
	}
	g.fails(eINVAL, "clock_time_get", 4, 0, at)
	g.fails(eINVAL, "clock_res_get", 4, at)
	g.ok("clock_time_get", clockMonotonic, 0, at)
	here := g.u64(at)
	g.p.clock.offset = time.Hour
	g.ok("clock_time_get", clockMonotonic, 0, at)
	if g.u64(at) < here+uint64(time.Hour) {
		t.Error("the offset does not count")
	}
}

// chunks keeps each Write apart.
type chunks struct {
	got   []string
	short int   // bytes that one Write takes at most; 0: all
	err   error // of each Write
}

func (c *chunks) Write(p []byte) (int, error) {
	if c.short > 0 {
		p = p[:min(len(p), c.short)]
	}
	c.got = append(c.got, string(p))
	if c.err != nil {
		return 0, c.err
	}
	return len(p), nil
}

func TestOutput(t *testing.T) {
	var out, err chunks
	g := newGuest(t, Config{Stdout: OutputTo(&out), Stderr: OutputTo(&err)})
	g.mustWrite(1, "one")
	g.mustWrite(1, "a ", "", "line\n")
	g.mustWrite(2, "oops")
	g.mustWrite(1)
	g.mustWrite(1, "")
	if strings.Join(out.got, "|") != "one|a line\n" || strings.Join(err.got, "|") != "oops" {
		t.Errorf("stdout %q, stderr %q", out.got, err.got)
	}
	if _, e := g.write(0, "x"); e != eBADF {
		t.Errorf("write to standard input: %d", e)
	}
	out.short = 2
	if n, e := g.write(1, "abc", "def"); n != 2 || e != success {
		t.Errorf("a short write: %d, %d", n, e)
	}
	out.err = io.ErrClosedPipe
	if _, e := g.write(1, "abc"); e != ePIPE {
		t.Errorf("a closed pipe: %d", e)
	}
}

func TestOutputLargerThanGathered(t *testing.T) {
	var out chunks
	g := newGuest(t, Config{Stdout: OutputTo(&out)})
	g.mem = make([]byte, 4<<20)
	g.mustWrite(1, strings.Repeat("a", maxGather), "b")
	if len(out.got) != 2 || out.got[1] != "b" {
		t.Errorf("%d writes", len(out.got))
	}
	if cap(g.p.out[1].buf) > 0 {
		t.Error("kept a buffer for it")
	}
}

func TestStdin(t *testing.T) {
	in := newInput()
	var waits []string
	g := newGuest(t, Config{Stdin: in, Blocked: func(what string) func() {
		waits = append(waits, what)
		return func() { waits = append(waits, "done") }
	}})
	in.write("hello")
	if got, e := g.read(0, 2, 2); got != "hell" || e != success {
		t.Errorf("%q, %d", got, e)
	}
	if got, e := g.read(0, 0); got != "" || e != success {
		t.Errorf("nothing asked: %q, %d", got, e)
	}
	if got, _ := g.read(0, 10); got != "o" {
		t.Errorf("%q", got)
	}
	g.ok("fd_fdstat_set_flags", 0, flagNonblock)
	if _, e := g.read(0, 1); e != eAGAIN {
		t.Errorf("nonblocking: %d", e)
	}
	g.ok("fd_fdstat_set_flags", 0, 0)
	if waits != nil {
		t.Errorf("waited: %q", waits)
	}
	read := make(chan string)
	go func() {
		s, _ := g.read(0, 10)
		read <- s
	}()
	in.write("later")
	if s := <-read; s != "later" {
		t.Errorf("%q", s)
	}
	in.end()
	if s, e := g.read(0, 10); s != "" || e != success {
		t.Errorf("at the end: %q, %d", s, e)
	}
	if _, e := g.read(1, 1); e != eBADF {
		t.Errorf("read of standard output: %d", e)
	}
	if len(waits)%2 != 0 {
		t.Errorf("waits: %q", waits)
	}
}

func TestStdinEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := make(chan struct{})
		g := newGuest(t, Config{Stdin: newInput(), Done: done, Mounts: []Mount{}})
		ended := make(chan any)
		go func() { ended <- panics(func() { g.read(0, 1) }) }()
		synctest.Wait()
		close(done)
		if got := <-ended; got != (Ended{}) {
			t.Errorf("%v", got)
		}
	})
}

// fullOutput takes a byte at a time, and then has no room until somebody makes it.
type fullOutput struct {
	bytes.Buffer
	room chan struct{}
}

func (o *fullOutput) TryWrite(p []byte) (int, <-chan struct{}, error) {
	if o.room != nil {
		return 0, o.room, nil
	}
	o.room = make(chan struct{})
	return len(p[:1]), o.room, o.WriteByte(p[0])
}

// TestWriteBrokenOff breaks a write to an output without room off, each time before it waits, and makes it again. No
// byte is written twice, and the next write begins anew.
func TestWriteBrokenOff(t *testing.T) {
	out, asleep := &fullOutput{}, make(chan struct{})
	g := newGuest(t, Config{Stdout: out, Blocked: func(string) func() {
		asleep <- struct{}{}
		return func() {}
	}})
	breaks, broken := false, 0
	q := NewPending(func(bool) bool {
		breaks = !breaks
		return breaks
	})
	c := g.calls["fd_write"]
	resumable := c.Resumable
	c.Fn = func(p *Process, stack []uint64) {
		for resumable(p, q, stack) {
			if broken++; broken > 12 {
				t.Error("broken off more often than there are bytes")
				break
			}
		}
	}
	g.calls["fd_write"] = c
	for range 2 {
		written := make(chan int)
		go func() {
			n, e := g.write(1, "a", "bcd", "", "ef")
			if e != success {
				t.Errorf("errno %d", e)
			}
			written <- int(n)
		}()
		for done := false; !done; {
			select {
			case n := <-written:
				if done = true; n != 6 {
					t.Errorf("%d bytes", n)
				}
			case <-asleep:
				room := out.room
				out.room = nil
				close(room)
			}
		}
		out.room = nil
	}
	if got := out.String(); got != "abcdefabcdef" || broken < 10 {
		t.Errorf("written: %q, broken off %d times", got, broken)
	}
}
