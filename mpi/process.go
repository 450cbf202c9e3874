package mpi

import (
	"github.com/faasmrun/faasmrun/mpi/agree"
	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/match"
)

// process is what a rank's program has made in MPI, and what MPI has told it: objects and their handles, attributes,
// buffers, memory. It is data: nothing of it waits, and the thread whose turn it is alone uses it.
type process struct {
	threadLevel    int32
	contexts       agree.Contexts // of the communicators it founds
	worldComm      *comm
	self           *comm
	comms          table[comm]
	groups         table[group.Group]
	types          table[datatype.Type]
	f90            map[f90Key]uint32 // handles of the types with a precision or range
	ops            table[op]
	messages       table[extracted]
	errhandlers    table[errhandler]
	infos          table[info]
	keyvals        []keyval
	freeKeyvals    []int // indexes of keyvals that may be used again
	errors         userErrors
	heap           heap
	attached       attached
	typeAttributes map[*datatype.Type]*attributes
	typeNames      map[uint32]string // that the program gave to predefined datatypes
	predefinedAt   map[int32]uint64  // addresses of predefined attributes in memory
	requests       requests
}

// Contexts keep communicators' messages apart. Those of new communicators come from agree.Contexts.
const (
	worldContext = 1
	selfContext  = 2
)

// phase is how far a rank's MPI has come.
type phase uint8

const (
	beforeInit phase = iota
	running
	finalized
)

// begin makes what a rank of everyone has before its program runs. The collectives of MPI_COMM_WORLD are in set.
func (p *process) begin(rank group.WorldRank, everyone *group.Group, set *instances) {
	p.contexts = agree.NewContexts(rank, len(everyone.Ranks))
	p.worldComm = newComm(commWorld, fatalHandler)
	p.worldComm.context, p.worldComm.group, p.worldComm.instances = worldContext, everyone, set
	p.worldComm.rank, p.worldComm.member = match.Rank(rank), int(rank)
	p.self = newComm(commSelf, fatalHandler)
	p.self.context, p.self.instances = selfContext, newInstances(1)
	p.self.group = &group.Group{Ranks: []group.WorldRank{rank}}
}
