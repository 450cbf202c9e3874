package executor

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/mpi"
	"github.com/faasmrun/faasmrun/scheduler/core/result"
	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/engine/wazero"
	"github.com/faasmrun/faasmrun/worker/program"
	"github.com/faasmrun/faasmrun/worker/rank"
)

func TestEndedCleanly(t *testing.T) {
	good := rank.Exit{Initialized: true, Finalized: true}
	with := func(change func(*job)) *job {
		j := &job{ranks: make([]*rank.Rank, 2), ends: []rank.Exit{good, rankExit(result.RankEnd{Rank: 1, Number: 7})}}
		change(j)
		return j
	}
	if !with(func(*job) {}).endedCleanly() {
		t.Error("a job that ended in order")
	}
	for name, j := range map[string]*job{
		"none": nil, "terminated": with(func(j *job) { j.terminated = true }),
		"fenced":        with(func(j *job) { j.fenced = true }),
		"deadlock":      with(func(j *job) { j.deadlock = &mpi.DeadlockError{} }),
		"a rank left":   with(func(j *job) { j.ends = j.ends[:1] }),
		"a signal":      with(func(j *job) { j.ends = append(j.ends, good) }),
		"a message":     with(func(j *job) { j.ends[1].Cause = result.Trapped }),
		"a consequence": with(func(j *job) { j.ends[1].Cause = result.Ended }),
		"not finalized": with(func(j *job) { j.ends[1].Initialized = true }),
		"output lost":   with(func(j *job) { j.lostOutput.Store(new(error)) }),
	} {
		if j.endedCleanly() {
			t.Error(name)
		}
	}
}

func TestFootprint(t *testing.T) {
	first, err := readFootprint()
	if err != nil || first.goroutines == 0 || first.files < 3 || first.resident == 0 {
		t.Fatalf("%+v, %v", first, err)
	}
	if err := first.compare(first); err != nil {
		t.Error(err)
	}
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	now, err := readFootprint()
	if err != nil || now.files != first.files+1 {
		t.Errorf("%+v, %v after one more file", now, err)
	}
	for want, worse := range map[string]footprint{"goroutines": {goroutines: first.goroutines + spareGoroutines + 1},
		"files": {files: first.files + 1}, "MiB": {resident: maxIdleResident + 1<<20}} {
		if err := worse.compare(first); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", worse, err)
		}
	}
	if err := forgetPeak(); err != nil {
		t.Error(err)
	}
	if p := peak(); p == 0 {
		t.Error("no peak")
	}
}

// A module that does nothing: one that exports an empty _start, and a memory.
const nothing = "\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x05\x03\x01\x00\x01" +
	"\x07\x13\x02\x06memory\x02\x00\x06_start\x00\x00\x0a\x04\x01\x02\x00\x0b"

// prepared does what the compile child does but for compiling, and returns the path of what runs.
func prepared(t testing.TB, dir string, file []byte, checked bool) string {
	t.Helper()
	e, err := wazero.New(engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := program.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	target, origin := e.Target(), program.Hash(sha256.Sum256(file))
	target.CheckAddresses = checked
	made, err := f.Prepare(origin, target)
	if err != nil {
		t.Fatal(err)
	}
	name, err := made.Save(dir, origin)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

func TestProgramsStayLoaded(t *testing.T) {
	dir := t.TempDir()
	var p programs
	defer p.close()
	e, err := p.engineFor(&control.Start{})
	if err != nil {
		t.Fatal(err)
	}
	load := func(name string) engine.Module {
		a := control.App{Module: prepared(t, dir, []byte(nothing+"\x00\x02\x01"+name), false), Program: name}
		if err := p.open(&control.Start{Apps: []control.App{a}}); err != nil {
			t.Fatal(err)
		}
		m, err := p.load(a)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	names := "abcdefghijkl"
	first := load("a")
	for _, name := range names {
		load(string(name))
	}
	if load("a") != first || len(p.loaded) != len(names) {
		t.Errorf("%d are loaded", len(p.loaded))
	}
	if err := p.trim(); err != nil || len(p.loaded) != maxLoaded || p.loaded[maxLoaded-1].module != first {
		t.Errorf("%d are left, %v", len(p.loaded), err)
	}
	p.loaded[maxLoaded-2].bytes = maxLoadedBytes
	if err := p.trim(); err != nil || len(p.loaded) != 1 || load("a") != first {
		t.Errorf("%d are left, %v", len(p.loaded), err)
	}
	if again, err := p.engineFor(&control.Start{}); again != e || err != nil {
		t.Errorf("another engine, %v", err)
	}
	if other, err := p.engineFor(&control.Start{Check: true}); other == e || err != nil || len(p.loaded) != 0 {
		t.Errorf("the same engine, %v", err)
	}
}
