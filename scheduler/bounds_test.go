package scheduler

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// Every bound of a submission, by one more than it allows.
func TestSubmissionBounds(t *testing.T) {
	w := newWorld(t, Config{})
	w.submit(w.spec(1))
	for _, c := range []struct {
		says   string
		key    string
		change func(*schedpb.JobSpec)
	}{
		{says: fmt.Sprintf("programs; at most %d", maxApps), change: func(s *schedpb.JobSpec) {
			for range maxApps {
				s.Apps = append(s.Apps, s.Apps[0])
			}
		}},
		{says: fmt.Sprintf("arguments; at most %d", maxArgs),
			change: func(s *schedpb.JobSpec) { s.Apps[0].Args = make([]string, maxArgs+1) }},
		{says: fmt.Sprintf("environment variables; at most %d", maxEnv), change: func(s *schedpb.JobSpec) {
			for i := range maxEnv + 1 {
				s.Apps[0].Env = append(s.Apps[0].Env, &schedpb.EnvVar{Name: fmt.Sprint("v", i)})
			}
		}},
		{says: fmt.Sprintf("mounts; at most %d", maxMounts), change: func(s *schedpb.JobSpec) {
			for range maxMounts + 1 {
				s.Apps[0].Mounts = append(s.Apps[0].Mounts, &schedpb.Mount{HostDir: "/a", GuestDir: "/b"})
			}
		}},
		{says: fmt.Sprintf("at most %d", maxName),
			change: func(s *schedpb.JobSpec) { s.Name = strings.Repeat("n", maxName+1) }},
		{says: fmt.Sprintf("at most %d", maxName),
			change: func(s *schedpb.JobSpec) { s.Reservation = strings.Repeat("n", maxName+1) }},
		{says: fmt.Sprintf("idempotency key has %d bytes", maxKey+1), key: strings.Repeat("k", maxKey+1),
			change: func(*schedpb.JobSpec) {}},
		{says: fmt.Sprintf("at most %d of each", maxHosts), change: func(s *schedpb.JobSpec) {
			for range maxHosts + 1 {
				s.Hosts = append(s.Hosts, "n1")
			}
		}},
		{says: fmt.Sprintf("at most %d of each", maxHosts), change: func(s *schedpb.JobSpec) {
			for range maxHosts + 1 {
				s.ExcludedHosts = append(s.ExcludedHosts, "n1")
			}
		}},
		{says: fmt.Sprintf("at most %d", maxNice), change: func(s *schedpb.JobSpec) { s.Nice = maxNice + 1 }},
		{says: "KiB are taken", change: func(s *schedpb.JobSpec) {
			s.Apps[0].Args = []string{strings.Repeat("a", maxSpecBytes)}
		}},
	} {
		spec := w.spec(1)
		c.change(spec)
		_, err := w.jobs.Submit(w.ctx, &schedpb.SubmitRequest{Spec: spec, IdempotencyKey: c.key})
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), c.says) {
			t.Errorf("expected %q, got %.200v", c.says, err)
		}
	}
}

// The bounds of the other calls.
func TestRequestBounds(t *testing.T) {
	w := newWorld(t, Config{Admins: []string{"alice"}})
	long := strings.Repeat("r", maxReason+1)
	for name, err := range map[string]error{
		"hashes": second(w.jobs.MissingModules(w.ctx, &schedpb.MissingModulesRequest{Sha256: make([]string, maxHashes+1)})),
		"jobs":   second(w.jobs.Change(w.ctx, &schedpb.ChangeRequest{Ids: make([]uint64, maxIDs+1)})),
		"reason": second(w.jobs.Change(w.ctx, &schedpb.ChangeRequest{Reason: long})),
		"drain":  second(w.cluster.Drain(w.ctx, &schedpb.DrainRequest{Node: "n1", Reason: long})),
		"nodes": second(w.cluster.Reserve(w.ctx,
			&schedpb.ReserveRequest{Name: "r", DurationMs: 1, Nodes: make([]string, maxReservedNodes+1)})),
		"tenants": second(w.cluster.Reserve(w.ctx, &schedpb.ReserveRequest{Name: "r", DurationMs: 1,
			Tenants: make([]string, maxHosts+1)})),
		"jobs held": w.dial(hello("n1", 1, make([]*schedpb.JobRef, maxHolding+1)...)).gone(),
	} {
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %.100v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// Whoever lets messages pile up is cut off; until then nothing is lost.
func TestPilesAreBounded(t *testing.T) {
	worker := &workerConn{wake: make(chan struct{}, 1)}
	for range maxOrders {
		worker.order(&schedpb.SchedulerMessage{})
	}
	if worker.err != nil {
		t.Errorf("after %d orders: %v", maxOrders, worker.err)
	}
	worker.order(&schedpb.SchedulerMessage{})
	equal(t, "a worker", status.Code(worker.err), codes.ResourceExhausted)

	launcher := newAttachment(&schedpb.AttachOpen{})
	for range maxMail {
		launcher.enqueue(&schedpb.AttachResponse{})
	}
	if launcher.err != nil {
		t.Errorf("after %d messages: %v", maxMail, launcher.err)
	}
	launcher.enqueue(&schedpb.AttachResponse{})
	equal(t, "a launcher", status.Code(launcher.err), codes.ResourceExhausted)
}

// A worker's account of an end that is too long loses the ranks' stories first, then all of them.
func TestDetailIsBounded(t *testing.T) {
	end := func(ranks, story int) *schedpb.JobEnd {
		e := &schedpb.JobEnd{MpiBytes: 5}
		for i := range ranks {
			e.Exits = append(e.Exits, &schedpb.RankExit{Rank: uint32(i), ExitCode: 3, Message: strings.Repeat("m", story)})
		}
		return e
	}
	for _, c := range []struct{ ranks, story, exits, told int }{
		{10, 100, 10, 100}, {10, maxDetail / 9, 10, 0}, {maxDetail / 2, 0, 0, 0},
	} {
		detail := endDetail(core.Span{Ranks: 1 << 31}, end(c.ranks, c.story))
		kept := &schedpb.JobEnd{}
		ok(t, proto.Unmarshal(detail, kept))
		if len(detail) > maxDetail || len(kept.Exits) != c.exits || kept.MpiBytes != 5 {
			t.Errorf("%d ranks with %d bytes each: %d bytes, %d exits", c.ranks, c.story, len(detail), len(kept.Exits))
		}
		if c.exits > 0 && (len(kept.Exits[0].Message) != c.told || kept.Exits[0].ExitCode != 3) {
			t.Errorf("kept %v", kept.Exits[0])
		}
	}
}

// Parts of modules that a crash has left go when nobody can be writing them any more.
func TestPartsAreSwept(t *testing.T) {
	dir := t.TempDir()
	part := filepath.Join(dir, ".put-1")
	ok(t, os.WriteFile(part, nil, 0o600))
	for _, c := range []struct {
		age  time.Duration
		left bool
	}{{partsLinger - time.Minute, true}, {partsLinger + time.Minute, false}} {
		then := time.Now().Add(-c.age)
		ok(t, os.Chtimes(part, then, then))
		if _, err := openModules(dir, filepath.Join(dir, "owners"), 1, false); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(part); (err == nil) != c.left {
			t.Errorf("after %v: %v", c.age, err)
		}
	}
}

// A cluster without a policy of its own ends jobs that name no limit after a day.
func TestDefaultTimeLimit(t *testing.T) {
	p, err := ClusterPolicy([]byte("{}"))
	ok(t, err)
	equal(t, "limit", p.TimeLimit, defaultTimeLimit)
	equal(t, "limit", defaultTimeLimit, 24*core.Hour)
}

// A delay of a dependency is one of after, and neither negative nor longer than it may be.
func TestBoundsOfDelays(t *testing.T) {
	w := newWorld(t, Config{})
	first := w.submit(w.spec(1))
	for _, c := range []struct {
		kind    string
		delay   time.Duration
		refused bool
	}{{"after", maxDelay, false}, {"after", maxDelay + time.Millisecond, true}, {"after", -1 * time.Millisecond, true},
		{"afterok", time.Minute, true}, {"afterok", 0, false}} {
		spec := w.spec(1)
		spec.After = []*schedpb.Dependency{{Kind: c.kind, JobId: first, DelayMs: c.delay.Milliseconds()}}
		_, err := w.jobs.Submit(w.ctx, &schedpb.SubmitRequest{Spec: spec})
		if refused := status.Code(err) == codes.InvalidArgument; refused != c.refused || err != nil && !refused {
			t.Errorf("%s after %v: %v", c.kind, c.delay, err)
		}
	}
}
