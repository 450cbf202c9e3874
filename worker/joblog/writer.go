package joblog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// ErrEnded is returned by a write that waited for free space in the window when its rank was ended.
var ErrEnded = errors.New("the rank was ended while its output waited for a reader")

// Writer appends to a log. Any number of ranks write at once.
type Writer struct {
	f    *os.File
	grew func(end uint64)

	mu        sync.Mutex // guards all below. It is held across the write itself: a log has one end, and one writer there.
	buf       []byte     // of one record, kept, so that printing allocates nothing
	window    uint64     // undelivered bytes allowed; 0: any number
	end       uint64
	delivered uint64
	room      chan struct{} // closed and renewed when delivered rises; nil while nobody waits
}

// Create makes a log at path, which must not exist, readable by its owner alone. When window is not 0, writes wait
// while that many bytes are undelivered. grew is called after each record with the log's end; it must not block.
func Create(path string, window uint64, grew func(end uint64)) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create the output log: %w", err)
	}
	header := appendHeader(nil)
	if _, err := f.WriteAt(header, 0); err != nil {
		f.Close()
		return nil, fmt.Errorf("create the output log: %w", err)
	}
	return newWriter(f, window, grew, uint64(len(header))), nil
}

// Reopen continues the log at path behind its last whole record; what a crash left behind that is cut off.
func Reopen(path string, window uint64, grew func(end uint64)) (*Writer, error) {
	r, err := OpenReader(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for {
		if _, err = r.Next(); err != nil {
			break
		}
	}
	if err != io.EOF {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("reopen the output log: %w", err)
	}
	if err := f.Truncate(int64(r.Offset())); err != nil {
		f.Close()
		return nil, fmt.Errorf("cut the output log %s: %w", path, err)
	}
	return newWriter(f, window, grew, r.Offset()), nil
}

func newWriter(f *os.File, window uint64, grew func(uint64), end uint64) *Writer {
	return &Writer{f: f, window: window, grew: grew, end: end, delivered: end,
		buf: make([]byte, 0, recordHeader+MaxData)}
}

// Write appends one write of a rank. It waits while the window is full, until done is closed. When the disk is full it
// returns how much got into the log, and the cause, which wraps syscall.ENOSPC.
func (w *Writer) Write(rank uint32, s Stream, data []byte, done <-chan struct{}) (int, error) {
	written := 0
	for {
		n, room, err := w.TryWrite(rank, s, data[written:])
		if written += n; err != nil || room == nil {
			return written, err
		}
		if err := await(room, done); err != nil {
			return written, err
		}
	}
}

// TryWrite appends as much of a write as the window has room for. With less than all, and no error, it returns a
// channel that is closed when there is room for more.
func (w *Writer) TryWrite(rank uint32, s Stream, data []byte) (written int, room <-chan struct{}, err error) {
	for written < len(data) {
		piece := data[written:min(len(data), written+MaxData)]
		room, err := w.append(Record{Rank: rank, Stream: s, Data: piece})
		if err != nil || room != nil {
			return written, room, err
		}
		written += len(piece)
	}
	return written, nil, nil
}

// AwaitsInput appends the mark that a rank now waits for standard input.
func (w *Writer) AwaitsInput(rank uint32, done <-chan struct{}) error {
	for {
		room, err := w.append(Record{Rank: rank, AwaitsInput: true})
		if err != nil || room == nil {
			return err
		}
		if err := await(room, done); err != nil {
			return err
		}
	}
}

func await(room, done <-chan struct{}) error {
	select {
	case <-room:
		return nil
	case <-done:
		return ErrEnded
	}
}

// append appends a record, or returns what tells of room for it.
func (w *Writer) append(r Record) (room <-chan struct{}, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.window > 0 && w.end-w.delivered >= w.window {
		if w.room == nil {
			w.room = make(chan struct{})
		}
		return w.room, nil
	}
	r.Time = time.Now()
	w.buf = appendRecord(w.buf[:0], r)
	if _, err := w.f.WriteAt(w.buf, int64(w.end)); err != nil {
		w.f.Truncate(int64(w.end)) // what got through of the record; a reader would skip it anyway
		return nil, fmt.Errorf("append to the output log: %w", err)
	}
	w.end += uint64(len(w.buf))
	w.grew(w.end)
	return nil, nil
}

// Delivered notes that everything before offset has reached its reader.
func (w *Writer) Delivered(offset uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if offset <= w.delivered || offset > w.end {
		return
	}
	w.delivered = offset
	w.wakeWriters()
}

// Unbind removes the window: nobody reads any more, so writes need not wait.
func (w *Writer) Unbind() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.window = 0
	w.wakeWriters()
}

func (w *Writer) wakeWriters() {
	if w.room != nil {
		close(w.room)
		w.room = nil
	}
}

// End is where the next record will be.
func (w *Writer) End() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.end
}

// Close closes the file. Nobody may write any more.
func (w *Writer) Close() error { return w.f.Close() }
