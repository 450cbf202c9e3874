package wasi

import (
	"sync"

	"golang.org/x/sys/unix"
)

// pipe is what pipe(2) makes: bytes from one descriptor of a rank to another. It is memory: a rank's threads alone can
// hold its ends, and a wait of the kernel's could not be ended.
type pipe struct {
	mu      sync.Mutex // guards all below
	buf     []byte
	writers int           // open descriptions of that end: 1 or 0
	readers int           // the same
	ino     uint64        // tells it from others; never changes
	change  chan struct{} // closed and renewed when bytes or room come, and when an end is closed
}

// pipeSize is Linux's. Writes of up to pipeAtomic bytes are not torn by others.
const (
	pipeSize   = 64 << 10
	pipeAtomic = 4 << 10
)

// changed wakes who waits. mu is held.
func (q *pipe) changed() {
	close(q.change)
	q.change = make(chan struct{})
}

// read takes what is there; done says that there is something to return, if only the end.
func (q *pipe) read(bufs [][]byte) (n int, done bool, wait <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, b := range bufs {
		m := copy(b, q.buf)
		q.buf, n = q.buf[m:], n+m
	}
	if n > 0 {
		q.changed()
	}
	if len(q.buf) == 0 {
		q.buf = nil
	}
	return n, n > 0 || q.writers == 0, q.change
}

// write takes as much as there is room for, or nothing of a short one that does not fit. broken says that nobody reads.
func (q *pipe) write(b []byte) (n int, broken bool, wait <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	room := pipeSize - len(q.buf)
	switch {
	case q.readers == 0:
		return 0, true, nil
	case len(b) <= pipeAtomic && len(b) > room:
		return 0, false, q.change
	}
	n = min(len(b), room)
	q.buf = append(q.buf, b[:n]...)
	if n > 0 {
		q.changed()
	}
	return n, false, q.change
}

// state is what poll asks: how many bytes are there, how many fit, and whether the other end is closed.
func (q *pipe) state(reads bool) (bytes, room int, hungUp bool, wait <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	other := q.readers
	if reads {
		other = q.writers
	}
	return len(q.buf), pipeSize - len(q.buf), other == 0, q.change
}

func (q *pipe) closeEnd(reads bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if reads {
		q.readers--
		q.buf = nil
	} else {
		q.writers--
	}
	q.changed()
}

// fd_pipe(flags u32) -> i64 makes a pipe: the descriptor to read from, and that to write to in the upper half. The one
// flag is NONBLOCK. -EMFILE, -EINVAL.
func fdPipe(p *Process, a args) uint64 {
	if a.u32(0)&^flagNonblock != 0 {
		return negativeLong(eINVAL)
	}
	q := &pipe{readers: 1, writers: 1, ino: p.pipes.Add(1) << 32, change: make(chan struct{})}
	end := func(k kind, r rights) (uint32, errno) {
		f := &openFile{descriptor: descriptor{kind: k, flags: hostFlags(a.u32(0)), rights: rightsStream | r},
			filetype: typeSocketStream, refs: 1, fd: -1, pipe: q} // as filetypeOf has it for pipes
		return p.insert(f)
	}
	from, e := end(kindPipeRead, rightFDRead)
	if e != success {
		return negativeLong(e)
	}
	to, e := end(kindPipeWrite, rightFDWrite)
	if e != success {
		p.closeFD(from)
		return negativeLong(e)
	}
	return uint64(from) | uint64(to)<<32
}

// readPipe waits for the first byte, unless the descriptor is not to.
func (p *Process) readPipe(f *openFile, bufs [][]byte) (int, errno) {
	if len(bufs) == 0 {
		return 0, success
	}
	for {
		n, done, wait := f.pipe.read(bufs)
		switch {
		case done:
			return n, success
		case p.flags(f)&unix.O_NONBLOCK != 0:
			return 0, eAGAIN
		case p.SignalDue():
			return 0, eINTR
		}
		p.waitFor("read of a pipe", forever, wait)
	}
}

// writePipe waits until all is written, unless the descriptor is not to: then it writes what there is room for. Who
// writes what nobody will read gets SIGPIPE, and EPIPE after it.
func (p *Process) writePipe(f *openFile, bufs [][]byte, total int) (written int, e errno) {
	data := make([]byte, 0, min(total, maxGather))
	for i := 0; ; {
		for i < len(bufs) && (len(data) == 0 || len(data)+len(bufs[i]) <= maxGather) {
			data = append(data, bufs[i]...)
			i++
		}
		if len(data) == 0 {
			return written, success
		}
		n, broken, wait := f.pipe.write(data)
		written, data = written+n, data[n:]
		switch {
		case broken && written > 0:
			return written, success
		case broken:
			if p.Signal(int(unix.SIGPIPE)) {
				panic(Exit{signalBase + uint32(unix.SIGPIPE)})
			}
			return 0, ePIPE
		case len(data) == 0:
			continue
		case p.flags(f)&unix.O_NONBLOCK != 0:
			if written > 0 {
				return written, success
			}
			return 0, eAGAIN
		case p.SignalDue():
			if written > 0 {
				return written, success
			}
			return 0, eINTR
		}
		p.waitFor("write to a pipe", forever, wait)
	}
}
