package wasi

import (
	"math"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Signals, by Linux's numbers. The program says which it has handlers for, which it ignores and which it blocks; here
// is what has come and is not yet handled. A handler is the program's code, and a program can be entered between its
// own instructions nowhere but in a host call: whoever binds the calls looks at SignalDue behind each, and runs what
// NextSignal names.
type signals struct {
	due  atomic.Bool   // something is pending that is not blocked
	wake chan struct{} // ends a wait; holds one

	mu         sync.Mutex // guards all below
	dispatcher uint32     // the function of the table that runs a signal's handler
	caught     signalSet
	ignored    signalSet
	blocked    signalSet
	pending    signalSet
	alarm      *time.Timer   // SIGALRM; nil: none is set
	rings      time.Duration // when, by the monotonic clock
	interval   time.Duration // from then on; 0: once
	ringing    int           // timers that are over, with their signals on the way
	toCome     bool          // what SignalToCome reports
}

// signalSet has signal n at bit n-1, as a sigset_t of Linux.
type signalSet uint64

const maxSignal = 64

func setOf(signal uint32) signalSet { return 1 << (signal - 1) }

const (
	signalBase = 128
	// unblockable can't be caught, ignored or blocked.
	unblockable signalSet = 1<<(unix.SIGKILL-1) | 1<<(unix.SIGSTOP-1)
	// ignoredByDefault do nothing unless they are caught.
	ignoredByDefault signalSet = 1<<(unix.SIGCHLD-1) | 1<<(unix.SIGCONT-1) | 1<<(unix.SIGURG-1) | 1<<(unix.SIGWINCH-1)
	// shortestInterval bounds what a timer may cost the host.
	shortestInterval = time.Millisecond
)

// Signal delivers a signal from outside to the program. It reports whether the signal's default action is to end the
// rank, which the caller must then do: the program may be computing.
func (p *Process) Signal(number int) (fatal bool) {
	if number < 1 || number > maxSignal {
		return false
	}
	bit := setOf(uint32(number))
	p.change(func(s *signals) {
		switch {
		case bit&unblockable == 0 && bit&(s.caught|s.blocked) != 0:
			if bit&s.ignored == 0 {
				s.post(bit)
			}
		default:
			fatal = bit&(s.ignored|ignoredByDefault) == 0
		}
	})
	return fatal
}

// Catches reports whether the program would handle a signal itself.
func (p *Process) Catches(number int) bool {
	if number < 1 || number > maxSignal {
		return false
	}
	s := &p.signals
	s.mu.Lock()
	defer s.mu.Unlock()
	return setOf(uint32(number))&(s.caught|s.blocked)&^(s.ignored|unblockable) != 0
}

// post makes a signal pending. s.mu is held.
func (s *signals) post(bit signalSet) {
	s.pending |= bit
	s.look() // before who waits does
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// change does something to what is known of signals, and tells who wants to know when SignalToCome has become another.
func (p *Process) change(do func(s *signals)) {
	if p.changed(do) && p.expected != nil {
		p.expected()
	}
}

func (p *Process) changed(do func(s *signals)) bool {
	s := &p.signals
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.look() // also where it panics, which ends the program
	before := s.toCome
	do(s)
	s.look()
	return s.toCome != before
}

// look says anew whether a signal is due, and whether one is to come. s.mu is held.
func (s *signals) look() {
	s.due.Store(s.pending&^s.blocked != 0)
	s.toCome = s.alarm != nil || s.ringing > 0 || s.due.Load()
}

// SignalDue reports whether NextSignal has one.
func (p *Process) SignalDue() bool { return p.signals.due.Load() }

// Delivery is a signal on its way to its handler.
type Delivery struct {
	Signal, Dispatcher uint32
	mask               signalSet
}

// NextSignal takes the next signal that is pending and not blocked: the program's dispatcher, a function (int) -> int
// of its table, is to be called with it, and reports whether the call that was interrupted shall go on. A signal that
// the program has no handler for by now has its default action: the call panics with Exit.
func (p *Process) NextSignal() (d Delivery, ok bool) {
	p.change(func(s *signals) { d, ok = s.next() })
	return d, ok
}

func (s *signals) next() (d Delivery, ok bool) {
	for {
		open := s.pending &^ s.blocked
		if open == 0 {
			return d, false
		}
		d.Signal = uint32(bits.TrailingZeros64(uint64(open))) + 1
		bit := setOf(d.Signal)
		s.pending &^= bit
		switch {
		case bit&s.ignored != 0:
		case bit&s.caught != 0:
			d.Dispatcher, d.mask = s.dispatcher, s.blocked
			return d, true
		case bit&ignoredByDefault == 0:
			panic(Exit{signalBase + d.Signal})
		}
	}
}

// Handled sets the mask back behind a handler, whether it has returned or left by an exception or a longjmp.
func (p *Process) Handled(d Delivery) { p.setMask(d.mask) }

func (p *Process) setMask(set signalSet) (old signalSet) {
	p.change(func(s *signals) { old, s.blocked = s.blocked, set&^unblockable })
	return old
}

// signal_actions(dispatcher, caught u64, ignored u64) says what the program does with signals. What is ignored is
// pending no more.
func signalActions(p *Process, a args) uint64 {
	p.change(func(s *signals) {
		s.dispatcher, s.caught, s.ignored = a.u32(0), signalSet(a.u64(1))&^unblockable, signalSet(a.u64(2))&^unblockable
		s.pending &^= s.ignored
	})
	return 0
}

// signal_mask(set u64) -> u64 blocks these signals and no others. It returns those that were blocked before.
func signalMask(p *Process, a args) uint64 { return uint64(p.setMask(signalSet(a.u64(0)))) }

// signal_blocked() -> u64
func signalBlocked(p *Process, _ args) uint64 {
	p.signals.mu.Lock()
	defer p.signals.mu.Unlock()
	return uint64(p.signals.blocked)
}

// signal_pending() -> u64
func signalPending(p *Process, _ args) uint64 {
	p.signals.mu.Lock()
	defer p.signals.mu.Unlock()
	return uint64(p.signals.pending)
}

// signal_raise(signal u32) -> errno: the program sends itself a signal. Its handler has run when the call returns,
// unless it is blocked. EINVAL.
func signalRaise(p *Process, a args) uint64 {
	number := a.u32(0)
	if number < 1 || number > maxSignal {
		return uint64(eINVAL)
	}
	if p.Signal(int(number)) {
		panic(Exit{signalBase + number})
	}
	return uint64(success)
}

// signal_suspend(set u64) -> u64 blocks these signals and waits until there is another. It returns those that were
// blocked before.
func signalSuspend(p *Process, a args) uint64 {
	old := p.setMask(signalSet(a.u64(0)))
	for !p.SignalDue() {
		p.waitFor("a signal", forever, nil)
	}
	return uint64(old)
}

// signal_take(set u64, timeout u64) -> i32 waits for one of these signals, which should be blocked, and takes it: no
// handler runs. The time is in nanoseconds. 0: it is over; -EINTR: another signal has come.
func signalTake(p *Process, a args) uint64 {
	set, end := signalSet(a.u64(0)), forever
	if limit := a.u64(1); limit < math.MaxInt64-uint64(p.clock.monotonic()) {
		end = p.clock.monotonic() + time.Duration(limit)
	}
	for {
		if number := p.take(set); number != 0 {
			return uint64(number)
		}
		if p.SignalDue() {
			return negative(eINTR)
		}
		left := forever
		if end != forever {
			if left = end - p.clock.monotonic(); left <= 0 {
				return 0
			}
		}
		p.waitFor("a signal", left, nil)
	}
}

func (p *Process) take(set signalSet) (number uint32) {
	p.change(func(s *signals) {
		if found := s.pending & set; found != 0 {
			number = uint32(bits.TrailingZeros64(uint64(found))) + 1
			s.pending &^= setOf(number)
		}
	})
	return number
}

// timer_set(value u64, interval u64) -> u64 has SIGALRM come after a time, and again after each interval, in
// nanoseconds; 0: not. An earlier time is forgotten; the call returns what was left of it.
func timerSet(p *Process, a args) (left uint64) {
	p.change(func(s *signals) {
		left = uint64(s.left(p.clock.monotonic()))
		s.disarm()
		if after := time.Duration(min(a.u64(0), math.MaxInt64/2)); after > 0 {
			if s.interval = time.Duration(min(a.u64(1), math.MaxInt64/2)); s.interval > 0 {
				s.interval = max(s.interval, shortestInterval)
			}
			p.arm(after)
		}
	})
	return left
}

// SignalToCome reports whether a signal is due, or a timer runs that will send one: what waits will be interrupted.
func (p *Process) SignalToCome() bool {
	s := &p.signals
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.toCome
}

// timer_left() -> u64: nanoseconds until the next SIGALRM; 0: none is set.
func timerLeft(p *Process, _ args) uint64 {
	p.signals.mu.Lock()
	defer p.signals.mu.Unlock()
	return uint64(p.signals.left(p.clock.monotonic()))
}

// timer_interval() -> u64
func timerInterval(p *Process, _ args) uint64 {
	p.signals.mu.Lock()
	defer p.signals.mu.Unlock()
	return uint64(p.signals.interval)
}

// left is at least 1 while a timer is set. s.mu is held.
func (s *signals) left(now time.Duration) time.Duration {
	if s.alarm == nil {
		return 0
	}
	return max(s.rings-now, 1)
}

// arm sets the timer. p.signals.mu is held.
func (p *Process) arm(after time.Duration) {
	s := &p.signals
	s.rings = p.clock.monotonic() + after
	var timer *time.Timer
	timer = time.AfterFunc(after, func() { p.ring(&timer) })
	s.alarm = timer
}

// ring is a timer's goroutine. The timer is named by where it stands, which arm writes under the lock that ring takes
// first.
func (p *Process) ring(which **time.Timer) {
	old := false // it was set anew, or stopped, just now
	p.change(func(s *signals) {
		if old = s.alarm != *which; old {
			return
		}
		s.alarm = nil
		if s.interval > 0 {
			p.arm(max(s.rings+s.interval-p.clock.monotonic(), shortestInterval))
		}
		s.ringing++
	})
	if old {
		return
	}
	if p.alarmed != nil {
		p.alarmed()
	}
	p.change(func(s *signals) { s.ringing-- })
}

// disarm forgets the timer. s.mu is held.
func (s *signals) disarm() {
	if s.alarm != nil {
		s.alarm.Stop()
	}
	s.alarm, s.interval = nil, 0
}
