package wasi

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pipe makes a pipe.
func (g *guest) pipe(flags uint64) (from, to uint64) {
	g.t.Helper()
	ends := g.system("fd_pipe", flags)
	if int64(ends) < 0 {
		g.t.Fatalf("no pipe: errno %d", -int64(ends))
	}
	return ends & 0xffffffff, ends >> 32
}

func TestPipe(t *testing.T) {
	g := newGuest(t, Config{})
	from, to := g.pipe(0)
	g.mustWrite(to, "through ", "the pipe")
	if s, e := g.read(from, 5, 100); s != "through the pipe" || e != success {
		t.Errorf("%q, errno %d", s, e)
	}
	dup := g.system("fd_dup", to, 0, 0)
	g.ok("fd_close", to)
	g.mustWrite(dup, "by a duplicate")
	g.ok("fd_close", dup)
	if s, e := g.read(from, 100); s != "by a duplicate" || e != success {
		t.Errorf("%q, errno %d", s, e)
	}
	if s, e := g.read(from, 100); s != "" || e != success {
		t.Errorf("at its end: %q, errno %d", s, e)
	}
	pos := g.alloc(8)
	g.fails(eSPIPE, "fd_seek", from, 0, 0, pos)
	g.fails(eINVAL, "fd_sync", from)
	if _, e := g.write(from, "x"); e != eBADF {
		t.Errorf("written to the wrong end: %d", e)
	}
	stat := g.alloc(filestatSize)
	g.ok("fd_filestat_get", from, stat)
	if filetype(g.mem[stat+16]) != typeSocketStream {
		t.Error("a libc does not take it for a pipe")
	}
	if e := errno(-int32(g.system("fd_pipe", 1<<10))); e == success {
		t.Error("unknown flags")
	}
}

func TestPipeWithoutWaiting(t *testing.T) {
	g := newGuest(t, Config{})
	from, to := g.pipe(flagNonblock)
	if _, e := g.read(from, 1); e != eAGAIN {
		t.Errorf("empty: %d", e)
	}
	if n, e := g.write(to, strings.Repeat("x", pipeSize+5)); n != pipeSize || e != success {
		t.Errorf("%d bytes fitted, errno %d", n, e)
	}
	if _, e := g.write(to, "y"); e != eAGAIN {
		t.Errorf("full: %d", e)
	}
	g.read(from, 100)
	if _, e := g.write(to, strings.Repeat("y", 101)); e != eAGAIN {
		t.Errorf("a short write was torn: %d", e)
	}
	if n, e := g.write(to, strings.Repeat("y", 100)); n != 100 || e != success {
		t.Errorf("%d, errno %d", n, e)
	}
}

// TestPipeWithoutReaders: SIGPIPE ends the rank, unless the program has something else in mind.
func TestPipeWithoutReaders(t *testing.T) {
	g := newGuest(t, Config{})
	from, to := g.pipe(0)
	g.ok("fd_close", from)
	if v := panics(func() { g.write(to, "x") }); v != (Exit{signalBase + 13}) {
		t.Errorf("the rank goes on: %v", v)
	}
	g.system("signal_actions", dispatcher, 0, bit(13))
	if _, e := g.write(to, "x"); e != ePIPE {
		t.Errorf("errno %d", e)
	}
	g.system("signal_actions", dispatcher, bit(13), 0)
	if _, e := g.write(to, "x"); e != ePIPE || g.nextSignal() != 13 {
		t.Errorf("errno %d", e)
	}
}

// TestPipeIsWaitedFor: a reader waits for bytes or the end, a writer for room; a poll for either.
func TestPipeIsWaitedFor(t *testing.T) {
	waits := make(chan string, 16)
	done := make(chan struct{})
	g := newGuest(t, Config{Done: done, Blocked: func(what string) func() {
		waits <- what
		return func() {}
	}})
	from, to := g.pipe(0)
	in, bytes := uint32(from), make(chan string, 1)
	p, _ := g.p.get(in, 0)
	out, _ := g.p.get(uint32(to), 0)
	expect := func(want string) {
		t.Helper()
		select {
		case what := <-waits:
			if what != want {
				t.Errorf("it waits for %q", what)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("no %s", want)
		}
	}
	read := func(n int) {
		buf := make([]byte, n)
		n, _ = g.p.readPipe(p, [][]byte{buf})
		bytes <- string(buf[:n])
	}
	go read(10)
	expect("read of a pipe")
	g.p.writePipe(out, [][]byte{[]byte("late")}, 4)
	if s := <-bytes; s != "late" {
		t.Errorf("read %q", s)
	}
	large := strings.Repeat("0123456789", pipeSize/5)
	go g.p.writePipe(out, [][]byte{[]byte(large)}, len(large))
	expect("write to a pipe")
	var all strings.Builder
	for all.Len() < len(large) {
		read(1000)
		all.WriteString(<-bytes)
	}
	if all.String() != large {
		t.Error("a large write arrived wrong")
	}
	for len(waits) > 0 {
		<-waits
	}
	polled := make(chan []event, 1)
	go func() {
		events, _ := g.poll(sub{tag: pollFDRead, id: in})
		polled <- events
	}()
	expect("poll of pipes")
	out.pipe.write([]byte("abc"))
	if ev := <-polled; len(ev) != 1 || ev[0].nbytes != 3 || ev[0].flags != 0 {
		t.Errorf("%+v", ev)
	}
	read(3)
	<-bytes
	g.p.put(out)
	g.ok("fd_close", to)
	if ev, _ := g.poll(sub{tag: pollFDRead, id: in}); len(ev) != 1 || ev[0].flags != hangup {
		t.Errorf("%+v", ev)
	}
	// A signal and the rank's end end a wait.
	from, _ = g.pipe(0)
	g.system("signal_actions", dispatcher, bit(sigUSR1), 0)
	next, _ := g.p.get(uint32(from), 0)
	result := make(chan any, 1)
	wait := func() {
		var e errno
		if v := panics(func() { _, e = g.p.readPipe(next, [][]byte{make([]byte, 1)}) }); v != nil {
			result <- v
			return
		}
		result <- e
	}
	go wait()
	expect("read of a pipe")
	g.p.Signal(int(unix.SIGUSR1))
	if got := <-result; got != eINTR {
		t.Errorf("a signal: %v", got)
	}
	g.nextSignal()
	go wait()
	expect("read of a pipe")
	close(done)
	if got := <-result; got != (Ended{}) {
		t.Errorf("the end: %v", got)
	}
}
