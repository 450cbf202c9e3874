package tui

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// fakeCluster has one job. Each thing that it is asked for sends the keys that come next.
type fakeCluster struct {
	keys    io.Writer
	watched int

	mu    sync.Mutex // guards asked
	asked []string
}

func (f *fakeCluster) note(what, keys string) {
	f.mu.Lock()
	f.asked = append(f.asked, what)
	f.mu.Unlock()
	for _, key := range keys {
		io.WriteString(f.keys, string(key)) // at once they would be pasted text
	}
}

func (f *fakeCluster) Watch(ctx context.Context, tell func(*schedpb.WatchResponse)) error {
	if f.watched++; f.watched == 1 {
		return errors.New("not there yet")
	}
	tell(&schedpb.WatchResponse{Jobs: []*schedpb.JobInfo{{Id: 5, Name: "job", State: "R", Ranks: 1}}, Complete: true})
	f.note("watch", "l")
	<-ctx.Done()
	return ctx.Err()
}

func (f *fakeCluster) Ranks(ctx context.Context, job uint64) ([]string, error) {
	return []string{"rank 0: computing"}, nil
}

func (f *fakeCluster) Jobs(ctx context.Context, ids []uint64) ([]*schedpb.JobInfo, error) {
	return nil, nil
}

func (f *fakeCluster) Logs(ctx context.Context, job uint64, tell func(string)) error {
	tell("a line\n")
	f.note("logs", "xy")
	<-ctx.Done() // a stream that top has to end itself
	return ctx.Err()
}

func (f *fakeCluster) Cancel(ctx context.Context, job uint64) error {
	f.note("cancel", "q")
	return nil
}

// TestRun goes from the first connection, which fails, to the end, where nothing is left running.
func TestRun(t *testing.T) {
	in, keys := io.Pipe()
	defer in.Close()
	f := &fakeCluster{keys: keys}
	var out bytes.Buffer
	if err := run(t.Context(), "unix:sock", f, tea.WithInput(in), tea.WithOutput(&out), tea.WithoutSignals()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(f.asked, " "); got != "watch logs cancel" {
		t.Errorf("asked for %s", got)
	}
	if out.Len() == 0 {
		t.Error("nothing was shown")
	}
}
