package core

import (
	"iter"
	"slices"
	"sort"
)

// freeSlotIndex holds the workers that take jobs, by free slots, then by name: the best fit comes first. It is cut into
// buckets of bounded length, so that a worker among very many moves at the cost of one bucket.
type freeSlotIndex struct {
	buckets [][]indexEntry // none is empty
	n       int
}

// indexEntry is a worker and how many slots it had free when it was added.
type indexEntry struct {
	free   uint32
	worker *Worker
}

// maxBucket is how long a bucket grows before it is cut in two.
const maxBucket = 128

func (r indexEntry) before(o indexEntry) bool {
	return r.free < o.free || r.free == o.free && r.worker.Name < o.worker.Name
}

// find returns the bucket and the position at which an entry is or would be. The last bucket takes what is behind all
// others.
func (r *freeSlotIndex) find(at indexEntry) (bucket, position int) {
	bucket = sort.Search(len(r.buckets), func(i int) bool { s := r.buckets[i]; return !s[len(s)-1].before(at) })
	if bucket = min(bucket, len(r.buckets)-1); bucket < 0 {
		return 0, 0
	}
	s := r.buckets[bucket]
	return bucket, sort.Search(len(s), func(i int) bool { return !s[i].before(at) })
}

func (r *freeSlotIndex) add(w *Worker) {
	if !w.Open() {
		return
	}
	at := indexEntry{w.Free(), w}
	if r.n++; r.n == 1 {
		r.buckets = [][]indexEntry{{at}}
		return
	}
	i, k := r.find(at)
	s := slices.Insert(r.buckets[i], k, at)
	r.buckets[i] = s
	if len(s) > maxBucket {
		r.buckets[i] = slices.Clone(s[:maxBucket/2])
		r.buckets = slices.Insert(r.buckets, i+1, slices.Clone(s[maxBucket/2:]))
	}
}

func (r *freeSlotIndex) remove(w *Worker) {
	i, k := r.find(indexEntry{w.Free(), w})
	if i == len(r.buckets) || k == len(r.buckets[i]) || r.buckets[i][k].worker != w {
		return
	}
	r.n--
	if r.buckets[i] = slices.Delete(r.buckets[i], k, k+1); len(r.buckets[i]) == 0 {
		r.buckets = slices.Delete(r.buckets, i, i+1)
	}
}

// mostFree is how many slots are free on the emptiest worker; 0 if there is none.
func (r *freeSlotIndex) mostFree() uint32 {
	if r.n == 0 {
		return 0
	}
	last := r.buckets[len(r.buckets)-1]
	return last[len(last)-1].free
}

// withAtLeast yields the workers with so many free slots, the fullest first.
func (r *freeSlotIndex) withAtLeast(slots uint32) iter.Seq[*Worker] {
	return func(yield func(*Worker) bool) {
		bucket := sort.Search(len(r.buckets), func(i int) bool { s := r.buckets[i]; return s[len(s)-1].free >= slots })
		for ; bucket < len(r.buckets); bucket++ {
			s := r.buckets[bucket]
			for k := sort.Search(len(s), func(i int) bool { return s[i].free >= slots }); k < len(s); k++ {
				if !yield(s[k].worker) {
					return
				}
			}
		}
	}
}

// descending yields all of them, the emptiest first.
func (r *freeSlotIndex) descending() iter.Seq[*Worker] {
	return func(yield func(*Worker) bool) {
		for i := len(r.buckets) - 1; i >= 0; i-- {
			for k := len(r.buckets[i]) - 1; k >= 0; k-- {
				if !yield(r.buckets[i][k].worker) {
					return
				}
			}
		}
	}
}
