package mpi

// group is an ordered set of ranks, named by their ranks in MPI_COMM_WORLD. It never changes.
type group struct {
	ranks []int32
}

// newGroup is the group 0 … n-1.
func newGroup(n int) *group {
	g := &group{ranks: make([]int32, n)}
	for i := range g.ranks {
		g.ranks[i] = int32(i)
	}
	return g
}

func (g *group) size() int32 { return int32(len(g.ranks)) }

// comm is one rank's view of a communicator.
type comm struct {
	handle     uint32
	context    uint32 // the same in all its members, and in no other communicator
	name       string
	group      *group // the local group
	rank       int32  // in group
	errhandler uint32
	sequence   uint64 // collectives started
	meetings   *meetings
}

// Predefined handles.
const (
	commNull     = 0x100
	commWorld    = 0x101
	commSelf     = 0x102
	groupNull    = 0x108
	groupEmpty   = 0x109
	requestNull  = 0x180
	datatypeNull = 0x200
)

// comm finds a communicator.
func (r *Rank) comm(handle uint32) (*comm, *failure) {
	switch handle {
	case commWorld:
		return r.worldComm, nil
	case commSelf:
		return r.self, nil
	case commNull:
		return nil, failf(errComm, "the communicator is MPI_COMM_NULL")
	}
	if c := r.comms.get(kindComm, handle); c != nil {
		return c, nil
	}
	return nil, failf(errComm, "%#x is no communicator, or was freed", handle)
}

func (a args) comm(i int) (*comm, *failure) { return a.r.comm(a.handle(i)) }

// peers is the group that ranks in calls mean: the remote group of an intercommunicator.
func (c *comm) peers() *group { return c.group }

// checkPeer checks the rank of a destination or source; wildcards were dealt with.
func (c *comm) checkPeer(rank int32) *failure {
	if rank < 0 || rank >= c.peers().size() {
		return c.failf(errRank, "invalid rank %d (%s has %d ranks)", rank, c.name, c.peers().size())
	}
	return nil
}

// checkRoot checks the root of a collective.
func (c *comm) checkRoot(root int32) *failure {
	if root < 0 || root >= c.group.size() {
		return c.failf(errRoot, "invalid root %d (%s has %d ranks)", root, c.name, c.group.size())
	}
	return nil
}

// MPI_Comm_rank(comm, *rank)
func commRank(r *Rank, a args) *failure {
	c, f := a.comm(0)
	if f != nil {
		return f
	}
	return a.putInt(1, "rank", c.rank).on(c)
}

// MPI_Comm_size(comm, *size)
func commSize(r *Rank, a args) *failure {
	c, f := a.comm(0)
	if f != nil {
		return f
	}
	return a.putInt(1, "size", c.group.size()).on(c)
}
