// Package wasi serves WASI preview 1 to one rank: the 46 functions of module wasi_snapshot_preview1, over the rank's
// linear memory as plain bytes. It owns the rank's descriptors, its view of the file system, its clocks, its sleep and
// its randomness. It leaves the engine that enters the calls to worker/engine, the binding of the two to worker/rank,
// and where output goes and input comes from to whoever fills in Config.
//
// docs/decisions/2026-11-20-own-wasi.md says why it is not wazero's.
package wasi

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what the rank's owner gives.
type Config struct {
	Args, Env []string      // as in main's argv and environ
	Memory    func() []byte // the rank's linear memory; asked at each call, because it grows
	Lowest    uint64        // its first bytes, so many, can't be touched: a pointer there is null
	// Open is how many bytes can be touched from an address on, further up; nil: all.
	Open  func(address uint64) (bytes uint64)
	Stdin Stdin // nil: empty
	// Stdout and Stderr get one TryWrite a guest's write, and another one each time they had no room, made on the
	// goroutine that called. nil: discard.
	Stdout, Stderr Output
	TTY            bool    // stdout and stderr look like character devices, so that a libc buffers by line
	Mounts         []Mount // become descriptors 3, 4, …, in this order
	MaxOpen        int     // descriptors that may be open at once, counting 0 to 2 and the mounts; 0: DefaultMaxOpen
	// Blocked is called when a call starts to wait, with what it waits for, and what it returns when the wait is over.
	// nil: nobody asks.
	Blocked func(what string) (done func())
	// Waited is how long the rank has waited elsewhere, in calls of another module; the rank's own goroutine asks. nil:
	// never.
	Waited func() time.Duration
	// Alarmed is called on a goroutine of its own when a timer that the program has set is over: SIGALRM is to be handed
	// to Signal, and what else waits is to be woken. nil: nobody cares.
	Alarmed func()
	// Expected is called when SignalToCome has become another, on whichever goroutine has made it so, which holds no lock
	// of this package's. nil: nobody cares.
	Expected func()
	Locks    *Locks // shared by the job's ranks on this node; nil: the rank's own
	// Done is closed when the rank is being ended: waits return at once, and the call panics with Ended. nil: never.
	Done <-chan struct{}
}

const firstMount = 3 // the descriptor of the first mount

// DefaultMaxOpen is the soft limit that Linux gives a process.
const DefaultMaxOpen = 1024

// Mount shows the guest a directory of the host.
//
// ReadOnly guards the name, not the directory: what can also be reached through another, writable mount can be written
// there.
type Mount struct {
	Guest    string // the name that the guest's libc matches paths with: "/", or the directory's absolute path on the host
	Root     *os.Root
	ReadOnly bool
	Above    bool // in place of a directory, those that lead to other mounts; Root is nil, and it is read-only
	Devices  bool // in place of a directory, the devices that programs expect in /dev; Root is nil, and it is read-only
	Private  bool // a directory that is the job's alone, by a name that means another one on the host
	Working  bool // the program's working directory
}

// Exit is what proc_exit panics with; it ends the rank with Code.
type Exit struct{ Code uint32 }

func (e Exit) Error() string { return fmt.Sprintf("exit status %d", e.Code) }

// Ended is what a call panics with once Config.Done is closed.
type Ended struct{}

func (Ended) Error() string { return "the rank was ended" }

// Process is the WASI side of one rank. All threads of the rank share it; its calls may run at the same time.
type Process struct {
	memory  func() []byte
	lowest  uint64
	open    func(address uint64) (bytes uint64)
	args    block
	env     block
	blocked func(string) func()
	done    <-chan struct{}
	escapes error // what os.Root answers to a path that leads out; see errnoOf
	mounts  []mount
	stdin   Stdin
	out     [3]*output // of descriptors 1 and 2
	tty     bool
	maxOpen int
	clock   clock
	signals signals

	// umask is the program's, over the executor's own; made, if it is not 0, the mode of what it makes next, and asked.
	umask, made atomic.Uint32
	waited      atomic.Int64 // nanoseconds in this package's waits
	missed      atomic.Pointer[string]
	pipes       atomic.Uint64        // made so far
	elsewhere   func() time.Duration // Config.Waited
	alarmed     func()
	expected    func() // Config.Expected

	shared  *Locks     // with the job's ranks on this node
	locksMu sync.Mutex // guards locks and found; held over system calls that do not wait
	locks   map[fileID]*recordLocks
	found   [2]int64 // by the rank's last fd_lock_test

	// mu guards files, and in each open file refs, flags and rights. It is never held across a host call.
	mu    sync.Mutex
	files []*openFile // the index is the guest's descriptor; nil: closed
}

// mount is a Mount with what New learnt of it.
type mount struct {
	Mount
	dev, ino uint64 // of the host's directory
	same     int    // index of the first mount of the same directory with the same rights; links and renames stay within
}

// New returns a rank's WASI side with its standard streams and mounts open. The roots remain the caller's to close.
func New(c Config) (*Process, error) {
	if c.Memory == nil {
		return nil, errors.New("wasi: no memory")
	}
	p := &Process{memory: c.Memory, lowest: c.Lowest, open: c.Open, blocked: c.Blocked, done: c.Done,
		stdin: c.Stdin, tty: c.TTY,
		maxOpen:   c.MaxOpen,
		clock:     newClock(),
		elsewhere: c.Waited, alarmed: c.Alarmed, expected: c.Expected, shared: c.Locks}
	p.umask.Store(processUmask())
	p.signals.wake = make(chan struct{}, 1)
	if p.maxOpen == 0 {
		p.maxOpen = DefaultMaxOpen
	}
	if p.stdin == nil {
		p.stdin = empty{}
	}
	if p.shared == nil {
		p.shared = new(Locks)
	}
	p.missed.Store(new(string))
	p.out[1], p.out[2] = newOutput(c.Stdout), newOutput(c.Stderr)
	var err error
	if p.args, err = newBlock(c.Args); err != nil {
		return nil, fmt.Errorf("wasi: argument %w", err)
	}
	if p.env, err = newBlock(c.Env); err != nil {
		return nil, fmt.Errorf("wasi: environment variable %w", err)
	}
	if err := p.openFirst(c.Mounts); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Close closes what the guest left open. No call may be under way, nor follow.
func (p *Process) Close() {
	p.signals.mu.Lock()
	p.signals.disarm()
	p.signals.mu.Unlock()
	for fd := range p.files {
		p.closeFD(uint32(fd))
	}
	p.unlockAll()
}

// openFirst opens descriptors 0 to 2 and the mounts.
func (p *Process) openFirst(mounts []Mount) error {
	for _, k := range []kind{kindStdin, kindStdout, kindStderr} {
		p.files = append(p.files, p.newStream(k))
	}
	for i, m := range mounts {
		f, err := openMount(m, i)
		if err != nil {
			return fmt.Errorf("wasi: mount %q: %w", m.Guest, err)
		}
		p.files = append(p.files, f)
		m.ReadOnly = m.ReadOnly || m.virtual()
		p.mounts = append(p.mounts, mount{Mount: m, same: i})
		p.mounts[i].dev, p.mounts[i].ino = f.identity()
		for j := range i {
			if p.files[firstMount+j].sameDirectory(f) && mounts[j].ReadOnly == m.ReadOnly {
				p.mounts[i].same = j
				break
			}
		}
		if m.Root != nil {
			p.escapes = escapeError(m.Root)
		}
	}
	if len(p.files) > p.maxOpen {
		return fmt.Errorf("wasi: %d mounts, but only %d open files are allowed", len(mounts), p.maxOpen)
	}
	return nil
}
