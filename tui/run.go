package tui

import (
	"context"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// Cluster is what top needs of a scheduler. Its methods return when their context ends.
type Cluster interface {
	// Watch reports all jobs and workers, until the connection is lost.
	Watch(ctx context.Context, tell func(*schedpb.WatchResponse)) error
	// Ranks says where a job's ranks stand, in lines.
	Ranks(ctx context.Context, job uint64) ([]string, error)
	// Jobs are some jobs as they are now.
	Jobs(ctx context.Context, ids []uint64) ([]*schedpb.JobInfo, error)
	// Logs passes on what a job has printed and prints, until it has ended.
	Logs(ctx context.Context, job uint64, tell func(text string)) error
	Cancel(ctx context.Context, job uint64) error
}

// How often a lost scheduler is looked for, and how long an answer may take.
const (
	retryEvery    = time.Second
	answerTimeout = 5 * time.Second
)

// Run shows the cluster at an address on the terminal until the user leaves or ctx ends.
func Run(ctx context.Context, address string, c Cluster) error {
	return run(ctx, address, c)
}

func run(ctx context.Context, address string, c Cluster, options ...tea.ProgramOption) error {
	ctx, cancel := context.WithCancel(ctx)
	r := &runner{ctx: ctx, cluster: c}
	r.program = tea.NewProgram(newModel(address, r, time.Now()), append(options, tea.WithContext(ctx))...)
	r.working.Go(r.watch)
	r.working.Go(r.tick)
	_, err := r.program.Run()
	if ctx.Err() != nil {
		err = nil // told to end
	}
	cancel()
	r.working.Wait()
	return err
}

// runner does what the model asks for and sends it what comes of it. Sending to a program that has ended returns at
// once.
type runner struct {
	ctx     context.Context
	cluster Cluster
	program *tea.Program
	working sync.WaitGroup

	mu      sync.Mutex // guards all below
	logging context.CancelFunc
	asking  bool // a question for ranks is under way
	reading bool // and one for reasons
}

func (r *runner) watch() {
	for r.ctx.Err() == nil {
		first := true
		err := r.cluster.Watch(r.ctx, func(m *schedpb.WatchResponse) {
			r.program.Send(feedEvent{m, first})
			first = false
		})
		why := "the scheduler closed the connection"
		if err != nil {
			why = err.Error()
		}
		r.program.Send(lost{why})
		select {
		case <-time.After(retryEvery):
		case <-r.ctx.Done():
		}
	}
}

func (r *runner) tick() {
	seconds := time.NewTicker(time.Second)
	defer seconds.Stop()
	for {
		select {
		case now := <-seconds.C:
			r.program.Send(clock(now))
		case <-r.ctx.Done():
			return
		}
	}
}

// Ranks implements requests. One question is under way at a time.
func (r *runner) Ranks(job uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asking {
		return
	}
	r.asking = true
	r.working.Go(func() {
		ctx, cancel := context.WithTimeout(r.ctx, answerTimeout)
		defer cancel()
		lines, err := r.cluster.Ranks(ctx, job)
		r.mu.Lock()
		r.asking = false
		r.mu.Unlock()
		if err != nil {
			lines = []string{err.Error()}
		}
		r.program.Send(ranks{job, lines})
	})
}

// Reasons implements requests. One question is under way at a time; what can't be answered now is asked again.
func (r *runner) Reasons(jobs []uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reading {
		return
	}
	r.reading = true
	r.working.Go(func() {
		ctx, cancel := context.WithTimeout(r.ctx, answerTimeout)
		defer cancel()
		found, err := r.cluster.Jobs(ctx, jobs)
		r.mu.Lock()
		r.reading = false
		r.mu.Unlock()
		if err == nil {
			r.program.Send(reasons(found))
		}
	})
}

// Logs implements requests.
func (r *runner) Logs(job uint64) {
	r.NoLogs()
	ctx, cancel := context.WithCancel(r.ctx)
	r.mu.Lock()
	r.logging = cancel
	r.mu.Unlock()
	r.working.Go(func() {
		defer cancel()
		err := r.cluster.Logs(ctx, job, func(text string) {
			if ctx.Err() == nil {
				r.program.Send(logText{job: job, text: text})
			}
		})
		if ctx.Err() != nil {
			return
		}
		last := logText{job: job, over: true}
		if err != nil {
			last.text = err.Error()
		}
		r.program.Send(last)
	})
}

// NoLogs implements requests.
func (r *runner) NoLogs() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.logging != nil {
		r.logging()
		r.logging = nil
	}
}

// Cancel implements requests.
func (r *runner) Cancel(job uint64) {
	r.working.Go(func() {
		ctx, cancel := context.WithTimeout(r.ctx, answerTimeout)
		defer cancel()
		if err := r.cluster.Cancel(ctx, job); err != nil {
			r.program.Send(answer(err.Error()))
		}
	})
}
