package coll

// Little data goes over a board: every participant shows a card with its data and takes from the cards that it needs what is
// its own. Nobody works for another's memory, and nobody waits for more than those cards. Costs are written for one
// participant, with l the time to move a card between processors; every one pays them at the same time. The algorithms
// are beside those for large data, in the file of their operation.

// Slots moves data from the cards into the memory of the one who reads them.
type Slots interface {
	// Take puts one of the equal parts of a participant's data into a block of what the reader receives.
	Take(from, part, parts, fromBlock int)
	// Combine makes the elements of the first n participants, combined in rank order, the result.
	Combine(n int)
	// Store puts the result where the reader receives.
	Store()
}

// Reader is who reads the cards.
type Reader struct{ Me, Root, Size int }

// Inline is a collective of little data.
type Inline struct {
	Parts    bool // data on a card has a part for each participant
	Combines bool // the combination of all cards is wanted; among many the last to come makes it
	// Do is what a participant does when the cards are there that it needs: all, or the root's, or none.
	Do func(s Slots, r Reader)
}
