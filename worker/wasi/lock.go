package wasi

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Locks, which are the host's, so that they hold against the job's other ranks, other jobs and other programs of the
// node alike.
//
// flock's and those of an open file description are the kernel's on the file that the descriptor stands for. A record's
// lock belongs to a process, and the kernel would take all ranks of an executor for one. So a rank's record locks on
// one file lie on a description of their own, which the rank opens with the first and closes, as POSIX has it, with any
// descriptor of the file: as locks of that description, they exclude those of others and not each other.

// Bounds of the pause between two looks whether a lock is free that nobody known here has (Locks): another node's rank,
// another job or another program. The kernel's own wait could not be ended.
const (
	firstLockPause = time.Millisecond
	lastLockPause  = 20 * time.Millisecond
)

// recordLocks are a rank's locks of records in one file.
type recordLocks struct {
	fd   int
	host *os.File
}

// fileID identifies a file of the host's.
type fileID struct{ dev, ino uint64 }

// How a lock is asked for, beside its type, which is Linux's.
const (
	lockType        = 3
	lockWaits       = 4
	lockDescription = 8
)

// fd_lock(fd, how u32, from i64, size i64) -> errno, negative: locks or unlocks a record. how is F_RDLCK, F_WRLCK or
// F_UNLCK, with 4 to wait for the lock and 8 for one of the description. EAGAIN when another has it, EBADF for a file
// that is not open for what the lock is for, EDEADLK where ranks of the job on this node would wait for each other in a
// circle, EINTR, EINVAL, ENOLCK, EOVERFLOW.
func fdLock(p *Process, a args) uint64 {
	how, lock, e := lockArgs(a)
	if e != success {
		return negative(e)
	}
	f, fd, e := p.lockable(a.u32(0), how, lock)
	if e != success || f == nil {
		return negative(e)
	}
	defer p.put(f)
	r := &lockRequest{file: lockedFile{fileID: f.id()}, unlocks: lock.Type == unix.F_UNLCK}
	r.owner, r.exclusive = p, lock.Type == unix.F_WRLCK
	if how&lockDescription != 0 {
		r.owner = f
	}
	r.from, r.to = span(lock.Start, lock.Len)
	return negative(p.lock(r, "a lock of "+f.path, how&lockWaits != 0, func() error {
		return unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &lock)
	}))
}

// fd_lock_test(fd, how u32, from i64, size i64) -> i32: the type of a lock of somebody's that is in the way, of which
// lock_found says more, or F_UNLCK. -errno as of fd_lock.
func fdLockTest(p *Process, a args) uint64 {
	how, lock, e := lockArgs(a)
	if e == success && lock.Type == unix.F_UNLCK {
		e = eINVAL
	}
	if e != success {
		return negative(e)
	}
	f, fd, e := p.lockable(a.u32(0), how|lockDescription, lock) // a look needs no description of its own
	if e != success {
		return negative(e)
	}
	defer p.put(f)
	if own := p.recordsOf(f); own != nil && how&lockDescription == 0 {
		fd = own.fd // whose locks are not in the way
	}
	if err := unix.FcntlFlock(uintptr(fd), unix.F_OFD_GETLK, &lock); err != nil {
		return negative(p.errnoOf(err))
	}
	p.locksMu.Lock()
	p.found = [2]int64{lock.Start, lock.Len}
	p.locksMu.Unlock()
	return uint64(uint32(lock.Type))
}

// lock_found(field u32) -> i64: where the record begins that fd_lock_test has found, and how long it is.
func lockFound(p *Process, a args) uint64 {
	p.locksMu.Lock()
	defer p.locksMu.Unlock()
	if a.u32(0) >= uint32(len(p.found)) {
		return 0
	}
	return uint64(p.found[a.u32(0)])
}

// fd_flock(fd, operation u32) -> errno, negative: Linux's flock. EWOULDBLOCK, EINTR, EINVAL.
func fdFlock(p *Process, a args) uint64 {
	operation := int(a.u32(1))
	switch operation &^ unix.LOCK_NB {
	case unix.LOCK_SH, unix.LOCK_EX, unix.LOCK_UN:
	default:
		return negative(eINVAL)
	}
	f, e := p.get(a.u32(0), 0)
	if e != success {
		return negative(e)
	}
	defer p.put(f)
	if f.host == nil {
		return negative(eINVAL)
	}
	r := &lockRequest{file: lockedFile{fileID: f.id(), whole: true}, unlocks: operation&^unix.LOCK_NB == unix.LOCK_UN}
	r.owner, r.exclusive = f, operation&^unix.LOCK_NB == unix.LOCK_EX
	r.from, r.to = span(0, 0)
	return negative(p.lock(r, "a lock of "+f.path, operation&unix.LOCK_NB == 0, func() error {
		err := unix.Flock(f.fd, operation|unix.LOCK_NB)
		if err == unix.EAGAIN { // who had another lock has lost it
			p.shared.end(r.file, f)
		}
		return err
	}))
}

func lockArgs(a args) (how uint32, lock unix.Flock_t, e errno) {
	how = a.u32(1)
	if how&^(lockType|lockWaits|lockDescription) != 0 || how&lockType > unix.F_UNLCK {
		return 0, lock, eINVAL
	}
	return how, unix.Flock_t{Type: int16(how & lockType), Start: int64(a.u64(2)), Len: int64(a.u64(3))}, success
}

// lockable returns an open file, and the host's descriptor that its lock goes on. A nil file is no error: there are no
// locks to be taken away.
func (p *Process) lockable(number, how uint32, lock unix.Flock_t) (f *openFile, fd int, e errno) {
	need := map[int16]rights{unix.F_RDLCK: rightFDRead, unix.F_WRLCK: rightFDWrite}[lock.Type]
	if f, e = p.get(number, 0); e != success {
		return nil, 0, e
	}
	p.mu.Lock()
	missing := need &^ f.rights
	p.mu.Unlock()
	switch {
	case f.host == nil, f.filetype == typeDirectory:
		e = eINVAL
	case missing != 0:
		e = eBADF
	case how&lockDescription != 0:
		return f, f.fd, success
	}
	if e == success {
		own, err := p.records(f, lock.Type != unix.F_UNLCK)
		if own != nil {
			return f, own.fd, success
		}
		e = p.errnoOf(err)
	}
	p.put(f)
	return nil, 0, e
}

// recordsOf returns the rank's record locks on a file, nil if there are none.
func (p *Process) recordsOf(f *openFile) *recordLocks {
	p.locksMu.Lock()
	defer p.locksMu.Unlock()
	return p.locks[f.id()]
}

// records returns the rank's record locks on a file. With make there are some, be it none yet; else they may be nil.
func (p *Process) records(f *openFile, make bool) (*recordLocks, error) {
	if own := p.recordsOf(f); own != nil || !make {
		return own, nil
	}
	fd, err := f.again()
	if err != nil {
		return nil, err
	}
	own := &recordLocks{fd: fd, host: os.NewFile(uintptr(fd), f.path)}
	p.locksMu.Lock()
	defer p.locksMu.Unlock()
	id := f.id()
	if other := p.locks[id]; other != nil { // of another thread
		own.host.Close()
		return other, nil
	}
	if p.locks == nil {
		p.locks = map[fileID]*recordLocks{}
	}
	p.locks[id] = own
	return own, nil
}

// again opens the file once more, for what can be locked of it; a file whose permissions have gone shares its
// description.
func (f *openFile) again() (int, error) {
	name := "/proc/self/fd/" + number(f.fd)
	for _, access := range []int{unix.O_RDWR, f.flags & unix.O_ACCMODE} {
		fd, err := again(func() (int, error) { return unix.Open(name, access|unix.O_CLOEXEC|unix.O_NONBLOCK, 0) })
		if err == nil {
			return fd, nil
		}
	}
	return unix.FcntlInt(uintptr(f.fd), unix.F_DUPFD_CLOEXEC, 0)
}

// unlock takes a rank's record locks off a file of which it closes a descriptor.
func (p *Process) unlock(f *openFile) {
	p.locksMu.Lock()
	defer p.locksMu.Unlock()
	if len(p.locks) == 0 || f.host == nil {
		return
	}
	id := f.id()
	if own := p.locks[id]; own != nil {
		delete(p.locks, id)
		own.host.Close()
		p.shared.end(lockedFile{fileID: id}, p)
	}
}

func (p *Process) unlockAll() {
	p.locksMu.Lock()
	defer p.locksMu.Unlock()
	for _, own := range p.locks {
		own.host.Close()
	}
	p.locks = nil
	p.shared.endAll(p)
}

// lock asks the kernel until it has the lock, if it is to wait: again when a lock of a rank's here is given back, and
// where none is known, after a pause.
func (p *Process) lock(r *lockRequest, what string, waits bool, try func() error) errno {
	released := p.shared.watch(r.file)
	defer func() { p.shared.unwatch(r.file) }()
	for pause := firstLockPause; ; pause = min(2*pause, lastLockPause) {
		err := try()
		switch {
		case err == unix.EINTR: // of the Go runtime's
			continue
		case err == unix.EACCES: // POSIX leaves the choice
			err = unix.EAGAIN
		case err == nil:
			p.shared.granted(r)
		}
		if err != unix.EAGAIN || !waits {
			return p.errnoOf(err)
		}
		if p.SignalDue() {
			return eINTR
		}
		if e := p.awaitLock(r, what, pause, released); e != success {
			return e
		}
		p.shared.unwatch(r.file)
		released = p.shared.watch(r.file)
	}
}

// awaitLock waits until it is worth while to ask for the lock again. EDEADLK.
func (p *Process) awaitLock(r *lockRequest, what string, pause time.Duration, released <-chan struct{}) errno {
	known, deadlock := p.shared.wait(r)
	if deadlock {
		return eDEADLK
	}
	defer p.shared.done(r)
	if known {
		pause = forever
	}
	p.waitFor(what, pause, released)
	return success
}
