package core

import (
	"slices"
	"sort"
)

// Worker is one worker daemon and what is taken of it. Only Apply changes it.
type Worker struct {
	Name      WorkerName
	Slots     uint32
	Mem       uint64 // bytes
	Labels    []Label
	Resources Resources // that jobs take beside slots and memory
	Engines   []Engine
	Connected bool
	Since     Time   // of the present connection or its loss
	Draining  string // why an administrator has nothing new placed here; "": it is not draining
	Unfit     string // why the worker itself takes nothing new; "": it does
	StateID   string // of the directory in which it remembers what it runs; "": it is of a release that says nothing
	Stopped   bool   // it is not connected because it said goodbye

	UsedSlots uint32
	UsedMem   uint64
	Exclusive bool    // its one job shares it with no other
	Jobs      []JobID // that hold slots here, ascending

	held []heldUnit // of Resources

	claim        JobID               // the job that others here are giving way to; 0: none
	reservations []workerReservation // what reservations keep of it, by name

	timer timer // when a lost worker's jobs are given up

	releases []slotRelease // when its jobs leave, soonest first
	stale    bool          // it has changed since the last look for room for the head
}

// Free is how many slots nobody has.
func (w *Worker) Free() uint32 {
	if w.Exclusive || w.UsedSlots > w.Slots {
		return 0
	}
	return w.Slots - w.UsedSlots
}

// Open reports whether jobs may be placed on the worker now.
func (w *Worker) Open() bool { return w.Connected && w.Draining == "" && w.Unfit == "" }

// suits reports whether the request wants this worker at all, and an engine here runs its programs.
func (w *Worker) suits(r *Request) bool { return w.runs(&r.Needs, r.rankMem()) && w.chosen(r) }

// choosy reports whether the request chooses among workers.
func (r *Request) choosy() bool { return len(r.Hosts)+len(r.Excluded)+len(r.Constraint) > 0 }

// chosen reports whether the request may run here by its own choice of hosts and labels.
func (w *Worker) chosen(r *Request) bool {
	if !r.Constraint.met(w.Labels) || slices.Contains(r.Excluded, w.Name) {
		return false
	}
	if len(r.Hosts) == 0 {
		return true
	}
	for _, name := range r.Hosts {
		if name == w.Name {
			return true
		}
	}
	return false
}

// fits reports whether the worker, empty, could run the request.
func (w *Worker) fits(r *Request) bool {
	slots, mem := w.Slots, w.Mem
	if r.Reservation != "" {
		k, ok := w.reservation(r.Reservation)
		if !ok {
			return false
		}
		if slots, mem = k.of(w); r.Exclusive && slots < w.Slots {
			return false
		}
	}
	return r.slots() <= slots && r.mem() <= mem && w.suits(r) && w.holdsAll(r.Resources)
}

// has reports whether the worker could run the request beside what it runs now.
func (w *Worker) has(r *Request) bool {
	return w.Open() && r.slots() <= w.Free() && w.UsedMem <= w.Mem && r.mem() <= w.Mem-w.UsedMem &&
		!(r.Exclusive && len(w.Jobs) > 0) && w.suits(r) && (r.Reservation == "" || w.fits(r)) && w.spares(r.Resources, nil)
}

func (w *Worker) take(j *Job, due Time) {
	w.addRelease(j, due)
	w.UsedSlots += j.slots()
	w.UsedMem += j.mem()
	w.Exclusive = w.Exclusive || j.Exclusive
	for _, u := range j.Units {
		w.held = append(w.held, heldUnit{u, j.ID})
	}
	i := sort.Search(len(w.Jobs), func(i int) bool { return w.Jobs[i] >= j.ID })
	w.Jobs = append(w.Jobs, 0)
	copy(w.Jobs[i+1:], w.Jobs[i:])
	w.Jobs[i] = j.ID
}

func (w *Worker) free(j *Job) {
	i := sort.Search(len(w.Jobs), func(i int) bool { return w.Jobs[i] >= j.ID })
	if i == len(w.Jobs) || w.Jobs[i] != j.ID {
		return
	}
	w.removeRelease(j)
	w.UsedSlots -= j.slots()
	w.UsedMem -= j.mem()
	w.Exclusive = w.Exclusive && !j.Exclusive
	w.held = slices.DeleteFunc(w.held, func(h heldUnit) bool { return h.job == j.ID })
	w.Jobs = append(w.Jobs[:i], w.Jobs[i+1:]...)
}
