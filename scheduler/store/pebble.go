package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
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
	dir   string
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
	if err := removeDraft(dir); err != nil { // whether it is whole or not, nothing says so
		return nil, fmt.Errorf("opening the journal: %w", err)
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
	s := &pebbleStore{dir: dir, db: db, write: pebble.Sync, next: 1, tail: tail}
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

func (s *pebbleStore) Load(piece, record func([]byte) error) (err error) {
	if s.mark, err = loadMark(s.db); err != nil {
		return err
	}
	if s.next, err = load(s.db, s.mark, 1<<64-1, piece, record); err == nil {
		err = s.tail.check(s.next)
	}
	s.tail = nil
	if err != nil {
		return err
	}
	return s.dropDrafts()
}

// dropDrafts removes what a crash left of snapshots that were not installed.
func (s *pebbleStore) dropDrafts() (err error) {
	defer rescue(&err)
	from, to := pieceKey(s.mark.upTo+1, 0), pieceKey(1<<64-1, 0)
	there := errors.New("there")
	switch err := scan(s.db, from, to, func([]byte, []byte) error { return there }); err {
	case there:
		return s.db.DeleteRange(from, to, pebble.NoSync)
	default:
		return err
	}
}

// load hands out a snapshot and the records behind it, but none after last, and returns the number of the next.
func load(from pebble.Reader, m mark, last Seq, piece, record func([]byte) error) (Seq, error) {
	n := 0
	err := scan(from, pieceKey(m.upTo, 0), pieceKey(m.upTo+1, 0), func(key, framed []byte) error {
		if string(key) != string(pieceKey(m.upTo, n)) {
			return fmt.Errorf("%w: piece %d of the snapshot at record %d is missing", ErrCorrupt, n, m.upTo)
		}
		n++
		return deliver(key, framed, piece)
	})
	if err != nil {
		return 0, err
	}
	if n != m.pieces {
		return 0, fmt.Errorf("%w: the snapshot at record %d has %d pieces of %d", ErrCorrupt, m.upTo, n, m.pieces)
	}
	next := m.upTo + 1
	err = scan(from, recordKey(next), recordKey(last), func(key, framed []byte) error {
		if got := Seq(binary.BigEndian.Uint64(key[1:])); got != next {
			return fmt.Errorf("%w: record %d is missing (the next one found is %d)", ErrCorrupt, next, got)
		}
		next++
		return deliver(key, framed, record)
	})
	return next, err
}

func loadMark(from pebble.Reader) (mark, error) {
	framed, closer, err := from.Get(markKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return mark{}, nil
	}
	if err != nil {
		return mark{}, broken(err)
	}
	defer closer.Close()
	payload, err := unseal(markKey, framed)
	if err != nil {
		return mark{}, err
	}
	return decodeMark(payload)
}

// scan hands out keys and values of a range in order.
func scan(r pebble.Reader, from, to []byte, each func(key, framed []byte) error) error {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
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

// View implements Store. Pebble's snapshot is the number of its newest batch.
func (s *pebbleStore) View() View {
	return &pebbleView{s.dir, s.db.NewSnapshot(), s.mark, s.next, s.db.FormatMajorVersion().MaxTableFormat()}
}

// pebbleView writes its draft as a table that pebble takes in as it is: neither the log nor a memtable has it, so
// nobody who appends waits for it.
type pebbleView struct {
	dir    string
	at     *pebble.Snapshot
	mark   mark
	next   Seq
	format sstable.TableFormat
}

func (v *pebbleView) Load(piece, record func([]byte) error) error {
	next, err := load(v.at, v.mark, v.next, piece, record)
	if err == nil && next != v.next {
		err = fmt.Errorf("%w: record %d is missing", ErrCorrupt, next)
	}
	return err
}

func (v *pebbleView) Close() error { return v.at.Close() }

// draftFile is a name that pebble doesn't know.
const draftFile = "snapshot.draft"

func (v *pebbleView) Draft(pieces iter.Seq[[]byte]) (Draft, error) {
	d := Draft{mark: mark{upTo: v.next - 1}, path: filepath.Join(v.dir, draftFile)}
	err := v.draft(&d, pieces)
	if err != nil {
		return Draft{}, errors.Join(fmt.Errorf("writing the snapshot at record %d: %w", d.mark.upTo, err), removeDraft(v.dir))
	}
	return d, nil
}

func (v *pebbleView) draft(d *Draft, pieces iter.Seq[[]byte]) error {
	f, err := vfs.Default.Create(d.path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	// Bit by bit onto the disk: whoever syncs the log meanwhile would wait for all that is dirty.
	f = vfs.NewSyncingFile(f, vfs.SyncingFileOptions{BytesPerSync: 256 << 10})
	o := &pebble.Options{}
	o.EnsureDefaults()
	w := sstable.NewWriter(objstorageprovider.NewFileWritable(f), o.MakeWriterOptions(0, v.format))
	for p := range pieces {
		key := pieceKey(d.mark.upTo, d.mark.pieces)
		if err := w.Set(key, seal(key, p)); err != nil {
			w.Close() // says the same
			return err
		}
		if d.mark.pieces++; d.mark.pieces == 2 {
			failpoint.Here(failpoint.SchedulerDuringSnapshot)
		}
	}
	return w.Close() // it syncs the file
}

func removeDraft(dir string) error {
	if err := os.Remove(filepath.Join(dir, draftFile)); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// Install puts the draft's table beside what is in force, then changes the mark and drops the old in one batch.
func (s *pebbleStore) Install(d Draft) error {
	if s.err != nil {
		return s.err
	}
	if err := s.install(d); err != nil {
		s.err = fmt.Errorf("installing the snapshot at record %d: %w", d.mark.upTo, err)
	}
	return s.err
}

func (s *pebbleStore) install(d Draft) (err error) {
	defer rescue(&err)
	if d.mark.upTo <= s.mark.upTo {
		return removeDraft(s.dir)
	}
	if err := s.db.Ingest(context.Background(), []string{d.path}); err != nil {
		return err
	}
	failpoint.Here(failpoint.SchedulerBeforeSnapshot)
	b := s.db.NewBatch()
	defer b.Close()
	err = errors.Join(
		b.Set(markKey, seal(markKey, d.mark.encode()), nil),
		b.DeleteRange(pieceKey(0, 0), pieceKey(d.mark.upTo, 0), nil),
		b.DeleteRange(recordKey(0), recordKey(d.mark.upTo+1), nil),
		b.Commit(s.write))
	if err != nil {
		return err
	}
	s.mark = d.mark
	failpoint.Here(failpoint.SchedulerAfterSnapshot)
	return nil
}

func (s *pebbleStore) Size() int { return int(s.next - 1 - s.mark.upTo) }

// Close may be called after a failure, too.
func (s *pebbleStore) Close() (err error) {
	defer rescue(&err)
	return s.db.Close()
}
