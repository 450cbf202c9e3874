package core

import "fmt"

// Unfit: a worker says why it can't take new jobs for now, or, with no reason, that it can again.
type Unfit struct {
	Worker WorkerName
	Reason string
}

// WorkerUnfit keeps new jobs off a worker as a drain does; it is the worker's own doing and does not outlive its
// connection.
type WorkerUnfit struct {
	Name   WorkerName
	Reason string
}

func (*WorkerUnfit) kind() kind        { return kindWorkerUnfit }
func (t *WorkerUnfit) fields(c *codec) { c.worker(&t.Name); c.string(&t.Reason) }

func (e Unfit) decide(s *State, now Time) ([]Transition, error) {
	w := s.Worker(e.Worker)
	if w == nil {
		return nil, fmt.Errorf("%w: %s", ErrNoWorker, e.Worker)
	}
	if w.Unfit == e.Reason {
		return nil, nil
	}
	return []Transition{&WorkerUnfit{e.Worker, e.Reason}}, nil
}

func (t *WorkerUnfit) apply(s *State) error {
	w := s.Worker(t.Name)
	if w == nil {
		return fmt.Errorf("there is no worker %q", t.Name)
	}
	s.close(w, func() { w.Unfit = t.Reason })
	return nil
}

// close changes whether a worker takes jobs. Those whom others were to give way to on it look elsewhere.
func (s *State) close(w *Worker, change func()) {
	s.freeSlots.remove(w)
	s.unclaim(s.jobs[w.claim])
	change()
	s.touch(w)
	s.freeSlots.add(w)
}
