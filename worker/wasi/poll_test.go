package wasi

import (
	"encoding/binary"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// sub is one subscription to be put into memory.
type sub struct {
	tag     uint8
	id      uint32 // clock, or descriptor
	timeout uint64
	flags   uint16
}

// poll makes a poll_oneoff; subscription i has userdata 100+i.
func (g *guest) poll(subs ...sub) ([]event, errno) {
	g.t.Helper()
	in, out, n := g.alloc(subscriptionSize*len(subs)), g.alloc(eventSize*len(subs)), g.alloc(4)
	for i, s := range subs {
		b := g.mem[in+uint64(i*subscriptionSize):]
		binary.LittleEndian.PutUint64(b, uint64(100+i))
		b[8] = s.tag
		binary.LittleEndian.PutUint32(b[16:], s.id)
		binary.LittleEndian.PutUint64(b[24:], s.timeout)
		binary.LittleEndian.PutUint16(b[40:], s.flags)
	}
	if e := g.call("poll_oneoff", in, out, uint64(len(subs)), n); e != success {
		return nil, e
	}
	var events []event
	for i := range g.u32(n) {
		b := g.mem[out+uint64(i*eventSize):]
		events = append(events, event{
			userdata: binary.LittleEndian.Uint64(b), err: errno(binary.LittleEndian.Uint16(b[8:])), tag: b[10],
			nbytes: binary.LittleEndian.Uint64(b[16:]), flags: binary.LittleEndian.Uint16(b[24:]),
		})
	}
	return events, success
}

func (g *guest) expectEvents(what string, got []event, want ...event) {
	g.t.Helper()
	if len(got) != len(want) {
		g.t.Errorf("%s: %+v, want %+v", what, got, want)
		return
	}
	for i := range got {
		if got[i] != want[i] {
			g.t.Errorf("%s: %+v, want %+v", what, got[i], want[i])
		}
	}
}

func TestSleep(t *testing.T) {
	now := func(g *guest, clock uint64) uint64 {
		at := g.alloc(8)
		g.ok("clock_time_get", clock, 0, at)
		return g.u64(at)
	}
	for _, c := range []struct {
		name  string
		sub   func(g *guest) sub
		sleep time.Duration
	}{
		{"relative", func(*guest) sub { return sub{id: clockMonotonic, timeout: 3e9} }, 3 * time.Second},
		{"realtime", func(*guest) sub { return sub{id: clockRealtime, timeout: 5e8} }, time.Second / 2},
		{"CPU time", func(*guest) sub { return sub{id: clockProcessCPU, timeout: 7} }, 7},
		{"until", func(g *guest) sub {
			return sub{id: clockMonotonic, timeout: now(g, clockMonotonic) + 2e9, flags: absoluteTime}
		}, 2 * time.Second},
		{"until, realtime", func(g *guest) sub {
			return sub{id: clockRealtime, timeout: now(g, clockRealtime) + 1e9, flags: absoluteTime}
		}, time.Second},
		{"past", func(*guest) sub { return sub{id: clockRealtime, timeout: 1, flags: absoluteTime} }, 0},
		{"zero", func(*guest) sub { return sub{id: clockMonotonic} }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGuest(t, Config{Mounts: []Mount{}})
				g.p.clock.offset = 1 << 60 // the clock of the bubble starts years ago; this keeps it positive
				s := c.sub(g)
				start := time.Now()
				got, e := g.poll(s)
				if slept := time.Since(start); e != success || slept != c.sleep {
					t.Errorf("slept %v, errno %d", slept, e)
				}
				g.expectEvents("clock", got, event{userdata: 100})
			})
		})
	}
}

func TestPollFirstOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInput()
		var waits []string
		g := newGuest(t, Config{Mounts: []Mount{}, Stdin: in, Blocked: func(what string) func() {
			waits = append(waits, what)
			return func() {}
		}})
		subs := []sub{{id: clockMonotonic, timeout: 5e9}, {tag: pollFDRead, id: 0}, {id: clockMonotonic, timeout: 2e9}}
		got, _ := g.poll(subs...)
		g.expectEvents("the shorter time", got, event{userdata: 102})
		time.AfterFunc(time.Second, func() { in.write("abc") })
		got, _ = g.poll(subs...)
		g.expectEvents("input", got, event{userdata: 101, tag: pollFDRead, nbytes: 3})
		got, _ = g.poll(subs[1])
		g.expectEvents("more input", got, event{userdata: 100, tag: pollFDRead, nbytes: 3})
		if s, _ := g.read(0, 10); s != "abc" {
			t.Errorf("read %q", s)
		}
		time.AfterFunc(time.Second, in.end)
		got, _ = g.poll(subs[1])
		g.expectEvents("the end", got, event{userdata: 100, tag: pollFDRead, flags: hangup})
		want := []string{"poll of standard input, at most 2s", "poll of standard input, at most 2s", "read of standard input"}
		if len(waits) != len(want) || waits[0] != want[0] || waits[2] != want[2] {
			t.Errorf("waits %q", waits)
		}
	})
}

func TestPollOfFiles(t *testing.T) {
	g := newGuest(t, Config{})
	g.hostFile("f", "12345")
	f := g.mustOpen("f", 0, rightFDRead)
	g.read(f, 2)
	got, e := g.poll(sub{tag: pollFDRead, id: uint32(f)}, sub{tag: pollFDWrite, id: 1}, sub{tag: pollFDWrite, id: 99},
		sub{tag: pollFDWrite, id: uint32(f)}, sub{id: 17}, sub{id: clockMonotonic, timeout: math.MaxUint64})
	if e != success {
		t.Fatal(e)
	}
	g.expectEvents("files", got, event{userdata: 100, tag: pollFDRead, nbytes: 3}, event{userdata: 101, tag: pollFDWrite},
		event{userdata: 102, tag: pollFDWrite, err: eBADF}, event{userdata: 103, tag: pollFDWrite, err: eBADF},
		event{userdata: 104, err: eINVAL})
}

func TestPollRefuses(t *testing.T) {
	g := newGuest(t, Config{})
	if _, e := g.poll(); e != eINVAL {
		t.Errorf("no subscription: %d", e)
	}
	if _, e := g.poll(sub{tag: 3}); e != eINVAL {
		t.Errorf("unknown tag: %d", e)
	}
	at := g.alloc(64)
	end := uint64(len(g.mem))
	g.fails(eFAULT, "poll_oneoff", end-47, at, 1, at)
	g.fails(eFAULT, "poll_oneoff", at, end-31, 1, at)
	g.fails(eFAULT, "poll_oneoff", at, at, 1, end-3)
	g.fails(eFAULT, "poll_oneoff", at, at, math.MaxUint32, at)
}

func TestSleepEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := make(chan struct{})
		over := false
		g := newGuest(t, Config{Mounts: []Mount{}, Done: done,
			Blocked: func(string) func() { return func() { over = true } }})
		time.AfterFunc(time.Minute, func() { close(done) })
		start := time.Now()
		got := panics(func() { g.poll(sub{id: clockMonotonic, timeout: math.MaxUint64}) })
		if got != (Ended{}) || time.Since(start) != time.Minute || !over {
			t.Errorf("%v after %v", got, time.Since(start))
		}
	})
}

func TestRounded(t *testing.T) {
	for d, want := range map[time.Duration]string{1_999_970_340: "2s", 999_999_000: "1s", 12_345_678: "12ms",
		1_234_567: "1.235ms", 1_234: "1.234µs", time.Hour: "1h0m0s"} {
		if got := rounded(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
}

// TestPollBrokenOff breaks a poll off and makes it again: at its first look, and from outside while it waits. It takes
// as long as it should, and the next one begins anew.
func TestPollBrokenOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuest(t, Config{})
		var due atomic.Bool
		q := NewPending(func(first bool) bool { return due.Swap(false) })
		broken := 0
		resumable := g.calls["poll_oneoff"].Resumable
		c := g.calls["poll_oneoff"]
		c.Fn = func(p *Process, stack []uint64) {
			arguments := slices.Clone(stack)
			for resumable(p, q, stack) {
				broken++
				if !slices.Equal(stack, arguments) {
					t.Error("the arguments have changed")
				}
			}
		}
		g.calls["poll_oneoff"] = c
		for range 2 {
			began := time.Now()
			due.Store(true)
			for i := range 3 {
				time.AfterFunc(time.Duration(1+i)*time.Second, func() {
					due.Store(true)
					q.Wake()
				})
			}
			events, e := g.poll(sub{tag: pollClock, id: 1, timeout: uint64(5 * time.Second)})
			if e != success || time.Since(began) != 5*time.Second || broken != 4 {
				t.Errorf("errno %d after %v, broken off %d times", e, time.Since(began), broken)
			}
			g.expectEvents("the clock's", events, event{userdata: 100})
			broken = 0
		}
	})
}
