package core

import (
	"fmt"
	"slices"
	"strings"
)

// Resource is a number of things of a kind that jobs take and give back (Slurm's generic resources): processors of
// graphics, licences. A worker announces what it has; a job that asks without a type takes any.
type Resource struct {
	Name, Type string
	Count      uint32
}

func (r Resource) String() string {
	if r.Type == "" {
		return fmt.Sprintf("%s:%d", r.Name, r.Count)
	}
	return fmt.Sprintf("%s:%s:%d", r.Name, r.Type, r.Count)
}

// Resources are several, each name once where a job asks for them.
type Resources []Resource

func (rs Resources) String() string {
	var words []string
	for _, r := range rs {
		words = append(words, r.String())
	}
	return strings.Join(words, ",")
}

// Unit is one thing of a worker's resources. Those of a name are numbered from 0, in the order in which the worker
// announced them.
type Unit struct {
	Name   string
	Number uint32
}

// heldUnit is one that a job on the worker has.
type heldUnit struct {
	Unit
	job JobID
}

// MaxUnits bounds the units of a worker, all its resources together.
const MaxUnits = 4096

func (r *Resource) fields(c *codec) {
	c.string(&r.Name)
	c.string(&r.Type)
	c.uint32(&r.Count)
}

func resourceFields(c *codec, rs *Resources) {
	if c.version >= 10 {
		list(c, (*[]Resource)(rs), func(r *Resource) { r.fields(c) })
	}
}

func (u *Unit) fields(c *codec) {
	c.string(&u.Name)
	c.uint32(&u.Number)
}

// units are the numbers of a worker's units that a job may get for a resource, with some jobs there (nil: all that
// are).
func (w *Worker) units(want Resource, there func(JobID) bool) (free []uint32) {
	number := uint32(0)
	for _, has := range w.Resources {
		if has.Name != want.Name {
			continue
		}
		for range min(has.Count, MaxUnits-min(number, MaxUnits)) {
			if (want.Type == "" || want.Type == has.Type) && !w.isHeld(Unit{want.Name, number}, there) {
				free = append(free, number)
			}
			number++
		}
	}
	return free
}

func (w *Worker) isHeld(u Unit, there func(JobID) bool) bool {
	return slices.ContainsFunc(w.held, func(h heldUnit) bool { return h.Unit == u && (there == nil || there(h.job)) })
}

// HeldUnits are those that jobs have.
func (w *Worker) HeldUnits() (units []Unit) {
	for _, h := range w.held {
		units = append(units, h.Unit)
	}
	return units
}

// spares reports whether the worker has the resources free, with some jobs there (nil: all that are).
func (w *Worker) spares(wants Resources, there func(JobID) bool) bool {
	for _, want := range wants {
		if len(w.units(want, there)) < int(want.Count) {
			return false
		}
	}
	return true
}

// holdsAll reports whether the worker, empty, has the resources.
func (w *Worker) holdsAll(wants Resources) bool {
	return w.spares(wants, func(JobID) bool { return false })
}

// choose takes the lowest units that are free.
func (w *Worker) choose(wants Resources) (chosen []Unit) {
	for _, want := range wants {
		for _, number := range w.units(want, nil)[:want.Count] {
			chosen = append(chosen, Unit{want.Name, number})
		}
	}
	return chosen
}

// beside are the resources with those of the same names, whatever their types, that another job takes meanwhile.
func (rs Resources) beside(others Resources) Resources {
	if len(rs) == 0 || len(others) == 0 {
		return rs
	}
	sum := slices.Clone(rs)
	for i := range sum {
		for _, other := range others {
			if other.Name == sum[i].Name {
				sum[i].Count += other.Count
			}
		}
	}
	return sum
}

// unitsInUse reports whether a worker lacks nothing but units that are free for the request.
func (s *State) unitsInUse(r *Request) bool {
	without := *r
	without.Resources = nil
	return len(r.Resources) > 0 && slices.ContainsFunc(s.workers, func(w *Worker) bool { return w.has(&without) })
}

// checkResources refuses what is no number of things.
func checkResources(r *Request) error {
	for i, want := range r.Resources {
		switch {
		case want.Name == "" || want.Count == 0 || want.Count > MaxUnits:
			return fmt.Errorf("%w: %s asks for no number of a resource from 1 to %d", ErrInvalid, want, MaxUnits)
		case slices.ContainsFunc(r.Resources[:i], func(o Resource) bool { return o.Name == want.Name }):
			return fmt.Errorf("%w: %s is asked for twice", ErrInvalid, want.Name)
		}
	}
	return nil
}

// lacksUnits says which of the resources the worker, empty, has too few of; "" if none.
func (s *State) lacksUnits(wants Resources) string {
	for _, want := range wants {
		most := 0
		for _, w := range s.workers {
			most = max(most, len(w.units(want, func(JobID) bool { return false })))
		}
		if most < int(want.Count) {
			of := want.Name
			if want.Type != "" {
				of += ":" + want.Type
			}
			return fmt.Sprintf("needs %s; the most that a worker has of %s is %d", want, of, most)
		}
	}
	return ""
}

// checkUnits: no unit is given away twice, and the books agree with the jobs.
func (s *State) checkUnits(w *Worker) error {
	n := 0
	for _, id := range w.Jobs {
		n += len(s.jobs[id].Units)
		for _, u := range s.jobs[id].Units {
			if i := slices.Index(w.held, heldUnit{u, id}); i < 0 {
				return fmt.Errorf("worker %s does not know that job %d has %s %d", w.Name, id, u.Name, u.Number)
			}
		}
	}
	if n != len(w.held) {
		return fmt.Errorf("worker %s is booked with %d units; its jobs have %d", w.Name, len(w.held), n)
	}
	for i, h := range w.held {
		if slices.ContainsFunc(w.held[:i], func(o heldUnit) bool { return o.Unit == h.Unit }) {
			return fmt.Errorf("worker %s has given %s %d away twice", w.Name, h.Name, h.Number)
		}
	}
	return nil
}
