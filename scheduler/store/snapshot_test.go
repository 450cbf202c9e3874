package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A view keeps what it saw, and its draft stands for no record that came later.
func TestAppendDuringSnapshot(t *testing.T) {
	for name, make := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			again := make(t)
			s := again(t)
			expect(t, s)
			ok(t, s.Append([]byte("a")))
			snapshot(t, s, "old")
			ok(t, s.Append([]byte("b")))
			v, same := s.View(), s.View()
			ok(t, s.Append([]byte("c")))
			seen := func(what string, v View, want ...string) {
				t.Helper()
				var got []string
				ok(t, v.Load(func(p []byte) error { got = append(got, "piece "+string(p)); return nil },
					func(r []byte) error { got = append(got, "record "+string(r)); return nil }))
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s: %q, want %q", what, got, want)
				}
			}
			seen("before", v, "piece old", "record b")
			d := draft(t, v, "new", "state")
			ok(t, s.Append([]byte("d")))
			ok(t, s.Install(d))
			if s.Size() != 2 {
				t.Errorf("%d records stand behind the snapshot", s.Size())
			}
			ok(t, s.Append([]byte("e")))
			seen("after", v, "piece old", "record b")
			// Another draft of the same records comes too late.
			ok(t, s.Install(draft(t, same, "late")))
			now := s.View()
			seen("now", now, "piece new", "piece state", "record c", "record d", "record e")
			for _, v := range []View{v, same, now} {
				ok(t, v.Close())
			}
			ok(t, s.Close())
			s = again(t)
			expect(t, s, "piece new", "piece state", "record c", "record d", "record e")
			ok(t, s.Close())
		})
	}
}

// What holds the one that appends takes as much for many records and pieces as for few: a view allocates the same, and
// installing writes the mark alone into the log.
func TestInstallIsSmall(t *testing.T) {
	for _, n := range []int{10, 20_000} {
		s, err := Open(t.TempDir(), Options{Ephemeral: true})
		ok(t, err)
		expect(t, s)
		for range n {
			ok(t, s.Append([]byte("record")))
		}
		if allocs := testing.AllocsPerRun(10, func() { s.View().Close() }); allocs > 50 {
			t.Errorf("%d records: a view takes %.0f allocations", n, allocs)
		}
		v := s.View()
		pieces := make([]string, n)
		for i := range pieces {
			pieces[i] = strings.Repeat("p", 300)
		}
		db := s.(*pebbleStore).db
		before := db.Metrics()
		d := draft(t, v, pieces...)
		ok(t, v.Close())
		ok(t, s.Install(d))
		after := db.Metrics()
		if wrote := after.WAL.BytesIn - before.WAL.BytesIn; wrote == 0 || wrote > 512 {
			t.Errorf("%d pieces: %d bytes into the log", n, wrote)
		}
		if after.Ingest.Count != before.Ingest.Count+1 || after.Flush.AsIngestCount != before.Flush.AsIngestCount {
			t.Errorf("%d pieces: the table was not taken as it is", n)
		}
		ok(t, s.Close())
	}
}

// Whatever a crash leaves of a snapshot that was not installed is gone after the next start, and not in the way of one
// at the very same record.
func TestDraftLeftBehind(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	expect(t, s)
	ok(t, s.Append([]byte("a")))
	snapshot(t, s, "old")
	ok(t, s.Append([]byte("b")))
	v := s.View()
	d := draft(t, v, "1", "2", "3")
	ok(t, v.Close())
	ok(t, s.Close()) // drafted, and no more
	if _, err := os.Stat(d.path); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	expect(t, s, "piece old", "record b")
	if _, err := os.Stat(d.path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the draft is still there: %v", err)
	}
	v = s.View()
	d = draft(t, v, "1", "2", "3")
	ok(t, v.Close())
	ok(t, s.(*pebbleStore).db.Ingest(context.Background(), []string{d.path})) // and taken in, and not marked
	ok(t, s.Close())
	for range 2 { // the second time nothing is to be dropped
		s = open(t, dir)
		expect(t, s, "piece old", "record b")
		ok(t, s.Close())
	}
	s = open(t, dir)
	expect(t, s, "piece old", "record b")
	snapshot(t, s, "new") // fewer pieces at the same record
	ok(t, s.Append([]byte("c")))
	ok(t, s.Close())
	s = open(t, dir)
	expect(t, s, "piece new", "record c")
	ok(t, s.Close())
}

// A snapshot for which there is no space harms nothing: its file goes, records are appended further, and it may be
// tried again.
func TestFullDiskInSnapshot(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=48m"); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	journal := filepath.Join(dir, "journal")
	s := open(t, journal)
	expect(t, s)
	ok(t, s.Append([]byte("a")))
	v := s.View()
	noise := rand.NewChaCha8([32]byte{}) // nothing compresses it
	_, err := v.Draft(func(yield func([]byte) bool) {
		for range 60 {
			p := make([]byte, 1<<20)
			noise.Read(p)
			if !yield(p) {
				return
			}
		}
	})
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("a draft larger than its disk: %v", err)
	}
	if _, err := os.Stat(filepath.Join(journal, draftFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the draft is still there: %v", err)
	}
	ok(t, s.Append([]byte("b")))
	ok(t, s.Install(draft(t, v, "a is in here")))
	ok(t, v.Close())
	ok(t, s.Close())
	s = open(t, journal)
	expect(t, s, "piece a is in here", "record b")
	ok(t, s.Close())
}
