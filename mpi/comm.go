package mpi

import (
	"fmt"
	"sync/atomic"

	"github.com/faasmrun/faasmrun/mpi/agree"
	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/match"
)

// comm is one rank's view of a communicator.
type comm struct {
	raiser
	context uint32                 // the same in all its members, and in no other communicator
	name    atomic.Pointer[string] // the program's, if it gave one; other ranks read it
	group   *group.Group           // the local group
	remote  *group.Group           // of an intercommunicator; else nil
	rank    match.Rank             // in group
	// index among the participants of a collective: the rank, or behind the other group's
	member     int
	behind     bool   // the local group is the intercommunicator's second
	byMessages bool   // its collectives go by messages; the same in all its members, for as long as it is there
	sequence   uint64 // collectives started
	round      uint64 // the blocking ones among them that used slots
	past       uint16 // a hash of the collectives since each read all slots; see remember
	seen       uint64 // the last round to which all members are known to have come
	persistent uint64 // persistent collectives made
	instances  *instances
	attributes attributes
	topology   *topology
	info       *info
	attached   attached
	calling    *Thread // in a blocking collective, of a rank whose threads may call at once
	freed      bool
}

// newComm is a communicator without members, with an error handler.
func newComm(handle uint32, h *errhandler) *comm {
	return &comm{raiser: raiser{kind: raiserComm, handle: handle, errhandler: h}}
}

func (c *comm) raisedOn() *raiser {
	if c == nil {
		return nil
	}
	return &c.raiser
}

// title is the communicator's name in messages. Any rank may ask.
func (c *comm) title() string { return commTitle(c.context, c.name.Load()) }

// commTitle is the name of a communicator with a context, to which the program has given a name or none.
func commTitle(context uint32, name *string) string {
	if name != nil {
		return *name
	}
	switch context {
	case 0:
		return "a communicator that is being made"
	case worldContext:
		return "MPI_COMM_WORLD"
	case selfContext:
		return "MPI_COMM_SELF"
	}
	return fmt.Sprintf("communicator %d", context)
}

// Predefined handles.
const (
	commNull      = 0x100
	commWorld     = 0x101
	commSelf      = 0x102
	groupNull     = 0x108
	groupEmpty    = 0x109
	messageNull   = 0x128
	messageNoProc = 0x129
	requestNull   = 0x180
	datatypeNull  = 0x200
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

// peers is the group that ranks in calls mean: the remote group of an intercommunicator.
func (c *comm) peers() *group.Group {
	if c.remote != nil {
		return c.remote
	}
	return c.group
}

// checkPeer checks the rank of a destination or source; wildcards were dealt with.
func (c *comm) checkPeer(rank match.Rank) *failure {
	if !c.peers().Has(rank) {
		return c.failf(errRank, "invalid rank %d (%s has %d ranks)", rank, c.title(), c.peers().Size())
	}
	return nil
}

// MPI_Comm_rank(comm, *rank)
func commRank(r call, comm commArg, rank intOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	return rank.putRank(r, "rank", c.rank).on(c)
}

// MPI_Comm_size(comm, *size)
func commSize(r call, comm commArg, size intOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	return size.put(r, "size", c.group.Size()).on(c)
}

// MPI_Comm_remote_size(comm, *size)
func commRemoteSize(r call, comm commArg, size intOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	if c.remote == nil {
		return c.failf(errComm, "%s is not an intercommunicator", c.title())
	}
	return size.put(r, "size", c.remote.Size()).on(c)
}

// MPI_Comm_test_inter(comm, *flag)
func commTestInter(r call, comm commArg, flag flagOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	return flag.put(r, "flag", c.remote != nil).on(c)
}

// MPI_Comm_compare(comm1, comm2, *result)
func commCompare(r call, comm1, comm2 commArg, out intOut) *failure {
	x, f := comm1.of(r)
	if f != nil {
		return f
	}
	y, f := comm2.of(r)
	if f != nil {
		return f
	}
	result := group.Identical
	switch {
	case x == y:
	case (x.remote == nil) != (y.remote == nil):
		result = group.Unequal
	default:
		result = x.group.Compare(y.group)
		if x.remote != nil {
			result = max(result, x.remote.Compare(y.remote))
		}
		if result == group.Identical {
			result = group.Congruent
		}
	}
	return out.put(r, "result", int32(result)).on(x)
}

// MPI_Comm_get_name(comm, *name, *resultlen)
func commGetName(r call, comm commArg, given stringOut, resultlen intOut) *failure {
	if comm.handle() == commNull {
		return given.put(r, "name", "MPI_COMM_NULL", maxObjectName, resultlen)
	}
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	name := ""
	if c.name.Load() != nil || c.context < agree.FirstContext {
		name = c.title()
	}
	return given.put(r, "name", name, maxObjectName, resultlen).on(c)
}

// MPI_Comm_set_name(comm, name)
func commSetName(r call, comm commArg, given stringIn) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	name, f := given.get(r, "name", maxObjectName)
	if f != nil {
		return f.on(c)
	}
	c.name.Store(&name)
	return nil
}

// MPI_Comm_set_info(comm, info)
func commSetInfo(r call, comm commArg, info infoArg) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	i, f := info.of(r)
	if f != nil {
		return f.on(c)
	}
	c.info = i.copy()
	return nil
}

// MPI_Comm_get_info(comm, *info)
func commGetInfo(r call, comm commArg, used infoOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	if c.info == nil {
		return r.newInfo(used, new(info)).on(c)
	}
	return r.newInfo(used, c.info.copy()).on(c)
}

// MPI_Comm_group(comm, *group)
func commGroup(r call, comm commArg, group groupOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	return r.newGroup(group, c.group).on(c)
}

// MPI_Comm_remote_group(comm, *group)
func commRemoteGroup(r call, comm commArg, group groupOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	if c.remote == nil {
		return c.failf(errComm, "%s is not an intercommunicator", c.title())
	}
	return r.newGroup(group, c.remote).on(c)
}

// MPI_Comm_get_parent(*parent): no rank was spawned, which is MPI_COMM_NULL.
func commGetParent(r call, parent commOut) *failure { return parent.put(r, "parent", commNull) }

// MPI_Comm_free(*comm). Operations under way keep the communicator until they end, but for what is in its buffer.
func commFree(r call, comm commRef) *failure {
	handle, c, f := r.commToFree(comm)
	if f != nil {
		return f
	}
	return r.freeComm(comm, handle, c)
}

// MPI_Comm_disconnect(*comm): waits until everything under way on it is complete, here and at the other members, which
// are all told by the time they come back.
func commDisconnect(r call, comm commRef) *failure {
	handle, c, f := r.commToFree(comm)
	if f != nil {
		return f
	}
	if r.pending.step == 0 {
		r.settleAll(c)
		p := &r.draft
		p.reset(collBarrier)
		if f := r.enter(c, p); f != nil {
			return f
		}
		r.passes()
	}
	return r.freeComm(comm, handle, c)
}

// settleAll waits for all that the rank has begun on a communicator. The requests stay, for the program to complete.
func (t *Thread) settleAll(c *comm) {
	for i := 0; i < len(t.requests.table.objects); i++ {
		if q := t.requests.table.objects[i]; q != nil && q.comm == c && q.active {
			t.await(q)
		}
	}
	for i := 0; i < len(t.requests.orphans); i++ {
		if q := t.requests.orphans[i]; q.comm == c {
			t.await(q)
		}
	}
}

func (r call) commToFree(at commRef) (handle uint32, c *comm, f *failure) {
	if handle, f = at.get(r, "comm"); f != nil {
		return 0, nil, f
	}
	if c, f = r.comm(handle); f != nil {
		return 0, nil, f
	}
	if c == r.worldComm || c == r.self {
		return 0, nil, c.failf(errComm, "%s cannot be freed", c.title())
	}
	return handle, c, nil
}

func (r call) freeComm(at commRef, handle uint32, c *comm) *failure {
	if f := r.deleteAttributes(keyvalComm, handle, &c.attributes); f != nil {
		return f.on(c)
	}
	if c.attached.on {
		r.drain(&c.attached)
		r.detach(&c.attached)
	}
	r.comms.remove(handle)
	c.freed = true
	return at.put(r, "comm", commNull)
}
