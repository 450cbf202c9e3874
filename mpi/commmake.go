package mpi

import (
	"errors"
	"fmt"

	"github.com/faasmrun/faasmrun/mpi/agree"
	"github.com/faasmrun/faasmrun/mpi/group"
)

// A new communicator is agreed on in a collective instance of the ranks concerned: each brings what it proposes, and
// the last to arrive settles it for all, by mpi/agree.

// answer is one rank's part of an agreement.
type answer struct {
	proposal  agree.Proposal
	outcome   *agree.Outcome // once it is settled
	instances *instances     // of the new communicator, shared by its members
}

// handedOver is the answer as the collective has it: a leader's own failure is raised on nothing.
func (a *answer) handedOver() *answer {
	out := *a
	if l := a.proposal.Leaders; l != nil && l.Err != nil {
		told := *l
		if f := (*failure)(nil); errors.As(l.Err, &f) {
			told.Err = &agree.Told{Code: f.class, Reason: f.reason}
		}
		out.proposal.Leaders = &told
	}
	return &out
}

// take takes what came of it from the collective's.
func (a *answer) take(settled *answer) { a.outcome, a.instances = settled.outcome, settled.instances }

// agree brings a proposal to an instance on a communicator and returns when it is settled.
func (t *Thread) agree(c *comm, kind agree.Kind, proposed agree.Proposal) (*answer, *failure) {
	proposed.Second = c.behind
	return t.agreeAt(&c.sequence, c.instances, c, c.member, kind, &answer{proposal: proposed})
}

func (t *Thread) agreeAt(sequence *uint64, set *instances, c *comm, member int, kind agree.Kind,
	mine *answer) (*answer, *failure) {
	if c.byMessages && set == c.instances {
		return t.agreeByMessages(c, c, nil, kind, mine)
	}
	p := &t.draft
	if t.pending.answer == nil {
		p = t.proposing(kind, mine)
		t.pending.answer, t.pending.used = mine, true
	}
	mine = t.pending.answer
	if f := t.enterAt(sequence, set, c, member, p); f != nil {
		return mine, f
	}
	return mine, t.concluded(c, mine)
}

// proposes makes an answer the rank's.
func (r *Rank) proposes(mine *answer) {
	mine.proposal.Rank, mine.proposal.Context = r.rank, r.contexts.Reserve()
}

// proposing is the rank's part of the instance.
func (t *Thread) proposing(kind agree.Kind, mine *answer) *part {
	t.proposes(mine)
	p := &t.draft
	p.reset(collAgree)
	p.agreement, p.answer = kind, mine.handedOver()
	return p
}

// settle gives all participants what became of their proposals.
func (inst *instance) settle() {
	var known contextInstances
	inst.proposals = inst.proposals[:0]
	for i := range inst.parts {
		mine := inst.parts[i].answer
		inst.proposals = append(inst.proposals, mine.proposal)
		if mine.instances != nil { // the leader's, from the leaders' agreement
			known.add(mine.proposal.Leaders.Context, mine.instances)
		}
	}
	outcomes := agree.Settle(inst.reference.agreement, inst.proposals)
	clear(inst.proposals)
	for i := range outcomes {
		mine, out := inst.parts[i].answer, &outcomes[i]
		mine.outcome = out
		if out.Local == nil {
			continue
		}
		if mine.instances = known.find(out.Context); mine.instances == nil {
			size := len(out.Local.Ranks)
			if out.Remote != nil {
				size += len(out.Remote.Ranks)
			}
			mine.instances = newInstances(size)
			known.add(out.Context, mine.instances)
		}
	}
}

// contextInstances are the instances of new communicators by their contexts, of which there is one most of the time.
type contextInstances struct {
	context uint32
	one     *instances
	more    map[uint32]*instances
}

func (k *contextInstances) find(context uint32) *instances {
	if context == k.context {
		return k.one
	}
	return k.more[context]
}

func (k *contextInstances) add(context uint32, set *instances) {
	if k.one == nil {
		k.context, k.one = context, set
		return
	}
	if k.more == nil {
		k.more = map[uint32]*instances{}
	}
	k.more[context] = set
}

// concluded takes note of how an agreement ended, on a communicator.
func (r *Rank) concluded(c *comm, mine *answer) *failure {
	if mine.outcome.Context != mine.proposal.Context {
		r.contexts.GiveBack(mine.proposal.Context)
	}
	err := mine.outcome.Err
	if err == nil {
		return nil
	}
	if told := (*agree.Told)(nil); errors.As(err, &told) { // the leader's own, which the others get too
		f := (*failure)(nil)
		if l := mine.proposal.Leaders; l != nil && errors.As(l.Err, &f) {
			return f.on(c)
		}
		return c.failf(told.Code, "%s", told.Reason)
	}
	class := int32(errNoMem) // agree.ErrContexts
	switch {
	case errors.Is(err, agree.ErrOverlap):
		class = errComm
	case errors.Is(err, agree.ErrGroups):
		class = errGroup
	case errors.Is(err, agree.ErrLeaders):
		class = errNotSame
	}
	return c.failf(class, "%v", err)
}

// newComm makes the rank's view of the communicator it was given, which inherits its parent's error handler, and writes
// the handle. A rank that is not in it gets MPI_COMM_NULL.
func (r call) newComm(out commOut, parent *comm, mine *answer) (*comm, *failure) {
	if mine.outcome.Local == nil {
		return nil, out.put(r, "newcomm", commNull).on(parent)
	}
	c := newComm(0, parent.errhandler)
	r.setUp(c, mine)
	return c, r.exposeComm(out, parent, c)
}

// setUp fills in what was agreed.
func (r *Rank) setUp(c *comm, mine *answer) {
	out := mine.outcome
	c.context, c.group, c.remote, c.behind, c.member = out.Context, out.Local, out.Remote, out.Second, out.Member
	c.instances, c.rank = mine.instances, c.group.Index(r.rank)
	c.byMessages = r.goesByMessages(c.group, c.remote)
}

// exposeComm gives a communicator its handle.
func (r call) exposeComm(out commOut, parent, c *comm) *failure {
	handle, ok := r.comms.add(kindComm, c)
	if !ok {
		return parent.failf(errNoMem, "more than %d communicators", maxObjects)
	}
	c.handle = handle
	return out.put(r, "newcomm", handle).on(parent)
}

// MPI_Comm_dup(comm, *newcomm)
func commDup(r call, comm commArg, newcomm commOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	return r.dup(c, c.info, newcomm)
}

// MPI_Comm_dup_with_info(comm, info, *newcomm)
func commDupWithInfo(r call, comm commArg, info infoArg, newcomm commOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	i, f := info.of(r)
	if f != nil {
		return f.on(c)
	}
	return r.dup(c, i, newcomm)
}

// dup makes a duplicate of a communicator, with an info object or nil.
func (r call) dup(c *comm, inf *info, newcomm commOut) *failure {
	if f := newcomm.room(r, "newcomm"); f != nil {
		return f.on(c)
	}
	mine, f := r.agree(c, agree.Duplicate, agree.Proposal{})
	if f != nil {
		return f
	}
	d, f := r.newComm(newcomm, c, mine)
	if f != nil {
		return f
	}
	d.inherit(c, inf)
	if f := r.copyAttributes(keyvalComm, c.handle, &c.attributes, &d.attributes); f != nil {
		r.comms.remove(d.handle)
		_ = newcomm.put(r, "newcomm", commNull)
		return f.on(c)
	}
	return nil
}

// inherit takes over what a duplicate has of its original.
func (d *comm) inherit(c *comm, inf *info) {
	d.topology = c.topology
	if inf != nil {
		d.info = inf.copy()
	}
}

// MPI_Comm_idup(comm, *newcomm, *request)
func commIdup(r call, comm commArg, newcomm commOut, request requestOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	return r.idup(c, c.info, newcomm, request)
}

// MPI_Comm_idup_with_info(comm, info, *newcomm, *request)
func commIdupWithInfo(r call, comm commArg, info infoArg, newcomm commOut, request requestOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	i, f := info.of(r)
	if f != nil {
		return f.on(c)
	}
	return r.idup(c, i, newcomm, request)
}

// idup begins to make a duplicate of a communicator, with an info object or nil. The handle is there at once, the
// communicator behind it when the request is complete.
func (r call) idup(c *comm, inf *info, newcomm commOut, request requestOut) *failure {
	if f := newcomm.room(r, "newcomm"); f != nil {
		return f.on(c)
	}
	if f := request.room(r, "request"); f != nil {
		return f.on(c)
	}
	d := newComm(0, c.errhandler)
	d.group = group.Empty
	d.inherit(c, inf)
	if f := r.copyAttributes(keyvalComm, c.handle, &c.attributes, &d.attributes); f != nil {
		_ = newcomm.put(r, "newcomm", commNull)
		return f.on(c)
	}
	if f := r.exposeComm(newcomm, c, d); f != nil {
		return f
	}
	q := r.newRequest(requestCollective, c)
	q.child = d
	q.answer = &answer{proposal: agree.Proposal{Second: c.behind}}
	if f := r.startDuplicate(c, q); f != nil {
		return f
	}
	return r.expose(request, q)
}

// startDuplicate begins the agreement of MPI_Comm_idup.
func (t *Thread) startDuplicate(c *comm, q *request) *failure {
	if c.byMessages {
		t.proposes(q.answer)
		return t.startAgreement(q, agree.Duplicate, nil)
	}
	return t.startAt(&c.sequence, c.instances, c, c.member, t.proposing(agree.Duplicate, q.answer), q)
}

// MPI_Comm_split(comm, color, key, *newcomm)
func commSplit(r call, comm commArg, color, key intArg, newcomm commOut) *failure {
	return r.split(comm, int64(color.int()), int64(key.int()), newcomm)
}

// Kinds of MPI_Comm_splitType.
const (
	commTypeShared         = 221
	commTypeHwUnguided     = 222
	commTypeHwGuided       = 223
	commTypeResourceGuided = 224
)

// MPI_Comm_splitType(comm, splitType, key, info, *newcomm). The ranks of one process share its memory's node; nothing
// is known of parts of it, so the others give MPI_COMM_NULL.
func commSplitType(r call, comm commArg, splitType, key intArg, info infoArg, newcomm commOut) *failure {
	if _, f := info.of(r); f != nil {
		return f
	}
	switch kind := splitType.int(); kind {
	case commTypeShared:
		return r.split(comm, int64(r.world.leastAtHome()), int64(key.int()), newcomm)
	case undefined, commTypeHwUnguided, commTypeHwGuided, commTypeResourceGuided:
		return r.split(comm, undefined, int64(key.int()), newcomm)
	default:
		return failf(errArg, "invalid split type %d", kind)
	}
}

// split makes a communicator of the ranks with the same colour, ordered by key and old rank. On an intercommunicator
// each colour's communicator has those of both groups.
func (r call) split(comm commArg, color, key int64, out commOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	if color < 0 && color != undefined {
		return c.failf(errArg, "invalid color %d", color)
	}
	if f := out.room(r, "newcomm"); f != nil {
		return f.on(c)
	}
	mine, f := r.agree(c, agree.Split, agree.Proposal{Color: color, Key: key})
	if f != nil {
		return f
	}
	_, f = r.newComm(out, c, mine)
	return f
}

// MPI_Comm_create(comm, group, *newcomm). On an intercommunicator each side gives its own group.
func commCreate(r call, comm commArg, group groupArg, newcomm commOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	g, f := group.of(r)
	if f != nil {
		return f.on(c)
	}
	if f := newcomm.room(r, "newcomm"); f != nil {
		return f.on(c)
	}
	for _, x := range g.Ranks {
		if c.group.Index(x) == undefined {
			return c.failf(errGroup, "the group has a rank that is not in %s", c.title())
		}
	}
	mine, f := r.agree(c, agree.Create, agree.Proposal{Group: g})
	if f != nil {
		return f
	}
	_, f = r.newComm(newcomm, c, mine)
	return f
}

// namedInstances gives the instances of ranks that agree under a name, having no communicator of their own. Each rank
// calls releaseNamed when it is done with them.
func (w *World) namedInstances(key string, size int) *instances {
	w.instancesMu.Lock()
	defer w.instancesMu.Unlock()
	set := w.named[key]
	if set == nil {
		set = newInstances(size)
		set.name = key
		w.named[key] = set
	}
	set.users++
	return set
}

// releaseNamed says that a rank is done with instances under a name. When all ranks that used the name are done it is
// free: no rank can be done before the others have arrived, unless there was nothing to agree on.
func (w *World) releaseNamed(set *instances) {
	w.instancesMu.Lock()
	defer w.instancesMu.Unlock()
	if set.users--; set.users == 0 {
		delete(w.named, set.name)
	}
}

// agreeNamed is agree where only some members of a communicator call, which have a name here and a tag elsewhere. What
// fails is raised on c.
func (t *Thread) agreeNamed(c, by *comm, key string, some *among, kind agree.Kind,
	proposed agree.Proposal) (*answer, *failure) {
	everyone := &group.Group{Ranks: some.ranks}
	if t.goesByMessages(everyone, nil) {
		return t.agreeByMessages(c, by, some, kind, &answer{proposal: proposed})
	}
	size, member := len(some.ranks), int(everyone.Index(t.rank))
	if t.pending.named == nil {
		t.pending.named, t.pending.used = t.world.namedInstances(key, size), true
	}
	set := t.pending.named
	mine, f := t.agreeAt(set.sequenceOf(member), set, c, member, kind, &answer{proposal: proposed})
	t.world.releaseNamed(set)
	return mine, f
}

// sequenceOf is a member's last sequence number among instances under a name; only that member counts it. It need not
// outlive the instances: when they are dropped, all members have reached the same number.
func (set *instances) sequenceOf(member int) *uint64 {
	set.mu.Lock()
	defer set.mu.Unlock()
	if set.counts == nil {
		set.counts = make([]uint64, set.size)
	}
	return &set.counts[member]
}

// MPI_Comm_create_group(comm, group, tag, *newcomm): called by the group's members alone.
func commCreateGroup(r call, comm commArg, group groupArg, tag tagArg, newcomm commOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	g, f := group.of(r)
	if f != nil {
		return f.on(c)
	}
	if f := c.checkTag(tag.int()); f != nil {
		return f
	}
	if f := newcomm.room(r, "newcomm"); f != nil {
		return f.on(c)
	}
	if g.Index(r.rank) == undefined {
		return newcomm.put(r, "newcomm", commNull).on(c)
	}
	key := fmt.Sprintf("group %d %d %v", c.context, tag.int(), g.Ranks)
	some := &among{g.Ranks, tagAmong | tag.int()&(tagLeaders-1)}
	mine, f := r.agreeNamed(c, c, key, some, agree.Create, agree.Proposal{Group: g})
	if f != nil {
		return f
	}
	_, f = r.newComm(newcomm, c, mine)
	return f
}

// MPI_Intercomm_create(local_comm, local_leader, peer_comm, remote_leader, tag, *newintercomm): the leaders agree
// first, then each tells its own side.
func intercommCreate(r call, localComm commArg, localLeader rankArg, peerComm commArg, remoteLeader rankArg, tag tagArg,
	newintercomm commOut) *failure {
	c, f := localComm.of(r)
	if f != nil {
		return f
	}
	if c.remote != nil {
		return c.failf(errComm, "%s is an intercommunicator", c.title())
	}
	leader := localLeader.rank()
	if !c.group.Has(leader) {
		return c.failf(errRank, "invalid leader %d (%s has %d ranks)", leader, c.title(), c.group.Size())
	}
	if f := newintercomm.room(r, "newintercomm"); f != nil {
		return f.on(c)
	}
	mine := new(answer)
	if c.rank == leader && r.pending.step == 0 {
		joined, f := r.leadersAgree(c, peerComm, remoteLeader, tag)
		if f != nil {
			joined = &answer{outcome: &agree.Outcome{Err: f}}
		}
		mine.proposal.Leaders, mine.instances = joined.outcome, joined.instances
		r.passes()
	}
	mine, f = r.agreeAt(&c.sequence, c.instances, c, c.member, agree.Follow, mine)
	if f != nil {
		return f
	}
	_, f = r.newComm(newintercomm, c, mine)
	return f
}

// leadersAgree lets the two leaders create the intercommunicator. The side with the lower leader is the first.
func (r call) leadersAgree(c *comm, peerComm commArg, remoteLeader rankArg, tag tagArg) (*answer, *failure) {
	peer, f := peerComm.of(r)
	if f != nil {
		return nil, f
	}
	if f := peer.checkPeer(remoteLeader.rank()); f != nil {
		return nil, f
	}
	if f := peer.checkTag(tag.int()); f != nil {
		return nil, f
	}
	other := peer.peers().Ranks[remoteLeader.rank()]
	low, high := min(r.rank, other), max(r.rank, other)
	if low == high {
		return nil, c.failf(errRank, "both leaders are rank %d of MPI_COMM_WORLD", low)
	}
	key := fmt.Sprintf("leaders %d %d %d %d", peer.context, tag.int(), low, high)
	leaders := &among{[]group.WorldRank{low, high}, tagAmong | tagLeaders | tag.int()&(tagLeaders-1)}
	return r.agreeNamed(c, peer, key, leaders, agree.Bridge, agree.Proposal{Group: c.group})
}

// MPI_Intercomm_merge(intercomm, high, *newintracomm): the side that gave high comes second; if both gave the same, the
// first side is first.
func intercommMerge(r call, intercomm commArg, behind intArg, newintracomm commOut) *failure {
	c, f := intercomm.of(r)
	if f != nil {
		return f
	}
	if c.remote == nil {
		return c.failf(errComm, "%s is not an intercommunicator", c.title())
	}
	if f := newintracomm.room(r, "newintracomm"); f != nil {
		return f.on(c)
	}
	mine, f := r.agree(c, agree.Merge, agree.Proposal{High: behind.int() != 0})
	if f != nil {
		return f
	}
	_, f = r.newComm(newintracomm, c, mine)
	return f
}
