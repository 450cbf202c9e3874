package wasi

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// rights say which calls a descriptor is good for. A POSIX program never asks for fewer than it gets, so they serve to
// tell files, directories and streams apart and to carry the access mode: wasi-libc's fcntl(F_GETFL) reads it from
// them.
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

// fd_fdstat_get(fd, stat *fdstat). EBADF, EFAULT.
//
//	fdstat (24): filetype u8 · flags u16 at 2 · rights u64 at 8 · inheriting rights u64 at 16
func fdFdstatGet(p *Process, a args) errno {
	b, ok := p.mem().bytes(a.ptr(1), 24)
	if !ok {
		return eFAULT
	}
	f, e := p.get(a.u32(0), 0)
	if e != success {
		return e
	}
	defer p.put(f)
	p.mu.Lock()
	d := f.descriptor
	p.mu.Unlock()
	clear(b)
	b[0] = byte(f.filetype)
	binary.LittleEndian.PutUint16(b[2:], guestFlags(d.flags))
	binary.LittleEndian.PutUint64(b[8:], uint64(d.rights))
	binary.LittleEndian.PutUint64(b[16:], uint64(d.inheriting))
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
}{{flagSync, unix.O_SYNC}, {flagAppend, unix.O_APPEND}, {flagDsync, unix.O_DSYNC}, {flagNonblock, unix.O_NONBLOCK},
	{flagRsync, unix.O_RSYNC}}

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

// fd_fdstat_set_flags(fd, flags u16): APPEND and NONBLOCK can change, as with fcntl. EBADF, EINVAL; ENOTSUP when a SYNC
// flag would.
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
	f.flags = f.flags&^settable | flags&settable
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
	if base&^f.rights != 0 || inheriting&^f.inheriting != 0 {
		return eNOTCAPABLE
	}
	f.rights, f.inheriting = base, inheriting
	return success
}
