package wasi

import (
	"os"

	"golang.org/x/sys/unix"
)

// kind is what a descriptor stands for.
type kind uint8

// The kinds of descriptors. Zero is a number that is not open.
const (
	kindStdin kind = iota + 1
	kindStdout
	kindStderr
	kindMount // a directory that was open from the start
	kindDir
	kindFile // whatever else a path leads to
	kindPipeRead
	kindPipeWrite
)

// descriptor is all that an image has to know of an open descriptor. Its number is its index in the table.
//
// To open it again elsewhere: open path beneath the mount with flags (there is no O_CREAT, O_EXCL or O_TRUNC among
// them), seek to the offset, which the kernel has and a capture must ask for, and put it at its number. path is what
// the file was opened by. A file that was renamed since, by this rank or another, is no longer there: a capture must
// take the path from /proc/self/fd, relative to the mount's directory, and refuse a file that was removed.
type descriptor struct {
	kind   kind
	mount  int    // index in Config.Mounts; only for what a path leads to
	path   string // beneath the mount
	flags  int    // of open(2)
	rights rights
	// inheriting is what WASI grants to files opened below a directory; libcs look at it before they open.
	inheriting rights
}

// openFile is a descriptor in use: its plain data and what of the host stands behind it.
//
// Offsets are the kernel's: reads and writes of a rank's threads on one descriptor then exclude each other as POSIX
// wants, with no lock of ours held across them, and an append moves the offset to where the data went.
type openFile struct {
	descriptor
	filetype filetype
	refs     int      // under Process.mu: calls that use it, and 1 while it is in the table
	host     *os.File // nil for streams
	fd       int      // host's; asking it each time would set a FIFO to blocking each time
	root     *os.Root // of a directory: where its paths start, wherever it is moved to
	owned    bool     // close root too
	list     listing  // of a directory
	pipe     *pipe    // of its ends
}

// newStream returns one of the standard streams.
func (p *Process) newStream(k kind) *openFile {
	f := &openFile{descriptor: descriptor{kind: k, rights: rightsStream | rightFDWrite}, refs: 1}
	if k == kindStdin {
		f.rights = rightsStream | rightFDRead
	} else if p.tty {
		f.filetype = typeCharacterDevice
	}
	return f
}

// openMount opens the directory of a mount.
func openMount(m Mount, index int) (*openFile, error) {
	if m.virtual() {
		return newVirtual(kindMount, index, "."), nil
	}
	host, err := m.Root.OpenFile(".", os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	return &openFile{
		descriptor: descriptor{kind: kindMount, mount: index, path: ".", flags: unix.O_DIRECTORY,
			rights: rightsDir, inheriting: rightsDir | rightsFile},
		filetype: typeDirectory, refs: 1, host: host, fd: int(host.Fd()), root: m.Root,
	}, nil
}

// stream reports whether a file has no place in the file system, and no offset.
func (f *openFile) stream() bool { return f.kind <= kindStderr || f.pipe != nil }

func (f *openFile) sameDirectory(g *openFile) bool {
	var a, b unix.Stat_t
	return unix.Fstat(f.fd, &a) == nil && unix.Fstat(g.fd, &b) == nil && a.Dev == b.Dev && a.Ino == b.Ino
}

// identity is what the host tells files apart by.
func (f *openFile) identity() (dev, ino uint64) {
	var st unix.Stat_t
	if unix.Fstat(f.fd, &st) != nil {
		return 0, 0
	}
	return uint64(st.Dev), st.Ino
}

func (f *openFile) id() fileID {
	dev, ino := f.identity()
	return fileID{dev, ino}
}

func (f *openFile) close() error {
	if f.owned {
		f.root.Close()
	}
	if f.pipe != nil {
		f.pipe.closeEnd(f.kind == kindPipeRead)
	}
	if f.host != nil {
		return f.host.Close()
	}
	return nil
}

// get returns an open file that is good for need, and keeps it from being closed until put.
func (p *Process) get(fd uint32, need rights) (*openFile, errno) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if uint64(fd) >= uint64(len(p.files)) || p.files[fd] == nil {
		return nil, eBADF
	}
	f := p.files[fd]
	if missing := need &^ f.rights; missing != 0 {
		return nil, f.refuse(missing)
	}
	f.refs++
	return f, success
}

// flags are a descriptor's present flags of open(2).
func (p *Process) flags(f *openFile) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return f.flags
}

func (p *Process) put(f *openFile) { p.release(f) }

// release drops a reference and closes the host's side with the last.
func (p *Process) release(f *openFile) error {
	p.mu.Lock()
	f.refs--
	last := f.refs == 0
	p.mu.Unlock()
	if last {
		err := f.close()
		p.shared.endAll(f)
		return err
	}
	return nil
}

// insert gives f the lowest free number, and takes over the caller's reference. EMFILE when MaxOpen are in use.
func (p *Process) insert(f *openFile) (uint32, errno) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for fd := range p.files {
		if p.files[fd] == nil {
			p.files[fd] = f
			return uint32(fd), success
		}
	}
	if len(p.files) >= p.maxOpen {
		return 0, eMFILE
	}
	p.files = append(p.files, f)
	return uint32(len(p.files) - 1), success
}

// full reports whether insert would refuse; asked before a file is created.
func (p *Process) full() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.files {
		if f == nil {
			return false
		}
	}
	return len(p.files) >= p.maxOpen
}

// closeFD frees the number at once; a call that still uses the file on another thread finishes first.
func (p *Process) closeFD(fd uint32) errno {
	p.mu.Lock()
	if uint64(fd) >= uint64(len(p.files)) || p.files[fd] == nil {
		p.mu.Unlock()
		return eBADF
	}
	f := p.files[fd]
	p.files[fd] = nil
	p.mu.Unlock()
	p.unlock(f)
	return p.errnoOf(p.release(f))
}

// fd_close(fd). EBADF, EIO, ENOSPC, EDQUOT: the number is free in every case.
func fdClose(p *Process, a args) errno { return p.closeFD(a.u32(0)) }

// fd_renumber(fd, to) moves fd to the number to and closes what was there. EBADF when either is not open: the
// specification gives no way to make a number up.
func fdRenumber(p *Process, a args) errno {
	from, to := uint64(a.u32(0)), uint64(a.u32(1))
	p.mu.Lock()
	n := uint64(len(p.files))
	if from >= n || to >= n || p.files[from] == nil || p.files[to] == nil {
		p.mu.Unlock()
		return eBADF
	}
	if from == to {
		p.mu.Unlock()
		return success
	}
	replaced := p.files[to]
	p.files[to], p.files[from] = p.files[from], nil
	p.mu.Unlock()
	p.unlock(replaced)
	p.release(replaced)
	return success
}

// fd_prestat_get(fd, prestat *u8): the length of a mount's name. EBADF for everything else, which ends a libc's search.
//
//	prestat (two sizes): tag u8 = 0, a directory · length of its name, a size, behind the first
func fdPrestatGet(p *Process, a args) errno {
	b, ok := p.mem().bytes(a.ptr(1), 2*a.width())
	if !ok {
		return eFAULT
	}
	name, e := p.mountName(a.u32(0))
	if e != success {
		return e
	}
	clear(b)
	a.putWord(b[a.width():], uint64(len(name)))
	return success
}

// fd_prestat_dir_name(fd, buf *u8, len size): the name, not terminated. EBADF; ENAMETOOLONG when it has more than len
// bytes.
func fdPrestatDirName(p *Process, a args) errno {
	name, e := p.mountName(a.u32(0))
	if e != success {
		return e
	}
	if uint64(len(name)) > a.ptr(2) {
		return eNAMETOOLONG
	}
	b, ok := p.mem().bytes(a.ptr(1), uint64(len(name)))
	if !ok {
		return eFAULT
	}
	copy(b, name)
	return success
}

func (p *Process) mountName(fd uint32) (string, errno) {
	f, e := p.get(fd, 0)
	if e != success {
		return "", e
	}
	defer p.put(f)
	if f.kind != kindMount {
		return "", eBADF
	}
	return p.mounts[f.mount].Guest, success
}
