package state

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"golang.org/x/sys/unix"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRemembers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	s := open(t, dir)
	var want []Executor
	for i := range uint64(3) {
		e := Executor{Job: i + 1, Epoch: 1 << 40, Order: []byte{0, 255, byte(i)},
			Process: Process{PID: 7, Began: 1 << 50, Boot: "b"}, Files: "f", Group: true}
		if err := s.Put(e); err != nil {
			t.Fatal(err)
		}
		want = append(want, e)
	}
	want[1].Process.PID = 8
	if err := errors.Join(s.Put(want[1]), s.Forget(1, 1<<40), s.Forget(99, 1), s.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	defer s.Close()
	got, err := s.Executors()
	if err != nil || !reflect.DeepEqual(got, want[1:]) {
		t.Errorf("%+v, %v; want %+v", got, err, want[1:])
	}
}

func TestOneAtATime(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	defer s.Close()
	if _, err := Open(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("a second worker: %v", err)
	}
}

// What can't be read is named, and hides nothing else.
func TestDamage(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	good := Executor{Job: 2, Epoch: 1}
	for k, v := range map[string]string{"executor/1": "{", "executor/3": `{"Version":99}`} {
		if err := s.db.Set([]byte(k), []byte(v), pebble.NoSync); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Put(good); err != nil {
		t.Fatal(err)
	}
	got, err := s.Executors()
	if len(got) != 1 || got[0].Job != 2 || err == nil || !strings.Contains(err.Error(), "version 99") ||
		!strings.Contains(err.Error(), "executor/1") {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestIdentify(t *testing.T) {
	a, err := Identify(os.Getpid())
	if err != nil || a.PID != os.Getpid() || a.Began == 0 || len(a.Boot) != 36 {
		t.Errorf("%+v, %v", a, err)
	}
	if b, err := Identify(os.Getppid()); err != nil || b == a {
		t.Errorf("%+v, %v", b, err)
	}
	for stat, want := range map[string]uint64{
		"7 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20": 4711,
		"7 (x) S 1": 0, "": 0, "7 (x": 0,
	} {
		if got, err := startTime([]byte(stat)); got != want || (want == 0) != (err != nil) {
			t.Errorf("%q: %d, %v", stat, got, err)
		}
	}
}

// A full disk is an error, at once, when the store is opened and when it is written.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
		t.Skipf("needs a small file system to fill: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	s := open(t, filepath.Join(dir, "state"))
	if err := s.Put(Executor{Job: 1, Epoch: 1}); err != nil {
		t.Fatal(err)
	}
	big := filepath.Join(dir, "big")
	if err := os.WriteFile(big, make([]byte, 12<<20), 0o600); err != nil && !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	for what, err := range map[string]error{"put": s.Put(Executor{Job: 2, Epoch: 1}), "forget": s.Forget(1, 1)} {
		if !errors.Is(err, unix.ENOSPC) {
			t.Errorf("%s on a full disk: %v", what, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Open(filepath.Join(dir, "state")); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("open on a full disk: %v", err)
	}
	os.Remove(big)
	s = open(t, filepath.Join(dir, "state"))
	defer s.Close()
	if left, err := s.Executors(); len(left) != 1 || err != nil {
		t.Errorf("%v, %v", left, err)
	}
}

// What a worker remembers holds its jobs' environments: a directory that others could read is closed to them.
func TestStateIsPrivate(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir)
	defer s.Close()
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
