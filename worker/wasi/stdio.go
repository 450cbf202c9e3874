package wasi

import (
	"io"
	"sync"
)

// Stdin is where a rank's standard input comes from. Its calls never wait: the Process waits, because a wait can end in
// other ways than by input, and because a rank that waits must be able to report it and to be suspended.
type Stdin interface {
	// Read takes what is there. Nothing yet is 0 and no error; after the last byte it is io.EOF.
	Read(p []byte) (int, error)
	// Len is how many bytes Read would find.
	Len() int
	// Ready returns a channel that is closed once Read has something to say: bytes, the end or an error.
	Ready() <-chan struct{}
}

// empty is a standard input without a byte in it.
type empty struct{}

func (empty) Read([]byte) (int, error) { return 0, io.EOF }
func (empty) Len() int                 { return 0 }
func (empty) Ready() <-chan struct{}   { return closed }

var closed = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// readStdin fills bufs with what is there, and waits for the first byte unless nonblock is set. Nothing is taken before
// the wait is over, so that a rank may be suspended in it and call again.
func (p *Process) readStdin(bufs [][]byte, nonblock bool) (int, errno) {
	if len(bufs) == 0 {
		return 0, success
	}
	for {
		n, err := p.stdin.Read(bufs[0])
		switch {
		case n > 0:
			return p.readMore(n, bufs), success
		case err == io.EOF:
			return 0, success
		case err != nil:
			return 0, p.errnoOf(err)
		case nonblock:
			return 0, eAGAIN
		case p.SignalDue():
			return 0, eINTR
		}
		p.wait(forever, p.stdin.Ready())
	}
}

// readMore goes on filling bufs after a first read of n bytes, as long as that doesn't mean to wait. An error shows at
// the next read.
func (p *Process) readMore(n int, bufs [][]byte) int {
	total := n
	for i := 0; n == len(bufs[i]) && i+1 < len(bufs); {
		i++
		n, _ = p.stdin.Read(bufs[i])
		total += n
	}
	return total
}

// Output takes what a rank writes to standard output or error. As with Stdin, its calls never wait.
type Output interface {
	// TryWrite takes as much as there is room for. With less than all of it, and no error, it returns a channel that is
	// closed when there is room for more.
	TryWrite(p []byte) (n int, room <-chan struct{}, err error)
}

// OutputTo is a writer as an output that always has room.
func OutputTo(w io.Writer) Output { return writing{w} }

type writing struct{ io.Writer }

func (w writing) TryWrite(p []byte) (int, <-chan struct{}, error) {
	n, err := w.Write(p)
	return n, nil, err
}

// output is descriptor 1 or 2.
type output struct {
	w   Output
	mu  sync.Mutex // guards buf; not held while writing
	buf []byte     // for gathering; nil while in use
}

// maxGather bounds what is gathered into one Write, and so the memory kept for it.
const maxGather = 1 << 20

func newOutput(w Output) *output {
	if w == nil {
		w = OutputTo(io.Discard)
	}
	return &output{w: w}
}

// write makes one TryWrite of bufs, so that what the guest wrote as one is not torn by another rank's line. A larger
// one goes out buffer by buffer.
func (o *output) write(bufs [][]byte, total int) (int, <-chan struct{}, error) {
	if len(bufs) == 1 {
		return o.w.TryWrite(bufs[0])
	}
	if total > maxGather {
		return o.writeEach(bufs)
	}
	buf := o.take()
	for _, b := range bufs {
		buf = append(buf, b...)
	}
	n, room, err := o.w.TryWrite(buf)
	o.give(buf)
	return n, room, err
}

func (o *output) writeEach(bufs [][]byte) (total int, room <-chan struct{}, err error) {
	for _, b := range bufs {
		n, room, err := o.w.TryWrite(b)
		total += n
		if err != nil || room != nil {
			return total, room, err
		}
	}
	return total, nil, nil
}

// from are the buffers without their first n bytes.
func from(bufs [][]byte, n int) [][]byte {
	for n > 0 && n >= len(bufs[0]) {
		n -= len(bufs[0])
		bufs = bufs[1:]
	}
	if n > 0 {
		bufs[0] = bufs[0][n:]
	}
	return bufs
}

func (o *output) take() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	buf := o.buf
	o.buf = nil
	return buf[:0]
}

func (o *output) give(buf []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf = buf
}
