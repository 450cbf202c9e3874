package worker

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/control"
)

// waitPast waits for a moment on the boot clock, by the worker's heartbeats.
func (b *bench) waitPast(at control.Instant) {
	b.t.Helper()
	for control.Now() <= at {
		wait(b.t, b.beats, "heartbeat")
	}
}

// leaseOf is when the executor of a job that has just been started would end it.
func (b *bench) leaseOf(ref *schedpb.JobRef) control.Instant {
	b.t.Helper()
	wait(b.t, b.beats, "heartbeat")
	return control.Now().Add(b.worker.Grace)
}

// beyond is later than the end of a lease by more than an executor waits for its renewal.
const beyond = 2500 * time.Millisecond

// Jobs of every kind run for longer than the grace, under a scheduler that answers; on a worker that was restarted,
// too.
func TestLongerThanTheGrace(t *testing.T) {
	for name, spec := range map[string]func(...*schedpb.App) *schedpb.JobSpec{"interactive": interactive, "batch": batch} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, func(c *Config) { c.Grace = time.Second })
			app := b.app("act", 2, "linger")
			ref := b.start(spec(app))
			wait(t, b.started, "start of the ranks")
			b.waitPast(b.leaseOf(ref).Add(beyond))
			release(t, app)
			if o := b.collect(); o.End.State != "CD" {
				t.Errorf("ended %v", o.End)
			}
		})
	}
}

// The worker within a launcher's own process has no lease that could end: whatever holds up the answers to its
// heartbeats (the process was stopped, the machine was asleep), nobody has started its ranks elsewhere.
func TestNoLeaseWithoutSuccessor(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Grace, c.Ephemeral = time.Second, true })
	app := b.app("act", 2, "linger")
	ref := b.start(interactive(app))
	wait(t, b.started, "start of the ranks")
	end := b.leaseOf(ref).Add(beyond)
	b.mu.Lock()
	b.mute = true
	b.mu.Unlock()
	b.setAway(status.Error(codes.Unavailable, "the test says so"))
	b.hangUp <- struct{}{}
	select {
	case e := <-b.ended:
		t.Fatalf("ended %v", e)
	case <-time.After(end.Until(control.Now())):
	}
	b.mu.Lock()
	b.mute, b.away = false, nil
	b.mu.Unlock()
	wait(t, b.hello, "hello")
	release(t, app)
	if e := wait(t, b.ended, "end"); e.End.State != "CD" {
		t.Errorf("ended %v", e)
	}
}
