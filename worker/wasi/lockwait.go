package wasi

import (
	"math"
	"slices"
	"sync"
)

// Locks are those that a job's ranks on one node have and wait for. The kernel decides who gets a lock, for it knows
// those of other programs too; from here a rank learns when it is worth while to ask again, and that it would wait in a
// circle. The zero value has none.
type Locks struct {
	mu    sync.Mutex
	files map[lockedFile]*fileLocks
	waits []*lockRequest
}

// lockedFile is a file with one of its two kinds of locks, which do not exclude each other.
type lockedFile struct {
	fileID
	whole bool // flock's
}

type fileLocks struct {
	held     []heldLock
	watchers int
	released chan struct{} // closed with the next lock that is given back
}

// heldLock is a lock on the bytes from from up to to. Those of one owner do not overlap.
type heldLock struct {
	owner     any // a *Process has records, an *openFile what belongs to a description
	from, to  int64
	exclusive bool
}

// lockRequest is what a call of a rank asks the kernel for.
type lockRequest struct {
	file lockedFile
	heldLock
	unlocks bool
}

// span gives the bytes of a record that begins at start, or ends there if it is of negative length; 0 stands for all.
func span(start, length int64) (from, to int64) {
	switch {
	case length < 0:
		return start + length, start
	case length == 0 || start > math.MaxInt64-length:
		return start, math.MaxInt64
	}
	return start, start + length
}

// watch returns a channel that is closed with the next lock on the file that is given back. unwatch ends it.
func (l *Locks) watch(file lockedFile) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.of(file)
	f.watchers++
	return f.released
}

func (l *Locks) unwatch(file lockedFile) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.of(file).watchers--
	l.forget(file)
}

func (l *Locks) of(file lockedFile) *fileLocks {
	if l.files == nil {
		l.files = map[lockedFile]*fileLocks{}
	}
	f := l.files[file]
	if f == nil {
		f = &fileLocks{released: make(chan struct{})}
		l.files[file] = f
	}
	return f
}

func (l *Locks) forget(file lockedFile) {
	if f := l.files[file]; f != nil && f.watchers == 0 && len(f.held) == 0 {
		delete(l.files, file)
	}
}

// granted notes what the kernel has done for a request: a lock, or the end of one.
func (l *Locks) granted(r *lockRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.of(r.file)
	f.take(r.owner, r.from, r.to)
	if !r.unlocks {
		f.held = append(f.held, r.heldLock)
	}
	l.forget(r.file)
}

// end notes that all locks of an owner on a file are gone.
func (l *Locks) end(file lockedFile, owner any) {
	l.granted(&lockRequest{file: file, heldLock: heldLock{owner: owner, to: math.MaxInt64}, unlocks: true})
}

// endAll notes that an owner has no locks any more.
func (l *Locks) endAll(owner any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for file, f := range l.files {
		f.take(owner, math.MinInt64, math.MaxInt64)
		l.forget(file)
	}
}

// take takes bytes out of an owner's locks, and wakes those who wait for one.
func (f *fileLocks) take(owner any, from, to int64) {
	var left []heldLock
	taken := false
	for _, h := range f.held {
		if h.owner != owner || h.to <= from || to <= h.from {
			left = append(left, h)
			continue
		}
		taken = true
		if before := h; h.from < from {
			before.to = from
			left = append(left, before)
		}
		if after := h; to < h.to {
			after.from = to
			left = append(left, after)
		}
	}
	f.held = left
	if taken {
		close(f.released)
		f.released = make(chan struct{})
	}
}

// wait notes that a request waits. known reports whether a lock that is known here is in its way, so that there is no
// need to ask the kernel before it is given back. deadlock reports whether it would wait for its own owner in the end;
// it does not wait then. As natively only records are looked at, and a rank counts as waiting if one of its threads
// does. The caller calls done afterwards, if there was no deadlock.
func (l *Locks) wait(r *lockRequest) (known, deadlock bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	holders := l.holders(r)
	if _, records := r.owner.(*Process); records && l.reaches(holders, r.owner, nil) {
		return true, true
	}
	l.waits = append(l.waits, r)
	return len(holders) > 0, false
}

func (l *Locks) done(r *lockRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waits = slices.DeleteFunc(l.waits, func(w *lockRequest) bool { return w == r })
}

// holders are the owners of locks in the way of a request.
func (l *Locks) holders(r *lockRequest) []any {
	var owners []any
	for _, h := range l.of(r.file).held {
		if h.owner != r.owner && h.from < r.to && r.from < h.to && (h.exclusive || r.exclusive) {
			owners = append(owners, h.owner)
		}
	}
	return owners
}

// reaches reports whether one of the owners waits, or is waited for by whom it waits for, for a lock of wanted's.
func (l *Locks) reaches(owners []any, wanted any, seen []any) bool {
	for _, owner := range owners {
		if owner == wanted {
			return true
		}
		if slices.Contains(seen, owner) {
			continue
		}
		seen = append(seen, owner)
		for _, w := range l.waits {
			if w.owner == owner && l.reaches(l.holders(w), wanted, seen) {
				return true
			}
		}
	}
	return false
}
