package core

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write docs/states.md anew")

func TestStatesPage(t *testing.T) {
	const page = "../../docs/states.md"
	if *update {
		if err := os.WriteFile(page, []byte(StatesMarkdown()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil || string(got) != StatesMarkdown() {
		t.Errorf("docs/states.md is not what the state table says (%v)", err)
	}
}

func TestStateTable(t *testing.T) {
	seen := map[string]bool{}
	reached := map[JobState]bool{Pending: true}
	for i, row := range StateTable {
		if int(row.State) != i+1 || row.State.Row().Code != row.Code || seen[row.Code] {
			t.Errorf("row %d (%s) is out of place", i, row.Code)
		}
		seen[row.Code] = true
		if s, ok := ParseState(row.Code); !ok || s != row.State {
			t.Errorf("%s is not found by its code", row.Code)
		}
		if row.Holds && row.State.Terminal() {
			t.Errorf("%s has ended and holds slots", row.Code)
		}
		for _, n := range row.Next {
			reached[n] = true
		}
	}
	for _, row := range StateTable {
		if !reached[row.State] {
			t.Errorf("no state leads to %s", row.Code)
		}
	}
	if JobState(0).Terminal() || JobState(99).Holds() || JobState(99).String() != "" {
		t.Error("unknown states are believed")
	}
}

// everyTransition is one of each kind with all fields set.
func everyTransition(t *testing.T) []Transition {
	var all []Transition
	n := int64(1)
	for k := kind(1); newTransition(k) != nil; k++ {
		tr := newTransition(k)
		if tr.kind() != k {
			t.Errorf("kind %d makes a %T", k, tr)
		}
		fillIn(reflect.ValueOf(tr).Elem(), &n)
		all = append(all, tr)
	}
	return all
}

func fillIn(v reflect.Value, n *int64) {
	*n++
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fillIn(v.Field(i), n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fillIn(v.Index(0), n)
		fillIn(v.Index(1), n)
	case reflect.String:
		v.SetString(fmt.Sprint("text ", *n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		if v.Type() == reflect.TypeFor[DependencyKind]() {
			v.SetUint(uint64(*n)%5 + 1)
			return
		}
		v.SetUint(uint64(*n)%uint64(len(StateTable)) + 1)
	case reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*n))
	case reflect.Int32, reflect.Int64:
		v.SetInt(-*n)
	default:
		panic("a field of kind " + v.Kind().String())
	}
}

// No field of a transition is forgotten by its encoding.
func TestRecordHoldsEveryField(t *testing.T) {
	all := everyTransition(t)
	rec := EncodeRecord(all)
	got, err := DecodeRecord(rec)
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		if !reflect.DeepEqual(got[i], all[i]) {
			t.Errorf("wrote %+v\nread  %+v", all[i], got[i])
		}
	}
	for cut := range rec {
		if _, err := DecodeRecord(rec[:cut]); !errors.Is(err, ErrRecord) {
			t.Errorf("cut at %d of %d: %v", cut, len(rec), err)
		}
	}
}

// Old encodings stay readable for ever; what they did not know is empty.
func TestOldRecords(t *testing.T) {
	for name, last := range map[string]kind{"record.v1": kindWorkerDrained, "record.v2": kindJobClaimed,
		"record.v3": kindWorkerUnfit, "record.v4": kindJobOrphaned, "record.v5": kindJobOrphaned,
		"record.v6": kindJobTrimmed, "record.v7": kindJobTrimmed, "record.v8": kindJobTrimmed,
		"record.v9": kindJobEligible, "record.v10": kindJobEligible} {
		version := 0
		if _, err := fmt.Sscanf(name, "record.v%d", &version); err != nil {
			t.Fatal(err)
		}
		old, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		ts, err := DecodeRecord(old)
		if err != nil || len(ts) != int(last) {
			t.Fatalf("%s: %d transitions, %v", name, len(ts), err)
		}
		r := ts[0].(*JobAccepted).Request
		if (r.Reservation == "") != (name == "record.v1") || len(r.Spec) == 0 || len(r.Constraint) == 0 ||
			r.Constraint[0][0].Name == "" {
			t.Errorf("%s: %+v", name, r)
		}
		for _, tr := range ts { // workers before version 7 had one engine, and said nothing of it
			w, ok := tr.(*WorkerJoined)
			if ok && (version >= 7) == reflect.DeepEqual(w.Engines, []Engine{UnannouncedEngine}) {
				t.Errorf("%s: %+v", name, w)
			}
		}
		if again, err := DecodeRecord(EncodeRecord(ts)); err != nil || !reflect.DeepEqual(again, ts) {
			t.Errorf("%s: %v: %v", name, err, again)
		}
	}
}

// TestGoldenRecord keeps the encoding of today readable for ever.
func TestGoldenRecord(t *testing.T) {
	const golden = "testdata/record.v11"
	rec := EncodeRecord(everyTransition(t))
	if *update {
		if err := os.WriteFile(golden, rec, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	ts, err := DecodeRecord(old)
	if err != nil {
		t.Fatal(err)
	}
	if again := EncodeRecord(ts); !bytes.Equal(again, old) {
		t.Error("the journal's encoding has changed: a new version is due")
	}
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add(EncodeRecord(everyTransition(&testing.T{})))
	f.Add([]byte{1, 1, 1})
	f.Fuzz(func(t *testing.T, rec []byte) {
		ts, err := DecodeRecord(rec)
		if err != nil {
			return
		}
		again, err := DecodeRecord(EncodeRecord(ts))
		if err != nil || !reflect.DeepEqual(again, ts) {
			t.Fatalf("%v: %v became %v", err, ts, again)
		}
		s := NewState(DefaultPolicy())
		for _, tr := range ts {
			if Apply(s, tr) != nil {
				return // and never panics
			}
		}
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzLoadPiece(f *testing.F) {
	s := play(1, 200, nil)
	for p := range s.Pieces() {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, piece []byte) {
		s := NewState(DefaultPolicy())
		s.lastJob = 1000
		s.LoadPiece(piece) // and never panics
	})
}

func saved(s *State) []byte {
	var all []byte
	for p := range s.Pieces() {
		all = append(all, p...)
	}
	return all
}

// play drives a state with random events from one seed, as the shell would, and hands each batch out.
func play(seed uint64, steps int, batch func(s *State, ts []Transition)) *State {
	rnd := rand.New(rand.NewPCG(seed, 0))
	p := DefaultPolicy()
	p.KeepEnded = 20
	p.Grace = 20 * Second
	p.Tenants = map[Tenant]Quota{"t1": {Shares: 3, Slots: 10, Running: 3},
		"t2": {Pending: 4, Mem: 12 << 30, Descriptions: 60}}
	p.QOS["high"] = QOS{Points: 10_000, Preempts: []string{"low", ""}}
	p.QOS["low"] = QOS{Points: -10_000, Preempted: PreemptMode(seed % 3)}
	s := NewState(p)
	now := Time(1_700_000_000 * Second)
	for range steps {
		now = now.After(Duration(rnd.Int64N(int64(3 * Second))))
		s.Skew = Duration(rnd.IntN(3)) * Second
		var e Event
		job := JobID(1 + rnd.Uint64N(uint64(s.lastJob)+2))
		j := s.Job(job)
		ref := JobRef{Job: job}
		at := WorkerName(fmt.Sprint("w", rnd.IntN(4)))
		if j != nil {
			ref = j.Ref()
			if rnd.IntN(4) > 0 && j.worker() != "" {
				at = j.worker()
			}
		}
		switch rnd.IntN(12) {
		case 0, 1, 2:
			e = Submit{Key: []string{"", fmt.Sprint("key", rnd.IntN(50))}[rnd.IntN(2)], Request: Request{
				Tenant: Tenant(fmt.Sprint("t", rnd.IntN(3))), Ranks: uint32(1 + rnd.IntN(9)), MemPerRank: rnd.Uint64N(4) << 30,
				TimeLimit: Duration(rnd.IntN(30)) * Second, Interactive: rnd.IntN(4) == 0, Spec: []byte("spec"),
				Name: fmt.Sprint("name", rnd.IntN(5)), QOS: []string{"", "", "low", "high"}[rnd.IntN(4)], Held: rnd.IntN(9) == 0,
				Requeue: rnd.IntN(3) == 0, Exclusive: rnd.IntN(9) == 0, Singleton: rnd.IntN(9) == 0}}
			sub := e.(Submit)
			if rnd.IntN(3) == 0 {
				sub.Request.Slots = sub.Request.Ranks * uint32(1+rnd.IntN(4))
			}
			if rnd.IntN(6) == 0 && !sub.Request.Interactive {
				sub.Request.Begin = now.After(Duration(rnd.IntN(20)-4) * Second)
			}
			if rnd.IntN(6) == 0 && !sub.Request.Interactive {
				sub.Request.EndBy = now.After(Duration(rnd.IntN(60)) * Second)
			}
			if rnd.IntN(4) == 0 {
				sub.Request.Resources = Resources{{"gpu", []string{"", "a100"}[rnd.IntN(2)], uint32(1 + rnd.IntN(3))},
					{"licence", "", uint32(1 + rnd.IntN(3))}}[rnd.IntN(2):]
			}
			if rnd.IntN(9) == 0 {
				sub.Request.Nice = rnd.Uint32N(1000)
			}
			switch rnd.IntN(9) {
			case 0:
				sub.Request.After = []Dependency{{DependencyKind(1 + rnd.IntN(5)), job, 0}}
				if rnd.IntN(2) == 0 {
					other := JobID(1 + rnd.Uint64N(uint64(s.lastJob)+2))
					sub.Request.After = append(sub.Request.After, Dependency{After, other, Duration(rnd.IntN(9)) * Second})
					sub.Request.AnyOf = rnd.IntN(2) == 0
				}
				if rnd.IntN(3) == 0 {
					sub.Array = []uint32{1, 5}
				}
			case 1:
				sub.Request.Hosts = []WorkerName{at}
			case 2:
				sub.Request.Constraint = Constraint{{{"disk", "slow"}}, {{"disk", "fast"}, {"gpu", ""}},
					{{"disk", "fast"}}}[rnd.IntN(3):]
			case 3:
				sub.Request.Interactive = false
				sub.Array, sub.Throttle = []uint32{1, 4, 5, 9}, uint32(rnd.IntN(3))
			case 5:
				sub.Request.Excluded = []WorkerName{at}
			case 4:
				sub.Request.Reservation = fmt.Sprint("r", rnd.IntN(3))
			}
			if rnd.IntN(3) == 0 {
				sub.Request.Needs = Needs{Models: DataModels(rnd.IntN(4)), LeastMem: rnd.Uint64N(8) << 30,
					Engine: []string{"", "", "", "wazero", "native"}[rnd.IntN(5)]}
			}
			e = sub
		case 3:
			e = LauncherAttached{job}
		case 4:
			e = []Event{LauncherDisconnected{job}, LauncherDetached{job}, Cancel{job, rnd.IntN(2) == 0, "random"}, Hold{job},
				Release{job}, Requeue{job},
				Drain{at, "repairs"}, Drain{at, ""}, Unreserve{fmt.Sprint("r", rnd.IntN(3))}, randomReserve(rnd, now, at),
				Unfit{at, "its disk is full"}, Unfit{at, ""}, LaunchFailed{at, ref, "no process can be started"},
				WorkerStopping{at, []JobRef{ref}}}[rnd.IntN(14)]
		case 5:
			var holding []JobRef
			if w := s.Worker(at); w != nil {
				for _, id := range w.Jobs {
					if rnd.IntN(4) > 0 {
						holding = append(holding, s.Job(id).Ref())
					}
				}
			}
			if w := s.Worker(at); w != nil && w.Connected {
				e = WorkerDisconnected{at}
			} else {
				e = WorkerConnected{at, uint32(8), 16 << 30, []Label{{"disk", "fast"}}[:rnd.IntN(2)], holding,
					fmt.Sprint("state", rnd.IntN(10)/9), randomEngines(rnd),
					Resources{{"gpu", "a100", 2}, {"gpu", "v100", 1}, {"licence", "", 3}}[:rnd.IntN(4)]}
			}
		case 6:
			if rnd.IntN(4) == 0 {
				e = WorkerDisconnected{at}
			} else if rnd.IntN(30) == 0 {
				e = Recovered{}
			} else {
				e = Tick{}
			}
		case 7, 8:
			e = RanksStarted{at, ref}
		default:
			e = RanksEnded{Worker: at, Ref: ref, Report: anyReport(rnd)}
		}
		var all []Transition
		for i, e := range []Event{e, Pass{}, Pass{}, Pass{}, Pass{}} {
			if i > 1 && !s.Unsettled() {
				break
			}
			if _, ok := e.(Pass); ok {
				checkPass(s, now)
				checkShadow(s, now)
				checkScreening(s, now)
			}
			ts, err := Decide(s, e, now)
			if err != nil {
				continue
			}
			for _, tr := range ts {
				if err := Apply(s, tr); err != nil {
					panic(err)
				}
			}
			checkPlaced(s, ts)
			all = append(all, ts...)
		}
		if batch != nil {
			batch(s, all)
		}
	}
	return s
}

// randomEngines are an old worker's, one of today's, or one with a second engine.
func randomEngines(rnd *rand.Rand) []Engine {
	missing := []string{"", "it has no compiler"}[rnd.IntN(2)]
	return []Engine{{"wazero", ILP32 | LP64, 4 << 30, ""}, {"native", LP64, 64 << 30, missing}}[:rnd.IntN(3)]
}

// checkPlaced: a worker that gets a job has an engine for its programs.
func checkPlaced(s *State, ts []Transition) {
	for _, tr := range ts {
		placed, ok := tr.(*JobPlaced)
		if !ok {
			continue
		}
		j, w := s.jobs[placed.Ref.Job], s.Worker(placed.Placement[0].Worker)
		if !slices.ContainsFunc(w.Engines, func(e Engine) bool {
			return (j.Needs.Engine == "" || j.Needs.Engine == e.Name) && e.Missing == "" &&
				e.Models|j.Needs.Models == e.Models && e.MaxRankMem >= j.Needs.LeastMem && e.MaxRankMem >= j.MemPerRank
		}) {
			panic(fmt.Sprintf("job %d needs %+v and is placed on %s, which has %+v", j.ID, j.Needs, w.Name, w.Engines))
		}
	}
}

func randomReserve(rnd *rand.Rand, now Time, at WorkerName) Reserve {
	from := now.After(Duration(rnd.IntN(40)) * Second)
	e := Reserve{Reservation: Reservation{Name: fmt.Sprint("r", rnd.IntN(3)), From: from, Tenants: []Tenant{"t0", "t1"}},
		For: Duration(1+rnd.IntN(60)) * Second, IgnoreJobs: rnd.IntN(2) == 0}
	if rnd.IntN(2) == 0 {
		e.Workers = []WorkerName{at}
	} else {
		e.Slots = uint32(1 + rnd.IntN(12))
	}
	return e
}

// checkPass looks at a pass from outside: no slot is given twice, no quota broken, and when the head's worker is
// emptied by those who are due by its promised time, the head fits, for all that was placed behind it.
func checkPass(s *State, now Time) {
	p := &pass{s: s, now: now}
	p.run()
	defer p.undo()
	for i, j := range p.jobs {
		w := s.Worker(p.booked[i].Worker)
		fresh := slices.ContainsFunc(p.claims, func(c claim) bool { return c.worker == w }) // made after the job was placed
		if w.claim != 0 && w.claim != j.ID && !fresh {
			panic(fmt.Sprintf("job %d takes worker %s, where others give way to job %d", j.ID, w.Name, w.claim))
		}
		for _, r := range s.reservations {
			checkReserved(s, w, j, r, now)
		}
	}
	for _, a := range s.Accounts() {
		q := s.Policy.Quota(a.Name)
		if q.Slots > 0 && a.Slots > q.Slots || q.Running > 0 && a.Running > q.Running || q.Mem > 0 && a.Mem > q.Mem {
			panic(fmt.Sprintf("tenant %s is over its quota: %+v", a.Name, a))
		}
	}
	for _, w := range s.Workers() {
		if len(p.jobs) > 0 && (w.UsedSlots > w.Slots || w.UsedMem > w.Mem) {
			panic(fmt.Sprintf("worker %s: %d slots and %d bytes are given away", w.Name, w.UsedSlots, w.UsedMem))
		}
	}
	if p.head == nil || p.shadowWorker == nil || p.shadowTime == never || len(p.shadowWorker.reservations) > 0 {
		return
	}
	slots, mem := uint64(p.head.Ranks), p.head.mem()
	for _, id := range p.shadowWorker.Jobs {
		j := s.Job(id)
		due := dueIn(j, now)
		if due > p.shadowTime && due > now { // overdue ones are being ended
			slots += uint64(j.Ranks)
			mem += j.mem()
		}
	}
	if slots > uint64(p.shadowWorker.Slots) || mem > p.shadowWorker.Mem {
		panic(fmt.Sprintf("job %d heads the queue and is delayed beyond %d on %s", p.head.ID, p.shadowTime,
			p.shadowWorker.Name))
	}
}

// dueIn is when a job leaves that runs, or that a pass is placing.
func dueIn(j *Job, now Time) Time {
	due := never
	switch {
	case j.State != Pending:
		return j.due()
	case j.TimeLimit > 0:
		due = now.After(j.TimeLimit)
	}
	if j.EndBy > 0 {
		due = min(due, j.EndBy)
	}
	return due
}

// checkReserved: who is placed has ended before a reservation of others begins, or leaves it its slots; and who is
// placed in one is in it wholly.
func checkReserved(s *State, w *Worker, j *Job, r *Reservation, now Time) {
	if r.Name == j.Reservation {
		if now < r.From || now >= r.To || !slices.Contains(r.Tenants, j.Tenant) {
			panic(fmt.Sprintf("job %d starts in reservation %s, which is not its", j.ID, r.Name))
		}
		return
	}
	k, kept := w.reservation(r.Name)
	if !kept || w.pool(j) != "" || r.To <= now || dueIn(j, now) <= r.From {
		return
	}
	slots, _ := k.of(w)
	free := int(w.Slots) - int(slots)
	for _, id := range w.Jobs {
		if o := s.jobs[id]; o.Reservation != r.Name && dueIn(o, now) > r.From {
			free -= int(o.Ranks)
		}
	}
	if free < 0 {
		panic(fmt.Sprintf("job %d is placed on worker %s, %d slots too many for reservation %s", j.ID, w.Name, -free, r.Name))
	}
}

// Whatever happens, the invariants hold; a state read back from the journal, or from a snapshot in the middle and the
// journal behind it, is the same to the last byte; and no job ends twice.
func TestRandomLives(t *testing.T) {
	for seed := range uint64(60) {
		replayed := NewState(DefaultPolicy())
		ends := map[JobID]int{}
		step := 0
		s := play(seed, 600, func(s *State, ts []Transition) {
			if err := s.Check(); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			back, err := DecodeRecord(EncodeRecord(ts))
			if err != nil {
				t.Fatal(err)
			}
			for _, tr := range back {
				if err := Apply(replayed, tr); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if end, ok := tr.(*JobFinished); ok {
					if ends[end.Job]++; ends[end.Job] > 1 {
						t.Fatalf("seed %d: job %d ended twice", seed, end.Job)
					}
				}
			}
			if step++; step%100 == 0 {
				fresh := NewState(DefaultPolicy())
				for p := range replayed.Pieces() {
					if err := fresh.LoadPiece(p); err != nil {
						t.Fatal(err)
					}
				}
				replayed = fresh
				if err := replayed.Check(); err != nil {
					t.Fatal(err)
				}
			}
		})
		if !bytes.Equal(saved(s), saved(replayed)) {
			t.Errorf("seed %d: the replayed state differs", seed)
		}
		if len(ends) < 20 {
			t.Errorf("seed %d: only %d jobs ended", seed, len(ends))
		}
	}
}

// Decide changes nothing.
func TestDecideOnlyReads(t *testing.T) {
	s := play(3, 300, nil)
	before := saved(s)
	for _, e := range []Event{Submit{Request: Request{Ranks: 1}}, Tick{}, Pass{}, Recovered{}, WorkerConnected{Name: "w1"},
		WorkerDisconnected{"w2"}, Cancel{Job: s.lastJob}} {
		Decide(s, e, 1<<62)
	}
	if !bytes.Equal(saved(s), before) {
		t.Error("deciding changed the state")
	}
}

func TestDurations(t *testing.T) {
	for d, want := range map[Duration]string{90 * Second: "1m30s", 2*Hour + 30*Minute: "2h30m", 20 * Millisecond: "20ms"} {
		if got := d.String(); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
	if got := Time(1 << 62).After(1 << 62); got != 1<<63-1 {
		t.Errorf("the end of time is %d", got)
	}
}

func TestDueIsSorted(t *testing.T) {
	var h timers
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 200 {
		t := &timer{job: &Job{ID: JobID(i)}}
		h.set(t, Time(1+rnd.IntN(50)))
	}
	due := h.due(25)
	if !slices.IsSortedFunc(due, func(a, b *timer) int {
		if a.before(b) {
			return -1
		}
		return 1
	}) || len(due) < 50 || len(h) != 200 {
		t.Errorf("%d due of %d", len(due), len(h))
	}
}
