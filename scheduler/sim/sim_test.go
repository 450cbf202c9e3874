package sim

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/scheduler/core"
)

var (
	seeds = flag.Int("seeds", 30, "how many lives with faults are simulated")
	scale = flag.Int("scale", 2000, "jobs of TestScale")
	nodes = flag.Int("nodes", 20, "nodes of TestScale")
	first = flag.Uint64("seed", 1, "the first of their seeds")
)

func faultyPolicy() core.Policy {
	p := core.DefaultPolicy()
	p.Grace = core.Duration(workerGrace + 30*core.Second)
	p.KeepEnded = 50
	p.QOS = map[string]core.QOS{"": {}, "low": {Points: -10_000},
		"cheap":  {Points: -10_000, Preempted: core.PreemptRequeue},
		"urgent": {Points: 10_000, Preempts: []string{"low", "cheap"}}}
	p.Tenants = map[core.Tenant]core.Quota{tenant(0): {Slots: 20, Running: 6}, tenant(1): {Mem: 20 << 30}}
	return p
}

// mixedReleases are workers of which some announce nothing, as those of 0.1.0, and one has a second engine.
var mixedReleases = [][]core.Engine{nil, {wazero}, {wazero, {Name: "native", Models: core.LP64, MaxRankMem: 64 << 30}}}

var wazero = core.Engine{Name: "wazero", Models: core.ILP32 | core.LP64, MaxRankMem: 4 << 30}

var needs = []core.Needs{{}, {Models: core.ILP32}, {Models: core.LP64}, {Models: core.LP64, LeastMem: 6 << 30}}

// faulty is a small cluster where everything goes wrong all the time.
func faulty(seed uint64) *Sim {
	rnd := rand.New(rand.NewPCG(seed, 9))
	n, at := 0, start
	var reservations []Reserve
	for i := range 6 {
		r := Reserve{At: start.After(core.Duration(rnd.Int64N(int64(20 * core.Minute))))}
		r.Name, r.Tenants = fmt.Sprint("r", i), []core.Tenant{tenant(rnd.IntN(3))}
		r.From = r.At.After(core.Duration(rnd.Int64N(int64(5 * core.Minute))))
		r.For = core.Duration(1 + rnd.Int64N(int64(10*core.Minute)))
		if r.IgnoreJobs = rnd.IntN(2) == 0; i%2 == 0 {
			r.Slots = uint32(1 + rnd.IntN(20))
		} else {
			r.Workers = []core.WorkerName{"n00001", "n00003"}[:1+rnd.IntN(2)]
		}
		reservations = append(reservations, r)
	}
	return New(Config{Seed: seed, Nodes: 5, Slots: 8, Mem: 16 << 30, Policy: faultyPolicy(), Faults: HeavyFaults(),
		Engines: mixedReleases, Resources: core.Resources{{Name: "gpu", Count: 2}},
		Journal: true, Reservations: reservations},
		func() (Job, bool) {
			if n++; n > 300 {
				return Job{}, false
			}
			at = at.After(core.Duration(rnd.Int64N(int64(10 * core.Second))))
			ranks := 1 + rnd.Uint64N(8)
			slots := ranks * (1 + rnd.Uint64N(8/ranks)) // ranks of one processor or several
			return Job{At: at, Ranks: uint32(ranks), Slots: uint32(slots), Mem: min(rnd.Uint64N(5)<<30, 16<<30/ranks),
				Run:   core.Duration(rnd.Int64N(int64(3 * core.Minute))),
				Needs: needs[rnd.IntN(len(needs))],
				Limit: core.Duration(1+rnd.Int64N(4)) * core.Minute, Tenant: tenant(rnd.IntN(3)), Requeue: rnd.IntN(2) == 0,
				Stubborn: rnd.IntN(4) == 0, Endless: rnd.IntN(16) == 0,
				Delay: core.Duration(rnd.IntN(5)/4) * core.Minute, Within: core.Duration(rnd.IntN(8)/7) * 8 * core.Minute,
				Resources:   core.Resources{{Name: "gpu", Count: uint32(1 + rnd.IntN(2))}}[min(rnd.IntN(3), 1):],
				QOS:         []string{"", "", "low", "cheap", "urgent"}[rnd.IntN(5)],
				Reservation: []string{"", "", "", fmt.Sprint("r", rnd.IntN(6))}[rnd.IntN(4)]}, true
		})
}

// With everything going wrong, nothing acknowledged is lost, nothing runs twice at once, and no slot is given twice.
func TestFaults(t *testing.T) {
	states := map[core.JobState]int{}
	for seed := *first; seed < *first+uint64(*seeds); seed++ {
		s := faulty(seed)
		if err := s.Run(); err != nil {
			t.Errorf("%v", err)
			continue
		}
		for _, state := range s.checks.ends {
			states[state]++
		}
	}
	t.Logf("ends: %v", states)
	for _, want := range []core.JobState{core.Completed, core.NodeFailed, core.TimedOut, core.Preempted} {
		if states[want] == 0 {
			t.Errorf("no job ended as %s: the faults are too kind", want)
		}
	}
}

func TestSameSeedSameBytes(t *testing.T) {
	digest := func() string {
		s := faulty(7)
		s.cfg.Digest = sha256.New()
		if err := s.Run(); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%x %d", s.cfg.Digest.Sum(nil), s.Events)
	}
	if a, b := digest(), digest(); a != b {
		t.Errorf("%s, then %s", a, b)
	}
}

// startedJob is a job of two seconds' limit that runs on worker a from the first second on.
func startedJob() []core.Transition {
	ref := core.JobRef{Job: 1, Epoch: 1}
	return []core.Transition{&core.JobAccepted{Job: 1, Request: core.Request{Ranks: 1, TimeLimit: 2 * core.Second}},
		&core.WorkerJoined{Name: "a", Slots: 8, Engines: []core.Engine{core.UnannouncedEngine}},
		&core.JobPlaced{Ref: ref, Placement: []core.Span{{Worker: "a", Ranks: 1}}, At: 1},
		&core.JobStarted{Ref: ref, At: core.Time(core.Second), Limit: core.Time(3 * core.Second)}}
}

// Each checker sees what it is there for.
func TestCheckersCheck(t *testing.T) {
	for words, f := range map[string]func(c *checker, s *Sim){
		"ended as CD and again as F": func(c *checker, s *Sim) {
			c.journalled(&core.JobFinished{Job: 1, End: core.End{State: core.Completed}})
			c.journalled(&core.JobFinished{Job: 1, End: core.End{State: core.Failed}})
		},
		"placement 2 follows 0": func(c *checker,
			s *Sim) {
			c.journalled(&core.JobPlaced{Ref: core.JobRef{Job: 1, Epoch: 2}})
		},
		"job 1 runs as placement 1 on a and as placement 2 on b": func(c *checker, s *Sim) {
			c.started(s, "a", &run{ref: core.JobRef{Job: 1, Epoch: 1}, slots: 1})
			c.started(s, "b", &run{ref: core.JobRef{Job: 1, Epoch: 2}, slots: 1})
		},
		"has given away 9 of 8 slots": func(c *checker, s *Sim) {
			c.started(s, "a", &run{ref: core.JobRef{Job: 1, Epoch: 1}, slots: 5})
			c.started(s, "a", &run{ref: core.JobRef{Job: 2, Epoch: 1}, slots: 4})
		},
		"job 1 needs {Models:LP64 LeastMem:0 Engine:} and is placed on worker a, whose": func(c *checker, s *Sim) {
			job := startedJob()
			job[0].(*core.JobAccepted).Request.Needs.Models = core.LP64
			c.rules.batch(0, job)
		},
		"acknowledged and has no end": func(c *checker, s *Sim) { c.acknowledged(1) },
		"never ran to its end": func(c *checker, s *Sim) {
			c.acknowledged(1)
			c.journalled(&core.JobFinished{Job: 1, End: core.End{State: core.Completed}})
		},
		"job 1 is running, and at 5000000000 its time was over at 3000000000": func(c *checker, s *Sim) {
			c.rules.batch(0, startedJob())
			for s.now = 2e9; s.now <= 5e9; s.now += 1e9 {
				c.rules.deadlines(s)
			}
		},
		"job 1 is ending politely, and at 14000000000 its time was over at 12000000000": func(c *checker, s *Sim) {
			c.rules.batch(0, startedJob())
			c.rules.batch(2e9, []core.Transition{&core.JobEnding{Ref: core.JobRef{Job: 1, Epoch: 1}}})
			for s.now = 2e9; s.now <= 14e9; s.now += 1e9 {
				c.rules.deadlines(s)
			}
		},
		"worker a is lost, and at 400000000000 it was to be given up at 330000000000": func(c *checker, s *Sim) {
			c.rules.batch(0, append(startedJob()[:2:2], &core.WorkerLost{Name: "a"}))
			s.now = 400e9
			c.rules.deadlines(s)
		},
		"job 1 was told to end at 1000000000, and at 3000000000 its ranks still run on a": func(c *checker, s *Sim) {
			c.rules.batch(0, startedJob())
			c.rules.batch(1e9, []core.Transition{&core.JobEnding{Ref: core.JobRef{Job: 1, Epoch: 1},
				Ending: core.Ending{Kill: true}}})
			s.names, s.workers["a"].up, s.workers["a"].running = []core.WorkerName{"a"}, true, map[core.JobID]*run{1: {}}
			for s.now = 1e9; s.now <= 3e9; s.now += 1e9 {
				c.rules.deadlines(s)
			}
		},
	} {
		s := &Sim{cfg: Config{Slots: 8}, drained: true, state: core.NewState(core.DefaultPolicy())}
		s.workers = map[core.WorkerName]*worker{"a": {slots: 8}, "b": {slots: 8}}
		s.checks.init(core.DefaultPolicy())
		f(&s.checks, s)
		if err := s.checks.finish(s); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("expected %q, got %v", words, err)
		}
	}
}

func compare(t testing.TB, jobs, nodes int) (easy, fcfs *Metrics) {
	l := Lublin{Seed: 1, Jobs: jobs, Width: 64, Slots: uint64(nodes) * 64, Load: 0.85, Tenants: 20, MaxRun: 12 * core.Hour}
	for _, backfill := range []bool{true, false} {
		p := core.DefaultPolicy()
		p.Backfill, p.KeepEnded = backfill, 100
		s := New(Config{Seed: 1, Nodes: nodes, Slots: 64, Mem: 1 << 40, Policy: p, Light: true, Digest: sha256.New()},
			l.Workload())
		begin := time.Now()
		if err := s.Run(); err != nil {
			t.Fatal(err)
		}
		name := map[bool]string{true: "EASY", false: "FCFS"}[backfill]
		t.Logf("%s (%d events, %v, journal %x)", s.Metrics.Summary(name, l.Slots), s.Events,
			time.Since(begin).Round(time.Millisecond),
			s.cfg.Digest.Sum(nil)[:8])
		if backfill {
			easy = &s.Metrics
		} else {
			fcfs = &s.Metrics
		}
	}
	return easy, fcfs
}

func TestBackfillIsBetter(t *testing.T) {
	easy, fcfs := compare(t, 3000, 4)
	if easy.Completed != 3000 || fcfs.Completed != 3000 {
		t.Errorf("%d and %d of 3000 jobs completed", easy.Completed, fcfs.Completed)
	}
	if easy.Slowdown() >= fcfs.Slowdown() {
		t.Errorf("slowdown %f with backfill, %f without", easy.Slowdown(), fcfs.Slowdown())
	}
	if plot := Plot([]string{"EASY", "FCFS"}, []*Metrics{easy, fcfs}); !strings.HasSuffix(plot, "</svg>\n") {
		t.Error("no plot")
	}
}

func TestSWF(t *testing.T) {
	trace := `; Version: 2.2
; MaxProcs: 128
1 0 5 100 4 -1 -1 4 200 -1 1 7 1 -1 1 -1 -1 -1
2 10 0 50 -1 -1 -1 200 -1 -1 1 8 1 -1 1 -1 -1 -1 ; wide
3 20 0 -1 4 -1 -1 4 200 -1 0 7 1 -1 1 -1 -1 -1
`
	jobs, cut, err := ReadSWF(strings.NewReader(trace), 128)
	if err != nil || len(jobs) != 2 || cut != 1 {
		t.Fatalf("%v, %d cut, %v", jobs, cut, err)
	}
	if j := jobs[0]; j.Ranks != 4 || j.Limit != 200*core.Second || j.Tenant != "user7" || jobs[1].Ranks != 128 {
		t.Errorf("%+v", jobs)
	}
	p := core.DefaultPolicy()
	s := New(Config{Nodes: 1, Slots: 128, Mem: 1 << 40, Policy: p}, FromSlice(jobs))
	if err := s.Run(); err != nil || s.Metrics.Makespan() != 150 || s.Metrics.Wait(0.99) != 90 {
		t.Errorf("%v: %s", err, s.Metrics.Summary("x", 128))
	}
	for words, bad := range map[string]string{"line 1 of the trace: 3 fields": "1 2 3",
		"field 2":        "1 x" + strings.Repeat(" 1", 16),
		"token too long": strings.Repeat("1 ", 40000)} {
		if _, _, err := ReadSWF(strings.NewReader(bad), 1); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("expected %q, got %v", words, err)
		}
	}
}

func FuzzReadSWF(f *testing.F) {
	f.Add("; c\n1 0 5 100 4 -1 -1 4 200 -1 1 7 1 -1 1 -1 -1 -1\n")
	f.Fuzz(func(t *testing.T, trace string) {
		jobs, _, err := ReadSWF(strings.NewReader(trace), 64)
		for _, j := range jobs {
			if err == nil && (j.Ranks == 0 || j.Ranks > 64 || j.Run <= 0 || j.Limit < j.Run || j.At < start) {
				t.Errorf("%+v", j)
			}
		}
	})
}

// The model's own figures: Lublin and Feitelson's 24 % of serial jobs, and the load that was asked for.
func TestLublin(t *testing.T) {
	l := Lublin{Seed: 3, Jobs: 50_000, Width: 128, Slots: 128, Load: 0.7, Tenants: 5}
	next, serial, area := l.Workload(), 0, 0.0
	var last Job
	for j, ok := next(); ok; j, ok = next() {
		if j.Ranks == 1 {
			serial++
		}
		area += float64(j.Ranks) * float64(j.Run) / float64(core.Second)
		last = j
	}
	if part := float64(serial) / 50_000; part < 0.23 || part > 0.26 {
		t.Errorf("%.3f of the jobs are serial", part)
	}
	if load := area / (128 * seconds(last.At-start)); load < 0.6 || load > 0.8 {
		t.Errorf("load %.3f", load)
	}
}

// A grace that is shorter than the workers' own lets a job run twice: the checkers must see it.
func TestShortGraceIsFound(t *testing.T) {
	found := false
	for seed := uint64(1); seed < 40 && !found; seed++ {
		s := faulty(seed)
		s.cfg.Policy.Grace = 5 * core.Second
		s.state.Policy.Grace = 5 * core.Second
		err := s.Run()
		found = err != nil && strings.Contains(err.Error(), "runs as placement")
	}
	if !found {
		t.Error("no seed shows it")
	}
}

// TestScale is the figure of the issue: go test ./scheduler/sim -run Scale -v -scale 1000000 -nodes 10000
func TestScale(t *testing.T) {
	compare(t, *scale, *nodes)
}
