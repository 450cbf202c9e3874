package coll

// Little data goes over a board: every participant shows a card with its data, waits until all cards are there, and takes
// from them what is its own. Nobody works for others, so nothing is written into another's memory and nobody waits for an
// end. Costs are written for one participant, with l the time to move a cache line between processors; every one pays them
// at the same time. The algorithms are beside those for large data, in the file of their operation.

// LittleBytes is the data that a card holds: what is left of a cache line. Beyond it a meeting is as fast: a card of two
// lines costs a second transfer for each participant.
const LittleBytes = 48

// Cards moves data from the cards into the memory of the one who reads them.
type Cards interface {
	// Take puts a participant's data into a block of what the reader receives.
	Take(from, block int)
	// Load makes a participant's elements the intermediate result.
	Load(from int)
	// Fold combines the intermediate result, on the left, with a participant's elements.
	Fold(from int)
	// Store puts the intermediate result where the reader receives.
	Store()
}

// Reader is who reads the cards.
type Reader struct{ Me, Root, Size int }

// Little is what one participant does when all cards are there.
type Little func(c Cards, r Reader)

func combineCards(c Cards, n int) {
	c.Load(0)
	for from := 1; from < n; from++ {
		c.Fold(from)
	}
}
