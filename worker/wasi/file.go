package wasi

import (
	"math"

	"golang.org/x/sys/unix"
)

// stackVectors is how many buffers a read or write may have without an allocation. stdio uses two.
const stackVectors = 8

// again repeats a system call that a signal of the Go runtime interrupted.
func again(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

// fd_read(fd, iovs *iovec, count size, nread *size) reads at the file's offset. At the end nread is 0. EBADF, EFAULT,
// EISDIR, EIO; EAGAIN for a standard input set to NONBLOCK with nothing in it.
func fdRead(p *Process, a args) errno {
	var room [stackVectors][]byte
	f, bufs, _, e := p.transfer(room[:], a, rightFDRead, 3)
	if e != success {
		return e
	}
	defer p.put(f)
	var n int
	switch f.kind {
	case kindStdin:
		n, e = p.readStdin(bufs, p.flags(f)&unix.O_NONBLOCK != 0)
	case kindPipeRead:
		n, e = p.readPipe(f, bufs)
	default:
		n, e = p.readFile(f, bufs)
	}
	if e != success {
		return e
	}
	return a.putSize(p.mem(), 3, uint64(n))
}

// fd_write(fd, iovs *iovec, count size, nwritten *size) writes at the file's offset, or at the end where APPEND is set,
// in one system call: what two ranks append does not mix. EBADF, EFAULT, EIO, ENOSPC, EDQUOT, EFBIG, EPIPE. nwritten
// may be less than asked for when the file system took no more.
func fdWrite(p *Process, a args) errno {
	var room [stackVectors][]byte
	f, bufs, total, e := p.transfer(room[:], a, rightFDWrite, 3)
	if e != success {
		return e
	}
	defer p.put(f)
	var n int
	switch f.kind {
	case kindStdout, kindStderr:
		n, e = p.writeStream(f, bufs, total, a.pending)
	case kindPipeWrite:
		n, e = p.writePipe(f, bufs, total)
	default:
		n, e = p.writeFile(f, bufs)
	}
	if e != success {
		return e
	}
	return a.putSize(p.mem(), 3, uint64(n))
}

// fd_pread(fd, iovs *iovec, count size, offset u64, nread *size) leaves the file's offset alone. EBADF, EFAULT, EINVAL,
// EISDIR, ESPIPE.
func fdPread(p *Process, a args) errno {
	var room [stackVectors][]byte
	f, bufs, _, e := p.transfer(room[:], a, rightFDRead|rightFDSeek, 4)
	if e != success {
		return e
	}
	defer p.put(f)
	if a.u64(3) > math.MaxInt64 {
		return eINVAL
	}
	n, err := again(func() (int, error) { return unix.Preadv(f.fd, bufs, int64(a.u64(3))) })
	if err != nil {
		return p.errnoOf(err)
	}
	return a.putSize(p.mem(), 4, uint64(n))
}

// fd_pwrite(fd, iovs *iovec, count size, offset u64, nwritten *size) leaves the file's offset alone. With APPEND set it
// appends all the same, as on Linux. EBADF, EFAULT, EINVAL, ENOSPC, EDQUOT, EFBIG, ESPIPE.
func fdPwrite(p *Process, a args) errno {
	var room [stackVectors][]byte
	f, bufs, _, e := p.transfer(room[:], a, rightFDWrite|rightFDSeek, 4)
	if e != success {
		return e
	}
	defer p.put(f)
	if a.u64(3) > math.MaxInt64 {
		return eINVAL
	}
	n, err := again(func() (int, error) { return unix.Pwritev(f.fd, bufs, int64(a.u64(3))) })
	if err != nil {
		return p.errnoOf(err)
	}
	return a.putSize(p.mem(), 4, uint64(n))
}

// transfer takes the arguments that reads and writes share: the descriptor, the vectors and where the result goes. All
// are checked before a byte moves.
func (p *Process) transfer(room [][]byte, a args, need rights, result int) (f *openFile, bufs [][]byte, total int,
	e errno) {
	m := p.mem()
	if bufs, total, e = a.vectors(room, m, 1); e != success {
		return nil, nil, 0, e
	}
	if !a.fits(m, result) {
		return nil, nil, 0, eFAULT
	}
	f, e = p.get(a.u32(0), need)
	return f, bufs, total, e
}

func (p *Process) readFile(f *openFile, bufs [][]byte) (int, errno) {
	n, err := again(func() (int, error) { return unix.Readv(f.fd, bufs) })
	return n, p.errnoOf(err)
}

func (p *Process) writeFile(f *openFile, bufs [][]byte) (int, errno) {
	n, err := again(func() (int, error) { return unix.Writev(f.fd, bufs) })
	return n, p.errnoOf(err)
}

// writeStream writes to descriptor 1 or 2, and waits while there is no room. What was written before an error counts;
// the error shows at the next write.
func (p *Process) writeStream(f *openFile, bufs [][]byte, total int, pending *Pending) (int, errno) {
	written := pending.before()
	bufs = from(bufs, written)
	for first := true; written < total; first = false {
		n, room, err := p.out[f.kind-kindStdin].write(bufs, total-written)
		written, bufs = written+n, from(bufs, n)
		switch {
		case err != nil && written == 0:
			return 0, p.errnoOf(err)
		case room == nil:
			return min(written, total), success
		case pending.suspends(first):
			pending.written = written
			return 0, brokenOff
		}
		p.waitOr("room for its output", forever, room, pending.awake())
	}
	return total, success
}

// Print writes text to a descriptor as the program would, for a host call of another module that shows something. Where
// the program has closed it, or it takes nothing, the text is lost.
func (p *Process) Print(fd uint32, text []byte) {
	f, e := p.get(fd, rightFDWrite)
	if e != success {
		return
	}
	defer p.put(f)
	switch f.kind {
	case kindStdout, kindStderr:
		p.printStream(f, text)
	case kindPipeWrite:
		p.writePipe(f, [][]byte{text}, len(text))
	default:
		p.writeFile(f, [][]byte{text})
	}
}

func (p *Process) printStream(f *openFile, text []byte) {
	for len(text) > 0 {
		n, room, err := p.out[f.kind-kindStdin].write([][]byte{text}, len(text))
		if text = text[n:]; err != nil || room == nil {
			return
		}
		p.waitOr("room for its output", forever, room, nil)
	}
}

// fd_seek(fd, offset i64, whence u8, result *u64): from the start 0, from the offset 1, from the end 2. EBADF, EFAULT,
// EINVAL, ESPIPE.
func fdSeek(p *Process, a args) errno {
	if a.u32(2) > unix.SEEK_END {
		return eINVAL
	}
	return p.seek(a.u32(0), int64(a.u64(1)), int(a.u32(2)), a.ptr(3), rightFDSeek)
}

// fd_tell(fd, result *u64). EBADF, EFAULT, ESPIPE.
func fdTell(p *Process, a args) errno {
	return p.seek(a.u32(0), 0, unix.SEEK_CUR, a.ptr(1), rightFDTell)
}

func (p *Process) seek(fd uint32, offset int64, whence int, result uint64, need rights) errno {
	m := p.mem()
	if _, ok := m.bytes(result, 8); !ok {
		return eFAULT
	}
	f, e := p.get(fd, need)
	if e != success {
		return e
	}
	defer p.put(f)
	n, err := unix.Seek(f.fd, offset, whence)
	if err != nil {
		return p.errnoOf(err)
	}
	return m.putU64(result, uint64(n))
}

// fd_advise(fd, offset u64, len u64, advice u8). EBADF, EINVAL, ESPIPE.
func fdAdvise(p *Process, a args) errno {
	advices := [...]int{unix.FADV_NORMAL, unix.FADV_SEQUENTIAL, unix.FADV_RANDOM, unix.FADV_WILLNEED, unix.FADV_DONTNEED,
		unix.FADV_NOREUSE}
	f, e := p.get(a.u32(0), rightFDAdvise)
	if e != success {
		return e
	}
	defer p.put(f)
	if a.u64(1) > math.MaxInt64 || a.u64(2) > math.MaxInt64 || a.u32(3) >= uint32(len(advices)) {
		return eINVAL
	}
	return p.errnoOf(unix.Fadvise(f.fd, int64(a.u64(1)), int64(a.u64(2)), advices[a.u32(3)]))
}

// fd_allocate(fd, offset u64, len u64) reserves room and makes the file as long. EBADF, EFBIG, EINVAL, ENOSPC, EDQUOT,
// ESPIPE; ENOTSUP where the file system can't.
func fdAllocate(p *Process, a args) errno {
	f, e := p.get(a.u32(0), rightFDAllocate)
	if e != success {
		return e
	}
	defer p.put(f)
	if a.u64(1) > math.MaxInt64 || a.u64(2) > math.MaxInt64 {
		return eINVAL
	}
	_, err := again(func() (int, error) { return 0, unix.Fallocate(f.fd, 0, int64(a.u64(1)), int64(a.u64(2))) })
	return p.errnoOf(err)
}

// fd_sync(fd). EBADF, EIO, ENOSPC, EDQUOT; EINVAL for a stream.
func fdSync(p *Process, a args) errno { return p.sync(a.u32(0), rightFDSync, unix.Fsync) }

// fd_datasync(fd). As fd_sync.
func fdDatasync(p *Process, a args) errno { return p.sync(a.u32(0), rightFDDatasync, unix.Fdatasync) }

func (p *Process) sync(fd uint32, need rights, call func(int) error) errno {
	f, e := p.get(fd, need)
	if e != success {
		return e
	}
	defer p.put(f)
	_, err := again(func() (int, error) { return 0, call(f.fd) })
	return p.errnoOf(err)
}

// unread is how many bytes lie between a file's offset and its end.
func (f *openFile) unread() uint64 {
	var st unix.Stat_t
	if f.filetype != typeRegular || unix.Fstat(f.fd, &st) != nil {
		return 0
	}
	offset, err := unix.Seek(f.fd, 0, unix.SEEK_CUR)
	if err != nil || offset > st.Size {
		return 0
	}
	return uint64(st.Size - offset)
}
