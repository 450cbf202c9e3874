package core

import (
	"fmt"
	"iter"
)

// A snapshot is the state in pieces: one that opens it, one for each worker, tenant, reservation,
// array and job. Like a record, each piece
// starts with the version of the encoding.

type pieceKind uint64

const (
	pieceHead pieceKind = iota + 1
	pieceWorker
	pieceJob
	pieceAccount
	pieceReservation
	pieceArray
	pieceDetails
)

// Pieces writes the state down.
func (s *State) Pieces() iter.Seq[[]byte] {
	return s.pieces(s, func(j *Job) *Job { return j })
}

// Outline is a snapshot without what has ended and without what is nobody else's business: names, programs, keys. Jobs
// of one name keep a common one. Deciding goes on from it as from the state itself.
func (s *State) Outline() iter.Seq[[]byte] {
	return s.pieces(&State{lastJob: s.lastJob, oldest: s.oldest}, func(j *Job) *Job {
		if j.State.Terminal() {
			return nil
		}
		bare := *j
		bare.Key, bare.Name, bare.Spec, bare.Steps = "", s.named(j).first().String(), nil, nil
		return &bare
	})
}

func (s *State) pieces(head *State, job func(*Job) *Job) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if !yield(encodePiece(pieceHead, head.headFields)) {
			return
		}
		for _, w := range s.workers {
			if !yield(encodePiece(pieceWorker, w.fields)) {
				return
			}
		}
		for _, a := range s.accounts {
			if !yield(encodePiece(pieceAccount, a.fields)) {
				return
			}
		}
		for _, r := range s.reservations {
			if !yield(encodePiece(pieceReservation, r.fields)) {
				return
			}
		}
		for id := s.oldest; id <= s.lastJob; id++ { // an array goes before its first task that is remembered
			j := s.jobs[id]
			if j == nil || j.Array.Job == 0 || s.arrays[j.Array.Job].first(s) != id {
				continue
			}
			if !yield(encodePiece(pieceArray, s.arrays[j.Array.Job].fields)) {
				return
			}
		}
		written := &shares{}
		for id := s.oldest; id <= s.lastJob; id++ {
			j := s.jobs[id]
			if j != nil {
				j = job(j)
			}
			if j == nil {
				continue
			}
			if len(j.Spec) > 0 && written.of(&j.Request) == 0 {
				if !yield(encodePiece(pieceDetails, j.detailFields)) {
					return
				}
				written.add(&j.Request)
			}
			if !yield(encodeShared(pieceJob, written, j.fields)) {
				return
			}
		}
	}
}

func encodePiece(k pieceKind, fields func(*codec)) []byte { return encodeShared(k, &shares{}, fields) }

func encodeShared(k pieceKind, written *shares, fields func(*codec)) []byte {
	c := &codec{shares: written}
	c.opening()
	kind := uint64(k)
	c.uint64(&kind)
	fields(c)
	return c.buf
}

// LoadPiece takes one piece of a snapshot into a new state, in the order of Pieces. Any bytes may be handed in; after
// an error the state is not to be used.
func (s *State) LoadPiece(b []byte) error {
	c := &codec{buf: b, reading: true, shares: &s.loaded}
	c.opening()
	var k uint64
	c.uint64(&k)
	switch pieceKind(k) {
	case pieceHead:
		s.headFields(c)
		return c.end()
	case pieceWorker:
		return s.loadWorker(c)
	case pieceAccount:
		return s.loadAccount(c)
	case pieceReservation:
		return s.loadReservation(c)
	case pieceArray:
		return s.loadArray(c)
	case pieceJob:
		return s.loadJob(c)
	case pieceDetails:
		var r Request
		r.detailFields(c)
		s.loaded.add(&r)
		return c.end()
	}
	c.fail("unknown kind %d of piece", k)
	return c.err
}

func (s *State) headFields(c *codec) {
	c.job(&s.lastJob)
	c.job(&s.oldest)
	list(c, &s.ended, c.job)
}

func (w *Worker) fields(c *codec) {
	c.worker(&w.Name)
	c.uint32(&w.Slots)
	c.uint64(&w.Mem)
	list(c, &w.Labels, func(l *Label) { l.fields(c) })
	c.bool(&w.Connected)
	c.string(&w.Draining)
	c.time(&w.Since)
	c.time(&w.timer.at)
	if c.version >= 3 {
		c.string(&w.Unfit)
	}
	if c.version >= 4 {
		c.string(&w.StateID)
		c.bool(&w.Stopped)
	}
	engineFields(c, &w.Engines)
	resourceFields(c, &w.Resources)
}

func (j *Job) fields(c *codec) {
	c.job(&j.ID)
	c.string(&j.Key)
	j.Request.fields(c)
	c.state(&j.State)
	c.epoch(&j.Epoch)
	list(c, &j.Placement, func(p *Span) { p.fields(c) })
	c.bool(&j.Attached)
	c.uint32(&j.Restarts)
	list(c, &j.Waits, func(d *Dependency) { d.fields(c) })
	c.string(&j.Doomed)
	j.Promised.fields(c)
	c.time(&j.Submitted)
	c.time(&j.Placed)
	c.time(&j.Started)
	c.time(&j.Ended)
	j.Ending.fields(c)
	j.End.fields(c)
	c.time(&j.timer.at)
	if c.version >= 2 {
		c.worker(&j.Claim)
		c.time(&j.Until)
	}
	if c.version >= 4 {
		c.uint32(&j.LaunchFailures)
		c.string(&j.Orphaned)
	}
	if c.version >= 9 {
		c.time(&j.NotBefore)
	}
	if c.version >= 10 {
		list(c, &j.Units, func(u *Unit) { u.fields(c) })
	}
	if c.version >= 11 {
		list(c, &j.Steps, func(p *Step) { p.fields(c) })
	}
}

func (a *Account) fields(c *codec) {
	c.string((*string)(&a.Name))
	c.uint64(&a.Usage)
	c.time(&a.UsageAt)
	c.uint64(&a.Jobs)
	c.uint64(&a.SlotMS)
	c.duration(&a.CPU)
}

func (s *State) loadAccount(c *codec) error {
	a := &Account{}
	a.fields(c)
	if err := c.end(); err != nil {
		return err
	}
	*s.account(a.Name) = *a
	return nil
}

func (s *State) loadWorker(c *codec) error {
	w := &Worker{}
	w.fields(c)
	if err := c.end(); err != nil {
		return err
	}
	i := s.workerIndex(w.Name)
	if i != len(s.workers) {
		return fmt.Errorf("%w: worker %q is out of order", ErrRecord, w.Name)
	}
	s.workers = append(s.workers, w)
	w.timer.worker = w
	s.rearm(&w.timer, &s.fences)
	s.freeSlots.add(w)
	return nil
}

// loadJob puts a job where its state says: into the queue or onto its worker's books.
func (s *State) loadJob(c *codec) error {
	j := &Job{}
	j.fields(c)
	if err := c.end(); err != nil {
		return err
	}
	if j.ID == 0 || j.ID > s.lastJob || s.jobs[j.ID] != nil || j.State == 0 {
		return fmt.Errorf("%w: job %d does not belong here", ErrRecord, j.ID)
	}
	s.jobs[j.ID] = j
	s.share(j)
	if j.State.Terminal() {
		s.account(j.Tenant).Kept += j.kept()
	}
	if a := s.arrayOf(j); a != nil {
		a.load(j)
	}
	s.rememberKey(j)
	if j.State.Holds() {
		w := s.Worker(j.worker())
		if w == nil {
			return fmt.Errorf("%w: job %d holds slots of worker %q, which is not there", ErrRecord, j.ID, j.worker())
		}
		s.book(j, w, j.due())
		s.account(j.Tenant).began += int64(j.slots()) * millis(j.Placed)
	}
	for _, d := range j.Waits {
		s.waiters[d.Job] = append(s.waiters[d.Job], j.ID)
	}
	if !j.State.Terminal() {
		s.enlist(j)
	}
	if j.Doomed != "" && j.State == Pending {
		s.doomed = append(s.doomed, j.ID)
	}
	if w := s.Worker(j.Claim); w != nil && j.State == Pending {
		s.claim(j, w)
	}
	if j.State == Pending {
		s.pending++
		s.account(j.Tenant).Pending++
		s.updateQueue(j)
	}
	j.timer.job = j
	s.rearm(&j.timer, s.clock(j))
	if j.State == Configuring && j.timer.at == 0 { // saved by a version that had no limit for this
		s.timers.set(&j.timer, j.startBy())
	}
	return nil
}

func (s *State) rearm(t *timer, on *timers) {
	at := t.at
	t.at = 0
	on.set(t, at)
}
