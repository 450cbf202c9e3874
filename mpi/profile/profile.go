// Package profile is the report of --mpi-stats: how long each rank was in which function, what each function moved, and
// how much each rank sent to each other. It owns the form that is written to a file and the table that people read. It
// leaves counting to package mpi, and collecting the figures to the executor and the launcher.
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
	Rank    int    `json:"rank"`
	Program string `json:"program"`
	// Wall is the time from MPI_Init to MPI_Finalize's end, or to the end of the job where that came first; 0: the rank
	// never called MPI_Init. Both times leave out what lay between MPI_Pcontrol(0) and MPI_Pcontrol(1).
	Wall time.Duration `json:"wall_ns"`
	MPI  time.Duration `json:"mpi_ns"` // of it inside MPI's functions, all threads together
	// Threads is how many of the rank's threads have called MPI.
	Threads int `json:"threads"`
	// Finalized is false where the rank was ended before.
	Finalized bool       `json:"finalized"`
	Functions []Function `json:"functions"`
	Sent      []Sent     `json:"sent"` // by receiver; those with nothing are left out
}

// ThreadTime is the rank's time, of each thread that has called MPI.
func (r *Rank) ThreadTime() time.Duration { return r.Wall * time.Duration(max(r.Threads, 1)) }

// Function is a rank's use of one function.
type Function struct {
	Name  string        `json:"name"`
	Calls uint64        `json:"calls"`
	Time  time.Duration `json:"time_ns"` // inside, waiting included
	// What the rank gave and took, by the arguments of the call that named the buffer: what MPI_Irecv began counts there,
	// not with the MPI_Wait that ended it.
	SentBytes     uint64 `json:"sent_bytes"`
	ReceivedBytes uint64 `json:"received_bytes"`
}

// Sent is what one rank has sent another of MPI_COMM_WORLD: messages, and the blocks of collectives that move data.
// What reductions combine belongs to no pair.
type Sent struct {
	To       int    `json:"to"`
	Messages uint64 `json:"messages"`
	Bytes    uint64 `json:"bytes"`
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
			return nil, fmt.Errorf("MPI statistics: %w", err)
		case j.Version != Version:
			return nil, fmt.Errorf("MPI statistics of version %d; this program reads %d", j.Version, Version)
		}
		last = j
	}
}

// Merge adds the ranks that another process ran.
func (j *Job) Merge(other *Job) {
	j.Ranks = append(j.Ranks, other.Ranks...)
	slices.SortFunc(j.Ranks, func(a, b Rank) int { return a.Rank - b.Rank })
}
