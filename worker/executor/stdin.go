package executor

import (
	"io"
	"slices"
	"sync"

	"github.com/faasmrun/faasmrun/worker/control"
)

// maxStdin bounds standard input that was received and not yet taken by every rank that reads it. The launcher stops at
// 256 KiB; more is a mistake of somebody between.
const maxStdin = 1 << 20

// stdin distributes the job's standard input to the ranks that read it. Each gets all of it.
type stdin struct {
	taken func(total uint64)

	mu       sync.Mutex // guards all below and the readers' fields
	buf      []byte
	base     uint64 // offset of buf in the whole input
	eof      bool
	readers  []*stdinReader
	reported uint64
}

// stdinReader is one rank's view: a wasi.Stdin.
type stdinReader struct {
	in     *stdin
	awaits func() // called when the rank is about to wait

	at      uint64        // offset in the whole input
	ready   chan struct{} // closed when there is something to say; nil while nobody asked
	marked  bool          // awaits was called since there last was something
	dropped bool
}

// readsStdin reports whether a rank reads the job's standard input.
func readsStdin(start *control.Start, rank uint32) bool {
	switch start.Stdin {
	case control.StdinAll:
		return true
	case control.StdinList:
		return slices.Contains(start.StdinRanks, rank)
	case control.StdinNone:
		return false
	}
	return rank == 0
}

// reader adds a rank that reads. awaits is called on its goroutine.
func (in *stdin) reader(awaits func()) *stdinReader {
	in.mu.Lock()
	defer in.mu.Unlock()
	r := &stdinReader{in: in, awaits: awaits}
	in.readers = append(in.readers, r)
	return r
}

// put adds input, and reports whether it is no more than is allowed.
func (in *stdin) put(data []byte, eof bool) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.buf)+len(data) > maxStdin {
		return false
	}
	if !in.eof {
		in.buf = append(in.buf, data...)
		in.eof = eof
	}
	for _, r := range in.readers {
		r.wakeUp()
	}
	in.trim()
	return true
}

// trim drops what every reader has, and reports it as taken. Input that nobody reads counts as taken.
func (in *stdin) trim() {
	end := in.base + uint64(len(in.buf))
	taken := end
	for _, r := range in.readers {
		if !r.dropped {
			taken = min(taken, r.at)
		}
	}
	in.buf = in.buf[:copy(in.buf, in.buf[taken-in.base:])]
	in.base = taken
	if taken > in.reported {
		in.reported = taken
		in.taken(taken)
	}
}

// Read implements wasi.Stdin: it takes what is there.
func (r *stdinReader) Read(p []byte) (int, error) {
	r.in.mu.Lock()
	defer r.in.mu.Unlock()
	n := copy(p, r.in.buf[r.at-r.in.base:])
	if n == 0 && len(p) > 0 && r.in.eof {
		return 0, io.EOF
	}
	if n > 0 {
		r.at += uint64(n)
		r.marked = false
		r.in.trim()
	}
	return n, nil
}

// Len implements wasi.Stdin.
func (r *stdinReader) Len() int {
	r.in.mu.Lock()
	defer r.in.mu.Unlock()
	return len(r.in.buf) - int(r.at-r.in.base)
}

var alwaysReady = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// Ready implements wasi.Stdin. A rank that calls it while there is no input is about to wait.
func (r *stdinReader) Ready() <-chan struct{} {
	r.in.mu.Lock()
	if r.in.eof || r.at < r.in.base+uint64(len(r.in.buf)) {
		r.in.mu.Unlock()
		return alwaysReady
	}
	if r.ready == nil {
		r.ready = make(chan struct{})
	}
	ready, mark := r.ready, !r.marked
	r.marked = true
	r.in.mu.Unlock()
	if mark {
		r.awaits() // after the rank's output, which is in the log by now
	}
	return ready
}

// wakeUp is called with the input's mu held.
func (r *stdinReader) wakeUp() {
	if r.ready != nil {
		close(r.ready)
		r.ready = nil
	}
}

// drop: the rank has ended and reads no more.
func (r *stdinReader) drop() {
	r.in.mu.Lock()
	defer r.in.mu.Unlock()
	r.dropped = true
	r.in.trim()
}
