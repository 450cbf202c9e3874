package executor

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/mpi"
	"github.com/faasmrun/faasmrun/scheduler/core/result"
	"github.com/faasmrun/faasmrun/worker/child"
	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/rank"
)

// An executor reports who did not exit with 0, in the order in which they ended, and of what program those are that did
// so by themselves.
func TestRankEnds(t *testing.T) {
	exit := func(rank uint32, cause result.Cause, number int32) rank.Exit {
		return rankExit(result.RankEnd{Rank: rank, Cause: cause, Number: number})
	}
	j := &job{apps: []*app{{App: control.App{Program: "a.wasm", Ranks: 3}},
		{App: control.App{Program: "b.wasm", Ranks: 2}, firstRank: 3}}}
	j.ends = []rank.Exit{exit(4, result.Signalled, 10), exit(0, result.Exited, 0), exit(1, result.Exited, 256),
		exit(3, result.Exited, 7), exit(4, result.Ended, 0), exit(2, result.Killed, 0)}
	want := []result.RankEnd{{Rank: 4, Cause: result.Signalled, Number: 10, Program: "b.wasm"},
		{Rank: 3, Number: 7, Program: "b.wasm"}, {Rank: 4, Cause: result.Ended}, {Rank: 2, Cause: result.Killed}}
	if got := j.rankEnds(); !slices.Equal(got, want) {
		t.Errorf("%+v, want\n%+v", got, want)
	}
}

func rankExit(e result.RankEnd) rank.Exit { return rank.Exit{RankEnd: e} }

// TestExcessInput: input beyond what was agreed on ends the job, and the report says so; once it ends otherwise, that
// stands.
func TestExcessInput(t *testing.T) {
	j := &job{closing: true}
	j.handleOrder(&excessInput{})
	if j.terminated || j.excess {
		t.Error("a job that ends has ended for its input")
	}
	j = &job{terminated: true}
	j.handleOrder(&excessInput{})
	if j.excess {
		t.Error("a job that was told to end has ended for its input")
	}
	j = &job{done: make(chan struct{}), world: mpi.NewWorld(mpi.WorldConfig{Size: 1})}
	defer j.world.Close()
	j.handleOrder(&excessInput{})
	if !j.terminated || !j.excess || !j.closing {
		t.Errorf("%v, %v, %v", j.terminated, j.excess, j.closing)
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
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	mapped := func(host, guest string) []control.Mount {
		return []control.Mount{{HostDir: host, GuestDir: guest, ReadOnly: true}}
	}
	for _, c := range []struct {
		app   control.App
		named bool
		want  string
	}{
		{control.App{Dir: dir + "/.", Mounts: mapped("/", "/all")}, false, "/ DIR /all:ro"},
		{control.App{Dir: dir + "/.", Mounts: mapped("/", "/all")}, true,
			"/:above DIR:working /all:ro /dev:devices /tmp:private"},
		{control.App{Dir: link}, true, "/:above LINK DIR:working /dev:devices /tmp:private"},
		{control.App{Dir: dir, Mounts: mapped(dir, "/dev/")}, true, "/:above DIR:working /dev/:ro /tmp:private"},
		{control.App{Dir: dir, Mounts: mapped(dir, "/tmp")}, true, "/:above DIR:working /tmp:ro /dev:devices"},
		{control.App{Dir: "/"}, true, "/:working /dev:devices"},
		{control.App{Dir: "/"}, false, "/:working"},
	} {
		all, err := openMounts(c.app, c.named, dir)
		if err != nil {
			t.Error(err)
			continue
		}
		var got []string
		for _, m := range all {
			name := strings.NewReplacer(dir, "DIR", link, "LINK").Replace(m.Guest)
			for word, is := range map[string]bool{":above": m.Above, ":working": m.Working, ":devices": m.Devices,
				":private": m.Private, ":ro": m.ReadOnly} {
				if is {
					name += word
				}
			}
			got = append(got, name)
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s, not %s", s, c.want)
		}
		if err := all.close(); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "relative", filepath.Join(dir, "none")} {
		if _, err := openMounts(control.App{Dir: bad}, true, dir); err == nil {
			t.Errorf("%q was mounted", bad)
		}
	}
}

// TestMountsInTemporaryDirectory: what is mounted below /tmp has its place there.
func TestMountsInTemporaryDirectory(t *testing.T) {
	dir, tmp := t.TempDir(), t.TempDir()
	all, err := openMounts(control.App{Dir: dir, Mounts: []control.Mount{{HostDir: dir, GuestDir: "/tmp/a/b"},
		{HostDir: dir, GuestDir: "/tmpx"}}}, true, tmp)
	if err != nil {
		t.Fatal(err)
	}
	defer all.close()
	for name, want := range map[string]bool{"a/b": true, "x": false} {
		if _, err := os.Stat(filepath.Join(tmp, name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if name, below := strings.CutPrefix(dir, "/tmp/"); below {
		if _, err := os.Stat(filepath.Join(tmp, name)); err != nil {
			t.Error(err)
		}
	}
}

// TestTemporaryDirectory: TMPDIR names a directory that the program sees, its own in doubt.
func TestTemporaryDirectory(t *testing.T) {
	dir, tmp := t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "scratch"), 0o700); err != nil {
		t.Fatal(err)
	}
	all, err := openMounts(control.App{Dir: dir}, true, tmp)
	if err != nil {
		t.Fatal(err)
	}
	defer all.close()
	for given, want := range map[string]string{dir: dir, dir + "/scratch/": dir + "/scratch/", "/tmp": "/tmp",
		dir + "/none": "/tmp", "/tmp/none": "/tmp", "/var/tmp": "/tmp", "scratch": "scratch", "": "", "/": "/tmp"} {
		if got := all.withTemporary([]string{"A=1", "TMPDIR=" + given}); got[1] != "TMPDIR="+want || len(got) != 2 {
			t.Errorf("%q became %q", given, got)
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
	if err := child.ArmWatch(int(null.Fd())); err == nil {
		// An agent watch must be a pipe: no other file reports its other end's closing.
		t.Error("/dev/null is an agent watch")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w.Close()
	if err := child.ArmWatch(int(r.Fd())); err == nil {
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
