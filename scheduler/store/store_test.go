package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// opener opens the same store again and again, as restarts would.
type opener func(t *testing.T) Store

func kinds(t *testing.T) map[string]func(*testing.T) opener {
	return map[string]func(*testing.T) opener{
		"memory": func(*testing.T) opener {
			m := NewMemory()
			return func(*testing.T) Store { m = m.Reopen(); return m }
		},
		"pebble": func(t *testing.T) opener {
			dir := t.TempDir()
			return func(t *testing.T) Store { return open(t, dir) }
		},
	}
}

func open(t *testing.T, dir string) Store {
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// read loads everything, pieces first.
func read(s Store) (all []string, err error) {
	err = s.Load(
		func(p []byte) error { all = append(all, "piece "+string(p)); return nil },
		func(r []byte) error { all = append(all, "record "+string(r)); return nil })
	return all, err
}

// TestConformance is what every store has to do.
func TestConformance(t *testing.T) {
	for name, make := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			again := make(t)
			s := again(t)
			expect(t, s)
			for _, r := range []string{"a", "", "c"} {
				ok(t, s.Append([]byte(r)))
			}
			if s.Size() != 3 {
				t.Errorf("size %d after three records", s.Size())
			}
			ok(t, s.Close())

			s = again(t)
			expect(t, s, "record a", "record ", "record c")
			ok(t, s.Append([]byte("d")))
			snapshot(t, s, "x", "", "z")
			if s.Size() != 0 {
				t.Errorf("size %d after a snapshot", s.Size())
			}
			ok(t, s.Append([]byte("e")))
			ok(t, s.Close())

			s = again(t)
			expect(t, s, "piece x", "piece ", "piece z", "record e")
			snapshot(t, s, "only")
			ok(t, s.Close())

			s = again(t)
			expect(t, s, "piece only")
			big := strings.Repeat("b", 3<<20)
			ok(t, s.Append([]byte(big)))
			ok(t, s.Close())

			s = again(t)
			expect(t, s, "piece only", "record "+big)
			ok(t, s.Close())
		})
	}
}

func expect(t *testing.T, s Store, want ...string) {
	t.Helper()
	got, err := read(s)
	ok(t, err)
	if !slices.Equal(got, want) {
		t.Fatalf("loaded %.200q, want %.200q", got, want)
	}
}

func snapshot(t *testing.T, s Store, pieces ...string) {
	t.Helper()
	v := s.View()
	ok(t, s.Install(draft(t, v, pieces...)))
	ok(t, v.Close())
}

func draft(t *testing.T, v View, pieces ...string) Draft {
	t.Helper()
	d, err := v.Draft(func(yield func([]byte) bool) {
		for _, p := range pieces {
			if !yield([]byte(p)) {
				return
			}
		}
	})
	ok(t, err)
	return d
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A callee's error stops the load and says at which record.
func TestLoadNamesTheRecord(t *testing.T) {
	m := NewMemory()
	ok(t, m.Append([]byte("a")))
	ok(t, m.Append([]byte("b")))
	bad := errors.New("bad")
	err := m.Load(nil, func(r []byte) error {
		if string(r) == "b" {
			return bad
		}
		return nil
	})
	if !errors.Is(err, bad) || !strings.Contains(err.Error(), "record 2") {
		t.Errorf("%v", err)
	}
}

func TestFailedAppendEndsTheStore(t *testing.T) {
	m := NewMemory()
	m.FailNext = errors.New("no space left on device")
	if err := m.Append([]byte("a")); err == nil {
		t.Fatal("appended")
	}
	if err := m.Append([]byte("b")); err == nil {
		t.Fatal("appended after a failure")
	}
}

// damaged writes n records and returns the newest write-ahead log.
func damaged(t *testing.T, n int) (dir, wal string) {
	dir = t.TempDir()
	s, err := Open(dir, Options{Ephemeral: true})
	ok(t, err)
	expect(t, s)
	for i := range n {
		ok(t, s.Append([]byte(fmt.Sprintf("record number %d, with some length to it", i))))
	}
	ok(t, s.Close())
	logs, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	slices.Sort(logs)
	if len(logs) == 0 {
		t.Fatal("no write-ahead log")
	}
	return dir, logs[len(logs)-1]
}

// A crash in the middle of a write leaves a torn tail: the records before it are there, and appending goes on.
func TestTornTail(t *testing.T) {
	for cut := int64(1); cut < 40; cut += 7 {
		dir, wal := damaged(t, 10)
		info, err := os.Stat(wal)
		ok(t, err)
		// The log ends with an end-of-file trailer: cut into the last record behind it.
		ok(t, os.Truncate(wal, info.Size()-11-cut))
		s := open(t, dir)
		got, err := read(s)
		ok(t, err)
		if len(got) != 9 && len(got) != 10 {
			t.Fatalf("cut %d: %d records", cut, len(got))
		}
		ok(t, s.Append([]byte("more")))
		ok(t, s.Close())
		s = open(t, dir)
		again, err := read(s)
		ok(t, err)
		if len(again) != len(got)+1 {
			t.Fatalf("cut %d: %d records, then %d", cut, len(got), len(again))
		}
		ok(t, s.Close())
	}
}

// Damage before the end is no torn tail: records that were acknowledged follow it, and it must not go unseen.
func TestDamageInTheMiddle(t *testing.T) {
	for _, n := range []int{3, 100, 5000} { // within one block of the log, and over many
		for _, part := range []int{4, 3, 2} {
			damageTheMiddle(t, n, part)
		}
	}
}

func damageTheMiddle(t *testing.T, n, part int) {
	dir, wal := damaged(t, n)
	b, err := os.ReadFile(wal)
	ok(t, err)
	b[len(b)/part] ^= 0x40
	ok(t, os.WriteFile(wal, b, 0o600))
	s, err := Open(dir, Options{})
	if err == nil {
		_, err = read(s)
		s.Close()
	}
	if !errors.Is(err, ErrCorrupt) {
		t.Fatalf("%d records, damage at 1/%d: taken for %v", n, part, err)
	}
	// And it is not forgotten.
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrCorrupt) {
		t.Fatalf("opened a second time: %v", err)
	}
}

// Every single changed bit of a record is noticed by the record itself.
func TestFrame(t *testing.T) {
	key := recordKey(7)
	framed := seal(key, []byte("payload"))
	for bit := range len(framed) * 8 {
		b := slices.Clone(framed)
		b[bit/8] ^= 1 << (bit % 8)
		if _, err := unseal(key, b); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "record 7") {
			t.Errorf("bit %d: %v", bit, err)
		}
	}
	if _, err := unseal(recordKey(8), framed); err == nil {
		t.Error("a record was taken for another")
	}
}

func FuzzUnseal(f *testing.F) {
	f.Add([]byte("j"), []byte{})
	f.Add(recordKey(1), seal(recordKey(1), []byte("x")))
	f.Fuzz(func(t *testing.T, key, framed []byte) {
		if payload, err := unseal(key, framed); err == nil && string(seal(key, payload)) != string(framed) {
			t.Error("two frames for one payload")
		}
	})
}

func TestMissingRecordIsNamed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir).(*pebbleStore)
	for range 3 {
		ok(t, s.Append([]byte("r")))
	}
	ok(t, s.db.Delete(recordKey(2), s.write))
	_, err := read(s)
	if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "record 2 is missing") {
		t.Errorf("%v", err)
	}
	s.Close()
}

func TestOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	defer s.Close()
	if _, err := Open(dir, Options{}); err == nil {
		t.Error("two schedulers opened one directory")
	}
}

func TestOpenIsQuick(t *testing.T) {
	start := time.Now()
	s, err := Open(t.TempDir(), Options{Ephemeral: true})
	ok(t, err)
	t.Log("open", time.Since(start))
	s.Close()
}

func BenchmarkAppend(b *testing.B) {
	for _, o := range []Options{{}, {Ephemeral: true}} {
		b.Run(fmt.Sprintf("ephemeral=%v", o.Ephemeral), func(b *testing.B) {
			s, err := Open(b.TempDir(), o)
			if err != nil {
				b.Fatal(err)
			}
			rec := make([]byte, 400)
			for b.Loop() {
				if err := s.Append(rec); err != nil {
					b.Fatal(err)
				}
			}
			s.Close()
		})
	}
}

// A journal that was made in sight of others, as 0.1.0 did where its directory was there already, is closed to them.
func TestJournalIsPrivate(t *testing.T) {
	dir := t.TempDir()
	ok(t, os.Chmod(dir, 0o755))
	s := open(t, dir)
	defer s.Close()
	info, err := os.Stat(dir)
	ok(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the journal's directory has mode %o", info.Mode().Perm())
	}
}
