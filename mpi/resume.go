package mpi

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// ResumeEvery says at which of a thread's waits a test has its call broken off and made again; the zero value: at none.
type ResumeEvery struct {
	every  int  // at each so manieth; 0: not so
	random bool // at distances from 1 to maxResumeDistance, drawn from the seed, the rank and the thread
	seed   uint64
}

const maxResumeDistance = 20

// ParseResumeEvery reads a number, or "random:" and a seed.
func ParseResumeEvery(text string) (ResumeEvery, error) {
	if text == "" {
		return ResumeEvery{}, nil
	}
	if seed, ok := strings.CutPrefix(text, "random:"); ok {
		n, err := strconv.ParseUint(seed, 10, 64)
		if err != nil {
			return ResumeEvery{}, fmt.Errorf("%q is no seed: give random: and a number", seed)
		}
		return ResumeEvery{random: true, seed: n}, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return ResumeEvery{}, fmt.Errorf("%q is not a number from 1 on, nor random: and a seed", text)
	}
	return ResumeEvery{every: n}, nil
}

// resumer chooses the waits of a thread at which its call is broken off.
type resumer struct {
	every int
	rng   *rand.Rand     // of random distances; else nil
	left  int            // waits until the next one
	again bool           // the call is being made again: the wait that it was broken off in is not counted twice
	broke map[uint32]int // how often, by function
	// reloaded is how often the rank was encoded, dropped and decoded there.
	reloaded int
}

// newResumer is nil where no call is to be broken off.
func (e ResumeEvery) newResumer(rank, thread int) *resumer {
	if e == (ResumeEvery{}) {
		return nil
	}
	a := &resumer{every: e.every, broke: map[uint32]int{}}
	if e.random {
		a.rng = rand.New(rand.NewPCG(e.seed, uint64(rank)<<32|uint64(thread)))
	}
	a.left = a.distance()
	return a
}

func (a *resumer) distance() int {
	if a.rng != nil {
		return 1 + a.rng.IntN(maxResumeDistance)
	}
	return a.every
}

// due reports whether a wait that begins is to be broken off. At random distances the same one may be several times.
func (a *resumer) due() bool {
	if a.again {
		a.again = false
		return false
	}
	if a.left--; a.left > 0 {
		return false
	}
	a.left, a.again = a.distance(), a.rng == nil
	return true
}
