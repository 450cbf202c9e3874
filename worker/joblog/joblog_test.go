package joblog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func create(t testing.TB, window uint64) (*Writer, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	w, err := Create(path, window, func(uint64) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w, path
}

func open(t testing.TB, path string) *Reader {
	t.Helper()
	r, err := OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func write(t testing.TB, w *Writer, rank uint32, s Stream, text string) {
	t.Helper()
	if n, err := w.Write(rank, s, []byte(text), nil); n != len(text) || err != nil {
		t.Fatalf("wrote %d of %d bytes: %v", n, len(text), err)
	}
}

// rest reads to the end, as "rank:stream:data" words.
func rest(t testing.TB, r *Reader) string {
	t.Helper()
	var words []string
	for {
		rec, err := r.Next()
		if err == io.EOF {
			return strings.Join(words, " ")
		}
		if err != nil {
			t.Fatal(err)
		}
		if rec.Time.IsZero() {
			t.Error("a record without time")
		}
		word := fmt.Sprintf("%d:%d:%s", rec.Rank, rec.Stream, rec.Data)
		if rec.AwaitsInput {
			word += "?"
		}
		words = append(words, word)
	}
}

func TestWriteAndRead(t *testing.T) {
	w, path := create(t, 0)
	r := open(t, path)
	if got := rest(t, r); got != "" {
		t.Errorf("a new log holds %q", got)
	}
	write(t, w, 3, Stdout, "a")
	write(t, w, 0, Stderr, "b")
	if err := w.AwaitsInput(7, nil); err != nil {
		t.Fatal(err)
	}
	if got := rest(t, r); got != "3:0:a 0:1:b 7:0:?" {
		t.Errorf("read %q", got)
	}
	at := r.Offset()
	write(t, w, 1, Stdout, "c")
	if got := rest(t, r); got != "1:0:c" {
		t.Errorf("following: %q", got)
	}
	later := open(t, path)
	later.Seek(at)
	if got := rest(t, later); got != "1:0:c" {
		t.Errorf("from an offset: %q", got)
	}
	if later.Offset() != w.End() || later.Torn() {
		t.Errorf("at %d of %d, torn %v", later.Offset(), w.End(), later.Torn())
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
}

func TestCreateNeverOverwrites(t *testing.T) {
	_, path := create(t, 0)
	if _, err := Create(path, 0, nil); err == nil {
		t.Error("an existing log was made anew")
	}
}

func TestLongWriteIsSplit(t *testing.T) {
	w, path := create(t, 0)
	long := bytes.Repeat([]byte("0123456789abcdef"), 3*MaxData/16+5)
	write(t, w, 1, Stdout, string(long))
	r := open(t, path)
	var got []byte
	records := 0
	for {
		rec, err := r.Next()
		if err == io.EOF {
			break
		}
		records++
		got = append(got, rec.Data...)
	}
	if !bytes.Equal(got, long) || records != 4 {
		t.Errorf("%d bytes in %d records", len(got), records)
	}
}

func TestManyRanksAtOnce(t *testing.T) {
	w, path := create(t, 0)
	const ranks, lines = 16, 200
	var wg sync.WaitGroup
	for rank := range uint32(ranks) {
		wg.Go(func() {
			for i := range lines {
				if _, err := w.Write(rank, Stdout, fmt.Appendf(nil, "line %d", i), nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	next := [ranks]int{}
	r := open(t, path)
	for {
		rec, err := r.Next()
		if err == io.EOF {
			break
		}
		if want := fmt.Sprintf("line %d", next[rec.Rank]); string(rec.Data) != want {
			t.Fatalf("rank %d: %q, want %q", rec.Rank, rec.Data, want)
		}
		next[rec.Rank]++
	}
	for rank, n := range next {
		if n != lines {
			t.Errorf("rank %d: %d lines", rank, n)
		}
	}
}

func TestWindow(t *testing.T) {
	w, path := create(t, 100)
	r := open(t, path)
	write(t, w, 0, Stdout, strings.Repeat("x", 200)) // a begun write is never torn apart
	wrote := make(chan error)
	go func() {
		_, err := w.Write(0, Stdout, []byte("y"), nil)
		wrote <- err
	}()
	rest(t, r)
	select {
	case err := <-wrote:
		t.Fatalf("wrote beyond the window: %v", err)
	default:
	}
	w.Delivered(r.Offset())
	if err := <-wrote; err != nil {
		t.Fatal(err)
	}

	write(t, w, 0, Stdout, strings.Repeat("x", 200))
	done := make(chan struct{})
	go func() {
		_, err := w.Write(0, Stdout, []byte("z"), done)
		wrote <- err
	}()
	close(done)
	if err := <-wrote; !errors.Is(err, ErrEnded) {
		t.Errorf("ended while waiting: %v", err)
	}
	go func() {
		_, err := w.Write(0, Stdout, []byte("z"), nil)
		wrote <- err
	}()
	w.Unbind()
	if err := <-wrote; err != nil {
		t.Errorf("without a window: %v", err)
	}
	w.Delivered(w.End() + 1) // nonsense from outside
	w.Delivered(0)
	if w.delivered > w.end || w.delivered < headerSize {
		t.Errorf("delivered %d of %d", w.delivered, w.end)
	}
}

// A log that is read as it grows needs no disk, whatever goes through it.
func TestDiscard(t *testing.T) {
	w, path := create(t, 0)
	r := open(t, path)
	line := strings.Repeat("x", 1000)
	for range 32 << 10 {
		write(t, w, 0, Stdout, line)
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		if err := r.Discard(r.Offset()); err != nil {
			t.Fatal(err)
		}
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	if st.Size < 32<<20 {
		t.Fatalf("the log is %d bytes long", st.Size)
	}
	if st.Blocks*512 > 2*discardStep {
		t.Errorf("%d bytes on disk", st.Blocks*512)
	}
	write(t, w, 1, Stdout, "last")
	late := open(t, path)
	late.Seek(headerSize) // an offset from before the hole
	if got := rest(t, late); !strings.HasSuffix(got, "1:0:last") {
		t.Errorf("a late reader got %d bytes", len(got))
	}
}

func TestTornTail(t *testing.T) {
	w, path := create(t, 0)
	write(t, w, 0, Stdout, "whole")
	end := w.End()
	write(t, w, 0, Stdout, "the last words")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := int(end) + 1; cut < len(whole); cut++ {
		torn := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(torn, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		r := open(t, torn)
		if got := rest(t, r); got != "0:0:whole" || !r.Torn() {
			t.Fatalf("cut at %d: %q, torn %v", cut, got, r.Torn())
		}
		again, err := Reopen(torn, 0, func(uint64) {})
		if err != nil {
			t.Fatal(err)
		}
		write(t, again, 1, Stdout, "more")
		again.Close()
		if got := rest(t, r); got != "1:0:more" || r.Torn() {
			t.Fatalf("cut at %d, written on: %q, torn %v", cut, got, r.Torn())
		}
	}
}

func TestZeroTail(t *testing.T) { // what some file systems leave after a crash
	w, path := create(t, 0)
	write(t, w, 0, Stdout, "whole")
	if err := os.Truncate(path, int64(w.End())+5000); err != nil {
		t.Fatal(err)
	}
	r := open(t, path)
	if got := rest(t, r); got != "0:0:whole" || !r.Torn() {
		t.Errorf("%q, torn %v", got, r.Torn())
	}
}

func TestNotALog(t *testing.T) {
	for name, b := range map[string]string{
		"empty": "", "text": "hello, this is no log at all",
		"version": "faasmlog\x09\x00\x00\x00\x00\x00\x00\x00\x18\x00\x00\x00\x00\x00\x00\x00",
		"floor":   "faasmlog\x01\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, []byte(b), 0o600); err != nil {
			t.Fatal(err)
		}
		if r, err := OpenReader(path); err == nil {
			r.Close()
			t.Errorf("%s was opened", name)
		}
		if w, err := Reopen(path, 0, nil); err == nil {
			w.Close()
			t.Errorf("%s was reopened", name)
		}
	}
}

// On a full disk a write says so, nothing before it is lost, and when there is room again the log goes on.
// A reader may come between the making of a log and its first byte.
func TestNothingYet(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenReader(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty log: %v", err)
	}
}

func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("needs a small file system to fill: %v", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 32<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "log")
	w, err := Create(path, 0, func(uint64) {})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	write(t, w, 0, Stdout, "first")
	n, err := w.Write(0, Stdout, make([]byte, 3*MaxData), nil)
	if !errors.Is(err, syscall.ENOSPC) || n == 3*MaxData {
		t.Fatalf("wrote %d bytes to a full disk: %v", n, err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	write(t, w, 0, Stdout, "second")
	if got := rest(t, open(t, path)); got != "0:0:first 0:0:second" {
		t.Errorf("read %.100q", got)
	}
}

func TestPrintingAllocatesNothing(t *testing.T) {
	w, _ := create(t, 0)
	data := []byte("a line of output\n")
	if n := testing.AllocsPerRun(100, func() { w.Write(1, Stdout, data, nil) }); n > 0 {
		t.Errorf("%v allocations a write", n)
	}
}

func BenchmarkWrite(b *testing.B) {
	w, _ := create(b, 0)
	data := []byte("a line of output of about sixty characters, as programs do\n")
	for b.Loop() {
		if _, err := w.Write(1, Stdout, data, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzReader: no bytes in a file panic or hang the reader, and it never goes beyond them.
func FuzzReader(f *testing.F) {
	one := appendRecord(appendHeader(nil), Record{Rank: 1, Data: []byte("x")})
	f.Add(one)
	f.Add(appendRecord(one, Record{Rank: 2, AwaitsInput: true}))
	f.Add(one[:len(one)-1])
	f.Add(make([]byte, 100))
	path := filepath.Join(f.TempDir(), "log")
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := OpenReader(path)
		if err != nil {
			return
		}
		defer r.Close()
		for {
			rec, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(rec.Data) > MaxData || r.Offset() > uint64(len(b)) {
				t.Fatalf("%d bytes at %d of %d", len(rec.Data), r.Offset(), len(b))
			}
		}
	})
}
