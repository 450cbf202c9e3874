package coll

import "sync/atomic"

// Meeting counts the participants of one collective and shares out its work. All its methods may be called at the same
// time. It goes arriving → open → finished, and back to arriving when everyone has left.
type Meeting struct {
	size      int32
	arrived   atomic.Int32
	items     int32 // set before open
	next      atomic.Int32
	remaining atomic.Int32
	open      atomic.Bool
	finished  atomic.Bool
	left      atomic.Int32
}

// Reset prepares a meeting of size participants.
func (m *Meeting) Reset(size int) {
	m.size, m.items = int32(size), 0
	m.arrived.Store(0)
	m.next.Store(0)
	m.remaining.Store(0)
	m.left.Store(0)
	m.open.Store(false)
	m.finished.Store(false)
}

// Arrive counts a participant, and tells the last one. A participant with a request must not look at the meeting again:
// the last may have finished it already, and others begun it anew.
func (m *Meeting) Arrive() (last bool) {
	size := m.size
	return m.arrived.Add(1) == size
}

// Open lets others take items. The last to arrive calls it, with at least one item.
func (m *Meeting) Open(items int) {
	m.items = int32(items)
	m.remaining.Store(int32(items))
	m.open.Store(true)
}

// Take gives an item to do.
func (m *Meeting) Take() (item int, ok bool) {
	if !m.Work() {
		return 0, false
	}
	i := m.next.Add(1) - 1
	return int(i), i < m.items
}

// Work tells whether there are items to take.
func (m *Meeting) Work() bool { return m.open.Load() && m.next.Load() < m.items }

// Done counts a finished item, and tells who finished the last one.
func (m *Meeting) Done() (last bool) { return m.remaining.Add(-1) == 0 }

// Finish lets everyone go.
func (m *Meeting) Finish() { m.finished.Store(true) }

// Finished tells whether everyone may go.
func (m *Meeting) Finished() bool { return m.finished.Load() }

// Leave counts participants that no longer look at the meeting, and tells when the last has left. The size is read
// before: as soon as the count is up, another may be using the meeting anew.
func (m *Meeting) Leave(n int) (empty bool) {
	size := m.size
	return m.left.Add(int32(n)) == size
}
