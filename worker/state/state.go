// Package state is what a worker remembers of its executors, so that its successor finds them again: for each one that
// may be running, or whose end the scheduler has not acknowledged, the order that it was started by and the identity of
// its process, which another one with the same number does not share. It owns these records and their files; what is
// done with them is the agent's (package worker).
package state

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/internal/private"
)

// version of a record. An older one is read as long as this says how; there is none yet.
const version = 1

// Executor is what is known of one executor.
type Executor struct {
	Job, Epoch uint64
	Order      []byte // the scheduler's order to start the job, as it came
	Process    Process
	Files      string // the name that its files share
	Group      bool   // it is in a control group of its own
	Control    int    // the version of control's protocol that it knows; 0: that of release 0.1.0
}

// Process identifies a process, even after the machine has restarted: a number is used again, but not with the same
// start within the same boot.
type Process struct {
	PID   int
	Began uint64 // in the kernel's ticks since the boot
	Boot  string // which boot that was
}

type record struct {
	Version  int
	Executor Executor
}

// Store is a worker's memory, in a directory of its own that only one process has open.
type Store struct {
	dir string
	db  *pebble.DB
	id  string
}

// ErrInUse: another process has the directory open.
var ErrInUse = fmt.Errorf("another worker uses it: %w", unix.EAGAIN)

// reserve is what must be free on the disk. pebble can't handle a full one: it tries for ever when it is opened, and
// ends the process when it writes.
const reserve = 4 << 20

func checkFreeSpace(dir string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return err
	}
	if st.Bavail*uint64(st.Bsize) < reserve {
		return fmt.Errorf("less than %d MiB are free in %s: %w", reserve>>20, dir, unix.ENOSPC)
	}
	return nil
}

// Open opens or makes the store.
func Open(dir string) (*Store, error) {
	err := private.Dir(dir)
	if err == nil {
		err = checkFreeSpace(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open the worker's state: %w", err)
	}
	db, err := openPebble(dir, &pebble.Options{
		FormatMajorVersion: pebble.FormatNewest,
		MemTableSize:       1 << 20,
		CacheSize:          1 << 20,
		MaxOpenFiles:       32,
		DisableTableStats:  true,
		Logger:             quiet{dir},
		EventListener:      &pebble.EventListener{BackgroundError: func(error) {}}, // comes back from the next write
	})
	switch {
	case err == nil:
		s := &Store{dir: dir, db: db}
		if s.id, err = s.identify(); err == nil {
			return s, nil
		}
		err = errors.Join(err, db.Close())
	case errors.Is(err, syscall.EAGAIN) || strings.Contains(err.Error(), "lock held by current process"):
		err = ErrInUse
	}
	return nil, fmt.Errorf("open the worker's state in %s: %w", dir, err)
}

func openPebble(dir string, o *pebble.Options) (db *pebble.DB, err error) {
	defer rescue(&err)
	return pebble.Open(dir, o)
}

// ID identifies this store from its creation on: another one in the same directory, an empty one for instance, has
// another ID.
func (s *Store) ID() string { return s.id }

var idKey = []byte("id")

func (s *Store) identify() (string, error) {
	b, closer, err := s.db.Get(idKey)
	if err == nil {
		id := string(b)
		return id, closer.Close()
	}
	if !errors.Is(err, pebble.ErrNotFound) {
		return "", err
	}
	id := rand.Text()
	return id, rescued(func() error { return s.db.Set(idKey, []byte(id), pebble.Sync) })
}

// Probe returns an error if nothing could be remembered now.
func (s *Store) Probe() error {
	err := checkFreeSpace(s.dir)
	if err == nil {
		err = rescued(func() error { return s.db.Set([]byte("probe"), nil, pebble.Sync) })
	}
	if err != nil {
		return fmt.Errorf("write the worker's state: %w", err)
	}
	return nil
}

// quiet drops pebble's log: what matters is returned as an error. What pebble can't go on from, a disk that fails first
// of all, it gives to Fatalf, which must not return.
type quiet struct{ dir string }

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (q quiet) Fatalf(format string, a ...any) {
	f := &fatal{words: fmt.Sprintf(format, a...)}
	for _, v := range a {
		if err, ok := v.(error); ok {
			f.cause = err
		}
	}
	if called() {
		panic(f)
	}
	// A goroutine of pebble's own, where nobody can recover: the executors run on, and the next worker finds them.
	fmt.Fprintf(os.Stderr, "the worker's state in %s can't be written any more: %v\n", q.dir, f)
	os.Exit(1)
}

// fatal is a panic with pebble's last words, on their way to the call that they end, and with the error among them, if
// there is one.
type fatal struct {
	words string
	cause error
}

func (f *fatal) Error() string { return f.words }
func (f *fatal) Unwrap() error { return f.cause }

// called reports whether a call of this package's is on the stack.
func called() bool {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for more := true; more; {
		var f runtime.Frame
		if f, more = frames.Next(); strings.Contains(f.Function, "state.(*Store).") ||
			strings.HasSuffix(f.Function, "state.Open") {
			return true
		}
	}
	return false
}

// rescued is what f returns, or what pebble could not go on from.
func rescued(f func() error) (err error) {
	defer rescue(&err)
	return f()
}

// rescue turns pebble's fatal message into an error.
func rescue(err *error) {
	switch v := recover().(type) {
	case nil:
	case *fatal:
		*err = v
	default:
		panic(v)
	}
}

func key(job, epoch uint64) []byte { return fmt.Appendf(nil, "executor/%020d.%020d", job, epoch) }

// Put remembers an executor. It is on the disk when Put returns.
func (s *Store) Put(e Executor) error {
	b, err := json.Marshal(record{version, e})
	if err == nil {
		err = checkFreeSpace(s.dir)
	}
	if err == nil {
		err = rescued(func() error { return s.db.Set(key(e.Job, e.Epoch), b, pebble.Sync) })
	}
	if err != nil {
		return fmt.Errorf("remember the executor of job %d: %w", e.Job, err)
	}
	return nil
}

// Forget takes an executor out. A crash may bring it back, which only has its end reported once more.
func (s *Store) Forget(job, epoch uint64) error {
	err := checkFreeSpace(s.dir)
	if err == nil {
		err = rescued(func() error { return s.db.Delete(key(job, epoch), pebble.NoSync) })
	}
	if err != nil {
		return fmt.Errorf("forget the executor of job %d: %w", job, err)
	}
	return nil
}

// Executors lists those that are remembered. What can't be read is an error beside the others.
func (s *Store) Executors() (list []Executor, err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte("executor/"), UpperBound: []byte("executor0")})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for it.First(); it.Valid(); it.Next() {
		var r record
		if fault := json.Unmarshal(it.Value(), &r); fault != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", it.Key(), fault))
		} else if r.Version != version {
			err = errors.Join(err,
				fmt.Errorf("%s: a record of version %d; this program reads %d: start the release of faasmrun that wrote it, or a "+
					"later one", it.Key(), r.Version, version))
		} else {
			list = append(list, r.Executor)
		}
	}
	return list, errors.Join(err, it.Error())
}

// Close closes the store.
func (s *Store) Close() error { return rescued(s.db.Close) }

// Boot names the present boot of the machine.
func Boot() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b)), err
}
