// Package schedule holds collective algorithms for ranks that cannot read each other's memory: what one participant
// sends, receives, copies and combines, in which order. It leaves to package mpi what the buffers are, how a message
// finds its receive, and when a participant goes on; package coll has the algorithms over shared memory.
//
// A Plan is one participant's part as plain data: the algorithm and its arguments. It gives its steps round by round,
// and gives the same ones whenever it is asked, so that how far a collective has come is a number, and an image of it
// is the plan, that number and the scratch memory. The steps of a round are begun in order, sends and receives without
// waiting for them, and the next round begins when all of them are complete. A send may be complete only when its
// receive has matched. Messages from one participant to another are received in the order in which they were sent.
//
// Every reduction combines in rank order, from the first rank on: ((x0 op x1) op x2) op …, so that its result has the
// same bits whichever algorithm is chosen and wherever the ranks run. That forbids what trees do elsewhere, to combine
// x2 with x3 before they meet x0 op x1. What it costs: where few bytes are reduced, ⌈log n⌉ messages carry nm bytes
// in place of m ⌈log n⌉, and each participant combines n vectors itself; where many are, each combines its share of
// all vectors, which moves as many bytes as an unordered reduction does, in n-1 messages in place of 2 ⌈log n⌉.
//
// Costs are written for the participant that takes longest, with n participants, m bytes in each one's block or
// vector, a the time of a message, b that to move a byte and g that to combine one.
package schedule

import "slices"

// Action is what a step does.
type Action uint8

const (
	Send    Action = iota + 1 // From to Peer
	Receive                   // To from Peer
	Copy                      // From to To
	Load                      // makes From the intermediate result
	Fold                      // combines the intermediate result, on the left, with From
	Store                     // puts the intermediate result into To
)

// Step is one step of a participant. Load, the Folds and the Stores behind it are one reduction: all are of as many
// bytes, and may be done for one part of the bytes after the other.
type Step struct {
	Action   Action
	Peer     int // a participant
	From, To Region
}

// Buffer says where a region lies.
type Buffer uint8

const (
	SendBuffer    Buffer = iota // what the participant brings
	ReceiveBuffer               // where its result goes; in place the two are the same memory
	Scratch                     // plain bytes that the executor provides
)

// Whole is the length of a region that is a block from its beginning to its end. A region of Scratch is then as long as
// that block of the receive buffer.
const Whole = -1

// Region is a piece of a buffer, in bytes of data, as they travel. A buffer is seen as blocks where an operation
// distinguishes participants, else as block 0. Offsets into Scratch count from its beginning, whatever the block.
type Region struct {
	Buffer         Buffer
	Block          int
	Offset, Length int64
}

// Range is consecutive participants.
type Range struct{ First, Count int }

// Has reports whether a participant is in the range.
func (r Range) Has(participant int) bool {
	return participant >= r.First && participant < r.First+r.Count
}

// after gives the index in the range of the participant that is i further than another's index, in a circle.
func (r Range) after(index, i int) int { return ((index+i)%r.Count + r.Count) % r.Count }

// Edge is one neighbour in a topology: a participant, and the block that is for it or from it.
type Edge struct{ Peer, Block int }

// Plan is one participant's part in a collective.
type Plan struct {
	Algorithm Algorithm
	Me        int
	// Root is a participant; NoRoot where there is none, and on the root's side of an intercommunicator.
	Root int
	// Group has the participant itself, Peers those that its data goes to and comes from. In an ordinary communicator
	// both are everybody, in an intercommunicator the groups.
	Group, Peers Range
	// Bytes is the length of a block, where all are of one, or of the vector of a reduction.
	Bytes int64
	// Element is the size of one of the vector's elements.
	Element int64
	// Shares is where each one's share of the vector begins, and the end, in MPI_Reduce_scatter; else nil.
	Shares  []int64
	InPlace bool
	// Whole says that the participant's own buffer cannot be cut at any byte: its datatype has holes.
	Whole bool
	// In and Out are the neighbours in a topology, both in the order of the senders' blocks.
	In, Out []Edge
}

// NoRoot is no participant.
const NoRoot = -1

// Algorithm names one of the algorithms.
type Algorithm uint8

const (
	Nothing Algorithm = iota // of a participant that has no part: on the root's side of an intercommunicator
	BarrierDissemination
	BcastBinomial
	BcastScatter
	BcastLinear
	GatherBinomial
	GatherLinear
	ScatterBinomial
	ScatterLinear
	AllgatherBruck
	AllgatherRing
	AllgatherLinear
	AlltoallBruck
	AlltoallPairwise
	AlltoallInPlace
	AlltoallLinear
	ReduceGather
	ReduceShares
	ReduceLinear
	AllreduceGather
	AllreduceShares
	ReduceScatterShares
	ReduceScatterLinear
	ScanGather
	ScanChain
	ExscanGather
	ExscanChain
	NeighbourAllgather
	NeighbourAlltoall
)

// algorithm is how many rounds a plan has, how much scratch memory it takes, and the steps of each round.
type algorithm struct {
	name    string
	rounds  func(p *Plan) int
	scratch func(p *Plan) int64
	round   func(p *Plan, i int, s *steps)
}

// algorithms are all of them. Each stands in the file of its operation, with its cost.
var algorithms = [...]algorithm{
	Nothing:              {"nothing", fixed(0), noScratch, nil},
	BarrierDissemination: {"dissemination", doublings, noScratch, (*Plan).disseminate},
	BcastBinomial:        {"binomial tree", fixed(2), noScratch, (*Plan).bcastBinomial},
	BcastScatter:         {"scatter and ring", bcastScatterRounds, bcastScatterScratch, (*Plan).bcastScatter},
	BcastLinear:          {"linear", fixed(1), noScratch, (*Plan).bcastLinear},
	GatherBinomial:       {"binomial tree", fixed(2), gatherScratch, (*Plan).gatherBinomial},
	GatherLinear:         {"linear", fixed(1), noScratch, (*Plan).gatherLinear},
	ScatterBinomial:      {"binomial tree", fixed(2), scatterScratch, (*Plan).scatterBinomial},
	ScatterLinear:        {"linear", fixed(1), noScratch, (*Plan).scatterLinear},
	AllgatherBruck:       {"Bruck", bruckRounds, allBlocks, (*Plan).allgatherBruck},
	AllgatherRing:        {"ring", ringRounds, noScratch, (*Plan).allgatherRing},
	AllgatherLinear:      {"linear", fixed(1), noScratch, (*Plan).allgatherLinear},
	AlltoallBruck:        {"Bruck", bruckRounds, alltoallBruckScratch, (*Plan).alltoallBruck},
	AlltoallPairwise:     {"pairwise", circle, noScratch, (*Plan).alltoallPairwise},
	AlltoallInPlace:      {"pairwise in place", circle, oneBlock, (*Plan).alltoallInPlace},
	AlltoallLinear:       {"linear", fixed(1), noScratch, (*Plan).alltoallLinear},
	ReduceGather:         {"binomial gather", fixed(2), gatherScratch, (*Plan).reduceGather},
	ReduceShares:         {"shares", fixed(3), sharesScratch, (*Plan).reduceShares},
	ReduceLinear:         {"linear", fixed(2), linearScratch, (*Plan).reduceLinear},
	AllreduceGather:      {"Bruck", bruckRounds, allBlocks, (*Plan).allreduceGather},
	AllreduceShares:      {"shares and ring", allreduceRounds, sharesScratch, (*Plan).allreduceShares},
	ReduceScatterShares:  {"shares", fixed(2), sharesScratch, (*Plan).reduceScatterShares},
	ReduceScatterLinear:  {"linear", fixed(3), linearScratch, (*Plan).reduceScatterLinear},
	ScanGather:           {"doubling", scanRounds, allBlocks, (*Plan).scanGather},
	ScanChain:            {"chain", chainRounds, chainScratch, (*Plan).scanChain},
	ExscanGather:         {"doubling", scanRounds, allBlocks, (*Plan).exscanGather},
	ExscanChain:          {"chain", chainRounds, chainScratch, (*Plan).exscanChain},
	NeighbourAllgather:   {"linear", fixed(1), noScratch, (*Plan).neighbourAllgather},
	NeighbourAlltoall:    {"linear", fixed(1), noScratch, (*Plan).neighbourAlltoall},
}

func (a Algorithm) String() string { return algorithms[a].name }

// names are the algorithms' in this package: unlike what String gives, each has its own.
var names = [...]string{
	Nothing:              "Nothing",
	BarrierDissemination: "BarrierDissemination",
	BcastBinomial:        "BcastBinomial",
	BcastScatter:         "BcastScatter",
	BcastLinear:          "BcastLinear",
	GatherBinomial:       "GatherBinomial",
	GatherLinear:         "GatherLinear",
	ScatterBinomial:      "ScatterBinomial",
	ScatterLinear:        "ScatterLinear",
	AllgatherBruck:       "AllgatherBruck",
	AllgatherRing:        "AllgatherRing",
	AllgatherLinear:      "AllgatherLinear",
	AlltoallBruck:        "AlltoallBruck",
	AlltoallPairwise:     "AlltoallPairwise",
	AlltoallInPlace:      "AlltoallInPlace",
	AlltoallLinear:       "AlltoallLinear",
	ReduceGather:         "ReduceGather",
	ReduceShares:         "ReduceShares",
	ReduceLinear:         "ReduceLinear",
	AllreduceGather:      "AllreduceGather",
	AllreduceShares:      "AllreduceShares",
	ReduceScatterShares:  "ReduceScatterShares",
	ReduceScatterLinear:  "ReduceScatterLinear",
	ScanGather:           "ScanGather",
	ScanChain:            "ScanChain",
	ExscanGather:         "ExscanGather",
	ExscanChain:          "ExscanChain",
	NeighbourAllgather:   "NeighbourAllgather",
	NeighbourAlltoall:    "NeighbourAlltoall",
}

// Name is the algorithm's name, by which ByName finds it, in later releases too.
func (a Algorithm) Name() string { return names[a] }

// ByName finds an algorithm.
func ByName(name string) (a Algorithm, found bool) {
	i := slices.Index(names[:], name)
	return Algorithm(max(i, 0)), i >= 0
}

// Rounds is how many rounds the plan has.
func (p *Plan) Rounds() int { return algorithms[p.Algorithm].rounds(p) }

// Scratch is how many bytes of memory the plan takes besides the participant's buffers.
func (p *Plan) Scratch() int64 { return algorithms[p.Algorithm].scratch(p) }

// Round adds the steps of a round to some.
func (p *Plan) Round(i int, to []Step) []Step {
	s := steps{list: to}
	algorithms[p.Algorithm].round(p, i, &s)
	return s.list
}

// Steps has room for the steps of a round, which is used for the next one: for who must not allocate.
type Steps struct{ steps steps }

// Of gives the steps of a plan's round. They are there until the next ones.
func (s *Steps) Of(p *Plan, i int) []Step {
	s.steps.list = s.steps.list[:0]
	algorithms[p.Algorithm].round(p, i, &s.steps)
	return s.steps.list
}

func fixed(n int) func(*Plan) int { return func(*Plan) int { return n } }

func noScratch(*Plan) int64 { return 0 }

// oneBlock is scratch memory for a block, allBlocks for one of each participant.
func oneBlock(p *Plan) int64  { return p.Bytes }
func allBlocks(p *Plan) int64 { return int64(p.Group.Count) * p.Bytes }

// circle is a round for each participant.
func circle(p *Plan) int { return p.Group.Count }

// doublings is ⌈log n⌉.
func doublings(p *Plan) int {
	k := 0
	for step := 1; step < p.Group.Count; step *= 2 {
		k++
	}
	return k
}

// index is the participant's own in its group.
func (p *Plan) index() int { return p.Me - p.Group.First }

// member is the participant at an index of the group, in a circle.
func (p *Plan) member(index int) int { return p.Group.First + p.Group.after(index, 0) }

// isRoot reports whether the participant is the root.
func (p *Plan) isRoot() bool { return p.Me == p.Root }

// steps collects a round. What nothing would be moved by is left out, at both ends alike: all know the lengths of those
// regions that are not whole blocks.
type steps struct{ list []Step }

func (s *steps) send(peer int, from Region) {
	if from.Length != 0 {
		s.list = append(s.list, Step{Action: Send, Peer: peer, From: from})
	}
}

func (s *steps) receive(peer int, to Region) {
	if to.Length != 0 {
		s.list = append(s.list, Step{Action: Receive, Peer: peer, To: to})
	}
}

func (s *steps) copy(to, from Region) {
	if from.Length != 0 {
		s.list = append(s.list, Step{Action: Copy, From: from, To: to})
	}
}

func (s *steps) load(from Region)  { s.list = append(s.list, Step{Action: Load, From: from}) }
func (s *steps) fold(from Region)  { s.list = append(s.list, Step{Action: Fold, From: from}) }
func (s *steps) store(into Region) { s.list = append(s.list, Step{Action: Store, To: into}) }

// foldAll combines n regions in their order and stores the result.
func (s *steps) foldAll(n int, region func(i int) Region, into Region) {
	if into.Length == 0 {
		return
	}
	s.load(region(0))
	for i := 1; i < n; i++ {
		s.fold(region(i))
	}
	s.store(into)
}

// block is a whole block of a buffer, vector its first bytes, scratch so many bytes of the scratch memory.
func block(b Buffer, i int) Region        { return Region{Buffer: b, Block: i, Length: Whole} }
func vector(b Buffer, bytes int64) Region { return Region{Buffer: b, Length: bytes} }
func scratch(at, bytes int64) Region      { return Region{Buffer: Scratch, Offset: at, Length: bytes} }
