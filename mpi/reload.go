package mpi

import (
	"math"
	"slices"

	"github.com/faasmrun/faasmrun/mpi/state"
	"github.com/faasmrun/faasmrun/mpi/transport"
)

// reload encodes the rank's state, and goes on with what decoding that gives: new objects, in which nothing of the old
// ones is left. It is called on a thread whose call was broken off. It reports whether it was possible: not while other
// ranks do the work of a collective of the rank's, for which they need its objects.
func (t *Thread) reload() (done bool, err error) {
	r := t.Rank
	if r.check != nil || r.several.Load() { // other threads look at some of it in no turn
		return false, nil
	}
	out, ok := r.withdrawParts()
	defer t.arriveAgain(out)
	if !ok {
		return false, nil
	}
	var next *decoded
	sends, receives := r.unfinished()
	err = r.endpoint.Replace(sends, receives, func(e transport.State) (transport.State, []*transport.Operation, error) {
		b, sets, err := r.encode(e)
		if err != nil {
			return e, nil, err
		}
		if next, err = r.decode(b, sets.find); err != nil {
			return e, nil, err
		}
		for i := range next.slots {
			if !next.slots[i].there() {
				return e, nil, state.Invalid(commsSection, "the slot of round %d is not there", next.slots[i].round)
			}
		}
		return next.endpoint, next.operations, nil
	})
	if err != nil {
		return false, err
	}
	poison := r.poison()
	r.become(next, out)
	poison()
	return true, nil
}

// reloadForTest reloads the rank between two calls, where a test asks for calls to be broken off.
func (t *Thread) reloadForTest() {
	done, err := t.reload()
	if err != nil {
		t.abort(errIntern, t.pending.name(), "reloading: %v [MPI_ERR_INTERN]", err)
	}
	if done {
		t.resume.reloaded++
	}
}

// withdrawParts has the rank not have arrived in the collectives that are not done, so that nobody looks at its parts.
// It gives their instances, and reports whether that was possible of all.
func (r *Rank) withdrawParts() (out map[membership]*instance, ok bool) {
	out, ok = map[membership]*instance{}, true
	for q := range r.allRequests {
		in := q.joined()
		switch inst := in.instance(); {
		case inst == nil:
		case in.withdraw():
			out[in] = inst
		case !q.Done():
			ok = false
		}
	}
	for _, t := range r.allThreads() {
		in := &t.pending.in
		switch inst := in.instance(); {
		case inst == nil || t.pending.stage < stageOut:
		case in.withdraw():
			out[*in] = inst
		default: // its end is there, or coming
			ok = false
		}
	}
	return out, ok
}

// arriveAgain is the end of withdrawParts.
func (t *Thread) arriveAgain(out map[membership]*instance) {
	for _, inst := range out {
		if inst.Arrive() {
			inst.begin(t)
		}
	}
}

// allThreads are the rank's threads.
func (r *Rank) allThreads() []*Thread {
	r.threadsMu.Lock()
	defer r.threadsMu.Unlock()
	return append([]*Thread{&r.main}, r.threads...)
}

// allRequests gives each request that is the program's, that it has let go, or that is a call's that was broken off.
func (r *Rank) allRequests(yield func(*request) bool) {
	var own []*request
	for _, t := range r.allThreads() {
		own = append(own, t.pending.send, t.pending.receive)
	}
	for _, list := range [][]*request{r.requests.table.objects, r.requests.orphans, own} {
		for _, q := range list {
			if q != nil && (!yield(q) || q.send != nil && !yield(q.send)) {
				return
			}
			if q == nil || q.scheduled == nil {
				continue
			}
			for _, m := range q.scheduled.under {
				if !yield(m) {
					return
				}
			}
		}
	}
}

// unfinished are the operations of the rank's sends and receives that are not done.
func (r *Rank) unfinished() (sends, receives []*transport.Operation) {
	for q := range r.allRequests {
		switch {
		case q.Done() || !q.active:
		case q.kind == requestSend:
			sends = append(sends, &q.Operation)
		case q.kind == requestReceive:
			receives = append(receives, &q.Operation)
		}
	}
	return sends, receives
}

// become makes the rank what was decoded, also where collectives have its parts, which are withdrawn. Members that have
// called something else may have abandoned one meanwhile.
func (r *Rank) become(next *decoded, out map[membership]*instance) {
	r.process = next.process
	r.state.Store(uint32(next.phase))
	r.multiple.Store(r.threadLevel == threadMultiple)
	for q, p := range next.brought {
		p.request = q.ID()
		in := q.joined()
		in.take(p, out)
	}
	for _, s := range next.threads {
		t := r.thread(s.number)
		if t == nil {
			continue // it has ended
		}
		t.mover.area, t.mover.size, t.pending = s.scratch, s.size, s.pending
		if s.brought != nil {
			s.pending.in.take(s.brought, out)
		}
		if s.number == next.initThread {
			r.initThread = t
		}
		t.waitStateMu.Lock()
		t.waitState, t.oneOf = waitState{}, nil
		t.waitStateMu.Unlock()
	}
}

// take puts a part where the collective looks for it.
func (m *membership) take(p *part, out map[membership]*instance) {
	inst := out[*m]
	if inst == nil {
		inst = m.instance()
	}
	if inst != nil {
		inst.parts[m.member] = *p
	}
}

// thread finds one of the rank's threads; nil if there is none of that number.
func (r *Rank) thread(number int) *Thread {
	for _, t := range r.allThreads() {
		if t.number == number {
			return t
		}
	}
	return nil
}

// poison gives a function that makes the objects unusable which the rank has now, so that whoever still has one when it
// has others fails at once.
func (r *Rank) poison() func() {
	requests := slices.Collect(r.allRequests)
	comms := append([]*comm{r.worldComm, r.self}, r.comms.objects...)
	ops, taken := r.ops.objects, r.messages.objects
	return func() {
		for _, q := range requests {
			q.owner, q.comm, q.part, q.answer, q.handle = nil, nil, nil, nil, math.MaxUint32
			q.Buffer.Mem, q.Buffer.Addr = nil, math.MaxInt64
		}
		for _, c := range comms {
			if c != nil {
				*c = comm{context: math.MaxUint32}
			}
		}
		for _, o := range ops {
			if o != nil {
				o.function = math.MaxUint32
			}
		}
		for _, x := range taken {
			if x != nil {
				x.comm = nil
			}
		}
	}
}
