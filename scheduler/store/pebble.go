package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/internal/failpoint"
	"github.com/faasmrun/faasmrun/internal/private"
)

// Options are what the pebble store can be told.
type Options struct {
	// Ephemeral leaves out every fsync: for the directory of one run, which nobody reads after a crash.
	Ephemeral bool
}

// pebbleStore keeps records and pieces as values in pebble. A record is one batch, so pebble's own log makes it whole;
// pebble repairs a torn tail of that log. Its sync-chunk format and tail.go tell such a tail from damage before it.
type pebbleStore struct {
	db    *pebble.DB
	write *pebble.WriteOptions
	mark  mark
	next  Seq
	tail  *tail // until Load has checked it
	err   error // after a failed write nothing is known for certain: nothing more is written
}

// Open opens or creates the store in a directory.
func Open(dir string, o Options) (Store, error) {
	if err := private.Dir(dir); err != nil {
		return nil, fmt.Errorf("opening the journal: %w", err)
	}
	quiet := quietLogger{dir}
	tail, err := readTail(dir)
	if err != nil {
		return nil, err
	}
	if err := checkSpace(dir, uint64(len(tail.bytes))); err != nil {
		return nil, err
	}
	db, err := openPebble(dir, &pebble.Options{
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                4 << 20,
		MemTableStopWritesThreshold: 4,
		CacheSize:                   1 << 20,
		MaxOpenFiles:                64,
		// Statistics need a table scan after each start; nothing here reads them.
		DisableTableStats: true,
		Logger:            quiet,
		EventListener:     &pebble.EventListener{BackgroundError: func(error) {}},
	})
	if err != nil {
		if errors.Is(err, pebble.ErrCorruption) || pebble.IsCorruptionError(err) {
			return nil, fmt.Errorf("%w in %s: %v", ErrCorrupt, dir, err)
		}
		return nil, fmt.Errorf("opening the journal in %s: %w", dir, err)
	}
	s := &pebbleStore{db: db, write: pebble.Sync, next: 1, tail: tail}
	if o.Ephemeral {
		s.write = pebble.NoSync
	}
	return s, nil
}

// spaceToOpen is what there has to be beside the log, which is written anew: pebble tries for ever to make tables on a
// full disk.
const spaceToOpen = 4 << 20

func checkSpace(dir string, log uint64) error {
	at := dir
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		at = filepath.Dir(dir) // it is about to be made
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(at, &fs); err != nil {
		return fmt.Errorf("opening the journal in %s: %w", dir, err)
	}
	if free, need := fs.Bavail*uint64(fs.Bsize), log+spaceToOpen; free < need {
		return fmt.Errorf("opening the journal in %s: %w: %d KiB are free and %d KiB needed", dir, unix.ENOSPC,
			free>>10, need>>10)
	}
	return nil
}

func openPebble(dir string, o *pebble.Options) (db *pebble.DB, err error) {
	defer rescue(&err)
	return pebble.Open(dir, o)
}

// quietLogger keeps pebble's chatter to itself: what matters comes back as an error. What pebble can't go on from, a
// full disk first of all, it gives to Fatalf, which must not return.
type quietLogger struct{ dir string }

// fatal is a panic with pebble's last words, on their way to the call that they end, and with the error among them, if
// there is one.
type fatal struct {
	words string
	cause error
}

func (f *fatal) Error() string { return f.words }
func (f *fatal) Unwrap() error { return f.cause }

func lastWords(format string, a []any) *fatal {
	f := &fatal{words: fmt.Sprintf(format, a...)}
	for _, v := range a {
		if err, ok := v.(error); ok {
			f.cause = err
		}
	}
	return f
}

func (quietLogger) Infof(string, ...any)  {}
func (quietLogger) Errorf(string, ...any) {}
func (l quietLogger) Fatalf(format string, a ...any) {
	words := lastWords(format, a)
	if called() {
		panic(words)
	}
	// A goroutine of pebble's own: nobody could recover it, and what is acknowledged is on disk.
	fmt.Fprintf(os.Stderr, "the journal in %s can't be written any more: %v\n", l.dir, words)
	os.Exit(1)
}

// called reports whether a call of this package's is on the stack.
func called() bool {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for more := true; more; {
		var f runtime.Frame
		if f, more = frames.Next(); strings.Contains(f.Function, "store.(*pebbleStore).") ||
			strings.HasSuffix(f.Function, "store.Open") {
			return true
		}
	}
	return false
}

// rescue makes an error of pebble's last words.
func rescue(err *error) {
	switch v := recover().(type) {
	case nil:
	case *fatal:
		*err = v
	default:
		panic(v)
	}
}

func (s *pebbleStore) Load(piece, record func([]byte) error) error {
	if err := s.loadMark(); err != nil {
		return err
	}
	n := 0
	err := s.scan(pieceKey(s.mark.upTo, 0), pieceKey(s.mark.upTo+1, 0), func(key, framed []byte) error {
		if string(key) != string(pieceKey(s.mark.upTo, n)) {
			return fmt.Errorf("%w: piece %d of the snapshot at record %d is missing", ErrCorrupt, n, s.mark.upTo)
		}
		n++
		return handOut(key, framed, piece)
	})
	if err != nil {
		return err
	}
	if n != s.mark.pieces {
		return fmt.Errorf("%w: the snapshot at record %d has %d pieces of %d", ErrCorrupt, s.mark.upTo, n, s.mark.pieces)
	}
	s.next = s.mark.upTo + 1
	err = s.scan(recordKey(s.next), recordKey(1<<64-1), func(key, framed []byte) error {
		if got := Seq(binary.BigEndian.Uint64(key[1:])); got != s.next {
			return fmt.Errorf("%w: record %d is missing (the next one found is %d)", ErrCorrupt, s.next, got)
		}
		s.next++
		return handOut(key, framed, record)
	})
	if err == nil {
		err = s.tail.check(s.next)
	}
	s.tail = nil
	return err
}

func (s *pebbleStore) loadMark() error {
	framed, closer, err := s.db.Get(markKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil
	}
	if err != nil {
		return broken(err)
	}
	defer closer.Close()
	payload, err := unseal(markKey, framed)
	if err != nil {
		return err
	}
	s.mark, err = decodeMark(payload)
	return err
}

// scan hands out keys and values of a range in order.
func (s *pebbleStore) scan(from, to []byte, each func(key, framed []byte) error) error {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return broken(err)
	}
	for it.First(); it.Valid(); it.Next() {
		framed, err := it.ValueAndErr()
		if err == nil {
			err = each(it.Key(), framed)
		}
		if err != nil {
			it.Close()
			return broken(err)
		}
	}
	return broken(it.Close())
}

// broken gives pebble's word for damage ours.
func broken(err error) error {
	if err != nil && !errors.Is(err, ErrCorrupt) && pebble.IsCorruptionError(err) {
		return fmt.Errorf("%w: %v", ErrCorrupt, err)
	}
	return err
}

func (s *pebbleStore) Append(record []byte) error {
	if s.err != nil {
		return s.err
	}
	key := recordKey(s.next)
	if err := s.set(key, seal(key, record)); err != nil {
		s.err = fmt.Errorf("journalling record %d: %w", s.next, err)
		return s.err
	}
	s.next++
	return nil
}

func (s *pebbleStore) set(key, value []byte) (err error) {
	defer rescue(&err)
	return s.db.Set(key, value, s.write)
}

// Snapshot writes the pieces beside what is in force, then changes the mark and drops the old in one batch.
func (s *pebbleStore) Snapshot(pieces iter.Seq[[]byte]) error {
	if s.err != nil {
		return s.err
	}
	if err := s.snapshot(pieces); err != nil {
		s.err = fmt.Errorf("writing the snapshot at record %d: %w", s.next-1, err)
	}
	return s.err
}

func (s *pebbleStore) snapshot(pieces iter.Seq[[]byte]) (err error) {
	defer rescue(&err)
	old, upTo, n := s.mark, s.next-1, 0
	if upTo == old.upTo {
		return nil
	}
	// Pieces of a snapshot at this very record that a crash left unfinished.
	if err := s.db.DeleteRange(pieceKey(upTo, 0), pieceKey(upTo+1, 0), pebble.NoSync); err != nil {
		return err
	}
	for p := range pieces {
		key := pieceKey(upTo, n)
		if err := s.db.Set(key, seal(key, p), pebble.NoSync); err != nil {
			return err
		}
		n++
	}
	failpoint.Here(failpoint.SchedulerBeforeSnapshot)
	m := mark{upTo, n}
	b := s.db.NewBatch()
	defer b.Close()
	err = errors.Join(
		b.Set(markKey, seal(markKey, m.encode()), nil),
		b.DeleteRange(pieceKey(0, 0), pieceKey(upTo, 0), nil),
		b.DeleteRange(recordKey(0), recordKey(s.next), nil),
		b.Commit(s.write))
	if err != nil {
		return err
	}
	s.mark = m
	failpoint.Here(failpoint.SchedulerAfterSnapshot)
	return nil
}

func (s *pebbleStore) Size() int { return int(s.next - 1 - s.mark.upTo) }

// Close may be called after a failure, too.
func (s *pebbleStore) Close() (err error) {
	defer rescue(&err)
	return s.db.Close()
}
