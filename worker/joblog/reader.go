package joblog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Reader reads a log from its floor on, while it is being written too. One goroutine uses it.
type Reader struct {
	f         *os.File
	buf       []byte
	have      []byte // read from the file and not yet parsed; part of buf
	offset    uint64 // in the file, of have
	discarded uint64 // what Discard has punched out
}

// OpenReader opens the log at path. One that has only just been made, and holds nothing yet, counts as missing:
// fs.ErrNotExist.
func OpenReader(path string) (*Reader, error) {
	// Written to by Discard. Its directory may be another user's, who must not lead us elsewhere.
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open the output log: %w", err)
	}
	var header [headerSize]byte
	n, err := f.ReadAt(header[:], 0)
	if n == 0 && err == io.EOF {
		err = fs.ErrNotExist
	}
	if err != nil && err != io.EOF {
		f.Close()
		return nil, fmt.Errorf("read the output log %s: %w", path, err)
	}
	floor, err := parseHeader(header[:])
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s is %w", path, err)
	}
	return &Reader{f: f, offset: floor, discarded: headerSize}, nil
}

// Seek goes to an offset that Offset once returned; to the floor if that has been discarded since.
func (r *Reader) Seek(offset uint64) {
	if offset > r.offset {
		r.offset, r.have = offset, nil
	}
}

// Next returns the next record; its data is valid until the next call. io.EOF means: no further whole record now. It
// may be asked again when the log has grown.
func (r *Reader) Next() (Record, error) {
	rec, n := parse(r.have)
	if n == 0 { // none left, or one that was in the middle of being written when it was read
		if err := r.fill(); err != nil {
			return Record{}, err
		}
		if rec, n = parse(r.have); n == 0 {
			return Record{}, io.EOF
		}
	}
	r.have = r.have[n:]
	r.offset += uint64(n)
	return rec, nil
}

// fill reads anew from offset on.
func (r *Reader) fill() error {
	if r.buf == nil {
		r.buf = make([]byte, 4*(recordHeader+MaxData))
	}
	n, err := r.f.ReadAt(r.buf, int64(r.offset))
	if err != nil && err != io.EOF {
		return fmt.Errorf("read the output log at %d: %w", r.offset, err)
	}
	r.have = r.buf[:n]
	return nil
}

// Offset is where Next goes on.
func (r *Reader) Offset() uint64 { return r.offset }

// Torn reports whether bytes follow the last whole record: after the writer's end, the trace of its crash.
func (r *Reader) Torn() bool {
	st, err := r.f.Stat()
	return err == nil && uint64(st.Size()) > r.offset
}

// discardStep is how much is discarded at once, which keeps the number of system calls small.
const discardStep = 1 << 20

// Discard frees the disk space of everything before offset, from time to time. Later readers begin after it. On a file
// system without holes the bytes stay, which costs disk and nothing else.
func (r *Reader) Discard(offset uint64) error {
	if offset < r.discarded+discardStep {
		return nil
	}
	var floor [8]byte
	binary.LittleEndian.PutUint64(floor[:], offset)
	if _, err := r.f.WriteAt(floor[:], floorAt); err != nil { // first: a hole must never be before the floor
		return fmt.Errorf("raise the output log's floor: %w", err)
	}
	// The first block holds the header and stays.
	const block = 4096
	from, to := max(r.discarded&^(block-1), block), offset&^(block-1)
	err := unix.Fallocate(int(r.f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, int64(from), int64(to-from))
	if err != nil && !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.ENOSYS) {
		return fmt.Errorf("punch a hole into the output log: %w", err)
	}
	r.discarded = offset
	return nil
}

// Close closes the file.
func (r *Reader) Close() error { return r.f.Close() }
