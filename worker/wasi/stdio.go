package wasi

import (
	"io"
	"sync"
)

// Stdin is where a rank's standard input comes from. Its calls never wait: waiting is the Process's part, because a wait can
// end in other ways than by input, and because a rank that waits must be able to say so and to be suspended.
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

// Input is a Stdin fed by Write, at most limit bytes ahead of the guest.
type Input struct {
	mu      sync.Mutex // guards all below
	buf     []byte     // what was written and not yet read
	limit   int
	ended   bool          // CloseWrite was called
	dropped bool          // CloseRead was called
	ready   chan struct{} // closed while buf has something or ended is set
	room    chan struct{} // closed while buf has room or dropped is set
}

// NewInput returns an Input that holds up to limit bytes; 0 means 64 KiB, as much as a pipe.
func NewInput(limit int) *Input {
	if limit <= 0 {
		limit = 64 << 10
	}
	return &Input{limit: limit, ready: make(chan struct{}), room: closed}
}

// Write hands over p and waits while there is no room. After CloseRead or CloseWrite it is io.ErrClosedPipe.
func (in *Input) Write(p []byte) (n int, err error) {
	for {
		k, wait, err := in.put(p[n:])
		n += k
		if err != nil || n == len(p) {
			return n, err
		}
		<-wait
	}
}

// put takes what there is room for, and returns a channel that is closed when there is more.
func (in *Input) put(p []byte) (int, <-chan struct{}, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ended || in.dropped {
		return 0, nil, io.ErrClosedPipe
	}
	n := min(len(p), in.limit-len(in.buf))
	in.buf = append(in.buf, p[:n]...)
	if n > 0 && len(in.buf) == n {
		close(in.ready)
	}
	if n > 0 && len(in.buf) == in.limit {
		in.room = make(chan struct{})
	}
	return n, in.room, nil
}

// CloseWrite says that no more will come: the guest reads what is left, then the end.
func (in *Input) CloseWrite() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.ended {
		in.ended = true
		if len(in.buf) == 0 {
			close(in.ready)
		}
	}
}

// CloseRead says that nobody reads any more: a Write that waits returns.
func (in *Input) CloseRead() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.dropped {
		in.dropped = true
		if len(in.buf) == in.limit {
			close(in.room)
		}
	}
}

func (in *Input) Read(p []byte) (int, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.buf) == 0 {
		if in.ended {
			return 0, io.EOF
		}
		return 0, nil
	}
	full := len(in.buf) == in.limit
	n := copy(p, in.buf)
	in.buf = in.buf[:copy(in.buf, in.buf[n:])]
	if n > 0 && full && !in.dropped {
		close(in.room)
	}
	if n > 0 && len(in.buf) == 0 && !in.ended {
		in.ready = make(chan struct{})
	}
	return n, nil
}

func (in *Input) Len() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.buf)
}

func (in *Input) Ready() <-chan struct{} {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.ready
}

// readStdin fills bufs with what is there, and waits for the first byte unless nonblock is set. Nothing is taken before the
// wait is over, so that a rank may be suspended in it and call again.
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
		}
		p.wait(forever, p.stdin.Ready())
	}
}

// readMore goes on filling bufs after a first read of n bytes, as long as that doesn't mean to wait. An error shows at the next read.
func (p *Process) readMore(n int, bufs [][]byte) int {
	total := n
	for i := 0; n == len(bufs[i]) && i+1 < len(bufs); {
		i++
		n, _ = p.stdin.Read(bufs[i])
		total += n
	}
	return total
}

// output is descriptor 1 or 2.
type output struct {
	w   io.Writer
	mu  sync.Mutex // guards buf; not held while writing
	buf []byte     // for gathering; nil while in use
}

// maxGather bounds what is gathered into one Write, and so the memory kept for it.
const maxGather = 1 << 20

func newOutput(w io.Writer) *output {
	if w == nil {
		w = io.Discard
	}
	return &output{w: w}
}

// write makes one Write of bufs, so that what the guest wrote as one is not torn by another rank's line. A larger one goes out
// buffer by buffer.
func (o *output) write(bufs [][]byte, total int) (int, error) {
	if len(bufs) == 1 {
		return o.w.Write(bufs[0])
	}
	if total > maxGather {
		return o.writeEach(bufs)
	}
	buf := o.take()
	for _, b := range bufs {
		buf = append(buf, b...)
	}
	n, err := o.w.Write(buf)
	o.give(buf)
	return n, err
}

func (o *output) writeEach(bufs [][]byte) (total int, err error) {
	for _, b := range bufs {
		n, err := o.w.Write(b)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
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
