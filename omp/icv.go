package omp

import "cmp"

// icvs are the internal control variables that each task has of its own.
type icvs struct {
	threads   []int // of regions at this level and those below; the last counts for all further ones
	dynamic   bool
	maxLevels int
	schedule  schedule
	allocator uint64
	device    int // the default one
	limit     int // of threads of the contention group; 0: the rank's
	teams     int // of a teams construct; 0: not said
	teamLimit int // of threads in each of these; 0: not said
}

// within are those of the tasks of a region.
func (i icvs) within() icvs {
	if len(i.threads) > 1 {
		i.threads = i.threads[1:]
	}
	return i
}

// withThreads has regions at this level ask for so many threads.
func (i icvs) withThreads(n int) icvs {
	i.threads = append([]int{n}, i.threads[1:]...)
	return i
}

// teamSize is how many threads a region gets. asked is what its num_threads clause says, 0 without one; active is how
// many regions with several threads it is in, free how many threads it could have.
func (i icvs) teamSize(asked, active, free, processors int) int {
	if active >= i.maxLevels {
		return 1
	}
	n := cmp.Or(asked, i.threads[0])
	if i.limit > 0 {
		n = min(n, i.limit)
	}
	if i.dynamic {
		n = min(n, processors)
	}
	return max(1, min(n, free))
}
