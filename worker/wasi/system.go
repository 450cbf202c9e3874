package wasi

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// System is the module of the calls that POSIX has and preview 1 has not. None takes an address, so that they are the
// same for programs of 32 and of 64 bits.
const System = "faasmrun"

var systemTable = []struct {
	name, params, results string
	fn                    func(*Process, args) uint64
}{
	{"cpu_time", "", "l", cpuTime},
	{"create_mode", "i", "", createMode},
	{"cwd", "", "i", cwd},
	{"fd_chmod", "ii", "i", fdChmod},
	{"fd_dup", "iii", "i", fdDup},
	{"fd_flock", "ii", "i", fdFlock},
	{"fd_lock", "iill", "i", fdLock},
	{"fd_lock_test", "iill", "i", fdLockTest},
	{"fd_path", "ii", "l", fdPath},
	{"fd_pipe", "i", "l", fdPipe},
	{"fd_statvfs", "ii", "l", fdStatvfs},
	{"lock_found", "i", "l", lockFound},
	{"signal_actions", "ill", "", signalActions},
	{"signal_blocked", "", "l", signalBlocked},
	{"signal_mask", "l", "l", signalMask},
	{"signal_pending", "", "l", signalPending},
	{"signal_raise", "i", "i", signalRaise},
	{"signal_suspend", "l", "l", signalSuspend},
	{"signal_take", "ll", "i", signalTake},
	{"timer_interval", "", "l", timerInterval},
	{"timer_left", "", "l", timerLeft},
	{"timer_set", "ll", "l", timerSet},
	{"umask", "i", "i", setUmask},
}

// SystemCalls returns all functions of the module System, each for programs of both widths.
func SystemCalls() []Call {
	var calls []Call
	for _, wide := range []bool{false, true} {
		for _, c := range systemTable {
			call := Call{Name: c.name, Params: c.params, Results: c.results, Wide: wide}
			call.Fn = func(p *Process, stack []uint64) {
				p.enter()
				result := c.fn(p, args{stack: stack, wide: wide})
				if len(stack) > 0 { // a call without arguments and result has none
					stack[0] = result
				}
			}
			calls = append(calls, call)
		}
	}
	return calls
}

// negative is how a call that returns a number returns an error.
func negative(e errno) uint64 { return uint64(uint32(-int32(e))) }

// negativeLong is how a call does that returns a number of 64 bits.
func negativeLong(e errno) uint64 { return uint64(-int64(e)) }

// Interrupted reports whether a call's result says that a signal has interrupted it.
func Interrupted(result uint64) bool { return errno(uint32(result)) == eINTR }

// cpu_time() -> u64: nanoseconds, as of the clock of that name.
func cpuTime(p *Process, _ args) uint64 { return uint64(p.cpuTime()) }

// cpuTime is the time for which the rank did not wait.
func (p *Process) cpuTime() time.Duration {
	now := p.clock.monotonic() - p.clock.started - time.Duration(p.waited.Load())
	if p.elsewhere != nil {
		now -= p.elsewhere()
	}
	return max(now, 0)
}

// cwd() -> i32: the descriptor of the working directory, whose name the program gets by fd_prestat_dir_name. A program
// that asks tells relative names from absolute ones by itself.
func cwd(p *Process, _ args) uint64 {
	i := slices.IndexFunc(p.mounts, func(m mount) bool { return m.Working })
	return uint64(firstMount + max(i, 0))
}

// fd_dup(fd, at u32, exact u32) -> i32 gives an open file one more number: at, whose file is closed, or with exact 0
// the lowest free one from there on. Both numbers then have one offset. -EBADF, -EMFILE; -EINVAL for a number that
// can't be.
func fdDup(p *Process, a args) uint64 {
	fd, at, exact := uint64(a.u32(0)), uint64(a.u32(1)), a.u32(2) != 0
	p.mu.Lock()
	if fd >= uint64(len(p.files)) || p.files[fd] == nil {
		p.mu.Unlock()
		return negative(eBADF)
	}
	if at >= uint64(p.maxOpen) {
		p.mu.Unlock()
		if exact {
			return negative(eBADF) // as dup2 has it
		}
		return negative(eINVAL)
	}
	for !exact && at < uint64(len(p.files)) && p.files[at] != nil {
		at++
	}
	if at >= uint64(p.maxOpen) {
		p.mu.Unlock()
		return negative(eMFILE)
	}
	var replaced *openFile
	if at != fd {
		for uint64(len(p.files)) <= at {
			p.files = append(p.files, nil)
		}
		replaced, p.files[at] = p.files[at], p.files[fd]
		p.files[at].refs++
	}
	p.mu.Unlock()
	if replaced != nil {
		p.unlock(replaced)
		p.release(replaced)
	}
	return at
}

// create_mode(mode u32) says with which permissions the next file or directory is made, once; otherwise they are 0666
// and 0777.
func createMode(p *Process, a args) uint64 {
	p.made.Store(a.u32(0)&0o777 | modeKnown)
	return 0
}

// umask(mask u32) -> u32 leaves these permissions out of what is made from now on. It returns those that were left out
// before.
func setUmask(p *Process, a args) uint64 { return uint64(p.umask.Swap(a.u32(0) & 0o777)) }

// processUmask is the executor's own. umask(2) tells it only by changing it.
var processUmask = sync.OnceValue(func() uint32 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0o022
	}
	_, rest, _ := strings.Cut(string(status), "\nUmask:")
	line, _, _ := strings.Cut(rest, "\n")
	mask, err := strconv.ParseUint(strings.TrimSpace(line), 8, 32)
	if err != nil {
		return 0o022
	}
	return uint32(mask) & 0o777
})

// creationMode is the mode for a file or directory that is about to be made.
func (p *Process) creationMode(usual uint32) uint32 {
	if asked := p.made.Swap(0); asked != 0 {
		usual = asked & 0o777
	}
	return usual &^ p.umask.Load()
}

// fd_chmod(fd, mode u32) -> errno. EBADF, EINVAL for a stream, EPERM, EROFS. The bits that give others the rights of a
// file's owner are left out: on the host they would give away the tenant's.
func fdChmod(p *Process, a args) uint64 {
	f, e := p.get(a.u32(0), rightFDFilestatGet)
	if e != success {
		return uint64(e)
	}
	defer p.put(f)
	switch {
	case f.stream():
		return uint64(eINVAL)
	case p.mounts[f.mount].ReadOnly:
		return uint64(eROFS)
	}
	_, err := again(func() (int, error) { return 0, unix.Fchmod(f.fd, a.u32(1)&0o1777) })
	return uint64(p.errnoOf(err))
}

// fd_statvfs(fd, field u32) -> i64: a figure of the file system that a file is on, in the order of Linux's struct
// statfs: type, block size, blocks, free and available ones, files, free ones, the two halves of its number, longest
// name, fragment size, flags. -EBADF, -EINVAL for another field; -ENOSYS for a stream and a virtual directory.
func fdStatvfs(p *Process, a args) uint64 {
	f, e := p.get(a.u32(0), 0)
	if e != success {
		return negativeLong(e)
	}
	defer p.put(f)
	if f.host == nil {
		return negativeLong(eNOSYS)
	}
	var st unix.Statfs_t
	if _, err := again(func() (int, error) { return 0, unix.Fstatfs(f.fd, &st) }); err != nil {
		return negativeLong(p.errnoOf(err))
	}
	fields := [...]int64{st.Type, st.Bsize, int64(st.Blocks), int64(st.Bfree), int64(st.Bavail), int64(st.Files),
		int64(st.Ffree), int64(st.Fsid.Val[0]), int64(st.Fsid.Val[1]), st.Namelen, st.Frsize, st.Flags}
	if a.u32(1) >= uint32(len(fields)) {
		return negativeLong(eINVAL)
	}
	return uint64(fields[a.u32(1)])
}
