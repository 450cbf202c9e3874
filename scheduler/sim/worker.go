package sim

import (
	"fmt"
	"sort"

	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/core/result"
)

// workerGrace is how long a worker that is cut off keeps its ranks. The policy's grace is this and a margin.
const workerGrace = core.Minute

// worker is a worker daemon and its executors, as far as the scheduler can tell.
type worker struct {
	s       *Sim
	name    core.WorkerName
	slots   uint32
	mem     uint64
	labels  []core.Label
	engines []core.Engine
	up      bool // connected
	unfit   string
	session int // of the connection: what was on its way in an older one is lost
	orders  wire
	reports wire
	dead    bool // the machine is off
	away    bool // the network is cut until it heals

	parting bool // it has said goodbye, and starts nothing
	stateID int
	strays  map[*run]bool        // of an earlier state: they run on until their lease ends
	failed  map[core.JobRef]bool // launches

	running map[core.JobID]*run
	ended   map[core.JobRef]result.Report // not acknowledged yet
	lost    core.Time                     // when the connection broke; 0: it has not
	since   core.Time                     // when it was last made
}

// run is one placement that really runs.
type run struct {
	ref   core.JobRef
	slots uint32
	over  bool
	stray bool

	stubborn bool // ends only when it is killed
}

// wire is one direction of a connection: however long a message takes, none overtakes another.
type wire struct{ last core.Time }

func (v *wire) carry(s *Sim, f func()) {
	v.last = max(v.last, s.now.After(s.cfg.Faults.delay(s)))
	s.at(v.last, f)
}

// connect says hello, if there is anyone to say it to.
func (w *worker) connect() {
	if w.up || w.dead || w.away {
		return
	}
	if w.s.down {
		w.s.after(core.Second, w.connect)
		return
	}
	holding := w.holding()
	w.session++
	w.up, w.lost, w.since, w.parting = true, 0, w.s.now, false
	w.orders, w.reports = wire{}, wire{}
	session := w.session
	var orders []core.Order
	w.s.decide(core.WorkerConnected{Name: w.name, Slots: w.slots, Mem: w.mem, Labels: w.labels, Holding: holding,
		StateID: fmt.Sprint(w.stateID), Engines: w.engines, Resources: w.s.cfg.Resources}, nil)
	if !w.up || w.session != session {
		return // the scheduler crashed over it
	}
	w.s.checks.rules.joined(w.name, holding)
	if w.unfit != "" {
		w.send(core.Unfit{Worker: w.name, Reason: w.unfit}, nil)
	}
	orders = w.s.state.OrdersOnConnect(w.name, holding)
	for _, o := range orders {
		w.order(o)
	}
	for _, ref := range w.unacknowledged() {
		w.report(ref)
	}
}

func (w *worker) holding() []core.JobRef {
	refs := w.unacknowledged()
	for _, r := range w.running {
		refs = append(refs, r.ref)
	}
	return sorted(refs)
}

func (w *worker) unacknowledged() []core.JobRef {
	var refs []core.JobRef
	for ref := range w.ended {
		refs = append(refs, ref)
	}
	return sorted(refs)
}

func sorted(refs []core.JobRef) []core.JobRef {
	sort.Slice(refs, func(i, j int) bool {
		return refs[i].Job < refs[j].Job || refs[i].Job == refs[j].Job && refs[i].Epoch < refs[j].Epoch
	})
	return refs
}

// cut breaks the connection at the worker's end.
func (w *worker) cut() {
	if !w.up {
		return
	}
	w.up, w.lost = false, w.s.now
	w.session++
	session := w.session
	w.s.after(workerGrace, func() {
		if w.session == session && !w.up {
			w.abandon()
		}
	})
	w.s.after(core.Second+core.Duration(w.s.rnd.Int64N(int64(core.Second))), w.connect)
}

// abandon ends all ranks after the grace: the scheduler may start them elsewhere from then on.
func (w *worker) abandon() {
	for id, r := range w.running {
		w.stop(r)
		delete(w.running, id)
	}
}

func (w *worker) stop(r *run) {
	r.over = true
	delete(w.strays, r)
	w.s.checks.stopped(w.name, r)
}

// loseState has everything forgotten that the worker knew. What runs there runs on until the lease ends that it has
// had.
func (w *worker) loseState() {
	w.stateID++
	clear(w.ended)
	until := w.lost.After(workerGrace)
	for id, r := range w.running {
		delete(w.running, id)
		r.stray = true
		w.strays[r] = true
		w.s.checks.orphaned(w.name, r)
		w.s.at(until, func() {
			if !r.over {
				w.stop(r)
			}
		})
	}
}

// sayGoodbye stops the worker in order. Its executors stay, or end before.
func (w *worker) sayGoodbye(stay bool) {
	w.parting = true
	if !stay {
		w.abandon()
		for _, ref := range w.unacknowledged() { // said before
			w.report(ref)
		}
	}
	session := w.session
	w.send(core.WorkerStopping{Worker: w.name, Staying: w.holding()}, func([]core.Transition) {
		if w.session == session {
			w.cutBoth()
		}
	})
}

// order is on its way to the worker.
func (w *worker) order(o core.Order) {
	session := w.session
	if !w.up {
		return
	}
	w.orders.carry(w.s, func() {
		if w.up && w.session == session {
			w.execute(o)
		}
	})
}

func (w *worker) execute(o core.Order) {
	r := w.running[o.Ref.Job]
	if r != nil && r.ref != o.Ref {
		r = nil
	}
	if o.End != nil {
		if r != nil && (o.End.Kill || !r.stubborn) {
			w.end(r, result.Report{Terminated: true})
		}
		return
	}
	if _, over := w.ended[o.Ref]; r != nil || over || w.failed[o.Ref] {
		return // told twice
	}
	job := w.s.jobs[o.Ref.Job]
	if job == nil || w.parting {
		return // it has ended meanwhile; or it is not among what stays
	}
	if n := w.s.cfg.Faults.LaunchFailures; n > 0 && w.s.rnd.Uint64N(n) == 0 {
		w.ended[o.Ref], w.failed[o.Ref] = result.Report{NotBegun: "no process can be started", Elsewhere: true}, true
		w.report(o.Ref)
		return
	}
	if job.Endless {
		w.hold(o.Ref, job.slots())
		return
	}
	r = w.start(o.Ref, job.slots(), job.Run)
	r.stubborn = job.Stubborn
	w.send(core.RanksStarted{Worker: w.name, Ref: r.ref}, nil)
}

// hold gives a job its slots for ever.
func (w *worker) hold(ref core.JobRef, slots uint32) *run {
	r := &run{ref: ref, slots: slots}
	w.running[ref.Job] = r
	w.s.checks.started(w.s, w.name, r)
	return r
}

// start has the ranks of a job run for some time.
func (w *worker) start(ref core.JobRef, slots uint32, d core.Duration) *run {
	r := w.hold(ref, slots)
	w.s.after(d, func() {
		switch {
		case r.over:
		case r.stray:
			w.stop(r)
		default:
			w.end(r, result.Report{})
		}
	})
	return r
}

func (w *worker) end(r *run, end result.Report) {
	w.stop(r)
	delete(w.running, r.ref.Job)
	w.ended[r.ref] = end
	if !end.Terminated {
		w.s.checks.completed(r.ref)
	}
	w.report(r.ref)
}

// report sends the end of a placement, which is kept until it is acknowledged.
func (w *worker) report(ref core.JobRef) {
	end := w.ended[ref]
	known := func([]core.Transition) { delete(w.ended, ref) }
	if end.Elsewhere {
		w.send(core.LaunchFailed{Worker: w.name, Ref: ref, Reason: end.NotBegun}, known)
		return
	}
	w.send(core.RanksEnded{Worker: w.name, Ref: ref, Report: end}, known)
}

// send has the scheduler decide about a message some time later, if the connection lasts.
func (w *worker) send(e core.Event, acknowledged func([]core.Transition)) {
	session := w.session
	if !w.up {
		return
	}
	w.reports.carry(w.s, func() {
		if w.up && w.session == session && !w.s.down {
			w.s.decide(e, acknowledged)
		}
	})
}

// disconnected is the scheduler's side of a broken connection.
func (w *worker) disconnected() {
	if !w.s.down {
		w.s.decide(core.WorkerDisconnected{Name: w.name}, nil)
	}
}
