package wasi

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// lockers are two ranks with one directory.
func lockers(t *testing.T) (a, b *guest) {
	a = newGuest(t, Config{})
	b = newGuest(t, Config{Mounts: []Mount{{Guest: "/", Root: openRoot(t, a.dir)}}})
	a.hostFile("f", "0123456789")
	return a, b
}

// locks makes a call that returns an error as a negative number.
func (g *guest) locks(name string, args ...uint64) errno {
	g.t.Helper()
	result := int32(g.system(name, args...))
	if result > 0 {
		g.t.Fatalf("%s returned %d", name, result)
	}
	return errno(-result)
}

func expectErrno(t *testing.T, what string, got, want errno) {
	t.Helper()
	if got != want {
		t.Errorf("%s: errno %d, want %d", what, got, want)
	}
}

func TestRecordLocks(t *testing.T) {
	a, b := lockers(t)
	f, g := a.mustOpen("f", 0, readWrite), b.mustOpen("f", 0, readWrite)
	expectErrno(t, "the first", a.locks("fd_lock", f, unix.F_WRLCK, 2, 4), success)
	expectErrno(t, "another rank's", b.locks("fd_lock", g, unix.F_WRLCK, 5, 1), eAGAIN)
	expectErrno(t, "to read", b.locks("fd_lock", g, unix.F_RDLCK, 0, 0), eAGAIN)
	expectErrno(t, "beside it", b.locks("fd_lock", g, unix.F_WRLCK, 6, 4), success)
	if kind := b.system("fd_lock_test", g, unix.F_RDLCK, 0, 0); kind != unix.F_WRLCK || b.system("lock_found", 0) != 2 ||
		b.system("lock_found", 1) != 4 {
		t.Errorf("found a lock of type %d from %d, %d bytes", kind, b.system("lock_found", 0), b.system("lock_found", 1))
	}
	if kind := a.system("fd_lock_test", f, unix.F_WRLCK, 0, 6); kind != unix.F_UNLCK {
		t.Errorf("a rank's own lock is in its way: %d", kind)
	}

	// Locks belong to the rank: another descriptor of the file has the same, and takes them along when it is closed.
	again := a.mustOpen("f", 0, readWrite)
	expectErrno(t, "by another descriptor", a.locks("fd_lock", again, unix.F_WRLCK, 0, 6), success)
	expectErrno(t, "unlock in the middle", a.locks("fd_lock", again, unix.F_UNLCK, 3, 1), success)
	expectErrno(t, "what was unlocked", b.locks("fd_lock", g, unix.F_WRLCK, 3, 1), success)
	a.ok("fd_close", again)
	expectErrno(t, "after a close", b.locks("fd_lock", g, unix.F_WRLCK, 0, 0), success)
	b.p.Close()
	expectErrno(t, "after the rank's end", a.locks("fd_lock", f, unix.F_WRLCK, 0, 0), success)
}

func TestLocksOfWrongFiles(t *testing.T) {
	g, _ := lockers(t)
	reads := g.mustOpen("f", 0, rightFDRead)
	expectErrno(t, "read for writing", g.locks("fd_lock", reads, unix.F_WRLCK, 0, 0), eBADF)
	expectErrno(t, "read for reading", g.locks("fd_lock", reads, unix.F_RDLCK, 0, 0), success)
	expectErrno(t, "not open", g.locks("fd_lock", 99, unix.F_RDLCK, 0, 0), eBADF)
	expectErrno(t, "a stream", g.locks("fd_lock", 1, unix.F_WRLCK, 0, 0), eINVAL)
	expectErrno(t, "a directory", g.locks("fd_lock", root, unix.F_RDLCK, 0, 0), eINVAL)
	expectErrno(t, "no type", g.locks("fd_lock", reads, 3, 0, 0), eINVAL)
	expectErrno(t, "unknown bits", g.locks("fd_lock", reads, 1<<20, 0, 0), eINVAL)
	expectErrno(t, "before the start", g.locks("fd_lock", reads, unix.F_RDLCK, 1<<63, 0), eINVAL)
	expectErrno(t, "a test of an unlock", g.locks("fd_lock_test", reads, unix.F_UNLCK, 0, 0), eINVAL)
	expectErrno(t, "unlock what is not locked", g.locks("fd_lock", reads, unix.F_UNLCK, 0, 0), success)
	for op, want := range map[uint64]errno{unix.LOCK_EX: success, unix.LOCK_UN: success, 0: eINVAL,
		unix.LOCK_EX | unix.LOCK_UN: eINVAL} {
		expectErrno(t, "flock", g.locks("fd_flock", reads, op), want)
	}
	expectErrno(t, "flock of a stream", g.locks("fd_flock", 1, unix.LOCK_EX), eINVAL)
}

func TestFlock(t *testing.T) {
	a, b := lockers(t)
	f, g := a.mustOpen("f", 0, rightFDRead), b.mustOpen("f", 0, rightFDRead)
	other := a.mustOpen("f", 0, rightFDRead)
	dup := a.system("fd_dup", f, 0, 0)
	expectErrno(t, "shared", a.locks("fd_flock", f, unix.LOCK_SH), success)
	expectErrno(t, "shared by both", b.locks("fd_flock", g, unix.LOCK_SH|unix.LOCK_NB), success)
	expectErrno(t, "exclusive", b.locks("fd_flock", g, unix.LOCK_EX|unix.LOCK_NB), eAGAIN)
	expectErrno(t, "unlock by a duplicate", a.locks("fd_flock", dup, unix.LOCK_UN), success)
	expectErrno(t, "exclusive", b.locks("fd_flock", g, unix.LOCK_EX|unix.LOCK_NB), success)
	b.ok("fd_close", g)
	expectErrno(t, "after a close", a.locks("fd_flock", f, unix.LOCK_EX|unix.LOCK_NB), success)
	expectErrno(t, "by another description", a.locks("fd_flock", other, unix.LOCK_EX|unix.LOCK_NB), eAGAIN)
	expectErrno(t, "description's own", a.locks("fd_lock", other, unix.F_RDLCK|lockDescription, 0, 0), success)
}

// circle are ranks with one directory and the job's locks, and the channel on which each says what it waits for.
func circle(t *testing.T, n int) (ranks []*guest, waits chan string) {
	waits = make(chan string, 100)
	locks := new(Locks)
	blocked := func(what string) func() {
		waits <- what
		return func() {}
	}
	ranks = append(ranks, newGuest(t, Config{Locks: locks, Blocked: blocked}))
	ranks[0].hostFile("f", "0123456789")
	for len(ranks) < n {
		ranks = append(ranks, newGuest(t, Config{Mounts: []Mount{{Guest: "/", Root: openRoot(t, ranks[0].dir)}}, Locks: locks,
			Blocked: blocked}))
	}
	return ranks, waits
}

// TestKnownLocksAreNotPolled: a rank that waits for another one of the job asks the kernel again when that one gives
// the lock back, however it does, and not before.
func TestKnownLocksAreNotPolled(t *testing.T) {
	for name, release := range map[string]func(a *guest, f uint64){
		"unlock": func(a *guest, f uint64) { a.locks("fd_lock", f, unix.F_UNLCK, 2, 1) },
		"change": func(a *guest, f uint64) { a.locks("fd_lock", f, unix.F_RDLCK, 0, 0) },
		"close":  func(a *guest, f uint64) { a.ok("fd_close", f) },
		"end":    func(a *guest, f uint64) { a.p.Close() },
	} {
		for _, call := range []string{"fd_lock", "fd_flock"} {
			t.Run(call+" "+name, func(t *testing.T) {
				ranks, waits := circle(t, 2)
				a, b := ranks[0], ranks[1]
				f, g := a.mustOpen("f", 0, readWrite), b.mustOpen("f", 0, readWrite)
				ask := func() errno { return b.locks("fd_lock", g, unix.F_RDLCK|lockWaits, 2, 1) }
				expectErrno(t, "the first", a.locks("fd_lock", f, unix.F_WRLCK, 0, 0), success)
				if call == "fd_flock" {
					if name == "unlock" || name == "change" {
						release = func(a *guest, f uint64) { a.locks("fd_flock", f, unix.LOCK_SH) }
					}
					ask = func() errno { return b.locks("fd_flock", g, unix.LOCK_SH) }
					expectErrno(t, "the first", a.locks("fd_flock", f, unix.LOCK_EX), success)
				}
				result := make(chan errno)
				go func() { result <- ask() }()
				<-waits
				// As many looks as there were pauses in this time, if there were any.
				for range 2000 {
					a.system("fd_lock_test", f, unix.F_WRLCK, 0, 0)
					if len(waits) > 0 {
						t.Fatal("it asks the kernel again and again")
					}
				}
				release(a, f)
				select {
				case e := <-result:
					expectErrno(t, "the second", e, success)
				case <-time.After(10 * time.Second):
					t.Fatal("it waits on")
				}
				if len(waits) > 0 {
					t.Errorf("it asked %d times more", len(waits))
				}
			})
		}
	}
}

// TestLockDeadlock: the rank that would close a circle of ranks that wait for each other is told so, and the others get
// their locks when it gives its own back.
func TestLockDeadlock(t *testing.T) {
	for _, n := range []int{2, 3, 5} {
		ranks, waits := circle(t, n)
		var files []uint64
		for i, g := range ranks {
			files = append(files, g.mustOpen("f", 0, readWrite))
			expectErrno(t, "its own", g.locks("fd_lock", files[i], unix.F_WRLCK, uint64(i), 1), success)
		}
		results := make(chan errno, n)
		for i := range n - 1 {
			go func() { results <- ranks[i].locks("fd_lock", files[i], unix.F_RDLCK|lockWaits, uint64(i)+1, 1) }()
			<-waits
		}
		last := ranks[n-1]
		expectErrno(t, "the last", last.locks("fd_lock", files[n-1], unix.F_WRLCK|lockWaits, 0, 0), eDEADLK)
		expectErrno(t, "without a wait", last.locks("fd_lock", files[n-1], unix.F_WRLCK, 0, 1), eAGAIN)
		expectErrno(t, "its own is still there", ranks[0].locks("fd_lock", files[0], unix.F_WRLCK, uint64(n)-1, 1), eAGAIN)
		for i := n - 1; i > 0; i-- {
			ranks[i].ok("fd_close", files[i])
			expectErrno(t, "one that waited", <-results, success)
		}
	}
}

// TestLocksTable follows the table through locks that are cut, changed and given back.
func TestLocksTable(t *testing.T) {
	l, file := new(Locks), lockedFile{fileID: fileID{1, 2}}
	a, b := new(Process), new(Process)
	set := func(owner any, from, to int64, exclusive, unlocks bool) {
		l.granted(&lockRequest{file: file, heldLock: heldLock{owner, from, to, exclusive}, unlocks: unlocks})
	}
	known := func(owner any, from, to int64, exclusive bool) bool {
		r := &lockRequest{file: file, heldLock: heldLock{owner, from, to, exclusive}}
		known, deadlock := l.wait(r)
		if deadlock {
			t.Error("a circle")
		}
		l.done(r)
		return known
	}
	set(a, 0, 10, true, false)
	set(a, 3, 6, false, false)
	set(a, 7, 8, true, true)
	for _, c := range []struct {
		owner     any
		from, to  int64
		exclusive bool
		want      bool
	}{{a, 0, 10, true, false}, {b, 0, 1, false, true}, {b, 3, 6, false, false}, {b, 3, 6, true, true},
		{b, 7, 8, true, false},
		{b, 8, 9, false, true}, {b, 10, 99, true, false}} {
		if got := known(c.owner, c.from, c.to, c.exclusive); got != c.want {
			t.Errorf("%d to %d: %t", c.from, c.to, got)
		}
	}
	released := l.watch(file)
	set(a, 20, 30, true, true)
	select {
	case <-released:
		t.Error("woken by the end of nothing")
	default:
	}
	l.endAll(a)
	select {
	case <-released:
	default:
		t.Error("not woken")
	}
	l.unwatch(file)
	if len(l.files) > 0 {
		t.Errorf("it keeps %v", l.files)
	}
	for _, c := range [][4]int64{{5, 0, 5, 1<<63 - 1}, {5, 3, 5, 8}, {5, -3, 2, 5}, {5, 1<<63 - 1, 5, 1<<63 - 1}} {
		if from, to := span(c[0], c[1]); from != c[2] || to != c[3] {
			t.Errorf("%d from %d on: %d to %d", c[1], c[0], from, to)
		}
	}
}

// TestLocksAreWaitedFor: until the holder lets go, a signal comes or the rank is ended.
func TestLocksAreWaitedFor(t *testing.T) {
	waits := make(chan string, 100)
	done := make(chan struct{})
	a, _ := lockers(t)
	b := newGuest(t, Config{Mounts: []Mount{{Guest: "/", Root: openRoot(t, a.dir)}}, Done: done,
		Blocked: func(what string) func() {
			select {
			case waits <- what:
			default:
			}
			return func() {}
		}})
	f, g := a.mustOpen("f", 0, readWrite), b.mustOpen("f", 0, readWrite)
	wait := func(name string, args ...uint64) chan any {
		result := make(chan any, 1)
		for len(waits) > 0 {
			<-waits
		}
		go func() {
			var e errno
			if v := panics(func() { e = b.locks(name, args...) }); v != nil {
				result <- v
				return
			}
			result <- e
		}()
		select {
		case what := <-waits:
			if what != "a lock of f" {
				t.Errorf("it waits for %s", what)
			}
		case got := <-result:
			t.Errorf("it did not wait: %v", got)
		}
		return result
	}
	expect := func(what string, result chan any, want any) {
		t.Helper()
		select {
		case got := <-result:
			if got != want {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s: waits on", what)
		}
	}
	a.locks("fd_lock", f, unix.F_WRLCK, 0, 0)
	a.locks("fd_flock", f, unix.LOCK_EX)
	result := wait("fd_lock", g, unix.F_WRLCK|lockWaits, 0, 0)
	a.locks("fd_lock", f, unix.F_UNLCK, 0, 0)
	expect("a record", result, success)
	result = wait("fd_flock", g, unix.LOCK_EX)
	a.locks("fd_flock", f, unix.LOCK_UN)
	expect("a file", result, success)

	a.locks("fd_flock", a.mustOpen("g", openCreate, readWrite), unix.LOCK_EX)
	h := b.mustOpen("g", 0, readWrite)
	b.system("signal_actions", dispatcher, bit(sigUSR1), 0)
	result = make(chan any, 1)
	go func() { result <- b.locks("fd_flock", h, unix.LOCK_EX) }()
	<-waits
	b.p.Signal(sigUSR1)
	expect("interrupted", result, eINTR)
	b.nextSignal()
	go func() { result <- panics(func() { b.locks("fd_flock", h, unix.LOCK_EX) }) }()
	close(done)
	expect("ended", result, Ended{})
}

func TestStatvfs(t *testing.T) {
	g := newDeviceGuest(t, Config{})
	var st unix.Statfs_t
	if err := unix.Statfs(g.dir, &st); err != nil {
		t.Fatal(err)
	}
	if got := g.system("fd_statvfs", root, 2); got != st.Blocks {
		t.Errorf("%d blocks, not %d", got, st.Blocks)
	}
	if got := g.system("fd_statvfs", root, 9); got != uint64(st.Namelen) {
		t.Errorf("names of %d bytes, not %d", got, st.Namelen)
	}
	for what, c := range map[string]struct {
		fd, field uint64
		want      errno
	}{"no such field": {root, 12, eINVAL}, "not open": {99, 0, eBADF}, "a stream": {1, 0, eNOSYS},
		"devices": {devices, 0, eNOSYS}} {
		if got := g.system("fd_statvfs", c.fd, c.field); int64(got) != -int64(c.want) {
			t.Errorf("%s: %d", what, int64(got))
		}
	}
}
