// Package coll holds the algorithms of collective operations: which participant's data is copied and combined, in which
// order. One algorithm a file, each with its cost and when it is chosen. It leaves to package mpi what the buffers are,
// how bytes move, and how ranks wait; participants that see no common memory have package schedule.
//
// Inside one process the participants of a collective share an instance. Each brings its buffers; when the last has
// arrived, the work is a number of items that do not disturb each other. The last to arrive does them all if they are
// small; else the waiting participants help, and the one that finishes the last item lets everyone go. Each byte is
// copied once, from the memory of the rank that has it to that of the rank that wants it, and every reduction combines
// in rank order, so its result has the same bits whichever rank does the work.
//
// Costs are written with n participants, m bytes in each one's block, c the time to copy a byte and g that to combine
// one, and leave out the instance itself: n wake-ups.
package coll

// Mover moves the participants' data. A participant's buffers are seen as blocks: one for each participant where an
// operation distinguishes them, else block 0. In reductions they are seen as elements.
type Mover interface {
	// Copy puts block fromBlock of what from sends into block toBlock of what to receives.
	Copy(to, toBlock, from, fromBlock int)
	// Exchange swaps block b of what a receives with block a of what b receives.
	Exchange(a, b int)
	// Load makes elements lo to hi of what from sends the intermediate result.
	Load(from, lo, hi int)
	// Fold combines the intermediate result, on the left, with elements lo to hi of what from sends.
	Fold(from, lo, hi int)
	// Store puts the intermediate result of n elements at element at of what to receives.
	Store(to, at, n int)
	// StoreAndFold is Store and then Fold of the same elements and participant, whose buffers may be the same memory.
	StoreAndFold(rank, lo, hi int)
	// Incoming calls edge for each neighbour that a participant receives from: the receiver's block, the sender, and the
	// sender's block.
	Incoming(to int, edge func(toBlock, from, fromBlock int))
	// Segment gives the elements of the vector that are to's share, in MPI_Reduce_scatter.
	Segment(to int) (lo, hi int)
}

// Way is one direction in which data flows: from the participants From[0] up to From[1] to those from To[0] up to
// To[1]. Inside an ordinary communicator both are everybody. An intercommunicator has two ways, from each group to the
// other, or one if an operation has a root.
type Way struct{ From, To [2]int }

func (w Way) senders() int   { return w.From[1] - w.From[0] }
func (w Way) receivers() int { return w.To[1] - w.To[0] }

// Shape is what an algorithm knows of a collective.
type Shape struct {
	Root     int // a participant; the ways say which side it is on
	Ways     [2]Way
	Used     int // how many of the ways
	Elements int // of the vector, in a reduction
	Chunk    int // elements that an intermediate result holds
}

// Algorithm divides a collective into items, which may be done in any order and at the same time.
type Algorithm struct {
	// Items is how many items a way has.
	Items func(s Shape, w Way) int
	Do    func(m Mover, s Shape, w Way, item int)
}

// Count is how many items there are in all.
func (a *Algorithm) Count(s Shape) int {
	n := 0
	for i := range s.Used {
		n += a.Items(s, s.Ways[i])
	}
	return n
}

// Item does one of them.
func (a *Algorithm) Item(m Mover, s Shape, item int) {
	for i := range s.Used {
		n := a.Items(s, s.Ways[i])
		if item < n {
			a.Do(m, s, s.Ways[i], item)
			return
		}
		item -= n
	}
}

// chunks is how many intermediate results n elements take.
func (s Shape) chunks(n int) int { return (n + s.Chunk - 1) / s.Chunk }

// chunk is the elements of one of them.
func (s Shape) chunk(item, n int) (lo, hi int) {
	lo = item * s.Chunk
	return lo, min(lo+s.Chunk, n)
}

func perReceiver(_ Shape, w Way) int { return w.receivers() }
func perSender(_ Shape, w Way) int   { return w.senders() }
func perChunk(s Shape, _ Way) int    { return s.chunks(s.Elements) }

// combine leaves the combination of elements lo to hi of all senders as the intermediate result.
func combine(m Mover, w Way, lo, hi int) {
	m.Load(w.From[0], lo, hi)
	for from := w.From[0] + 1; from < w.From[1]; from++ {
		m.Fold(from, lo, hi)
	}
}
