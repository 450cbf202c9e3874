// Package sim drives the production core with a simulated cluster: workers, a network, launchers and faults, all from
// one seed and without a clock, so that the same seed gives the same bytes. Checkers (check.go) stand beside it and
// look at what the workers really ran and at what the journal says, never at how core came to it. It also replays
// traces and generated workloads to compare policies (workload.go, swf.go, metrics.go). Nothing here is part of a
// running cluster.
package sim

import (
	"container/heap"
	"fmt"
	"hash"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/core/result"
)

// Job is one submission of a workload.
type Job struct {
	At      core.Time // of its submission
	Ranks   uint32
	Slots   uint32 // 0: one for each rank
	Mem     uint64 // per rank
	Needs   core.Needs
	Run     core.Duration
	Limit   core.Duration // 0: none
	Tenant  core.Tenant
	Requeue bool
	QOS     string
	// Stubborn jobs end by themselves or when they are killed, not when they are asked to.
	Stubborn bool
	// It starts so long after its submission at the earliest, and has to have ended so long after it; 0: whenever.
	Delay, Within core.Duration
	Resources     core.Resources
	// Endless jobs are never through with compiling their program: their ranks don't start.
	Endless bool
	// Reservation is left out if there is none of that name for the tenant when the job comes.
	Reservation string
}

// slots is how many it takes.
func (j *Job) slots() uint32 {
	if j.Slots > 0 {
		return j.Slots
	}
	return j.Ranks
}

// Reserve is an administrator's call during a simulation.
type Reserve struct {
	At core.Time
	core.Reserve
}

// Workload hands out jobs in the order of their submission; false is its end.
type Workload func() (Job, bool)

// Config is one simulation.
type Config struct {
	Seed  uint64
	Nodes int
	Slots uint32 // of each
	Mem   uint64
	// Engines are those of the workers, which have them in turn. None: every worker runs whatever it has memory for.
	Engines [][]core.Engine
	// Resources each worker has.
	Resources core.Resources
	Policy    core.Policy
	Faults    Faults
	// Reservations are asked for; those that are refused are not made.
	Reservations []Reserve
	// Journal has transitions encoded and kept, and a crashed scheduler read them back. It costs memory.
	Journal bool
	// Digest is given every record of the journal: what two runs must have alike. Nil: nothing.
	Digest hash.Hash
	// Light leaves out what the checkers keep of every job: for comparing policies on many.
	Light bool
}

// start is when every simulation begins: core keeps 0 for "never".
const start = core.Time(1_700_000_000 * core.Second)

// stuck is how long nothing may happen to any job: faults go on for ever, and so would a simulation.
const stuck = 60 * 24 * core.Hour

// Sim is a running simulation.
type Sim struct {
	cfg   Config
	rnd   *rand.Rand
	now   core.Time
	queue events
	seq   uint64

	state   *core.State
	journal [][]byte
	down    bool // the scheduler has crashed
	life    int  // how often it was started: its timers die with it
	since   core.Time
	passed  uint64
	moved   core.Time // when a job last came or ended
	tickAt  core.Time

	workers map[core.WorkerName]*worker
	names   []core.WorkerName
	jobs    map[core.JobID]*Job // that have not ended
	unsent  []Job               // refused while the scheduler was down

	watch    func(core.Transition) // sees what is journalled; nil: nobody
	workload Workload
	drained  bool
	checks   checker
	Metrics  Metrics
	Events   uint64
}

// event is something that happens at a time; seq keeps the order of those that happen at once.
type event struct {
	at  core.Time
	seq uint64
	do  func()
}

type events []event

func (q events) Len() int { return len(q) }
func (q events) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}
func (q events) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *events) Push(x any)   { *q = append(*q, x.(event)) }
func (q *events) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = event{}
	*q = (*q)[:last]
	return e
}

// after has f happen some time from now.
func (s *Sim) after(d core.Duration, f func()) { s.at(s.now.After(d), f) }

func (s *Sim) at(t core.Time, f func()) {
	s.seq++
	heap.Push(&s.queue, event{max(t, s.now), s.seq, f})
}

// New makes a simulation of a workload.
func New(cfg Config, w Workload) *Sim {
	s := &Sim{cfg: cfg, rnd: rand.New(rand.NewPCG(cfg.Seed, 1)), now: start, moved: start,
		state:   core.NewState(cfg.Policy),
		workers: map[core.WorkerName]*worker{}, jobs: map[core.JobID]*Job{}, workload: w}
	s.checks.init(cfg.Policy)
	s.checks.light = cfg.Light
	for i := range cfg.Nodes {
		engines := anyEngine
		if n := len(cfg.Engines); n > 0 {
			engines = cfg.Engines[i%n]
		}
		n := s.addWorker(core.WorkerName(fmt.Sprintf("n%05d", i)), cfg.Slots, cfg.Mem, nil, engines)
		s.at(start, n.connect)
	}
	for _, r := range cfg.Reservations {
		s.at(r.At, func() { s.reserve(r.Reserve) })
	}
	s.at(start, s.submitNext)
	s.cfg.Faults.arm(s)
	return s
}

// anyEngine runs every program.
var anyEngine = []core.Engine{{Name: "any", Models: core.ILP32 | core.LP64, MaxRankMem: 1 << 50}}

// addWorker adds a worker that has not connected yet.
func (s *Sim) addWorker(name core.WorkerName, slots uint32, mem uint64, labels []core.Label,
	engines []core.Engine) *worker {
	w := &worker{s: s, name: name, slots: slots, mem: mem, labels: labels, engines: engines,
		running: map[core.JobID]*run{}, strays: map[*run]bool{}, failed: map[core.JobRef]bool{},
		ended: map[core.JobRef]result.Report{}}
	s.workers[name] = w
	s.names = append(s.names, name)
	return w
}

// Run goes on until all jobs of the workload have ended, or something is wrong.
func (s *Sim) Run() error {
	for !s.finished() && s.next(math.MaxInt64) {
		if s.now > s.moved.After(stuck) {
			s.checks.fail("no job has come or ended for %v, and %d have not ended", stuck, len(s.jobs))
		}
		if s.checks.err != nil {
			return fmt.Errorf("seed %d, event %d: %w", s.cfg.Seed, s.Events, s.checks.err)
		}
	}
	if err := s.checks.finish(s); err != nil {
		return fmt.Errorf("seed %d: %w", s.cfg.Seed, err)
	}
	return nil
}

// next has the next thing happen, and reports whether there was one by then.
func (s *Sim) next(until core.Time) bool {
	if len(s.queue) == 0 || s.queue[0].at > until || s.checks.err != nil {
		return false
	}
	e := heap.Pop(&s.queue).(event)
	s.now = e.at
	s.Events++
	e.do()
	return true
}

func (s *Sim) finished() bool { return s.drained && len(s.jobs) == 0 && len(s.unsent) == 0 && !s.down }

func (s *Sim) submitNext() {
	j, ok := s.workload()
	if !ok {
		s.drained = true
		return
	}
	s.at(j.At, func() {
		s.submit(j)
		s.submitNext()
	})
}

// submit is a launcher's call. What is not acknowledged is sent again under the same key.
func (s *Sim) submit(j Job) {
	s.moved = s.now
	if s.down {
		s.unsent = append(s.unsent, j)
		return
	}
	if !slices.ContainsFunc(s.state.Reservations(), func(r *core.Reservation) bool {
		return r.Name == j.Reservation && slices.Contains(r.Tenants, j.Tenant)
	}) {
		j.Reservation = ""
	}
	begin, endBy := core.Time(0), core.Time(0)
	if j.Delay > 0 {
		begin = s.now.After(j.Delay)
	}
	if j.Within > 0 {
		endBy = s.now.After(j.Within)
	}
	kept := s.decide(core.Submit{Request: core.Request{Tenant: j.Tenant,
		Begin: begin, EndBy: endBy, Resources: j.Resources, Ranks: j.Ranks, Slots: j.Slots,
		MemPerRank: j.Mem,
		TimeLimit:  j.Limit, Requeue: j.Requeue, Needs: j.Needs,
		QOS: j.QOS, Reservation: j.Reservation}},
		func(ts []core.Transition) {
			if s.checks.err == nil && len(ts) == 1 {
				id := ts[0].(*core.JobAccepted).Job
				s.jobs[id] = &j
				s.checks.acknowledged(id)
			}
		})
	if !kept {
		s.unsent = append(s.unsent, j)
	}
}

func (s *Sim) reserve(e core.Reserve) {
	if _, err := core.Decide(s.state, e, s.now); err == nil && !s.down {
		s.decide(e, nil)
	}
}

// decide is the shell's reactor for one event: decide, journal, act. The faults may crash it between any two of these.
// It reports whether the event is in the journal.
func (s *Sim) decide(e core.Event, acknowledged func([]core.Transition)) bool {
	if !s.cfg.Light {
		s.checks.rules.deadlines(s)
	}
	batch := s.step(nil, e)
	first := len(batch)
	for s.state.Version() != s.passed || s.state.Unsettled() {
		batch = s.step(batch, core.Pass{})
		s.passed = s.state.Version()
	}
	if s.cfg.Faults.crashAt(s, beforeJournal) {
		s.crash()
		return false
	}
	s.append(batch)
	if s.cfg.Faults.crashAt(s, beforeActs) {
		if acknowledged != nil {
			acknowledged(batch[:first]) // as a client finds out when it asks again
		}
		s.crash()
		return true
	}
	if acknowledged != nil {
		acknowledged(batch[:first])
	}
	for _, t := range batch {
		for _, o := range s.state.OrdersAfter(t) {
			s.workers[o.Worker].order(o)
		}
	}
	s.arm()
	return true
}

func (s *Sim) step(batch []core.Transition, e core.Event) []core.Transition {
	ts, err := core.Decide(s.state, e, s.now)
	if err != nil {
		s.checks.fail("core refuses %T: %v", e, err)
		return batch
	}
	for _, t := range ts {
		if err := core.Apply(s.state, t); err != nil {
			s.checks.fail("%v", err)
		}
	}
	return append(batch, ts...)
}

// append journals, and lets the checkers and the metrics read the journal.
func (s *Sim) append(batch []core.Transition) {
	if len(batch) == 0 {
		return
	}
	if s.cfg.Journal || s.cfg.Digest != nil {
		record := core.EncodeRecord(batch)
		if s.cfg.Journal {
			s.journal = append(s.journal, record)
		}
		if s.cfg.Digest != nil {
			s.cfg.Digest.Write(record)
		}
	}
	if !s.cfg.Light {
		s.checks.rules.batch(s.now, batch)
	}
	for _, t := range batch {
		s.checks.journalled(t)
		if s.watch != nil {
			s.watch(t)
		}
		if end, ok := t.(*core.JobFinished); ok {
			s.ended(end)
		}
	}
}

func (s *Sim) ended(t *core.JobFinished) {
	j, known := s.jobs[t.Job]
	if !known {
		return
	}
	s.Metrics.ended(j, s.state.Job(t.Job))
	delete(s.jobs, t.Job)
	s.moved = s.now
}

// arm asks for the tick that core wants next.
func (s *Sim) arm() {
	at := s.state.Deadline()
	if at == 0 || s.tickAt != 0 && s.tickAt <= at && s.tickAt > s.now {
		return
	}
	s.tickAt = at
	life := s.life
	s.at(at, func() {
		if life == s.life && !s.down && s.tickAt == at {
			s.tickAt = 0
			s.decide(core.Tick{}, nil)
		}
	})
}

// crash ends the scheduler's process; all connections break. It comes back by itself, from its journal.
func (s *Sim) crash() {
	s.down = true
	s.life++
	for _, name := range s.names {
		s.workers[name].cut()
	}
	s.after(core.Duration(s.rnd.Int64N(int64(20*core.Second))), s.restart)
}

// reload has the state come from a snapshot of it, as if one had been taken at the end of the journal.
func (s *Sim) reload() {
	fresh := core.NewState(s.cfg.Policy)
	for p := range s.state.Pieces() {
		if err := fresh.LoadPiece(p); err != nil {
			s.checks.fail("snapshot: %v", err)
		}
	}
	if err := fresh.Check(); err != nil {
		s.checks.fail("snapshot: %v", err)
	}
	s.state = fresh
}

func (s *Sim) restart() {
	s.state = core.NewState(s.cfg.Policy)
	for i, record := range s.journal {
		ts, err := core.DecodeRecord(record)
		if err != nil {
			s.checks.fail("record %d: %v", i, err)
			return
		}
		for _, t := range ts {
			if err := core.Apply(s.state, t); err != nil {
				s.checks.fail("record %d: %v", i, err)
				return
			}
		}
	}
	if s.rnd.IntN(2) == 0 {
		s.reload()
	}
	s.down, s.since, s.passed, s.tickAt = false, s.now, 0, 0
	s.decide(core.Recovered{}, nil)
	unsent := s.unsent
	s.unsent = nil
	for _, j := range unsent { // launchers ask again, under the key of their first call
		s.submit(j)
	}
}
