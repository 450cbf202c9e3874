package wasi

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Open flags.
const (
	openCreate = 1 << iota
	openDirectory
	openExclusive
	openTruncate
)

// path_open(dir, flags u32, path *u8, len size, oflags u16, base u64, inheriting u64, fdflags u16, fd *u32) opens with
// the access that the rights FD_READ and FD_WRITE in base ask for. EACCES, EBADF, EEXIST, EFAULT, EINVAL, EISDIR,
// ELOOP, EMFILE, ENFILE, ENOSPC, EROFS, ENOTCAPABLE and those of a path.
//
// Opening a FIFO waits for its other end as open(2) does, out of reach of Config.Done.
func pathOpen(p *Process, a args) errno {
	m := p.mem()
	if _, ok := m.bytes(a.ptr(8), 4); !ok {
		return eFAULT
	}
	o := opening{p: p, follow: a.u32(1)&followLinks != 0, directory: a.u32(4)&openDirectory != 0,
		flags: hostFlags(a.u32(7)) | unix.O_NOCTTY}
	if a.u32(4)&openCreate != 0 {
		o.mode = p.creationMode(0o666)
	}
	need, e := o.setFlags(a.u32(4), rights(a.u64(5)))
	if e != success {
		return e
	}
	d, path, e := p.pathArg(a.u32(0), a.ptr(2), a.ptr(3), need)
	if e != success {
		return e
	}
	defer p.put(d)
	if p.full() {
		return eMFILE
	}
	f, err := o.open(d, path)
	if err != nil {
		e := p.errnoOf(err)
		p.miss(d, path, e)
		return e
	}
	fd, e := p.insert(f)
	if e != success {
		p.put(f)
		return e
	}
	return m.putU32(a.ptr(8), fd)
}

// opening is a path_open under way.
type opening struct {
	p         *Process
	follow    bool // a link in the last component
	directory bool // nothing else will do
	flags     int  // of open(2)
	mode      uint32
}

// setFlags turns WASI's open flags and rights into open(2)'s flags, and returns the rights that the directory must
// have.
func (o *opening) setFlags(oflags uint32, base rights) (need rights, e errno) {
	if oflags > openCreate|openDirectory|openExclusive|openTruncate ||
		oflags&(openCreate|openDirectory) == openCreate|openDirectory {
		return 0, eINVAL
	}
	need = rightPathOpen
	switch {
	case base&rightFDWrite == 0:
	case base&rightFDRead == 0:
		o.flags |= unix.O_WRONLY
	default:
		o.flags |= unix.O_RDWR
	}
	if oflags&openCreate != 0 {
		o.flags |= unix.O_CREAT
		need |= rightPathCreateFile
	}
	if oflags&openExclusive != 0 {
		o.flags |= unix.O_EXCL
	}
	if oflags&openTruncate != 0 {
		o.flags |= unix.O_TRUNC
		need |= rightPathSetSize
	}
	return need, success
}

// open returns a file with one reference, for the table.
func (o *opening) open(d *openFile, path string) (*openFile, error) {
	if o.p.isVirtual(d) {
		return o.openVirtual(d, path)
	}
	if o.p.mounts[d.mount].ReadOnly {
		if err := o.checkReadOnly(d, path); err != nil {
			return nil, err
		}
	}
	if o.directory {
		return o.openDir(d, path)
	}
	host, err := o.openHost(d, path)
	if err != nil {
		return nil, err
	}
	f := &openFile{descriptor: o.descriptor(d, path, kindFile), refs: 1, host: host, fd: int(host.Fd())}
	var st unix.Stat_t
	if err := unix.Fstat(f.fd, &st); err != nil {
		f.close()
		return nil, err
	}
	if f.filetype = filetypeOf(st.Mode); f.filetype == typeDirectory {
		f.close()
		return o.openDir(d, path)
	}
	if o.flags&unix.O_NONBLOCK == 0 && f.filetype != typeRegular {
		err = unix.SetNonblock(f.fd, false) // package os has readied it for its poller
	}
	return f, err
}

// checkReadOnly gives open the errors of a file system mounted read-only, and takes from flags what could write.
func (o *opening) checkReadOnly(d *openFile, path string) error {
	const exclusive = unix.O_CREAT | unix.O_EXCL
	info, err := d.stat(path, o.follow)
	switch {
	case err == nil && o.flags&exclusive == exclusive:
		return unix.EEXIST
	case err == nil && info.IsDir() && o.flags&(unix.O_WRONLY|unix.O_RDWR) != 0:
		return unix.EISDIR
	case err == nil && o.flags&(unix.O_WRONLY|unix.O_RDWR|unix.O_TRUNC) != 0,
		os.IsNotExist(err) && o.flags&unix.O_CREAT != 0:
		return unix.EROFS
	}
	o.flags &^= exclusive
	return err
}

func (o *opening) openHost(d *openFile, path string) (*os.File, error) {
	if o.follow || strings.HasSuffix(path, "/") {
		return d.root.OpenFile(path, o.flags, os.FileMode(o.mode))
	}
	l, err := d.locate(path)
	if err != nil {
		return nil, err
	}
	defer l.close()
	var fd int
	_, err = again(func() (_ int, err error) {
		fd, err = unix.Openat(l.dir, l.base, o.flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, o.mode)
		return 0, err
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

// openDir opens a directory: its Root first, and through that what fd_readdir and single components need, so that both
// are of the same directory. The "." at the end of the name keeps OpenRoot from opening anything else, a FIFO perhaps,
// where it would wait.
func (o *opening) openDir(d *openFile, path string) (*openFile, error) {
	info, err := d.stat(path, o.follow || strings.HasSuffix(path, "/"))
	switch {
	case err != nil:
		return nil, err
	case info.Mode()&os.ModeSymlink != 0:
		return nil, unix.ELOOP
	case !info.IsDir():
		return nil, unix.ENOTDIR
	case o.flags&(unix.O_WRONLY|unix.O_RDWR|unix.O_TRUNC) != 0:
		return nil, unix.EISDIR
	}
	root, err := d.root.OpenRoot(path + "/.")
	if err != nil {
		return nil, err
	}
	host, err := root.OpenFile(".", os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		root.Close()
		return nil, err
	}
	f := &openFile{descriptor: o.descriptor(d, path, kindDir), filetype: typeDirectory, refs: 1, host: host,
		fd: int(host.Fd()), root: root, owned: true}
	if now, err := host.Stat(); err != nil || !os.SameFile(info, now) {
		f.close()
		return nil, unix.ENOENT // somebody put another directory, or a link, in its place just now
	}
	return f, nil
}

// descriptor is the plain data of a file that d and path lead to.
func (o *opening) descriptor(d *openFile, path string, k kind) descriptor {
	o.p.mu.Lock()
	inheriting := d.inheriting
	o.p.mu.Unlock()
	desc := descriptor{kind: k, mount: d.mount, path: path, flags: o.flags &^ (unix.O_CREAT | unix.O_EXCL | unix.O_TRUNC)}
	if d.path != "." {
		desc.path = d.path + "/" + path
	}
	switch {
	case k == kindDir:
		desc.flags |= unix.O_DIRECTORY
		desc.rights, desc.inheriting = inheriting&rightsDir, inheriting
	case o.flags&unix.O_ACCMODE == unix.O_RDONLY:
		desc.rights = inheriting & rightsFile &^ rightsWrite
	case o.flags&unix.O_ACCMODE == unix.O_WRONLY:
		desc.rights = inheriting & rightsFile &^ rightFDRead
	default:
		desc.rights = inheriting & rightsFile
	}
	return desc
}
