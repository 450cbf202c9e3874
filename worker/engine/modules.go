package engine

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Modules are those that an engine has compiled and not given back: what every engine does with Discard and Close. The
// zero value has none.
type Modules[M comparable] struct {
	mu   sync.Mutex
	list []M
}

// Add takes a module in.
func (s *Modules[M]) Add(m M) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, m)
}

// Discard gives one of them back by unload.
func (s *Modules[M]) Discard(m Module, unload func(M) error) error {
	own, ok := m.(M)
	if !ok {
		return fmt.Errorf("engine: a module of another engine, %T", m)
	}
	s.mu.Lock()
	s.list = slices.DeleteFunc(s.list, func(other M) bool { return other == own })
	s.mu.Unlock()
	return unload(own)
}

// Close gives all of them back.
func (s *Modules[M]) Close(unload func(M) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, m := range s.list {
		errs = append(errs, unload(m))
	}
	s.list = nil
	return errors.Join(errs...)
}
