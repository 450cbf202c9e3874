package scheduler

import (
	"context"
	"errors"
	"runtime"

	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/scheduler/store"
)

// A state of many jobs takes a second to write down. The reactor doesn't: whoever wants it whole rebuilds it from the
// journal, as a restart would, while the reactor goes on.

// replicas is how many are rebuilt at a time: each takes as much memory as the state itself.
const replicas = 1

var errHalting = errors.New("the scheduler is stopping")

// withReplica runs f on a goroutine of its own, on the state as it is journalled now. f is told instead what came
// between. All that it takes of the reactor's time is to note where the journal ends.
func (r *reactor) withReplica(ctx context.Context, f func(store.View, *core.State, error)) {
	view, policy := r.store.View(), r.state.Policy
	r.replicas.Go(func() {
		defer view.Close()
		select {
		case r.s.replicas <- struct{}{}:
			defer func() { <-r.s.replicas }()
			state := core.NewState(policy)
			err := view.Load(r.s.patiently(ctx, state.LoadPiece), r.s.patiently(ctx, replayInto(state)))
			f(view, state, err)
		case <-r.s.halt:
			f(nil, nil, errHalting)
		case <-ctx.Done():
			f(nil, nil, ctx.Err())
		}
	})
}

// patiently lets everyone else go first, and ends when nobody wants the replica any more.
func (s *Server) patiently(ctx context.Context, take func([]byte) error) func([]byte) error {
	return func(b []byte) error {
		select {
		case <-s.halt:
			return errHalting
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		runtime.Gosched()
		return take(b)
	}
}

func replayInto(state *core.State) func(record []byte) error {
	return func(record []byte) error {
		ts, err := core.DecodeRecord(record)
		if err != nil {
			return err
		}
		for _, t := range ts {
			if err := core.Apply(state, t); err != nil {
				return err
			}
		}
		return nil
	}
}

// saving is the snapshot that is being written.
type saving struct {
	begun bool         // nobody begins another
	draft *store.Draft // it is written, and is to be installed
	after int          // how many records have to be there, since the last one failed
}

// snapshot begins one when it is due, and installs it when it is written.
func (r *reactor) snapshot() error {
	if d := r.saving.draft; d != nil {
		r.saving = saving{}
		if err := r.store.Install(*d); err != nil {
			return err
		}
	}
	// A snapshot writes every job: the more there are, the rarer it is.
	if r.saving.begun || r.store.Size() < max(r.s.cfg.SnapshotEvery+r.state.Known(), r.saving.after) {
		return nil
	}
	r.saving.begun = true
	r.withReplica(context.Background(), func(view store.View, state *core.State, err error) {
		var draft store.Draft
		if err == nil {
			draft, err = view.Draft(state.Pieces())
		}
		r.s.post(func(r *reactor) { r.saved(draft, err) })
	})
	return nil
}

// saved takes a draft. Without one, what is in force stays in force and the journal grows: nothing is lost, and the
// next one may succeed.
func (r *reactor) saved(draft store.Draft, err error) {
	if err == nil {
		r.saving.draft = &draft
		return
	}
	r.log.Error("no snapshot of the state could be written", "err", err)
	r.saving = saving{after: r.store.Size() + r.s.cfg.SnapshotEvery}
}

// outlineMessages puts an outline into messages, the first of which is given.
func outlineMessages(m *schedpb.SnapshotPiece, state *core.State) (all []*schedpb.SnapshotPiece) {
	size := 0
	for p := range state.Outline() {
		if m.Pieces = append(m.Pieces, p); len(p)+size < snapshotBytes {
			size += len(p)
			continue
		}
		all = append(all, m)
		m, size = &schedpb.SnapshotPiece{}, 0
	}
	return append(all, m)
}
