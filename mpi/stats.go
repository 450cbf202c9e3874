package mpi

import (
	"sync/atomic"
	"time"

	"github.com/faasmrun/faasmrun/mpi/profile"
	"github.com/faasmrun/faasmrun/mpi/transport"
)

// Traffic is what one rank has sent to another.
type Traffic = transport.Traffic

// Traffic gives what the rank has sent to each rank of the world. Any goroutine may ask.
func (r *Rank) Traffic() []Traffic { return r.endpoint.Traffic() }

// Sent is how many bytes the ranks have sent, all together. Any goroutine may ask.
func (w *World) Sent() (bytes uint64) { return w.fabric.Sent() }

// stats are a rank's calls, counted and timed when WorldConfig.Stats is set. The rank's goroutine counts, any may read.
type stats struct {
	calls   []callStats  // by function
	threads atomic.Int32 // that have called one
	began   atomic.Int64 // these three in nanoseconds since the world's start; 0: not yet
	ended   atomic.Int64 // by MPI_Finalize
	paused  atomic.Int64 // by MPI_Pcontrol(0)
	apart   atomic.Int64 // how long earlier pauses were
}

type callStats struct {
	calls, nanos, sent, received atomic.Uint64
}

// now is the time by the world's clock, never 0.
func (w *World) now() int64 { return max(1, int64(time.Since(w.started))) }

// timed runs a function and counts it, also when it ends the rank. Of a function that calls the program back, and that
// again MPI, each counts its own time.
func (r call) timed(f *served, stack []uint64) *failure {
	s := r.stats
	if !r.called {
		r.called = true
		s.threads.Add(1)
	}
	begin, outer := time.Now(), r.apart
	r.apart = 0
	defer func() {
		took := time.Since(begin)
		if s.paused.Load() == 0 {
			s.calls[f.index].calls.Add(1)
			s.calls[f.index].nanos.Add(uint64(took - r.apart))
		}
		r.apart = outer + took
	}()
	return f.run(r, stack)
}

// moved counts bytes with the function whose arguments named them.
func (s *stats) moved(call uint32, sent, received int64) {
	if s.paused.Load() != 0 {
		return
	}
	s.calls[call].sent.Add(uint64(sent))
	s.calls[call].received.Add(uint64(received))
}

// brought counts with a function what a rank brings to a collective and takes from it.
func (s *stats) brought(call uint32, p *part) {
	s.moved(call, p.send.volume(), p.recv.volume())
}

// pause stops counting, until it is called with false.
func (r *Rank) pause(on bool) {
	s := r.stats
	if s == nil || on == (s.paused.Load() != 0) {
		return
	}
	now := r.world.now()
	if on {
		s.paused.Store(now)
		return
	}
	s.apart.Add(now - s.paused.Load())
	s.paused.Store(0)
}

// wall is how long the rank has been counted.
func (s *stats) wall(now int64) time.Duration {
	began, ended, paused := s.began.Load(), s.ended.Load(), s.paused.Load()
	if began == 0 {
		return 0
	}
	if ended != 0 {
		now = ended
	}
	if paused != 0 {
		now = min(now, paused)
	}
	return time.Duration(max(1, now-began-s.apart.Load()))
}

// Profile gives what WorldConfig.Stats has counted, for every rank that runs here; nil without it. Any goroutine may
// ask at any time.
func (w *World) Profile() *profile.Job {
	if !w.config.Stats {
		return nil
	}
	j := &profile.Job{Version: profile.Version}
	now := w.now()
	for _, r := range w.ranks {
		if r != nil {
			j.Ranks = append(j.Ranks, r.profile(now))
		}
	}
	return j
}

func (r *Rank) profile(now int64) profile.Rank {
	p := profile.Rank{Rank: int(r.rank), Wall: r.stats.wall(now), Finalized: r.stats.ended.Load() != 0,
		Threads:   int(r.stats.threads.Load()),
		Functions: []profile.Function{}, Sent: []profile.Sent{}}
	for i := range r.stats.calls {
		c := &r.stats.calls[i]
		if n := c.calls.Load(); n > 0 {
			f := profile.Function{Name: callName(uint32(i)), Calls: n, Time: time.Duration(c.nanos.Load()),
				SentBytes: c.sent.Load(), ReceivedBytes: c.received.Load()}
			p.MPI += f.Time
			p.Functions = append(p.Functions, f)
		}
	}
	for to, t := range r.Traffic() {
		if t.Messages > 0 {
			p.Sent = append(p.Sent, profile.Sent{To: to, Messages: t.Messages, Bytes: t.Bytes})
		}
	}
	return p
}
