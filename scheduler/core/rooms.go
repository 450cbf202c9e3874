package core

import (
	"iter"
	"slices"
	"sort"
)

// rooms lists the workers that take jobs, by free slots, then by name: the best fit comes first. It lies in shelves of
// bounded length, so that a worker among very many moves at the cost of one shelf.
type rooms struct {
	shelves [][]room // none is empty
	n       int
}

// room is a worker and what it has free, as of when it was put here.
type room struct {
	free   uint32
	worker *Worker
}

// maxShelf is how long a shelf grows before it is cut in two.
const maxShelf = 128

func (r room) before(o room) bool {
	return r.free < o.free || r.free == o.free && r.worker.Name < o.worker.Name
}

// find is where the worker stands or would stand. The last shelf takes what is behind all others.
func (r *rooms) find(at room) (shelf, seat int) {
	shelf = sort.Search(len(r.shelves), func(i int) bool { s := r.shelves[i]; return !s[len(s)-1].before(at) })
	if shelf = min(shelf, len(r.shelves)-1); shelf < 0 {
		return 0, 0
	}
	s := r.shelves[shelf]
	return shelf, sort.Search(len(s), func(i int) bool { return !s[i].before(at) })
}

func (r *rooms) add(w *Worker) {
	if !w.Open() {
		return
	}
	at := room{w.Free(), w}
	if r.n++; r.n == 1 {
		r.shelves = [][]room{{at}}
		return
	}
	i, k := r.find(at)
	s := slices.Insert(r.shelves[i], k, at)
	r.shelves[i] = s
	if len(s) > maxShelf {
		r.shelves[i] = slices.Clone(s[:maxShelf/2])
		r.shelves = slices.Insert(r.shelves, i+1, slices.Clone(s[maxShelf/2:]))
	}
}

func (r *rooms) remove(w *Worker) {
	i, k := r.find(room{w.Free(), w})
	if i == len(r.shelves) || k == len(r.shelves[i]) || r.shelves[i][k].worker != w {
		return
	}
	r.n--
	if r.shelves[i] = slices.Delete(r.shelves[i], k, k+1); len(r.shelves[i]) == 0 {
		r.shelves = slices.Delete(r.shelves, i, i+1)
	}
}

// most is how many slots are free on the emptiest worker; 0 if there is none.
func (r *rooms) most() uint32 {
	if r.n == 0 {
		return 0
	}
	last := r.shelves[len(r.shelves)-1]
	return last[len(last)-1].free
}

// from yields the workers with so many free slots, the fullest first.
func (r *rooms) from(slots uint32) iter.Seq[*Worker] {
	return func(yield func(*Worker) bool) {
		shelf := sort.Search(len(r.shelves), func(i int) bool { s := r.shelves[i]; return s[len(s)-1].free >= slots })
		for ; shelf < len(r.shelves); shelf++ {
			s := r.shelves[shelf]
			for k := sort.Search(len(s), func(i int) bool { return s[i].free >= slots }); k < len(s); k++ {
				if !yield(s[k].worker) {
					return
				}
			}
		}
	}
}

// down yields all of them, the emptiest first.
func (r *rooms) down() iter.Seq[*Worker] {
	return func(yield func(*Worker) bool) {
		for i := len(r.shelves) - 1; i >= 0; i-- {
			for k := len(r.shelves[i]) - 1; k >= 0; k-- {
				if !yield(r.shelves[i][k].worker) {
					return
				}
			}
		}
	}
}
