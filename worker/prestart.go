package worker

import (
	"sync"

	"github.com/faasmrun/faasmrun/internal/tasks"
)

// prestarted holds executors that were started before their jobs came, so that a job need not wait for a process to
// start.
type prestarted struct {
	*spawner
	want  int  // how many are kept ready
	renew bool // start another for each that is taken

	tasks tasks.Group // what starts them

	mu      sync.Mutex // held while a process is started: who takes it waits for it
	waiting []*process
}

// fill starts what is missing, while the caller goes on. An error is ignored: take tries again and returns it.
func (s *prestarted) fill() {
	s.mu.Lock()
	if !s.tasks.Go(func() {
		defer s.mu.Unlock()
		for len(s.waiting) < s.want && !s.tasks.Stopped() {
			p, err := s.spawn(executorVerb, nil)
			if err != nil {
				return
			}
			s.waiting = append(s.waiting, p)
		}
	}) {
		s.mu.Unlock()
	}
}

// take returns the prestarted executor that has had most time to start, or else a new one.
func (s *prestarted) take() (*process, error) {
	p := s.pop()
	if s.renew {
		s.tasks.Go(s.fill)
	}
	if p != nil {
		return p, nil
	}
	return s.spawn(executorVerb, nil)
}

func (s *prestarted) pop() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.waiting) > 0 {
		p := s.waiting[0]
		s.waiting = s.waiting[1:]
		if p.isRunning() {
			return p
		}
		p.discard() // it may have waited for days, and have been killed meanwhile
	}
	return nil
}

// close ends those that wait, and has no more started.
func (s *prestarted) close() {
	s.tasks.Stop()
	s.tasks.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.waiting {
		p.discard()
	}
	s.waiting = nil
}
