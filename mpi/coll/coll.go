// Package coll says who copies and combines what in a collective operation: one algorithm a file, each with its cost
// and when it is chosen. It leaves to package mpi what the buffers are, how bytes move, and how ranks wait.
//
// Inside one process the participants of a collective meet: each brings its buffers, and when the last has come, the
// work is there as a number of items that do not disturb each other. The last to arrive does them all if they are
// small; else those who wait help, and whoever finishes the last item lets everyone go. Each byte is copied once, from
// the memory of the rank that has it to that of the rank that wants it, and every reduction combines in rank order, so
// its result has the same bits whoever does the work.
//
// Costs are written with n participants, m bytes in each one's block, c the time to copy a byte and g that to combine
// one, and leave out the meeting itself: n wake-ups.
package coll

// Hands moves the participants' data. A participant's buffers are seen as blocks: one for each participant where an
// operation distinguishes them, else block 0. In reductions they are seen as elements.
type Hands interface {
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
}

// Shape is what an algorithm knows of a collective.
type Shape struct {
	Size     int
	Root     int
	Elements int // of the vector, in a reduction
	Chunk    int // elements that an intermediate result holds
	// Blocks gives where each participant's block of a vector begins, and ends with the vector's length, in
	// MPI_Reduce_scatter.
	Blocks []int
}

// Algorithm divides a collective into items, which may be done in any order and at the same time.
type Algorithm struct {
	Items func(Shape) int
	Do    func(h Hands, s Shape, item int)
}

// chunks is how many intermediate results the vector takes.
func (s Shape) chunks() int { return (s.Elements + s.Chunk - 1) / s.Chunk }

// chunk is the elements of one of them.
func (s Shape) chunk(item int) (lo, hi int) {
	lo = item * s.Chunk
	return lo, min(lo+s.Chunk, s.Elements)
}

func perParticipant(s Shape) int { return s.Size }
