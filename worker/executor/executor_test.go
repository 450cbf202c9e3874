package executor

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/mpi"
	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/rank"
)

func TestResult(t *testing.T) {
	start := &control.Start{Node: "n1", Ranks: 4, WorldSize: 4,
		Apps: []control.App{{Program: "a.wasm", Ranks: 3}, {Program: "b.wasm", Ranks: 1}}}
	ok, ended := rank.Exit{}, rank.Exit{Code: 143, Consequence: true}
	status := func(n int) rank.Exit { return rank.Exit{Code: n} }
	for _, c := range []struct {
		name     string
		ends     []rankEnd
		deadlock error
		code     int32
		reason   string
		exits    int
	}{
		{"all well", []rankEnd{{3, ok}, {0, ok}, {1, ok}, {2, ok}}, nil, 0, "", 0},
		{"one fails", []rankEnd{{0, ok}, {3, status(5)}, {1, ended}, {2, ended}}, nil, 5,
			"rank 3 of b.wasm on n1 exited with status 5\nthe other 2 ranks that were running were ended", 3},
		{"the lowest rank's status, the first one's name", []rankEnd{{2, status(7)}, {1, status(9)}, {0, ended}, {3, ok}},
			nil, 9,
			"rank 2 of a.wasm on n1 exited with status 7\nthe other rank that was running was ended", 3},
		{"a message", []rankEnd{{1, rank.Exit{Code: 6, Message: "rank 1: MPI_Send: no rank 9"}}, {0, ok}, {2, ok}, {3, ok}},
			nil, 6,
			"rank 1 of a.wasm on n1 failed with status 6: MPI_Send: no rank 9", 1},
		{"deadlock", []rankEnd{{0, ended}, {1, ended}, {2, ended}, {3, ended}},
			&mpi.DeadlockError{Waiting: []string{"MPI_Recv"}}, 1,
			"deadlock: every rank waits for another\n  rank 0: MPI_Recv", 4},
		{"ended from outside", []rankEnd{{0, ended}, {1, ended}, {2, ok}, {3, ended}}, nil, 0, "", 3},
		{"a signal first, then what came of it", []rankEnd{{0, status(138)}, {1, status(138)}, {2, ok}, {3, ok}, {0, ended},
			{1, ended}}, nil, 138,
			"rank 0 of a.wasm on n1 exited with status 138", 2},
	} {
		code, reason, exits := result(start, c.ends, c.deadlock)
		if code != c.code || reason != c.reason || len(exits) != c.exits {
			t.Errorf("%s: status %d, %q, %d exits", c.name, code, reason, len(exits))
		}
		if !slices.IsSortedFunc(exits, func(a, b control.RankExit) int { return int(a.Rank) - int(b.Rank) }) {
			t.Errorf("%s: exits out of order", c.name)
		}
	}
}

func TestStdin(t *testing.T) {
	var taken uint64
	marks := 0
	in := &stdin{taken: func(n uint64) { taken = n }}
	a, b := in.reader(func() { marks++ }), in.reader(func() {})
	buf := make([]byte, 4)
	read := func(r *stdinReader, want string, wantErr error) {
		t.Helper()
		n, err := r.Read(buf)
		if string(buf[:n]) != want || err != wantErr {
			t.Errorf("read %q, %v; want %q, %v", buf[:n], err, want, wantErr)
		}
	}
	read(a, "", nil)
	ready := a.Ready()
	a.Ready()
	if marks != 1 {
		t.Errorf("%d marks for one wait", marks)
	}
	in.put([]byte("hello"), false)
	<-ready
	<-a.Ready()
	read(a, "hell", nil)
	if a.Len() != 1 || b.Len() != 5 || taken != 0 {
		t.Errorf("%d and %d left, %d taken", a.Len(), b.Len(), taken)
	}
	read(b, "hell", nil)
	if taken != 4 {
		t.Errorf("%d taken by both", taken)
	}
	b.drop() // its rank has ended
	read(a, "o", nil)
	if taken != 5 {
		t.Errorf("%d taken by the one that is left", taken)
	}
	ready = a.Ready()
	if marks != 2 {
		t.Errorf("%d marks for two waits", marks)
	}
	in.put(nil, true)
	<-ready
	read(a, "", io.EOF)
	in.put([]byte("late"), false)
	read(a, "", io.EOF)
	if in.put(make([]byte, maxStdin+1), false) {
		t.Error("more than the bound was accepted")
	}
}

func TestStdinThatNobodyReads(t *testing.T) {
	taken := uint64(0)
	in := &stdin{taken: func(n uint64) { taken = n }}
	for range 3 {
		if !in.put(make([]byte, maxStdin), false) {
			t.Fatal("it piles up")
		}
	}
	if taken != 3*maxStdin {
		t.Errorf("%d taken", taken)
	}
}

func TestEnvironment(t *testing.T) {
	start := &control.Start{Job: 12, Ranks: 2, WorldSize: 2}
	env := environment(start, []string{"A=1=2", "PMI_RANK=7", "B=caf\xe9"}, 1)
	for _, v := range []string{"A=1=2", "B=caf\xe9", "PMI_RANK=1", "OMPI_COMM_WORLD_SIZE=2", "SLURM_JOB_ID=12"} {
		if !slices.Contains(env, v) {
			t.Errorf("%s is not in %q", v, env)
		}
	}
	if slices.Contains(env, "PMI_RANK=7") {
		t.Error("a rank has two numbers")
	}
}

func TestMounts(t *testing.T) {
	dir := t.TempDir()
	all, err := openMounts(control.App{Dir: dir + "/.",
		Mounts: []control.Mount{{HostDir: "/", GuestDir: "/all", ReadOnly: true}}})
	if err != nil || len(all) != 3 || all[0].Guest != "/" || all[1].Guest != dir || all[2].Guest != "/all" ||
		!all[2].ReadOnly {
		t.Errorf("%v, %v", all, err)
	}
	if all, err := openMounts(control.App{Dir: "/"}); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
	for _, bad := range []string{"", "relative", filepath.Join(dir, "none")} {
		if _, err := openMounts(control.App{Dir: bad}); err == nil {
			t.Errorf("%q was mounted", bad)
		}
	}
}

// The children are not for people to start, and say so instead of waiting for ever.
func TestStartedByHand(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if err := armAgentWatch(int(null.Fd())); err == nil {
		// An agent watch must be a pipe: no other file reports its other end's closing.
		t.Error("/dev/null is an agent watch")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w.Close()
	if err := armAgentWatch(int(r.Fd())); err == nil {
		t.Error("an agent watch whose other end is gone")
	}
	var words strings.Builder
	if status := CompileMain([]string{"--none"}, &words); status != 2 || words.Len() == 0 {
		t.Errorf("status %d, %q", status, words.String())
	}
}

func TestHeapIsMeasured(t *testing.T) {
	if heapBytes() == 0 {
		t.Error("the metric has gone")
	}
}

func TestZones(t *testing.T) {
	for env, want := range map[string]bool{"TZ=Europe/Berlin": true, "TZ=CET-1CEST,M3.5.0/2,M10.5.0/3": false,
		"TZ=UTC": false, "NTZ=a/b": false} {
		if got := namesZone([]string{"A=1", env}); got != want {
			t.Errorf("%s: %v", env, got)
		}
	}
}
