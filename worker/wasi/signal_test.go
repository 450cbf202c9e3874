package wasi

import (
	"testing"
	"testing/synctest"
	"time"
)

// system makes a call of the module System.
func (g *guest) system(name string, args ...uint64) uint64 {
	g.t.Helper()
	for _, c := range SystemCalls() {
		if c.Name != name {
			continue
		}
		stack := make([]uint64, max(len(args), 1))
		for i, v := range args {
			if stack[i] = v; c.Params[i] == 'i' {
				stack[i] = v&0xffffffff | 0xdeadbeef<<32
			}
		}
		c.Fn(g.p, stack)
		if c.Results == "i" {
			return uint64(uint32(stack[0]))
		}
		return stack[0]
	}
	g.t.Fatalf("no call %s", name)
	return 0
}

func bit(signal uint32) uint64 { return uint64(setOf(signal)) }

const (
	dispatcher = 77

	sigKILL, sigUSR1, sigUSR2, sigALRM, sigSTOP = 9, 10, 12, 14, 19
)

func (g *guest) nextSignal() uint32 {
	d, ok := g.p.NextSignal()
	if !ok {
		return 0
	}
	if d.Dispatcher != dispatcher {
		g.t.Errorf("dispatcher %d", d.Dispatcher)
	}
	return d.Signal
}

func TestSignalActions(t *testing.T) {
	g := newGuest(t, Config{})
	const usr1, usr2, chld, term = sigUSR1, sigUSR2, 17, 15
	if !g.p.Signal(usr1) || g.p.Signal(chld) || g.p.Signal(0) || g.p.Signal(65) || g.p.SignalDue() {
		t.Error("default actions")
	}
	g.system("signal_actions", dispatcher, bit(usr1)|bit(usr2)|bit(sigKILL), bit(term))
	if g.p.Signal(usr1) || g.p.Signal(term) || !g.p.Signal(sigKILL) || !g.p.SignalDue() || !g.p.Catches(usr2) ||
		g.p.Catches(term) {
		t.Error("caught, ignored and neither")
	}
	if g.nextSignal() != usr1 || g.nextSignal() != 0 || g.p.SignalDue() {
		t.Error("it is delivered once")
	}
	if g.system("signal_mask", bit(usr1)|bit(sigSTOP)) != 0 || g.p.Signal(usr1) || g.p.SignalDue() ||
		g.system("signal_pending") != bit(usr1) {
		t.Error("a blocked signal waits")
	}
	if g.p.Signal(usr2); g.nextSignal() != usr2 {
		t.Error("another does not")
	}
	if g.system("signal_mask", 0) != bit(usr1) || g.nextSignal() != usr1 {
		t.Error("it comes when it is unblocked")
	}
	g.system("signal_mask", bit(usr1))
	g.p.Signal(usr1)
	g.system("signal_actions", dispatcher, 0, 0)
	g.system("signal_mask", 0)
	if v := panics(func() { g.nextSignal() }); v != (Exit{128 + usr1}) {
		t.Errorf("default by the time that it is unblocked: %v", v)
	}
	if g.system("signal_raise", 99) != uint64(eINVAL) {
		t.Error("an unknown signal")
	}
	if v := panics(func() { g.system("signal_raise", 9) }); v != (Exit{137}) {
		t.Errorf("SIGKILL: %v", v)
	}
}

func TestSignalEndsWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInput()
		g := newGuest(t, Config{Mounts: []Mount{}, Stdin: in})
		g.system("signal_actions", dispatcher, bit(sigUSR1)|bit(sigUSR2), 0)
		after := func(signal int) { time.AfterFunc(time.Second, func() { g.p.Signal(signal) }) }
		start := time.Now()
		after(sigUSR1)
		if _, e := g.poll(sub{id: clockMonotonic, timeout: 1e12}); e != eINTR || g.nextSignal() != sigUSR1 {
			t.Errorf("sleep: %d", e)
		}
		after(sigUSR1)
		if _, e := g.read(0, 10); e != eINTR || g.nextSignal() == 0 {
			t.Errorf("read: %d", e)
		}
		after(sigUSR1)
		if g.system("signal_suspend", bit(sigUSR2)) != 0 || g.nextSignal() == 0 ||
			g.system("signal_blocked") != bit(sigUSR2) {
			t.Error("signal_suspend")
		}
		after(sigUSR2)
		if got := g.system("signal_take", bit(sigUSR2), 1e12); got != sigUSR2 {
			t.Errorf("signal_take: %d", got)
		}
		after(sigUSR1)
		if got := int32(g.system("signal_take", bit(sigUSR2), 1<<64-1)); got != -int32(eINTR) || g.nextSignal() == 0 {
			t.Errorf("another signal than those waited for: %d", got)
		}
		if waited := time.Since(start); waited != 5*time.Second {
			t.Errorf("waited %v", waited)
		}
		if got := g.system("signal_take", bit(sigUSR2), 3e9); got != 0 || time.Since(start) != 8*time.Second {
			t.Errorf("signal_take: %d after %v", got, time.Since(start))
		}
		// A blocked signal interrupts nothing.
		after(sigUSR2)
		if _, e := g.poll(sub{id: clockMonotonic, timeout: 2e9}); e != success || time.Since(start) != 10*time.Second {
			t.Errorf("sleep with a blocked signal: %d after %v", e, time.Since(start))
		}
		if cpu := g.system("cpu_time"); cpu != 0 {
			t.Errorf("processor time %d", cpu)
		}
	})
}

func TestTimers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g *guest
		rang := 0
		g = newGuest(t, Config{Mounts: []Mount{}, Alarmed: func() { rang++; g.p.Signal(sigALRM) }})
		g.system("signal_actions", dispatcher, bit(sigALRM), 0)
		if g.system("timer_set", 5e9, 0) != 0 {
			t.Error("a timer before the first")
		}
		time.Sleep(2 * time.Second)
		if left := g.system("timer_left"); left != 3e9 {
			t.Errorf("left %d", left)
		}
		if left := g.system("timer_set", 1e9, 2e9); left != 3e9 || g.system("timer_interval") != 2e9 {
			t.Errorf("left %d", left)
		}
		start := time.Now()
		for i, want := range []time.Duration{1, 3, 5} {
			if _, e := g.poll(sub{id: clockMonotonic, timeout: 1e12}); e != eINTR || time.Since(start) != want*time.Second ||
				g.nextSignal() != sigALRM {
				t.Errorf("%d: errno %d after %v", i, e, time.Since(start))
			}
		}
		if g.system("timer_set", 0, 0) == 0 || g.system("timer_left") != 0 || g.system("timer_interval") != 0 {
			t.Error("disarming")
		}
		time.Sleep(time.Hour)
		if rang != 3 {
			t.Errorf("it rang %d times", rang)
		}
		g.system("timer_set", 1e9, 1) // a short interval is no way to keep the host busy
		time.Sleep(1100 * time.Millisecond)
		g.p.Close()
		if time.Sleep(time.Hour); rang < 50 || rang > 200 {
			t.Errorf("it rang %d times", rang)
		}
	})
}

// Who wants to know whether signals are to come is told each time that it becomes so, or not.
func TestExpected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g *guest
		told := 0
		expects := func(what string, want bool, times int) {
			t.Helper()
			if g.p.SignalToCome() != want || told != times {
				t.Errorf("%s: a signal is to come: %t; told %d times", what, !want, told)
			}
			told = 0
		}
		g = newGuest(t, Config{Mounts: []Mount{}, Alarmed: func() {
			g.p.Signal(sigALRM)
			g.nextSignal()
		}, Expected: func() { told++ }})
		g.system("signal_actions", dispatcher, bit(sigALRM)|bit(sigUSR1), 0)
		expects("at first", false, 0)
		g.system("timer_set", 1e9, 0)
		expects("a timer", true, 1)
		time.Sleep(2 * time.Second)
		expects("over, its signal handled before the timer's goroutine has ended", false, 1)
		g.system("timer_set", 1e9, 0)
		g.system("timer_set", 0, 0)
		expects("disarmed", false, 2)
		g.p.Signal(sigUSR1)
		g.system("signal_mask", bit(sigUSR1))
		expects("blocked", false, 2)
		g.system("signal_mask", 0)
		expects("not any more", true, 1)
		if g.nextSignal() != sigUSR1 {
			t.Error("the signal is gone")
		}
		expects("taken", false, 1)
		g.system("signal_mask", bit(sigUSR1))
		g.p.Signal(sigUSR1)
		g.system("signal_mask", 0)
		g.system("signal_actions", dispatcher, 0, bit(sigUSR1))
		expects("ignored", false, 2)
	})
}

func TestDup(t *testing.T) {
	g := newGuest(t, Config{MaxOpen: 8})
	fd := g.mustOpen("f", openCreate, rightFDRead|rightFDWrite)
	two := g.system("fd_dup", fd, 0, 0)
	if two != fd+1 {
		t.Fatalf("the number is %d", two)
	}
	g.mustWrite(fd, "abc")
	g.mustWrite(two, "def") // one offset
	g.ok("fd_close", fd)
	g.mustWrite(two, "ghi")
	if got := g.fileOf("f"); got != "abcdefghi" {
		t.Errorf("%q", got)
	}
	if got := g.system("fd_dup", two, 1, 1); got != 1 { // as a shell redirects standard output
		t.Errorf("dup2: %d", int32(got))
	}
	g.mustWrite(1, "!")
	if got := g.fileOf("f"); got != "abcdefghi!" {
		t.Errorf("%q", got)
	}
	if got := g.system("fd_dup", two, two, 1); got != two {
		t.Errorf("onto itself: %d", int32(got))
	}
	for _, c := range []struct {
		fd, at, exact uint64
		want          errno
	}{{99, 0, 0, eBADF}, {two, 8, 0, eINVAL}, {two, 8, 1, eBADF}, {two, 1 << 31, 0, eINVAL}, {two, 7, 0, success},
		{two, 6, 0, success}, {two, 6, 0, eMFILE}} {
		got := int32(g.system("fd_dup", c.fd, c.at, c.exact))
		if c.want != success && got != -int32(c.want) || c.want == success && got < 0 {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

func TestModes(t *testing.T) {
	g := newGuest(t, Config{})
	mode := func(path string) uint16 {
		at := g.alloc(filestatSize)
		ptr, n := g.str(path)
		g.ok("path_filestat_get", root, 0, ptr, n, at)
		return uint16(g.mem[at+18]) | uint16(g.mem[at+19])<<8
	}
	g.p.umask.Store(0o022)
	fd := g.mustOpen("f", openCreate, rightFDWrite)
	if got := mode("f"); got != modeKnown|0o644 {
		t.Errorf("by default %o", got)
	}
	if g.system("fd_chmod", fd, 0o4750) != 0 || mode("f") != modeKnown|0o750 {
		t.Errorf("chmod: %o", mode("f"))
	}
	g.system("create_mode", 0o600)
	g.mustOpen("private", openCreate, rightFDWrite)
	g.mustOpen("next", openCreate, rightFDWrite)
	if mode("private") != modeKnown|0o600 || mode("next") != modeKnown|0o644 {
		t.Errorf("%o, then %o", mode("private"), mode("next"))
	}
	if old := g.system("umask", 0o077); old != 0o022 {
		t.Errorf("umask %o", old)
	}
	g.system("create_mode", 0o755)
	g.ok("path_create_directory", append([]uint64{root}, pair(g.str("d"))...)...)
	g.mustOpen("masked", openCreate, rightFDWrite)
	if mode("d") != modeKnown|0o700 || mode("masked") != modeKnown|0o600 {
		t.Errorf("%o %o", mode("d"), mode("masked"))
	}
	if g.system("fd_chmod", 1, 0o600) != uint64(eINVAL) || g.system("fd_chmod", 99, 0o600) != uint64(eBADF) {
		t.Error("what has no mode")
	}
}

func pair(a, b uint64) []uint64 { return []uint64{a, b} }
