package wasi

import (
	"encoding/binary"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// Kind is what a descriptor stands for.
type Kind uint8

// The kinds of descriptors. Zero is a number that is not open.
const (
	KindStdin Kind = iota + 1
	KindStdout
	KindStderr
	KindMount // a directory that was open from the start
	KindDir
	KindFile // whatever else a path leads to
)

// Descriptor is all that an image has to know of an open descriptor. Its number is its place in the table.
//
// To open it again elsewhere: OpenFile of Path beneath the mount with Flags (which have no O_CREAT, O_EXCL or O_TRUNC), seek to
// the offset that the kernel holds, take the lowest rights. Path is what it was opened by: a file renamed or removed since, by
// this rank or by another, is no longer there, so a capture must take the path from /proc/self/fd, relative to the mount's
// directory, and say that a removed file can't travel.
type Descriptor struct {
	Kind   Kind
	Mount  int    // index in Config.Mounts; only for the last three kinds
	Path   string // beneath the mount
	Flags  int    // of open(2)
	Rights rights
	// Inheriting is what WASI grants to files opened below a directory; libcs look at it before they open.
	Inheriting rights
}

// openFile is a descriptor in use: its plain data and what of the host stands behind it.
//
// Offsets are the kernel's: reads and writes of a rank's threads on one descriptor then exclude each other as POSIX wants,
// with no lock of ours held across them, and an append moves the offset to where the data went.
type openFile struct {
	Descriptor
	filetype filetype
	refs     int      // under Process.mu: calls that use it, and 1 while it is in the table
	host     *os.File // nil for streams
	fd       int      // host's; asking it each time would set a FIFO to blocking each time
	root     *os.Root // of a directory: where its paths start, wherever it is moved to
	owned    bool     // close root too
	list     listing  // of a directory
}

// rights say which calls a descriptor is good for. A POSIX program never asks for fewer than it gets, so they serve to tell
// files, directories and streams apart and to carry the access mode: wasi-libc's fcntl(F_GETFL) reads it from them.
type rights uint64

const (
	rightFDDatasync rights = 1 << iota
	rightFDRead
	rightFDSeek
	rightFDSetFlags
	rightFDSync
	rightFDTell
	rightFDWrite
	rightFDAdvise
	rightFDAllocate
	rightPathCreateDirectory
	rightPathCreateFile
	rightPathLinkSource
	rightPathLinkTarget
	rightPathOpen
	rightFDReaddir
	rightPathReadlink
	rightPathRenameSource
	rightPathRenameTarget
	rightPathFilestatGet
	rightPathSetSize
	rightPathSetTimes
	rightFDFilestatGet
	rightFDSetSize
	rightFDSetTimes
	rightPathSymlink
	rightPathRemoveDirectory
	rightPathUnlinkFile
	rightPoll

	rightsStream = rightFDSetFlags | rightFDFilestatGet | rightPoll
	rightsWrite  = rightFDWrite | rightFDAllocate | rightFDSetSize
	rightsFile   = rightsStream | rightsWrite | rightFDDatasync | rightFDRead | rightFDSeek | rightFDSync | rightFDTell |
		rightFDAdvise | rightFDSetTimes
	rightsDir = rightFDSetFlags | rightFDSync | rightFDDatasync | rightFDReaddir | rightFDFilestatGet | rightFDSetTimes |
		rightPathCreateDirectory | rightPathCreateFile | rightPathLinkSource | rightPathLinkTarget | rightPathOpen |
		rightPathReadlink | rightPathRenameSource | rightPathRenameTarget | rightPathFilestatGet | rightPathSetSize |
		rightPathSetTimes | rightPathSymlink | rightPathRemoveDirectory | rightPathUnlinkFile
)

// filetype as in fdstat, filestat and dirent.
type filetype uint8

const (
	typeUnknown filetype = iota
	typeBlockDevice
	typeCharacterDevice
	typeDirectory
	typeRegular
	typeSocketDatagram
	typeSocketStream
	typeSymlink
)

func filetypeOf(mode uint32) filetype {
	switch mode & unix.S_IFMT {
	case unix.S_IFBLK:
		return typeBlockDevice
	case unix.S_IFCHR:
		return typeCharacterDevice
	case unix.S_IFDIR:
		return typeDirectory
	case unix.S_IFREG:
		return typeRegular
	case unix.S_IFLNK:
		return typeSymlink
	case unix.S_IFSOCK, unix.S_IFIFO: // wasi-libc's S_ISFIFO looks for a stream socket
		return typeSocketStream
	}
	return typeUnknown
}

// newStream returns one of the standard streams.
func (p *Process) newStream(kind Kind) *openFile {
	f := &openFile{Descriptor: Descriptor{Kind: kind, Rights: rightsStream | rightFDWrite}, refs: 1}
	if kind == KindStdin {
		f.Rights = rightsStream | rightFDRead
	} else if p.tty {
		f.filetype = typeCharacterDevice
	}
	return f
}

// openMount opens the directory of a mount.
func openMount(m Mount, index int) (*openFile, error) {
	host, err := m.Root.OpenFile(".", os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	return &openFile{
		Descriptor: Descriptor{Kind: KindMount, Mount: index, Path: ".", Flags: unix.O_DIRECTORY,
			Rights: rightsDir, Inheriting: rightsDir | rightsFile},
		filetype: typeDirectory, refs: 1, host: host, fd: int(host.Fd()), root: m.Root,
	}, nil
}

func (f *openFile) stream() bool { return f.Kind <= KindStderr }

func (f *openFile) sameDirectory(g *openFile) bool {
	var a, b unix.Stat_t
	return unix.Fstat(f.fd, &a) == nil && unix.Fstat(g.fd, &b) == nil && a.Dev == b.Dev && a.Ino == b.Ino
}

func (f *openFile) close() error {
	if f.owned {
		f.root.Close()
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
	if missing := need &^ f.Rights; missing != 0 {
		return nil, f.refuse(missing)
	}
	f.refs++
	return f, success
}

// refuse gives the number that POSIX has for a call on a descriptor of the wrong sort.
func (f *openFile) refuse(missing rights) errno {
	const onPath = rightsDir &^ rightsFile
	switch {
	case f.filetype == typeDirectory && missing&rightFDRead != 0:
		return eISDIR
	case f.filetype != typeDirectory && missing&onPath != 0:
		return eNOTDIR
	case f.stream() && missing&(rightFDSeek|rightFDTell|rightFDAllocate|rightFDAdvise) != 0:
		return eSPIPE
	case missing&(rightFDSetSize|rightFDSync|rightFDDatasync|rightFDSetTimes) != 0:
		return eINVAL
	case missing&^rightsFile == 0:
		return eBADF
	}
	return eNOTCAPABLE
}

// flags are a descriptor's present flags of open(2).
func (p *Process) flags(f *openFile) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return f.Flags
}

func (p *Process) put(f *openFile) { p.release(f) }

// release drops a reference and closes the host's side with the last.
func (p *Process) release(f *openFile) error {
	p.mu.Lock()
	f.refs--
	last := f.refs == 0
	p.mu.Unlock()
	if last {
		return f.close()
	}
	return nil
}

// insert gives f the lowest free number. EMFILE when MaxOpen are in use.
func (p *Process) insert(f *openFile) (uint32, errno) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f.refs = 1
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

// full is whether insert would refuse; asked before a file is created.
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
	return p.errnoOf(p.release(f))
}

// fd_close(fd). EBADF, EIO, ENOSPC, EDQUOT: the number is free in every case.
func fdClose(p *Process, a args) errno { return p.closeFD(a.u32(0)) }

// fd_renumber(fd, to) moves fd to the number to and closes what was there. EBADF when either is not open: the specification
// gives no way to make a number up.
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
	p.release(replaced)
	return success
}

// fd_fdstat_get(fd, stat *fdstat). EBADF, EFAULT.
//
//	fdstat (24): filetype u8 · flags u16 at 2 · rights u64 at 8 · inheriting rights u64 at 16
func fdFdstatGet(p *Process, a args) errno {
	b, ok := p.mem().bytes(a.u32(1), 24)
	if !ok {
		return eFAULT
	}
	f, e := p.get(a.u32(0), 0)
	if e != success {
		return e
	}
	defer p.put(f)
	p.mu.Lock()
	d := f.Descriptor
	p.mu.Unlock()
	clear(b)
	b[0] = byte(f.filetype)
	binary.LittleEndian.PutUint16(b[2:], guestFlags(d.Flags))
	binary.LittleEndian.PutUint64(b[8:], uint64(d.Rights))
	binary.LittleEndian.PutUint64(b[16:], uint64(d.Inheriting))
	return success
}

// Flags of a descriptor in WASI's bits.
const (
	flagAppend = 1 << iota
	flagDsync
	flagNonblock
	flagRsync
	flagSync
)

var flagTable = [...]struct {
	guest uint16
	host  int
}{{flagSync, unix.O_SYNC}, {flagAppend, unix.O_APPEND}, {flagDsync, unix.O_DSYNC}, {flagNonblock, unix.O_NONBLOCK}, {flagRsync, unix.O_RSYNC}}

// hostFlags turns WASI's flags into open(2)'s. Linux's O_RSYNC and O_SYNC are one, and have the bit of O_DSYNC.
func hostFlags(guest uint32) (flags int) {
	for _, t := range flagTable {
		if guest&uint32(t.guest) != 0 {
			flags |= t.host
		}
	}
	return flags
}

func guestFlags(host int) (flags uint16) {
	for _, t := range flagTable {
		if host&t.host == t.host {
			flags |= t.guest
		}
	}
	return flags
}

// fd_fdstat_set_flags(fd, flags u16): APPEND and NONBLOCK can change, as with fcntl. EBADF, EINVAL; ENOTSUP when a SYNC flag would.
func fdFdstatSetFlags(p *Process, a args) errno {
	if a.u32(1) > flagSync|flagRsync|flagNonblock|flagDsync|flagAppend {
		return eINVAL
	}
	const settable = unix.O_APPEND | unix.O_NONBLOCK
	flags := hostFlags(a.u32(1))
	f, e := p.get(a.u32(0), 0)
	if e != success {
		return e
	}
	defer p.put(f)
	if (flags^p.flags(f))&unix.O_SYNC != 0 {
		return eNOTSUP
	}
	if f.host != nil {
		if _, err := unix.FcntlInt(uintptr(f.fd), unix.F_SETFL, flags); err != nil {
			return p.errnoOf(err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	f.Flags = f.Flags&^settable | flags&settable
	return success
}

// fd_fdstat_set_rights(fd, base u64, inheriting u64) takes rights away. ENOTCAPABLE for one that is not there, EBADF.
func fdFdstatSetRights(p *Process, a args) errno {
	f, e := p.get(a.u32(0), 0)
	if e != success {
		return e
	}
	defer p.put(f)
	base, inheriting := rights(a.u64(1)), rights(a.u64(2))
	p.mu.Lock()
	defer p.mu.Unlock()
	if base&^f.Rights != 0 || inheriting&^f.Inheriting != 0 {
		return eNOTCAPABLE
	}
	f.Rights, f.Inheriting = base, inheriting
	return success
}

// fd_prestat_get(fd, prestat *u8): the length of a mount's name. EBADF for everything else, which ends a libc's search.
//
//	prestat (8): tag u8 = 0, a directory · length of its name u32 at 4
func fdPrestatGet(p *Process, a args) errno {
	b, ok := p.mem().bytes(a.u32(1), 8)
	if !ok {
		return eFAULT
	}
	name, e := p.mountName(a.u32(0))
	if e != success {
		return e
	}
	clear(b)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(name)))
	return success
}

// fd_prestat_dir_name(fd, buf *u8, len u32): the name, not terminated. EBADF; ENAMETOOLONG when it has more than len bytes.
func fdPrestatDirName(p *Process, a args) errno {
	name, e := p.mountName(a.u32(0))
	if e != success {
		return e
	}
	if uint64(len(name)) > uint64(a.u32(2)) {
		return eNAMETOOLONG
	}
	b, ok := p.mem().bytes(a.u32(1), uint32(len(name)))
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
	if f.Kind != KindMount {
		return "", eBADF
	}
	name := p.mounts[f.Mount].Guest
	if len(name) > math.MaxUint16 {
		return "", eNAMETOOLONG
	}
	return name, success
}
