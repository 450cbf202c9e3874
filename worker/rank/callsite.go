package rank

import (
	"sync"

	"github.com/faasmrun/faasmrun/mpi"
	"github.com/faasmrun/faasmrun/worker/engine"
)

// sites numbers the call sites in the program that MPI has asked for.
type sites struct {
	mu      sync.Mutex
	callers []engine.Caller // guarded by mu
	numbers map[engine.Caller]mpi.Site
}

// Site implements mpi.Host. Site 0 is no call.
func (h host) Site() mpi.Site {
	caller := h.instance.Caller()
	if caller == (engine.Caller{}) {
		return 0
	}
	s := &h.rank.sites
	s.mu.Lock()
	defer s.mu.Unlock()
	n, known := s.numbers[caller]
	if !known {
		if s.numbers == nil {
			s.numbers = map[engine.Caller]mpi.Site{}
		}
		s.callers = append(s.callers, caller)
		n = mpi.Site(len(s.callers))
		s.numbers[caller] = n
	}
	return n
}

// Frames implements mpi.Host.
func (h host) Frames(n mpi.Site) []string {
	s := &h.rank.sites
	s.mu.Lock()
	caller := s.callers[n-1]
	s.mu.Unlock()
	return caller.Frames(h.rank.module.Program())
}
