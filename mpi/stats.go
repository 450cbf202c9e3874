package mpi

import (
	"sync/atomic"
	"time"
)

// traffic counts what a rank has sent to each rank of the world. It is kept at all times, because placement asks for it
// while the job runs; collectives inside a process count as if each block were a message.
type traffic struct {
	messages, bytes atomic.Uint64
}

// count notes a message from one rank to another of the world.
func (w *World) count(from, to int32, bytes int64) {
	t := &w.ranks[from].traffic[to]
	t.messages.Add(1)
	t.bytes.Add(uint64(bytes))
}

// Traffic is what one rank has sent to another.
type Traffic struct{ Messages, Bytes uint64 }

// Traffic gives what the rank has sent to each rank of the world. Any goroutine may ask.
func (r *Rank) Traffic() []Traffic {
	out := make([]Traffic, len(r.traffic))
	for i := range out {
		out[i] = Traffic{r.traffic[i].messages.Load(), r.traffic[i].bytes.Load()}
	}
	return out
}

// CallStats is a rank's use of one function.
type CallStats struct {
	Name  string
	Calls uint64
	Time  time.Duration // in the function, waiting included
}

// callStats are counted when WorldConfig.Stats is set, by function index.
type callStats struct {
	calls, nanos atomic.Uint64
}

// Stats gives the rank's use of each function it has called, in the table's order; nil unless WorldConfig.Stats is set.
// Any goroutine may ask.
func (r *Rank) Stats() []CallStats {
	var out []CallStats
	for i := range r.stats {
		if n := r.stats[i].calls.Load(); n > 0 {
			out = append(out, CallStats{callName(uint32(i)), n, time.Duration(r.stats[i].nanos.Load())})
		}
	}
	return out
}

// timed runs a function and counts it.
func (r *Rank) timed(index uint32, fn func(*Rank, args) *failure, a args) *failure {
	begin := time.Now()
	f := fn(r, a)
	s := &r.stats[index]
	s.calls.Add(1)
	s.nanos.Add(uint64(time.Since(begin)))
	return f
}
