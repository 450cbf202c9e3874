package core

import (
	"fmt"
	"sort"
)

// Reservation keeps slots of workers for tenants from one moment to another. A job of nobody's reservation is placed on
// them only if its time is over before that begins, and a job of the reservation runs nowhere else and not beyond its
// end. What runs in its way already, because it was there first, is left alone.
type Reservation struct {
	Name     string
	From, To Time
	Tenants  []Tenant // who may have jobs in it
	Parts    []ReservedPart
	Begun    bool

	timer timer // its beginning, then its end
}

// ReservedPart is what a reservation keeps of one worker.
type ReservedPart struct {
	Worker WorkerName
	Slots  uint32 // 0: all, however many there are
}

// maxReservations bounds how many there are at once: each worker is compared with those that keep some of it.
const maxReservations = 1000

// Reserve makes a reservation, of workers named or of so many slots wherever they are free by then. Unreserve ends one.
type (
	Reserve struct {
		Reservation          // without Parts; From 0: now
		For         Duration // instead of To
		Workers     []WorkerName
		Slots       uint32
		IgnoreJobs  bool // though jobs that run there now may run on into it
	}
	Unreserve struct{ Name string }
)

// workerReservation is a reservation's part of a worker, from the worker's side.
type workerReservation struct {
	r     *Reservation
	slots uint32
}

// of is what is kept of the worker. A part of the slots comes with that part of the memory.
func (k workerReservation) of(w *Worker) (slots uint32, mem uint64) {
	if k.slots == 0 || k.slots >= w.Slots {
		return w.Slots, w.Mem
	}
	return k.slots, w.Mem / uint64(w.Slots) * uint64(k.slots)
}

func (k workerReservation) overlaps(from, to Time) bool { return k.r.From < to && from < k.r.To }

// reservation finds what a reservation keeps of the worker.
func (w *Worker) reservation(name string) (workerReservation, bool) {
	for _, k := range w.reservations {
		if k.r.Name == name {
			return k, true
		}
	}
	return workerReservation{}, false
}

// pool says out of what a job's slots on a worker come: its reservation's, or those that are everybody's ("").
func (w *Worker) pool(j *Job) string {
	if _, ok := w.reservation(j.Reservation); ok {
		return j.Reservation
	}
	return ""
}

// capacity is what a pool of the worker has for the whole of a stretch of time.
func (w *Worker) capacity(pool string, from, to Time) (slots, mem uint64) {
	if k, ok := w.reservation(pool); ok {
		s, m := k.of(w)
		return uint64(s), m
	}
	slots, mem = uint64(w.Slots), w.Mem
	for _, k := range w.reservations {
		if k.overlaps(from, to) {
			s, m := k.of(w)
			slots -= min(slots, uint64(s))
			mem -= min(mem, m)
		}
	}
	return slots, mem
}

// Reservations are those that are not over, by name. The slice is the state's own.
func (s *State) Reservations() []*Reservation { return s.reservations }

func (s *State) reservationIndex(name string) int {
	return sort.Search(len(s.reservations), func(i int) bool { return s.reservations[i].Name >= name })
}

func (s *State) reservation(name string) *Reservation {
	if i := s.reservationIndex(name); i < len(s.reservations) && s.reservations[i].Name == name {
		return s.reservations[i]
	}
	return nil
}

func (s *State) begun(name string) bool {
	r := s.reservation(name)
	return r != nil && r.Begun
}

func (r *Reservation) admits(t Tenant) bool {
	for _, name := range r.Tenants {
		if name == t {
			return true
		}
	}
	return false
}

// checkReservation refuses a job in a reservation that is not there for it.
func (s *State) checkReservation(r *Request) error {
	if r.Reservation == "" {
		return nil
	}
	if found := s.reservation(r.Reservation); found == nil || !found.admits(r.Tenant) {
		return fmt.Errorf("%w: there is no reservation %s for tenant %s", ErrInvalid, r.Reservation, r.Tenant)
	}
	return nil
}

// ends is when a job that starts at a moment will have ended.
func (s *State) ends(j *Job, at Time) Time {
	end := never
	if j.TimeLimit > 0 {
		end = at.After(j.TimeLimit)
	}
	if r := s.reservation(j.Reservation); r != nil {
		end = min(end, r.To)
	}
	if j.EndBy > 0 {
		end = min(end, j.EndBy)
	}
	return end
}

// fitsNow reports whether the worker has room for the job from now on, were some jobs gone (nil: none), as far as
// reservations, and what the jobs hold, go.
func (s *State) fitsNow(w *Worker, j *Job, now Time, gone func(*Job) bool) bool {
	if !w.Open() || !w.fits(&j.Request) {
		return false
	}
	pool := w.pool(j)
	if k, ok := w.reservation(pool); ok && (now < k.r.From || now >= k.r.To) {
		return false
	}
	var stay []*Job
	slots, mem := uint64(j.slots()), j.mem()
	for _, id := range w.Jobs {
		r := s.jobs[id]
		if gone != nil && gone(r) {
			continue
		}
		if j.Exclusive || r.Exclusive {
			return false
		}
		slots += uint64(r.slots())
		mem += r.mem()
		if w.pool(r) == pool {
			stay = append(stay, r)
		}
	}
	if slots > uint64(w.Slots) || mem > w.Mem ||
		!w.spares(j.Resources, func(id JobID) bool { return gone == nil || !gone(s.jobs[id]) }) {
		return false
	}
	// What jobs hold only falls with time, and what reservations keep rises only as one begins.
	end := s.ends(j, now)
	for _, k := range w.reservations {
		if at := k.r.From; pool == "" && now < at && at < end {
			later := func(r *Job) bool { return r.State == Pending || r.State == Completing || r.due() > at }
			if !s.within(w, j, stay, pool, at, later) {
				return false
			}
		}
	}
	return s.within(w, j, stay, pool, now, func(*Job) bool { return true })
}

// within reports whether a pool of the worker has, at a moment, what the job needs and those of the others that are
// there then.
func (s *State) within(w *Worker, j *Job, others []*Job, pool string, at Time, there func(*Job) bool) bool {
	slots, mem := uint64(j.slotsOn(w)), j.mem()
	for _, r := range others {
		if there(r) {
			slots += uint64(r.slots())
			mem += r.mem()
		}
	}
	most, mostMem := w.capacity(pool, at, at.After(1))
	return slots <= most && mem <= mostMem
}

func (e Reserve) decide(s *State, now Time) ([]Transition, error) {
	r := e.Reservation
	if r.From == 0 {
		r.From = now
	}
	r.To = r.From.After(e.For)
	switch {
	case s.reservation(r.Name) != nil:
		return nil, fmt.Errorf("%w: there is a reservation %s already", ErrInvalid, r.Name)
	case len(s.reservations) >= maxReservations:
		return nil, fmt.Errorf("%w: there are %d reservations already", ErrExhausted, len(s.reservations))
	case r.From < now:
		return nil, fmt.Errorf("%w: a reservation can't begin in the past", ErrInvalid)
	case r.To <= r.From:
		return nil, fmt.Errorf("%w: a reservation ends after it begins", ErrInvalid)
	case len(r.Tenants) == 0:
		return nil, fmt.Errorf("%w: a reservation is for at least one tenant", ErrInvalid)
	case (len(e.Workers) > 0) == (e.Slots > 0):
		return nil, fmt.Errorf("%w: a reservation is of workers, or of a number of slots", ErrInvalid)
	}
	var err error
	if len(e.Workers) > 0 {
		r.Parts, err = s.reserveWorkers(e, r.From, r.To)
	} else {
		r.Parts, err = s.reserveSlots(e, r.From, r.To)
	}
	if err != nil {
		return nil, err
	}
	r.Begun = r.From <= now
	return []Transition{&ReservationMade{r.Name, r.From, r.To, r.Tenants, r.Parts, r.Begun}}, nil
}

// unreserved is what of a worker nobody else has reserved or will hold in a stretch of time.
func (s *State) unreserved(w *Worker, e Reserve, from, to Time) (slots uint64, inTheWay *Job) {
	slots, _ = w.capacity("", from, to)
	for _, id := range w.Jobs {
		j := s.jobs[id]
		if e.IgnoreJobs || j.due() <= from || w.pool(j) != "" {
			continue
		}
		slots -= min(slots, uint64(j.slotsOn(w)))
		inTheWay = j
	}
	return slots, inTheWay
}

func (s *State) reserveWorkers(e Reserve, from, to Time) ([]ReservedPart, error) {
	names := append([]WorkerName(nil), e.Workers...)
	sort.Slice(names, func(i, j int) bool { return names[i] < names[j] })
	var parts []ReservedPart
	for i, name := range names {
		w := s.Worker(name)
		if w == nil {
			return nil, fmt.Errorf("%w: %s", ErrNoWorker, name)
		}
		if i > 0 && names[i-1] == name {
			continue
		}
		switch unreserved, j := s.unreserved(w, e, from, to); {
		case j != nil:
			return nil, fmt.Errorf("%w: job %d may still run on %s at that time; --ignore-jobs reserves it all the same",
				ErrState, j.ID, name)
		case unreserved < uint64(w.Slots):
			return nil, fmt.Errorf("%w: another reservation keeps %d slots of %s at that time", ErrState,
				uint64(w.Slots)-unreserved, name)
		}
		parts = append(parts, ReservedPart{Worker: name})
	}
	return parts, nil
}

// reserveSlots takes from the fewest workers.
func (s *State) reserveSlots(e Reserve, from, to Time) ([]ReservedPart, error) {
	type offer struct {
		w     *Worker
		spare uint64
	}
	var offers []offer
	sum := uint64(0)
	for _, w := range s.workers {
		if unreserved, _ := s.unreserved(w, e, from, to); unreserved > 0 && w.Open() {
			offers = append(offers, offer{w, unreserved})
			sum += unreserved
		}
	}
	if sum < uint64(e.Slots) {
		return nil, fmt.Errorf("%w: %d slots will be free for a reservation at that time, not %d", ErrState, sum, e.Slots)
	}
	sort.SliceStable(offers, func(i, j int) bool { return offers[i].spare > offers[j].spare })
	var parts []ReservedPart
	for left := uint64(e.Slots); left > 0; offers = offers[1:] {
		n := min(left, offers[0].spare)
		parts = append(parts, ReservedPart{offers[0].w.Name, uint32(n)})
		left -= n
	}
	sort.Slice(parts, func(i, j int) bool { return parts[i].Worker < parts[j].Worker })
	return parts, nil
}

func (e Unreserve) decide(s *State, now Time) ([]Transition, error) {
	if s.reservation(e.Name) == nil {
		return nil, fmt.Errorf("%w: there is no reservation %s", ErrNoReservation, e.Name)
	}
	return []Transition{&ReservationOver{e.Name}}, nil
}

func (r *Reservation) due(now Time) []Transition {
	var ts []Transition
	if !r.Begun {
		ts = append(ts, &ReservationBegan{r.Name})
	}
	if r.To <= now {
		ts = append(ts, &ReservationOver{r.Name})
	}
	return ts
}

// ReservationMade keeps slots; ReservationBegan lets its jobs start; ReservationOver ends it, and the waiting jobs that
// were to run in it.
type (
	ReservationMade struct {
		Name     string
		From, To Time
		Tenants  []Tenant
		Parts    []ReservedPart
		Begun    bool
	}
	ReservationBegan struct{ Name string }
	ReservationOver  struct{ Name string }
)

func (*ReservationMade) kind() kind  { return kindReservationMade }
func (*ReservationBegan) kind() kind { return kindReservationBegan }
func (*ReservationOver) kind() kind  { return kindReservationOver }

func (t *ReservationMade) fields(c *codec) {
	c.string(&t.Name)
	c.time(&t.From)
	c.time(&t.To)
	list(c, &t.Tenants, func(t *Tenant) { c.string((*string)(t)) })
	list(c, &t.Parts, func(p *ReservedPart) { c.worker(&p.Worker); c.uint32(&p.Slots) })
	c.bool(&t.Begun)
}
func (t *ReservationBegan) fields(c *codec) { c.string(&t.Name) }
func (t *ReservationOver) fields(c *codec)  { c.string(&t.Name) }

func (t *ReservationMade) apply(s *State) error {
	if s.reservation(t.Name) != nil {
		return fmt.Errorf("there is a reservation %q already", t.Name)
	}
	r := &Reservation{Name: t.Name, From: t.From, To: t.To, Tenants: t.Tenants, Parts: t.Parts, Begun: t.Begun}
	r.timer.reservation = r
	i := s.reservationIndex(t.Name)
	s.reservations = append(s.reservations, nil)
	copy(s.reservations[i+1:], s.reservations[i:])
	s.reservations[i] = r
	s.reservationChanged(r)
	return nil
}

func (t *ReservationBegan) apply(s *State) error {
	r := s.reservation(t.Name)
	if r == nil {
		return fmt.Errorf("there is no reservation %q", t.Name)
	}
	r.Begun = true
	s.reservationChanged(r)
	s.eachPendingIn(r, s.updateQueue)
	return nil
}

func (t *ReservationOver) apply(s *State) error {
	r := s.reservation(t.Name)
	if r == nil {
		return fmt.Errorf("there is no reservation %q", t.Name)
	}
	i := s.reservationIndex(t.Name)
	s.reservations = append(s.reservations[:i], s.reservations[i+1:]...)
	s.timers.set(&r.timer, 0)
	s.updateAllReservations()
	s.eachPendingIn(r, func(j *Job) {
		s.doom(j, "its reservation "+r.Name+" is over")
		s.updateQueue(j)
	})
	return nil
}

// eachPendingIn walks all jobs: reservations begin and end rarely.
func (s *State) eachPendingIn(r *Reservation, f func(*Job)) {
	for id := s.oldest; id <= s.lastJob; id++ {
		if j := s.jobs[id]; j != nil && j.State == Pending && j.Reservation == r.Name {
			f(j)
		}
	}
}

func (s *State) reservationChanged(r *Reservation) {
	at := r.From
	if r.Begun {
		at = r.To
	}
	s.timers.set(&r.timer, at)
	s.updateAllReservations()
}

func (s *State) updateAllReservations() {
	for _, w := range s.workers {
		s.updateReservations(w)
	}
}

// updateReservations finds anew what is kept of a worker.
func (s *State) updateReservations(w *Worker) {
	s.touch(w)
	w.reservations = nil
	for _, r := range s.reservations {
		i := sort.Search(len(r.Parts), func(i int) bool { return r.Parts[i].Worker >= w.Name })
		if i < len(r.Parts) && r.Parts[i].Worker == w.Name {
			w.reservations = append(w.reservations, workerReservation{r, r.Parts[i].Slots})
		}
	}
}

// A snapshot holds a reservation as what would make it.
func (r *Reservation) fields(c *codec) {
	t := ReservationMade{r.Name, r.From, r.To, r.Tenants, r.Parts, r.Begun}
	t.fields(c)
}

func (s *State) loadReservation(c *codec) error {
	var t ReservationMade
	t.fields(c)
	if err := c.end(); err != nil {
		return err
	}
	if err := t.apply(s); err != nil {
		return fmt.Errorf("%w: %v", ErrRecord, err)
	}
	return nil
}
