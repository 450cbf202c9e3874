package scheduler

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/internal/failpoint"
	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/scheduler/store"
)

// slowStore takes until release is closed to read and to write what is long; who appends and installs does not wait.
type slowStore struct {
	store.Store
	release chan struct{}
	full    int // drafts for which there is no space

	mu     sync.Mutex
	events []string
}

func (s *slowStore) happened(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, what)
}

func (s *slowStore) count(what string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e == what {
			n++
		}
	}
	return n
}

func (s *slowStore) Install(d store.Draft) error {
	s.happened("install")
	return s.Store.Install(d)
}

func (s *slowStore) Close() error {
	s.happened("close")
	return s.Store.Close()
}

func (s *slowStore) View() store.View { return &slowView{s.Store.View(), s} }

type slowView struct {
	store.View
	s *slowStore
}

func (v *slowView) Load(piece, record func([]byte) error) error {
	v.s.happened("load")
	<-v.s.release
	return v.View.Load(piece, record)
}

func (v *slowView) Draft(pieces iter.Seq[[]byte]) (store.Draft, error) {
	v.s.happened("draft")
	if v.s.full--; v.s.full >= 0 {
		return store.Draft{}, unix.ENOSPC
	}
	return v.View.Draft(pieces)
}

func (v *slowView) Close() error {
	v.s.happened("view closed")
	return v.View.Close()
}

// newSlowWorld is a world on such a store, which is not released yet.
func newSlowWorld(t *testing.T) (*world, *slowStore) {
	w := newWorld(t, Config{SnapshotEvery: 10})
	s := &slowStore{release: make(chan struct{})}
	w.around = func(inner store.Store) store.Store { s.Store = inner; return s }
	w.restart()
	return w, s
}

// busy makes records: a job is submitted and cancelled.
func (w *world) busy(jobs int) {
	w.t.Helper()
	for range jobs {
		id := w.submit(w.spec(1))
		equal(w.t, "cancel", w.change(schedpb.Action_ACTION_CANCEL, id), fmt.Sprint(id, ":"))
	}
}

// While a snapshot is read and written the scheduler goes on, begins no other, and an outline waits its turn. All that
// came meanwhile is there after a restart.
func TestSnapshotHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSlowWorld(t)
		w.busy(15)
		synctest.Wait()
		equal(t, "snapshots begun", s.count("load"), 1)
		waiting := w.submit(w.spec(1)) // it is answered
		outlined := make(chan *core.State, 1)
		go func() { outlined <- w.outline() }()
		synctest.Wait() // it has asked
		later := w.submit(w.spec(1))
		w.busy(100)
		synctest.Wait()
		equal(t, "snapshots begun", s.count("load"), 1)
		equal(t, "snapshots installed", s.count("install"), 0)
		close(s.release)
		state := <-outlined
		if state.Job(core.JobID(waiting)) == nil || state.Job(core.JobID(later)) != nil {
			t.Error("the outline is not of the moment in which it was asked for")
		}
		synctest.Wait()
		if s.count("install") == 0 {
			t.Error("no snapshot was installed")
		}
		before := w.everything()
		w.restart()
		equal(t, "after a restart", w.everything(), before)
	})
}

// outline is what "what if" begins with.
func (w *world) outline() *core.State {
	stream, err := w.cluster.Snapshot(w.ctx, &schedpb.SnapshotRequest{})
	ok(w.t, err)
	state := core.NewState(core.DefaultPolicy())
	for {
		m, err := stream.Recv()
		if err != nil {
			return state
		}
		for _, p := range m.Pieces {
			ok(w.t, state.LoadPiece(p))
		}
	}
}

// An outline that takes long holds nobody either, and a caller who goes away ends it.
func TestOutlineHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSlowWorld(t)
		ctx, leave := context.WithCancel(w.ctx)
		_, err := w.cluster.Snapshot(ctx, &schedpb.SnapshotRequest{})
		ok(t, err)
		synctest.Wait()
		equal(t, "outlines begun", s.count("load"), 1)
		w.submit(w.spec(1))
		leave()
		close(s.release)
		synctest.Wait()
		equal(t, "views closed", s.count("view closed"), 1)
	})
}

// Stop waits for who reads the store, closes that afterwards, and installs nothing any more.
func TestStopDuringSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSlowWorld(t)
		w.busy(15)
		synctest.Wait()
		equal(t, "snapshots begun", s.count("load"), 1)
		before := w.everything()
		go w.server.Stop()
		synctest.Wait()
		equal(t, "closed", s.count("close"), 0)
		close(s.release)
		synctest.Wait()
		equal(t, "events", fmt.Sprint(s.events), "[load view closed close]")
		w.around = nil
		w.restart()
		equal(t, "after a restart", w.everything(), before)
	})
}

// A snapshot that can't be written is tried again some records later; the scheduler goes on.
func TestSnapshotFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newSlowWorld(t)
		s.full = 1
		close(s.release)
		w.busy(12)
		synctest.Wait()
		equal(t, "events", fmt.Sprint(s.events), "[load draft view closed]")
		w.busy(2)
		synctest.Wait()
		equal(t, "tries soon after", s.count("draft"), 1)
		w.busy(20)
		synctest.Wait()
		if s.count("install") == 0 {
			t.Errorf("no snapshot any more: %v", s.events)
		}
		before := w.everything()
		w.restart()
		equal(t, "after a restart", w.everything(), before)
	})
}

// Wherever in a snapshot the scheduler dies: what it had acknowledged is there, and later snapshots succeed.
func TestKilledInSnapshot(t *testing.T) {
	for _, p := range []failpoint.Point{failpoint.SchedulerDuringSnapshot, failpoint.SchedulerBeforeSnapshot,
		failpoint.SchedulerAfterSnapshot} {
		t.Run(string(p), func(t *testing.T) {
			v := &victim{t: t, dir: t.TempDir(), dies: p}
			cancelled := map[uint64]bool{} // of the acknowledged jobs
			use := func(most int) error {
				conn := v.dial()
				defer conn.Close()
				w := &world{t: t, jobs: schedpb.NewJobsClient(conn), ctx: t.Context()}
				ok(t, w.putModule(hashOf(moduleBytes), moduleBytes))
				for range most {
					job, err := w.jobs.Submit(w.ctx, &schedpb.SubmitRequest{Spec: w.spec(1)})
					if err != nil {
						return err
					}
					cancelled[job.JobId] = false
					_, err = w.jobs.Change(w.ctx, &schedpb.ChangeRequest{Ids: []uint64{job.JobId},
						Action: schedpb.Action_ACTION_CANCEL})
					if err != nil {
						return err
					}
					cancelled[job.JobId] = true
				}
				return nil
			}
			check := func() {
				t.Helper()
				conn := v.dial()
				defer conn.Close()
				resp, err := schedpb.NewJobsClient(conn).List(t.Context(),
					&schedpb.ListRequest{Everyone: true, Any: true, Limit: 5000})
				ok(t, err)
				for id, cancelled := range cancelled {
					i := slices.IndexFunc(resp.Jobs, func(j *schedpb.JobInfo) bool { return j.Id == id })
					if i < 0 || cancelled && resp.Jobs[i].State != "CA" {
						t.Fatalf("job %d, cancelled: %v, is not there as it was", id, cancelled)
					}
				}
			}
			v.start()
			defer func() { v.kill() }()
			if err := use(1000); err == nil {
				t.Fatal("it didn't die")
			}
			v.cmd.Wait()
			v.dies = ""
			v.start()
			check()
			ok(t, use(150)) // the next snapshots
			v.kill()
			v.start()
			check()
			if len(cancelled) < 150 {
				t.Errorf("only %d jobs", len(cancelled))
			}
		})
	}
}
