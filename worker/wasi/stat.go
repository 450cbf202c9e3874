package wasi

import (
	"encoding/binary"
	"io/fs"
	"math"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// filestatSize is the size of a filestat:
//
//	dev u64 · ino u64 at 8 · filetype u8 at 16 · mode u16 at 18 · nlink u64 at 24 · size u64 at 32 ·
//	atim u64 at 40 · mtim u64 at 48 · ctim u64 at 56
//
// The mode lies where the specification has nothing: the permissions, and modeKnown. So does, in a byte at 20, what the
// rank may do with the file, which access asks for.
const (
	filestatSize = 64
	modeKnown    = 1 << 15

	accessKnown    = 1 << 3 // beside Linux's bits
	accessReadOnly = 1 << 4 // it is the mount that can't be written
)

// filestat is what the guest learns of a file; times in nanoseconds.
type filestat struct {
	dev, ino         uint64
	filetype         filetype
	mode             uint16
	access           uint8
	nlink, size      uint64
	atim, mtim, ctim int64
}

func (s *filestat) put(b []byte) {
	clear(b)
	for i, v := range [...]uint64{s.dev, s.ino, uint64(s.filetype), s.nlink, s.size, uint64(s.atim), uint64(s.mtim),
		uint64(s.ctim)} {
		binary.LittleEndian.PutUint64(b[8*i:], v)
	}
	binary.LittleEndian.PutUint16(b[18:], s.mode)
	b[20] = s.access
}

func modeOf(mode uint32) uint16 { return modeKnown | uint16(mode&0o7777) }

// fd_filestat_get(fd, stat *filestat). EBADF, EFAULT. The streams have distinct numbers, so that programs which compare
// input and output don't take them for one file.
func fdFilestatGet(p *Process, a args) errno {
	b, ok := p.mem().bytes(a.ptr(1), filestatSize)
	if !ok {
		return eFAULT
	}
	f, e := p.get(a.u32(0), rightFDFilestatGet)
	if e != success {
		return e
	}
	defer p.put(f)
	s, err := p.stat(f)
	if err != nil {
		return p.errnoOf(err)
	}
	s.put(b)
	return success
}

// stat is what is known of an open file.
func (p *Process) stat(f *openFile) (filestat, error) {
	switch {
	case f.pipe != nil:
		return filestat{ino: f.pipe.ino, filetype: f.filetype, mode: modeOf(0o600), nlink: 1}, nil
	case f.stream():
		return filestat{ino: uint64(f.kind), filetype: f.filetype, nlink: 1}, nil
	case p.isVirtual(f):
		return virtualStat(&p.mounts[f.mount], f.path), nil
	}
	var st unix.Stat_t
	err := unix.Fstat(f.fd, &st)
	return filestatOf(&st), err
}

func filestatOf(st *unix.Stat_t) filestat {
	return filestat{dev: uint64(st.Dev), ino: st.Ino, filetype: filetypeOf(st.Mode), mode: modeOf(st.Mode),
		nlink: uint64(st.Nlink), size: uint64(st.Size), atim: st.Atim.Nano(), mtim: st.Mtim.Nano(), ctim: st.Ctim.Nano()}
}

// path_filestat_get(dir, flags u32, path *u8, len size, stat *filestat). With askAccess in the flags it says, too, what
// the rank may do with the file. EBADF, EFAULT, EINVAL and those of a path.
func pathFilestatGet(p *Process, a args) errno {
	b, ok := p.mem().bytes(a.ptr(4), filestatSize)
	if !ok {
		return eFAULT
	}
	d, path, e := p.pathArg(a.u32(0), a.ptr(2), a.ptr(3), rightPathFilestatGet)
	if e != success {
		return e
	}
	defer p.put(d)
	s, err := p.statPath(d, path, a.u32(1))
	if e = p.errnoOf(err); e != success {
		p.miss(d, path, e)
		return e
	}
	s.put(b)
	return success
}

func (p *Process) statPath(d *openFile, path string, flags uint32) (filestat, error) {
	if p.isVirtual(d) {
		return p.statVirtual(d, path)
	}
	info, err := d.stat(path, flags&followLinks != 0)
	if err != nil {
		return filestat{}, err
	}
	st := info.Sys().(*syscall.Stat_t)
	s := filestat{dev: uint64(st.Dev), ino: st.Ino, filetype: filetypeOf(st.Mode), mode: modeOf(st.Mode),
		nlink: uint64(st.Nlink), size: uint64(st.Size), atim: st.Atim.Nano(), mtim: st.Mtim.Nano(), ctim: st.Ctim.Nano()}
	if flags&askAccess != 0 {
		s.access = p.access(d, path)
	}
	return s, nil
}

// access is what the executor's user, and so the rank, may do with a file.
func (p *Process) access(d *openFile, path string) uint8 {
	access := uint8(accessKnown)
	if p.mounts[d.mount].ReadOnly {
		access |= accessReadOnly
	}
	file, err := d.root.OpenFile(path, unix.O_PATH, 0)
	if err != nil {
		return access
	}
	defer file.Close()
	name := "/proc/self/fd/" + number(int(file.Fd()))
	for _, bit := range []uint8{unix.R_OK, unix.W_OK, unix.X_OK} {
		if unix.Faccessat(unix.AT_FDCWD, name, uint32(bit), 0) == nil {
			access |= bit
		}
	}
	return access
}

func (f *openFile) stat(path string, follow bool) (fs.FileInfo, error) {
	if follow {
		return f.root.Stat(path)
	}
	return f.root.Lstat(path)
}

// fd_filestat_set_size(fd, size u64). EBADF, EFBIG, EINVAL, ENOSPC, EDQUOT.
func fdFilestatSetSize(p *Process, a args) errno {
	f, e := p.get(a.u32(0), rightFDSetSize)
	if e != success {
		return e
	}
	defer p.put(f)
	if a.u64(1) > math.MaxInt64 {
		return eFBIG
	}
	_, err := again(func() (int, error) { return 0, unix.Ftruncate(f.fd, int64(a.u64(1))) })
	return p.errnoOf(err)
}

// Flags that say which times to set, and to what.
const (
	setAtime = 1 << iota
	setAtimeNow
	setMtime
	setMtimeNow
)

// times are an access and a modification time to be set; nanoseconds or one of utimensat's marks.
type times [2]unix.Timespec

// newTimes reads the arguments. EINVAL when one time is both given and now, or out of range.
func newTimes(atim, mtim uint64, flags uint32) (t times, e errno) {
	if flags > setAtime|setAtimeNow|setMtime|setMtimeNow {
		return t, eINVAL
	}
	for i, given := range [...]uint64{atim, mtim} {
		switch flags >> (2 * i) & 3 {
		case 0:
			t[i].Nsec = unix.UTIME_OMIT
		case setAtime:
			if given > math.MaxInt64 {
				return t, eINVAL
			}
			t[i] = unix.NsecToTimespec(int64(given))
		case setAtimeNow:
			t[i].Nsec = unix.UTIME_NOW
		default:
			return t, eINVAL
		}
	}
	return t, success
}

// time returns one of them as os.Root wants it: the zero time leaves a file's time alone.
func (t times) time(i int, now time.Time) time.Time {
	switch t[i].Nsec {
	case unix.UTIME_OMIT:
		return time.Time{}
	case unix.UTIME_NOW:
		return now
	}
	return time.Unix(t[i].Unix())
}

// fd_filestat_set_times(fd, atim u64, mtim u64, flags u16). EBADF, EINVAL, EPERM, EACCES, EROFS.
func fdFilestatSetTimes(p *Process, a args) errno {
	f, e := p.get(a.u32(0), rightFDSetTimes)
	if e != success {
		return e
	}
	defer p.put(f)
	t, e := newTimes(a.u64(1), a.u64(2), a.u32(3))
	if e != success {
		return e
	}
	if p.mounts[f.mount].ReadOnly {
		return eROFS
	}
	return p.errnoOf(unix.UtimesNanoAt(f.fd, "", t[:], unix.AT_EMPTY_PATH))
}

// path_filestat_set_times(dir, flags u32, path *u8, len size, atim u64, mtim u64, flags u16). EBADF, EFAULT, EINVAL,
// EPERM, EACCES, EROFS and those of a path.
func pathFilestatSetTimes(p *Process, a args) errno {
	d, path, e := p.pathArg(a.u32(0), a.ptr(2), a.ptr(3), rightPathSetTimes)
	if e != success {
		return e
	}
	defer p.put(d)
	t, e := newTimes(a.u64(4), a.u64(5), a.u32(6))
	if e != success {
		return e
	}
	if p.isVirtual(d) {
		return p.errnoOf(p.changeVirtual(d, path))
	}
	if p.mounts[d.mount].ReadOnly {
		return eROFS
	}
	if a.u32(1)&followLinks != 0 {
		now := time.Now()
		return p.errnoOf(d.root.Chtimes(path, t.time(0, now), t.time(1, now)))
	}
	at, err := d.locate(path)
	if err != nil {
		return p.errnoOf(err)
	}
	defer at.close()
	if err := at.checkSlash(); err != nil {
		return p.errnoOf(err)
	}
	return p.errnoOf(unix.UtimesNanoAt(at.dir, at.base, t[:], unix.AT_SYMLINK_NOFOLLOW))
}
