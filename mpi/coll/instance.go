package coll

import "sync/atomic"

// Instance counts the participants of one collective and shares out its work. All its methods may be called at the same
// time. It goes arriving → open → finished, and back to arriving when everyone has left.
type Instance struct {
	size      int32
	arrived   atomic.Int32
	items     int32 // set before open
	next      atomic.Int32
	remaining atomic.Int32
	open      atomic.Bool
	finished  atomic.Bool
	left      atomic.Int32
}

// Reset prepares an instance of size participants.
func (in *Instance) Reset(size int) {
	in.size, in.items = int32(size), 0
	in.arrived.Store(0)
	in.next.Store(0)
	in.remaining.Store(0)
	in.left.Store(0)
	in.open.Store(false)
	in.finished.Store(false)
}

// Arrive counts a participant, and reports whether it is the last. A participant with a request must not look at the
// instance again: the last may have finished it already, and another collective may be using it.
func (in *Instance) Arrive() (last bool) {
	size := in.size
	return in.arrived.Add(1) == size
}

// Withdraw takes back that a participant has arrived, who is to arrive again. It reports whether that was possible: not
// when all have.
func (in *Instance) Withdraw() bool {
	for n := in.arrived.Load(); n < in.size; n = in.arrived.Load() {
		if in.arrived.CompareAndSwap(n, n-1) {
			return true
		}
	}
	return false
}

// Open lets others take items. The last to arrive calls it, with at least one item.
func (in *Instance) Open(items int) {
	in.items = int32(items)
	in.remaining.Store(int32(items))
	in.open.Store(true)
}

// Take gives an item to do.
func (in *Instance) Take() (item int, ok bool) {
	if !in.Work() {
		return 0, false
	}
	i := in.next.Add(1) - 1
	return int(i), i < in.items
}

// Work reports whether there are items to take.
func (in *Instance) Work() bool { return in.open.Load() && in.next.Load() < in.items }

// Done counts a finished item, and reports whether it was the last.
func (in *Instance) Done() (last bool) { return in.remaining.Add(-1) == 0 }

// Finish lets everyone go.
func (in *Instance) Finish() { in.finished.Store(true) }

// Finished reports whether everyone may go.
func (in *Instance) Finished() bool { return in.finished.Load() }

// Leave counts participants that no longer look at the instance, and reports whether all have left. The size is read
// before: as soon as the count is full, another collective may be using the instance.
func (in *Instance) Leave(n int) (empty bool) {
	size := in.size
	return in.left.Add(int32(n)) == size
}
