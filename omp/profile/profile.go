// Package profile is the report of --omp-stats: how long each parallel region of a program took, how evenly its threads
// worked, and where they waited for each other. It owns the form that is written to a file. It leaves measuring to
// package omp, collecting to the executor, and the table to the launcher.
package profile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// Version is the form's. Fields may be added under the same one.
const Version = 1

// Job is what is known of a job, or of those of its ranks that one process ran.
type Job struct {
	Version int    `json:"version"`
	Ranks   []Rank `json:"ranks"`
}

// Rank is what is known of one rank.
type Rank struct {
	Rank    int           `json:"rank"`
	Program string        `json:"program"`
	Wall    time.Duration `json:"wall_ns"` // from the rank's beginning to its end
	Regions []Region      `json:"regions"` // the longest first
	Waits   []Wait        `json:"waits"`   // the longest first
}

// Place is in the program's text. Without -g it is not known: File is empty.
type Place struct {
	Function string `json:"function,omitempty"`
	File     string `json:"file,omitempty"`
	Line     string `json:"line,omitempty"`
}

func (p Place) String() string {
	if p.File == "" {
		return "(compiled without -g)"
	}
	return p.File + ":" + p.Line + " " + p.Function
}

// Region is a parallel construct. Times of threads are added up over them and over all executions; what a region within
// it takes is work of the thread that came to that.
type Region struct {
	Place
	Count      uint64        `json:"count"`          // executions
	Threads    int           `json:"threads"`        // most of a team
	Time       time.Duration `json:"time_ns"`        // from the beginning to the end, for the thread that came to it
	ThreadTime time.Duration `json:"thread_time_ns"` // the same, times the threads
	// Mean and Longest are how long a thread worked, without waiting: in the mean of a team's threads, and at the most;
	// added up over the executions.
	Mean    time.Duration `json:"mean_work_ns"`
	Longest time.Duration `json:"longest_work_ns"`
	// What threads waited for: each other, at barriers and at the region's end; to enter critical sections, and for
	// locks; other things (tasks, ordered regions).
	Barrier  time.Duration `json:"barrier_ns"`
	Critical time.Duration `json:"critical_ns"`
	Other    time.Duration `json:"other_waits_ns"`
	Held     time.Duration `json:"in_critical_ns"` // the threads were in critical sections
}

// Add adds other executions of the region.
func (r *Region) Add(more Region) {
	r.Count += more.Count
	r.Threads = max(r.Threads, more.Threads)
	r.Time += more.Time
	r.ThreadTime += more.ThreadTime
	r.Mean += more.Mean
	r.Longest += more.Longest
	r.Barrier += more.Barrier
	r.Critical += more.Critical
	r.Other += more.Other
	r.Held += more.Held
}

// Add adds other waits.
func (w *Wait) Add(more Wait) {
	w.Count += more.Count
	w.Time += more.Time
	w.Held += more.Held
}

// Imbalance is the part of the region's working time that equal parts for all threads would have saved.
func (r *Region) Imbalance() float64 {
	if r.Longest <= 0 {
		return 0
	}
	return 1 - float64(r.Mean)/float64(r.Longest)
}

// Wait is a construct that threads waited in.
type Wait struct {
	Place
	Construct string        `json:"construct"` // "barrier", "critical", …
	Count     uint64        `json:"count"`     // of waits: who finds everything in order does not wait
	Time      time.Duration `json:"time_ns"`
	Held      time.Duration `json:"held_ns"` // of a critical section: time in it
}

// Encode gives the form, a rank a line.
func (j *Job) Encode() []byte {
	b := fmt.Appendf(nil, "{\"version\":%d,\"ranks\":[", j.Version)
	for i := range j.Ranks {
		rank, err := json.Marshal(&j.Ranks[i])
		if err != nil {
			panic(err) // nothing in it can fail
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, '\n'), rank...)
	}
	return append(b, "\n]}\n"...)
}

// Decode reads what Encode gave. Of several, which a job leaves that was begun anew, the last counts.
func Decode(b []byte) (*Job, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	var last *Job
	for {
		j := &Job{}
		err := d.Decode(j)
		switch {
		case err == io.EOF && last != nil:
			return last, nil
		case err != nil:
			return nil, fmt.Errorf("OpenMP statistics: %w", err)
		case j.Version != Version:
			return nil, fmt.Errorf("OpenMP statistics of version %d; this program reads %d", j.Version, Version)
		}
		last = j
	}
}

// Merge adds the ranks that another process ran.
func (j *Job) Merge(other *Job) {
	j.Ranks = append(j.Ranks, other.Ranks...)
	slices.SortFunc(j.Ranks, func(a, b Rank) int { return a.Rank - b.Rank })
}
