package core

import (
	"fmt"
	"strings"

	"github.com/faasmrun/faasmrun/internal/bytesize"
	"github.com/faasmrun/faasmrun/scheduler/jobstate"
)

// pass is one look over the queue. It books what it places so that it sees its own doing, and takes it all back at its
// end: the transitions do it for good.
type pass struct {
	s      *State
	now    Time
	jobs   []*Job // placed by this pass
	booked []Span // where, beside them
	ts     []Transition

	head         *Job    // the first job that has to wait
	shadowWorker *Worker // where the head can start first
	shadowTime   Time    // and when

	preemption bool    // somebody could find room by having others give way
	claims     []claim // made by this pass
	preemptors int     // jobs that have looked for others that could give way

	refused []shape // the smallest plain jobs for which there is no room
}

// schedule goes over the queue in the order of priority: gang placement, best fit, and behind the first job that has to
// wait only what does not delay it (EASY backfill).
func (s *State) schedule(now Time) []Transition {
	p := &pass{s: s, now: now, preemption: s.preemption()}
	if !p.incremental() {
		p.run()
		p.remember()
	}
	p.undo()
	return p.ts
}

// run looks at jobs until Depth of them have sought room. Those that are passed over for reasons of their tenant's own
// hold up nobody else, however many they are: of one tenant Depth of them are passed over, then all of its others too.
func (p *pass) run() {
	p.cancelDoomed()
	l := p.s.walk(p.now)
	for sought := 0; sought < p.s.Policy.Depth; {
		top := l.top()
		if top == nil {
			return
		}
		if top.account.exhausted(&top.quota) {
			l.skipTenant()
			continue
		}
		found, done := p.screen(top)
		if !done {
			found = p.consider(top.job(), top)
		}
		switch found {
		case overNow:
			return
		case passedOver:
			if top.passed++; top.passed == p.s.Policy.Depth {
				l.skipTenant()
				continue
			}
		default:
			sought++
		}
		l.advance()
	}
}

// outcome is what became of a job that a pass looked at.
type outcome int

const (
	lookedAt outcome = iota
	passedOver
	overNow // nothing behind it is to be looked at
)

func (p *pass) cancelDoomed() {
	for _, id := range p.s.doomed {
		j := p.s.jobs[id]
		p.ts = append(p.ts, p.s.finish(j, End{State: Cancelled, ExitCode: jobstate.ExitFailed, Reason: j.Doomed}, p.now)...)
	}
}

// screen decides from its queue entry alone, as consider would from the job, that a plain job has to wait. False: it
// can't tell.
func (p *pass) screen(at *cursor) (outcome, bool) {
	s, entry := p.s, at.entry()
	switch {
	case p.head == nil || !entry.plain || s.Policy.Fixed || p.preemption || s.claimed > 0 || !p.cannotFit(entry.want):
		return 0, false
	case at.account.over(&at.quota, entry.want.ranks, entry.want.mem) != "" || !s.everFits(entry.want):
		return passedOver, true
	}
	return p.waits(), true
}

// consider places a job if that is possible.
func (p *pass) consider(j *Job, at *cursor) outcome {
	s := p.s
	if why := s.impossible(&j.Request); why != "" {
		p.ts = append(p.ts, s.finish(j, End{State: Failed, ExitCode: jobstate.ExitFailed, Reason: why}, p.now)...)
		return passedOver
	}
	if at.account.overQuota(&at.quota, j) != "" || s.throttled(j) != "" {
		return passedOver
	}
	if w := p.find(j); w != nil {
		p.place(j, w)
		return lookedAt
	}
	fits := s.fitsSome(&j.Request)
	switch {
	case fits && p.preemption && p.preempt(j):
	case fits && p.head == nil:
		p.setHead(j)
	case !fits:
		return passedOver
	}
	return p.waits()
}

// waits reports whether it is worth while to look at others behind a job that has to wait.
func (p *pass) waits() outcome {
	if !p.s.Policy.Backfill || p.s.freeSlots.mostFree() == 0 && !p.preemption {
		return overNow
	}
	return lookedAt
}

// preemption reports whether a job could find room although no slot is free.
func (s *State) preemption() bool {
	for _, name := range s.qos {
		if s.anyHeld(s.Policy.QOS[name].Preempts) {
			return true
		}
	}
	return false
}

func (p *pass) place(j *Job, w *Worker) {
	j.Units = w.choose(j.Resources)
	p.s.book(j, w, p.s.ends(j, p.now))
	p.jobs = append(p.jobs, j)
	span := Span{w.Name, 0, j.Ranks}
	p.booked = append(p.booked, span)
	t := &JobPlaced{Ref: JobRef{j.ID, j.Epoch + 1}, Placement: []Span{span}, At: p.now, Units: j.Units}
	if r := p.s.reservation(j.Reservation); r != nil {
		t.Until = r.To
	}
	p.ts = append(p.ts, t)
}

func (p *pass) undo() {
	for i := len(p.jobs) - 1; i >= 0; i-- {
		p.s.unbook(p.jobs[i], p.s.Worker(p.booked[i].Worker))
		p.jobs[i].Units = nil
	}
	for _, c := range p.claims {
		c.worker.claim = c.before
		p.s.touch(c.worker)
	}
}

// find is best fit: of the workers that the job fits on now, the one with the fewest free slots.
func (p *pass) find(j *Job) *Worker {
	want, plain := shapeOf(j)
	if plain && p.cannotFit(want) {
		return nil
	}
	for w := range p.s.freeSlots.withAtLeast(j.slots()) {
		if p.takes(w, j) && p.canBackfill(j, w, nil) {
			return w
		}
	}
	if plain {
		p.refuse(want)
	}
	return nil
}

// shape is all that a plain job asks of a worker. During a pass free slots only shrink, and so does what can be
// backfilled: where there is none for one shape, there is none for a larger one.
type shape struct {
	ranks   uint32
	mem     uint64
	limit   Duration
	rankMem uint64
	needs   Needs
}

// shapeOf is a job's; false for one that asks for more.
func shapeOf(j *Job) (shape, bool) {
	limit := j.TimeLimit
	if limit == 0 {
		limit = Duration(never)
	}
	return shape{j.slots(), j.mem(), limit, j.rankMem(), j.Needs},
		!j.Exclusive && len(j.Hosts) == 0 && len(j.Excluded) == 0 && len(j.Resources) == 0 &&
			len(j.Constraint) == 0 && j.Reservation == "" &&
			j.EndBy == 0 && j.Claim == ""
}

// holds reports whether whoever has room for v has it for u.
func (v shape) holds(u shape) bool {
	return u.ranks <= v.ranks && u.mem <= v.mem && u.limit <= v.limit && u.rankMem <= v.rankMem &&
		u.needs.Models&^v.needs.Models == 0 && (u.needs.Engine == "" || u.needs.Engine == v.needs.Engine)
}

func (p *pass) cannotFit(want shape) bool {
	for _, small := range p.refused {
		if want.holds(small) {
			return true
		}
	}
	return false
}

// maxRefused bounds how many shapes are remembered.
const maxRefused = 16

func (p *pass) refuse(want shape) {
	left := p.refused[:0]
	for _, v := range p.refused {
		if !v.holds(want) {
			left = append(left, v)
		}
	}
	if len(left) == maxRefused {
		left = left[1:]
	}
	p.refused = append(left, want)
}

// takes reports whether the worker has room that is not kept for others.
func (p *pass) takes(w *Worker, j *Job) bool {
	return w.has(&j.Request) && (w.claim == 0 || w.claim == j.ID) &&
		(len(w.reservations) == 0 || p.s.fitsNow(w, j, p.now, nil))
}

// due is when a job leaves; one that this pass has placed starts now.
func (p *pass) due(j *Job) Time {
	if j.State != Pending {
		return j.due()
	}
	return p.s.ends(j, p.now)
}

// canBackfill reports whether the job, placed now on the worker, and with some jobs gone (nil: none), leaves what the
// head was promised as it is: it runs elsewhere, has ended by then, or takes only what the head leaves free.
func (p *pass) canBackfill(j *Job, w *Worker, gone func(*Job) bool) bool {
	if p.head == nil || w != p.shadowWorker || p.endsBy(j, p.shadowTime) {
		return true
	}
	pool := w.pool(p.head)
	if w.pool(j) != pool {
		return true
	}
	if p.head.Exclusive || j.Exclusive {
		return false
	}
	stays := func(id JobID) bool {
		r := p.s.jobs[id]
		return !p.endsBy(r, p.shadowTime) && (gone == nil || !gone(r))
	}
	if !w.spares(p.head.Resources.beside(j.Resources), stays) {
		return false
	}
	slots, mem := uint64(j.slots())+uint64(p.head.slots()), j.mem()+p.head.mem()
	for _, id := range w.Jobs {
		if r := p.s.jobs[id]; w.pool(r) == pool && !p.endsBy(r, p.shadowTime) && (gone == nil || !gone(r)) {
			slots += uint64(r.slots())
			mem += r.mem()
		}
	}
	most, mostMem := w.capacity(pool, p.shadowTime, p.s.ends(p.head, p.shadowTime))
	return slots <= most && mem <= mostMem
}

// endsBy reports whether the job is due by that time. One without a limit never is.
func (p *pass) endsBy(j *Job, at Time) bool {
	due := p.due(j)
	return due <= at && due != never
}

// everFits reports whether some worker, empty, could run a plain job.
func (s *State) everFits(want shape) bool {
	for _, w := range s.workers {
		if want.ranks <= w.Slots && want.mem <= w.Mem && w.runs(&want.needs, want.rankMem) {
			return true
		}
	}
	return false
}

func (s *State) fitsSome(r *Request) bool {
	for _, w := range s.workers {
		if w.fits(r) {
			return true
		}
	}
	return false
}

// impossible says why no worker can ever run the request: only where the set of workers is fixed.
func (s *State) impossible(r *Request) string {
	if !s.Policy.Fixed || len(s.workers) == 0 {
		return ""
	}
	return s.tooLarge(r)
}

// Unfitting says why the request fits no worker registered now; "" if it fits one, or where there is none yet.
func (s *State) Unfitting(r *Request) string {
	if len(s.workers) == 0 {
		return ""
	}
	return s.tooLarge(r)
}

// Share gives a job that takes more slots than any worker has as many as the largest that suits it has: its ranks share
// them. Where there is no such worker yet one slot has to do.
func (s *State) Share(r *Request) {
	slots := uint32(1)
	for _, w := range s.workers {
		if w.suits(r) {
			slots = max(slots, w.Slots)
		}
	}
	if slots < r.slots() {
		r.Slots = slots
	}
}

// tooLarge says why the request fits no worker registered now, even if it were empty; "" if it fits one.
func (s *State) tooLarge(r *Request) string {
	var slots uint32
	var mem uint64
	suited := false
	for _, w := range s.workers {
		if w.fits(r) {
			return ""
		}
		if w.suits(r) {
			suited, slots, mem = true, max(slots, w.Slots), max(mem, w.Mem)
		}
	}
	largest := "the largest worker"
	switch {
	case r.choosy():
		largest += " of its choice"
	case !s.suitsAll(r):
		largest += " that can run it"
	}
	switch {
	case !suited && s.unrunnable(r) != "":
		return s.unrunnable(r)
	case !suited:
		return r.unsuited()
	case s.lacksUnits(r.Resources) != "":
		return s.lacksUnits(r.Resources)
	case r.slots() > slots:
		return fmt.Sprintf("needs %s; %s has %d", r.slotsText(), largest, slots)
	case r.mem() > mem:
		return fmt.Sprintf("needs %s of memory (%d ranks of %s); %s has %s", bytesize.String(r.mem()), r.Ranks,
			bytesize.String(r.MemPerRank),
			largest, bytesize.String(mem))
	case r.Reservation != "":
		return fmt.Sprintf("needs %d slots and %s of memory; reservation %s keeps less of each worker", r.slots(),
			bytesize.String(r.mem()), r.Reservation)
	}
	return fmt.Sprintf("needs %d slots and %s of memory together; no worker has both", r.slots(), bytesize.String(r.mem()))
}

// unsuited says what the request wants of a worker that none has.
func (r *Request) unsuited() string {
	hosts := ""
	for i, name := range r.Hosts {
		if i == 3 {
			hosts += ", …"
			break
		}
		hosts += ", " + string(name)
	}
	hosts = strings.TrimPrefix(hosts, ", ")
	switch {
	case len(r.Hosts) == 0 && len(r.Constraint) == 0:
		return "it may not run on any of the workers that are registered (--exclude)"
	case len(r.Constraint) == 0:
		return "no worker is registered of those that it may run on: " + hosts
	case hosts == "":
		return "no worker has the labels " + r.Constraint.String()
	}
	return "none of the workers " + hosts + " has the labels " + r.Constraint.String()
}

// Waiting says why a job waits; "" when it does not.
func (s *State) Waiting(j *Job) string {
	if j.State != Pending {
		return ""
	}
	if why := s.notReady(j); why != "" {
		return why
	}
	if len(s.workers) == 0 {
		return "no worker is registered"
	}
	if why := s.tooLarge(&j.Request); why != "" {
		return why
	}
	if quota := s.Policy.Quota(j.Tenant); s.byTenant[j.Tenant].overQuota(&quota, j) != "" {
		return s.byTenant[j.Tenant].overQuota(&quota, j)
	}
	if why := s.throttled(j); why != "" {
		return why
	}
	if j.Claim != "" {
		return "others on worker " + string(j.Claim) + " are giving way to it"
	}
	return s.whyNoFit(j)
}

// othersFirst is why a job waits although there is room for it as things stand.
const othersFirst = "jobs of higher priority come first"

// suitsAll reports whether a request may run on any worker: it chooses none, and needs nothing that only some have.
func (s *State) suitsAll(r *Request) bool {
	if r.choosy() {
		return false
	}
	for _, w := range s.workers {
		if !w.suits(r) {
			return false
		}
	}
	return true
}

// closed says why none of the workers that the request wants takes jobs now; "" if one does.
func (s *State) closed(r *Request) string {
	const shown = 3
	var whys []string
	for _, w := range s.workers {
		why := ""
		switch {
		case !w.suits(r):
			continue
		case w.Open():
			return ""
		case !w.Connected:
			why = "is not connected"
		case w.Draining != "":
			why = "is drained (" + w.Draining + ")"
		default:
			why = "takes no jobs (" + w.Unfit + ")"
		}
		if len(whys) == shown {
			whys = append(whys, "…")
		}
		if len(whys) < shown {
			whys = append(whys, "worker "+string(w.Name)+" "+why)
		}
	}
	return strings.Join(whys, ", ")
}

// whyNoFit says what a job that fits some worker lacks now.
func (s *State) whyNoFit(j *Job) string {
	if why := s.closed(&j.Request); why != "" && !s.suitsAll(&j.Request) {
		return why
	}
	most, roomy := uint32(0), false
	for w := range s.freeSlots.descending() {
		if roomy {
			break
		}
		if !w.suits(&j.Request) {
			continue
		}
		most = max(most, w.Free())
		if most < j.slots() {
			break
		}
		roomy = w.has(&j.Request)
	}
	switch {
	case s.freeSlots.n == 0:
		return "no worker is connected and open for jobs"
	case roomy && len(s.reservations) > 0:
		return othersFirst + ", or room is kept for a reservation"
	case roomy:
		return othersFirst
	case most < j.slots():
		return fmt.Sprintf("needs %s; the most that are free on one worker now are %d", j.slotsText(), most)
	case j.Exclusive:
		return "needs a worker for itself"
	case s.unitsInUse(&j.Request):
		return "needs " + j.Resources.String() + ", of which too few are free"
	}
	return "needs " + bytesize.String(j.mem()) + " of memory, which is in use"
}

// String writes a duration as people type limits: 90s, 5m, 2h30m.
func (d Duration) String() string {
	if d < Second {
		return fmt.Sprintf("%dms", int64(d/Millisecond))
	}
	var b strings.Builder
	for _, u := range []struct {
		unit Duration
		name string
	}{{Hour, "h"}, {Minute, "m"}, {Second, "s"}} {
		if n := d / u.unit; n > 0 {
			fmt.Fprintf(&b, "%d%s", int64(n), u.name)
			d %= u.unit
		}
	}
	return b.String()
}
