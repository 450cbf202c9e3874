package mpi

import (
	"fmt"
	"slices"

	"github.com/faasmrun/faasmrun/mpi/group"
)

// A new communicator is agreed on in a collective instance of the ranks concerned: each brings what it wants, and the
// last to arrive gives each its answer.

// answer is one rank's part of a new communicator.
type answer struct {
	want  [3]int64     // what the rank brings: colour and key, or its side
	group *group.Group // or the group it asks for
	edges [][3]int64   // of a distributed graph
	graph *topology
	rank  group.WorldRank

	context   uint32
	local     *group.Group // nil: the rank is not in the new communicator
	remote    *group.Group
	instances *instances
	member    int
	failure   *failure
}

// found gives the ranks of a group the world's next context.
func (w *World) found(answers []*answer, local, remote *group.Group) {
	context := w.nextContext.Add(1)
	n := len(local.Ranks)
	if remote != nil {
		n += len(remote.Ranks)
	}
	set := newInstances(n)
	for _, a := range answers {
		a.context, a.instances, a.local, a.remote = context, set, local, remote
		a.member = int(local.Index(a.rank))
		if a.member < 0 && remote != nil {
			a.local, a.remote = remote, local
			a.member = len(local.Ranks) + int(remote.Index(a.rank))
		}
	}
}

// agree brings an answer to an instance on a communicator and returns when settle has been called for all.
func (r *Rank) agree(c *comm, mine *answer, settle func(answers []*answer)) *failure {
	return r.agreeAt(&c.sequence, c.instances, c, c.member, mine, settle)
}

func (r *Rank) agreeAt(sequence *uint64, set *instances, c *comm, member int, mine *answer,
	settle func([]*answer)) *failure {
	p := &r.draft
	p.reset(collAgree)
	p.answer, p.settle = mine, settle
	mine.rank = r.rank
	return r.enterAt(sequence, set, c, member, p, nil)
}

// answersOf lists what the participants brought.
func answersOf(parts []part) []*answer {
	list := make([]*answer, len(parts))
	for i := range parts {
		list[i] = parts[i].answer
	}
	return list
}

// newComm makes the rank's view of the communicator it was given, which inherits its parent's error handler, and writes
// the handle. A rank that is not in it gets MPI_COMM_NULL.
func (r call) newComm(out commOut, parent *comm, mine *answer) (*comm, *failure) {
	if mine.failure != nil {
		return nil, mine.failure.on(parent)
	}
	if mine.local == nil {
		return nil, out.put(r, "newcomm", commNull).on(parent)
	}
	c := &comm{errhandler: parent.errhandler}
	c.setUp(mine, r.rank)
	return c, r.exposeComm(out, parent, c)
}

// setUp fills in what was agreed.
func (c *comm) setUp(mine *answer, rank group.WorldRank) {
	c.context, c.instances, c.group, c.remote, c.member = mine.context, mine.instances, mine.local, mine.remote,
		mine.member
	c.rank = c.group.Index(rank)
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

// duplicate settles MPI_Comm_dup: the same groups, a new context.
func duplicate(w *World, c *comm) func([]*answer) {
	local, remote := c.group, c.remote
	if c.behind {
		local, remote = remote, local
	}
	return func(answers []*answer) { w.found(answers, local, remote) }
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
	var mine answer
	if f := r.agree(c, &mine, duplicate(r.world, c)); f != nil {
		return f
	}
	d, f := r.newComm(newcomm, c, &mine)
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
	d.topology, d.behind = c.topology, c.behind
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
	d := &comm{errhandler: c.errhandler, group: group.Empty}
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
	p := &r.draft
	p.reset(collAgree)
	p.answer, p.settle = &answer{rank: r.rank}, duplicate(r.world, c)
	q.answer = p.answer
	if f := r.enter(c, p, q); f != nil {
		return f
	}
	return r.expose(request, q)
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
		return r.split(comm, 0, int64(key.int()), newcomm)
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
	side := int64(0)
	if c.behind {
		side = 1
	}
	mine := answer{want: [3]int64{color, key, side}}
	inter := c.remote != nil
	if f := r.agree(c, &mine, func(answers []*answer) { r.world.divide(answers, inter) }); f != nil {
		return f
	}
	d, f := r.newComm(out, c, &mine)
	if d != nil {
		d.behind = c.behind
	}
	return f
}

// divide settles MPI_Comm_split. Answers come in rank order, those of an intercommunicator's first side first.
func (w *World) divide(answers []*answer, inter bool) {
	byColor := map[int64][]*answer{}
	var colors []int64
	for _, a := range answers {
		if a.want[0] == undefined {
			continue
		}
		if byColor[a.want[0]] == nil {
			colors = append(colors, a.want[0])
		}
		byColor[a.want[0]] = append(byColor[a.want[0]], a)
	}
	for _, color := range colors {
		members := byColor[color]
		slices.SortStableFunc(members, func(x, y *answer) int {
			if x.want[1] < y.want[1] {
				return -1
			} else if x.want[1] > y.want[1] {
				return 1
			}
			return 0
		})
		sides := [2]*group.Group{{}, {}}
		for _, m := range members {
			sides[m.want[2]].Ranks = append(sides[m.want[2]].Ranks, m.rank)
		}
		switch {
		case !inter:
			w.found(members, sides[0], nil)
		case len(sides[0].Ranks) > 0 && len(sides[1].Ranks) > 0:
			w.found(members, sides[0], sides[1])
		}
	}
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
	side := int64(0)
	if c.behind {
		side = 1
	}
	mine := answer{group: g, want: [3]int64{0, 0, side}}
	inter := c.remote != nil
	if f := r.agree(c, &mine, func(answers []*answer) { r.world.create(answers, inter) }); f != nil {
		return f
	}
	d, f := r.newComm(newcomm, c, &mine)
	if d != nil {
		d.behind = c.behind
	}
	return f
}

// create settles MPI_Comm_create. Ranks may give different groups if these do not overlap: each group's members make a
// communicator of their own.
func (w *World) create(answers []*answer, inter bool) {
	if inter {
		var sides [2]*group.Group
		var members []*answer
		for _, a := range answers {
			if a.group.Index(a.rank) != undefined {
				sides[a.want[2]] = a.group
				members = append(members, a)
			}
		}
		if sides[0] != nil && sides[1] != nil {
			w.found(members, sides[0], sides[1])
		}
		return
	}
	done := map[group.WorldRank]bool{} // by first rank of a group
	for _, a := range answers {
		if a.group.Index(a.rank) == undefined || done[a.group.Ranks[0]] {
			continue
		}
		done[a.group.Ranks[0]] = true
		var members []*answer
		for _, b := range answers {
			if a.group.Index(b.rank) != undefined {
				members = append(members, b)
			}
		}
		w.found(members, a.group, nil)
	}
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

// agreeNamed is agree where only the ranks of a group call.
func (r *Rank) agreeNamed(c *comm, key string, size, member int, mine *answer, settle func([]*answer)) *failure {
	set := r.world.namedInstances(key, size)
	defer r.world.releaseNamed(set)
	return r.agreeAt(set.sequenceOf(member), set, c, member, mine, settle)
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
	member := g.Index(r.rank)
	if member == undefined {
		return newcomm.put(r, "newcomm", commNull).on(c)
	}
	mine := answer{group: g}
	key := fmt.Sprintf("group %d %d %v", c.context, tag.int(), g.Ranks)
	if f := r.agreeNamed(c, key, len(g.Ranks), int(member), &mine,
		func(answers []*answer) { r.world.create(answers, false) }); f != nil {
		return f
	}
	_, f = r.newComm(newcomm, c, &mine)
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
	mine := answer{group: c.group}
	if c.rank == leader {
		if f := r.leadersAgree(c, &mine, peerComm, remoteLeader, tag); f != nil {
			mine.failure = f
		}
	}
	if f := r.agree(c, &mine, func(answers []*answer) {
		from := *answers[leader]
		for _, to := range answers {
			rank := to.rank
			*to = from
			to.rank = rank
			if from.local != nil {
				to.member = from.member - int(leader) + int(from.local.Index(rank))
			}
		}
	}); f != nil {
		return f
	}
	d, f := r.newComm(newintercomm, c, &mine)
	if d != nil {
		d.behind = mine.want[2] == 1
	}
	return f
}

// leadersAgree lets the two leaders create the intercommunicator. The side with the lower leader is the first.
func (r call) leadersAgree(c *comm, mine *answer, peerComm commArg, remoteLeader rankArg, tag tagArg) *failure {
	peer, f := peerComm.of(r)
	if f != nil {
		return f
	}
	if f := peer.checkPeer(remoteLeader.rank()); f != nil {
		return f
	}
	if f := peer.checkTag(tag.int()); f != nil {
		return f
	}
	other := peer.peers().Ranks[remoteLeader.rank()]
	low, high := min(r.rank, other), max(r.rank, other)
	if low == high {
		return c.failf(errRank, "both leaders are rank %d of MPI_COMM_WORLD", low)
	}
	member := 0
	if r.rank == high {
		member = 1
	}
	key := fmt.Sprintf("leaders %d %d %d %d", peer.context, tag.int(), low, high)
	return r.agreeNamed(c, key, 2, member, mine, func(answers []*answer) {
		first, second := answers[0], answers[1]
		if len(group.Intersection(first.group, second.group).Ranks) > 0 {
			for _, x := range answers {
				x.failure = failf(errComm, "the two groups overlap")
			}
			return
		}
		second.want[2] = 1
		r.world.found(answers, first.group, second.group)
	})
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
	var high int64
	if behind.int() != 0 {
		high = 1
	}
	first, second := c.group, c.remote
	if c.behind {
		first, second = second, first
	}
	mine := answer{want: [3]int64{high}}
	if f := r.agree(c, &mine, func(answers []*answer) {
		x, y := first, second
		if answers[0].want[0] == 1 && answers[len(first.Ranks)].want[0] == 0 {
			x, y = y, x
		}
		r.world.found(answers, group.Union(x, y), nil)
	}); f != nil {
		return f
	}
	_, f = r.newComm(newintracomm, c, &mine)
	return f
}
