package mpi

import (
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// spinning makes a world of n ranks that have two processors and all the time in the world to look before they park.
func spinning(t *testing.T, n int, program func(g *guest)) []error {
	return outcomeIn(t, WorldConfig{Size: n, Cores: 2}, guestMemory, func(g *guest) {
		g.thread.spinTime = time.Hour
		program(g)
	})
}

// TestSpinnerHeedsTheEnd ends the job while a rank looks for a message that never comes, and collects garbage before.
func TestSpinnerHeedsTheEnd(t *testing.T) {
	enough := errors.New("enough")
	waits := make(chan struct{})
	errs := spinning(t, 2, func(g *guest) {
		g.must("Init", 0, 0)
		if g.me == 0 {
			close(waits)
			g.call("Recv", g.alloc(8), 8, tByte, 1, 0, tWorld, 0)
			t.Error("a message came")
		}
		<-waits
		runtime.GC()
		g.rank.world.End(enough)
	})
	if !errors.Is(errs[0], enough) {
		t.Errorf("rank 0: %v", errs[0])
	}
}

// TestSpinnerMakesRoom: of three ranks on two processors two may run, and the third one looks; when all three can run,
// it parks.
func TestSpinnerMakesRoom(t *testing.T) {
	for i, err := range spinning(t, 3, func(g *guest) {
		g.must("Init", 0, 0)
		buf := g.alloc(8)
		switch g.me {
		case 0:
			g.must("Recv", buf, 8, tByte, 1, 0, tWorld, 0)
		case 1:
			g.waitParked(2)
			g.must("Send", buf, 8, tByte, 2, 0, tWorld) // now three can run
			g.waitParked(0)
			g.must("Send", buf, 8, tByte, 0, 0, tWorld)
			g.must("Send", buf, 8, tByte, 2, 1, tWorld)
		case 2:
			g.thread.spinTime = 0
			g.must("Recv", buf, 8, tByte, 1, 0, tWorld, 0)
			g.must("Recv", buf, 8, tByte, 1, 1, tWorld, 0)
		}
		g.must("Finalize")
	}) {
		if err != nil {
			t.Errorf("rank %d: %v", i, err)
		}
	}
}

// TestSpinnerLetsTheWokenRun: on one processor of Go's a rank wakes another and looks for the answer. The other one
// must run soon, not when the runtime takes the processor away.
func TestSpinnerLetsTheWokenRun(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for i, err := range spinning(t, 2, func(g *guest) {
		g.must("Init", 0, 0)
		buf := g.alloc(8)
		if g.me == 1 {
			g.thread.spinTime = 0
			g.must("Recv", buf, 8, tByte, 0, 0, tWorld, 0)
			g.must("Send", buf, 8, tByte, 0, 0, tWorld)
		} else {
			g.waitParked(1)
			g.must("Send", buf, 8, tByte, 1, 0, tWorld)
			n := 0
			g.thread.spin(scopeOne, func() bool { n++; return g.rank.endpoint.HasMail() })
			if n > 10*spinLooks {
				t.Errorf("%d looks before the answer", n)
			}
			g.must("Recv", buf, 8, tByte, 1, 0, tWorld, 0)
		}
		g.must("Finalize")
	}) {
		if err != nil {
			t.Errorf("rank %d: %v", i, err)
		}
	}
}

// TestSharedProcessorTakesTurns: on one processor of Go's two ranks go on by turns, once one of them had to be woken,
// and do not wait for each other until they park.
func TestSharedProcessorTakesTurns(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const turns = 1000
	var turn atomic.Int64
	var parks [2]int
	defer breaks(ResumeEvery{})() // it waits outside of calls
	for i, err := range spinning(t, 2, func(g *guest) {
		g.must("Init", 0, 0)
		g.thread.spinTime = minSpinTime
		other := g.rank.world.ranks[1-g.me]
		if g.me == 0 {
			g.waitParked(1)
		}
		for n := int64(g.me); n < turns; n += 2 {
			g.thread.wait(scopeOne, func() { parks[g.me]++ }, func() bool { return turn.Load() == n })
			turn.Add(1)
			other.endpoint.Wake()
		}
		g.must("Finalize")
	}) {
		if err != nil {
			t.Errorf("rank %d: %v", i, err)
		}
	}
	if n := parks[0] + parks[1]; n > turns/4 {
		t.Errorf("%d parks in %d turns", n, turns)
	}
}

// TestPatience: looks that succeed lengthen it, looks in vain shorten it, within bounds.
func TestPatience(t *testing.T) {
	w := NewWorld(WorldConfig{Size: 2, Cores: 2})
	defer w.Close()
	r := w.ranks[0].Main()
	for range 20 {
		r.spin(scopeOne, func() bool { return false })
	}
	if r.spinTime != minSpinTime {
		t.Errorf("after looks in vain: %v", r.spinTime)
	}
	for range 20 {
		if !r.spin(scopeOne, func() bool { return true }) {
			t.Error("what is there is not seen")
		}
	}
	if r.spinTime != maxSpinTime {
		t.Errorf("after looks that succeed: %v", r.spinTime)
	}
	w.blocked.Store(1) // nobody is left to wait for
	if r.spin(scopeOne, func() bool { t.Error("it looks"); return false }) {
		t.Error("it has seen something")
	}
}

// TestInboxOverflow sends more messages than an inbox has cells, to a rank that is awake and reads none: the rest goes
// to the mailbox itself, and none overtakes another.
func TestInboxOverflow(t *testing.T) {
	sent := make(chan struct{})
	const messages = 3 * 256
	for i, err := range outcome(t, 3, func(g *guest) {
		g.must("Init", 0, 0)
		buf := g.ints(0, 0)
		if g.me > 0 {
			for i := range messages {
				g.setInt(buf, 0, i)
				n := 1 + i%2*1000 // also such as need an eager buffer
				big := g.alloc(4 * n)
				g.top = big
				g.setInt(big, 0, i)
				g.must("Send", big, n, tInt, 0, 0, tWorld)
			}
			sent <- struct{}{}
		} else {
			<-sent
			<-sent
			big := g.alloc(4 * 1001)
			next := [3]int{}
			status := g.alloc(statusSize)
			for range 2 * messages {
				g.must("Recv", big, 1001, tInt, tAnySource, 0, tWorld, status)
				from := g.int(status, 0)
				want(g, "message", g.int(big, 0), next[from])
				next[from]++
			}
		}
		g.must("Finalize")
	}) {
		if err != nil {
			t.Errorf("rank %d: %v", i, err)
		}
	}
}

// hooked is a guest whose rank stops at the moment at which it writes down what it waits for.
type hooked struct {
	*guest
	hook func()
}

func (h hooked) Site() Site           { h.hook(); return 0 }
func (h hooked) Frames(Site) []string { return nil }

// TestMessageWhileParking sends in the moment between the last look and the parking of a rank that probes: it looks
// once more, and the message that it takes out then is its own.
func TestMessageWhileParking(t *testing.T) {
	for _, probe := range []string{"Probe", "Mprobe"} {
		w, guests := newGuests(t, WorldConfig{Size: 2, Check: func(int, string) {}}, guestMemory)
		sender, g := guests[0], guests[1]
		sent := false
		g.rank = w.NewRank(1, hooked{g, func() {
			if callName(g.thread.call.Load()) == "MPI_"+probe && !sent {
				sent = true
				sender.must("Send", 1024, 1, tInt, 1, 5, tWorld)
			}
		}})
		sender.must("Init", 0, 0)
		g.must("Init", 0, 0)
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("%s: %v", probe, p)
				}
			}()
			w.active.Store(1) // the sender does nothing by itself: if the other parks, that is the end
			if probe == "Probe" {
				g.must("Probe", 0, 5, tWorld, 0)
				g.must("Recv", 1024, 1, tInt, 0, 5, tWorld, 0)
			} else {
				g.must("Mprobe", 0, 5, tWorld, 512, 0)
				g.must("Mrecv", 1024, 1, tInt, 512, 0)
			}
		}()
		w.Close()
	}
}
