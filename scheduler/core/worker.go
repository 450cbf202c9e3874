package core

import "sort"

// Label is one property that a worker announces.
type Label struct{ Name, Value string }

// Worker is one worker daemon and what is taken of it. Only Apply changes it.
type Worker struct {
	Name      WorkerName
	Slots     uint32
	Mem       uint64 // bytes
	Labels    []Label
	Connected bool
	Since     Time // of the present connection or its loss

	UsedSlots uint32
	UsedMem   uint64
	Jobs      []JobID // that hold slots here, ascending

	timer timer // when a lost worker's jobs are given up
}

// fits says whether the worker, empty, could run the request.
func (w *Worker) fits(r *Request) bool { return r.Ranks <= w.Slots && r.mem() <= w.Mem }

// has says whether the worker could run the request beside what it runs now.
func (w *Worker) has(r *Request) bool {
	return w.Connected && w.UsedSlots+r.Ranks <= w.Slots && w.UsedSlots <= w.Slots &&
		w.UsedMem <= w.Mem && r.mem() <= w.Mem-w.UsedMem
}

func (w *Worker) take(j *Job) {
	w.UsedSlots += j.Ranks
	w.UsedMem += j.mem()
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
	w.UsedSlots -= j.Ranks
	w.UsedMem -= j.mem()
	w.Jobs = append(w.Jobs[:i], w.Jobs[i+1:]...)
}
