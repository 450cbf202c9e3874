package coll

// Small data goes through shared-memory slots: every participant publishes a slot with its data and reads its own
// result from the slots that it needs. Nobody works for another's memory, and nobody waits for more than those slots.
// Costs are written for one participant, with l the time to move a slot between processors; all participants pay them
// at the same time. The algorithms stand beside those for large data, in the file of their operation.

// Slots moves data from the slots into the memory of their reader.
type Slots interface {
	// Take puts one of the equal parts of a participant's data into a block of what the reader receives.
	Take(from, part, parts, fromBlock int)
	// Combine makes the elements of the first n participants, combined in rank order, the result.
	Combine(n int)
	// Store puts the result where the reader receives.
	Store()
}

// Reader is the participant that reads the slots.
type Reader struct{ Me, Root, Size int }

// Inline is a collective with small data.
type Inline struct {
	Parts    bool // a slot's data has a part for each participant
	Combines bool // the combination of all slots is wanted; among many the last to arrive makes it
	// Do is what a participant does once the slots that it needs are published: all, the root's, or none.
	Do func(s Slots, r Reader)
}
