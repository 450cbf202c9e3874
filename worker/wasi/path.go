package wasi

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Paths.
//
// os.Root walks them: it opens one component after the other, follows links itself and never leaves its directory, whatever other
// processes do to the tree meanwhile. Where a call acts on the last component itself (unlink, rename, link, …), the Root opens the
// directory that it is in and the call is made there, with a flag, or by its nature, not to follow a link. os.Root has methods for most of
// these, but Remove does not tell files from directories, Rename and Link know one Root only, and errors lose their number.
//
// A descriptor of a directory has a Root of its own, so that paths relative to it can't lead out of it either. That is WASI's
// rule, and it holds when the directory is moved.

const (
	followLinks = 1    // lookup flag
	maxPath     = 4095 // bytes; Linux's PATH_MAX without its zero
)

// pathArg reads a path and the directory that it is relative to; the caller puts the directory back. EFAULT, EBADF, ENOTDIR,
// ENAMETOOLONG; ENOENT for an empty path, EINVAL for a zero byte in it.
func (p *Process) pathArg(fd, ptr, n uint32, need rights) (*openFile, string, errno) {
	path, e := p.mem().path(ptr, n)
	if e != success {
		return nil, "", e
	}
	d, e := p.get(fd, need)
	return d, path, e
}

func (m memory) path(ptr, n uint32) (string, errno) {
	b, ok := m.bytes(ptr, n)
	switch {
	case !ok:
		return "", eFAULT
	case n > maxPath:
		return "", eNAMETOOLONG
	case n == 0:
		return "", eNOENT
	}
	path := string(b)
	if strings.IndexByte(path, 0) >= 0 {
		return "", eINVAL
	}
	return path, success
}

// location is the last component of a path and the directory that it is in.
type location struct {
	dir    int    // a descriptor of the host
	base   string // one component, not ".."; "." where the path ends in . or .., and dir is then the directory itself
	slash  bool   // the path ended in a slash: it means a directory
	opened *os.File
}

func (l *location) close() {
	if l.opened != nil {
		l.opened.Close()
	}
}

// locate finds the directory that path's last component is in. The component need not exist.
func (f *openFile) locate(path string) (l location, err error) {
	trimmed := strings.TrimRight(path, "/")
	l.slash = len(trimmed) < len(path)
	parent, base := "", trimmed
	if i := strings.LastIndexByte(trimmed, '/'); i >= 0 {
		parent, base = trimmed[:i+1], trimmed[i+1:]
	}
	if base == ".." || base == "." {
		parent, base = trimmed, "."
	}
	if path[0] == '/' {
		parent = "/" // the Root refuses it, as it does all absolute paths
	}
	l.base = base
	if parent == "" {
		l.dir = f.fd
		return l, nil
	}
	if l.opened, err = f.root.OpenFile(parent, unix.O_PATH|unix.O_DIRECTORY, 0); err != nil {
		return l, err
	}
	l.dir = int(l.opened.Fd())
	return l, nil
}

// stat looks at the last component itself.
func (l *location) stat() (st unix.Stat_t, err error) {
	err = unix.Fstatat(l.dir, l.base, &st, unix.AT_SYMLINK_NOFOLLOW)
	return st, err
}

// isDir is whether the last component is a directory itself.
func (l *location) isDir() bool {
	st, err := l.stat()
	return err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR
}

// checkSlash gives a path that ends in a slash the errors it has when there is no directory by that name.
func (l *location) checkSlash() error {
	if !l.slash {
		return nil
	}
	st, err := l.stat()
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return unix.ENOTDIR
	}
	return err
}

// at runs call where path's last component is, with p's errors. EROFS where the mount is read-only, as all these calls write.
func (p *Process) at(fd, ptr, n uint32, need rights, call func(l *location) error) errno {
	d, path, e := p.pathArg(fd, ptr, n, need)
	if e != success {
		return e
	}
	defer p.put(d)
	if p.mounts[d.Mount].ReadOnly {
		return eROFS
	}
	l, err := d.locate(path)
	if err != nil {
		return p.errnoOf(err)
	}
	defer l.close()
	return p.errnoOf(call(&l))
}

// Open flags.
const (
	openCreate = 1 << iota
	openDirectory
	openExclusive
	openTruncate
)

// path_open(dir, flags u32, path *u8, len u32, oflags u16, base u64, inheriting u64, fdflags u16, fd *u32) opens with the access that
// the rights FD_READ and FD_WRITE in base ask for. EACCES, EBADF, EEXIST, EFAULT, EINVAL, EISDIR, ELOOP, EMFILE, ENFILE, ENOSPC, EROFS,
// ENOTCAPABLE and those of a path.
//
// Opening a FIFO waits for its other end as open(2) does, out of reach of Config.Done.
func pathOpen(p *Process, a args) errno {
	m := p.mem()
	if _, ok := m.bytes(a.u32(8), 4); !ok {
		return eFAULT
	}
	o := opening{p: p, follow: a.u32(1)&followLinks != 0, directory: a.u32(4)&openDirectory != 0, flags: hostFlags(a.u32(7)) | unix.O_NOCTTY}
	need, e := o.setFlags(a.u32(4), rights(a.u64(5)))
	if e != success {
		return e
	}
	d, path, e := p.pathArg(a.u32(0), a.u32(2), a.u32(3), need)
	if e != success {
		return e
	}
	defer p.put(d)
	if p.full() {
		return eMFILE
	}
	f, err := o.open(d, path)
	if err != nil {
		return p.errnoOf(err)
	}
	fd, e := p.insert(f)
	if e != success {
		f.close()
		return e
	}
	return m.putU32(a.u32(8), fd)
}

// opening is a path_open under way.
type opening struct {
	p         *Process
	follow    bool // a link in the last place
	directory bool // nothing else will do
	flags     int  // of open(2)
}

// setFlags turns WASI's open flags and rights into open(2)'s flags, and returns the rights that the directory must have.
func (o *opening) setFlags(oflags uint32, base rights) (need rights, e errno) {
	if oflags > openCreate|openDirectory|openExclusive|openTruncate || oflags&(openCreate|openDirectory) == openCreate|openDirectory {
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

func (o *opening) open(d *openFile, path string) (*openFile, error) {
	if o.p.mounts[d.Mount].ReadOnly {
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
	f := &openFile{Descriptor: o.descriptor(d, path, KindFile), host: host, fd: int(host.Fd())}
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
	case err == nil && o.flags&(unix.O_WRONLY|unix.O_RDWR|unix.O_TRUNC) != 0, os.IsNotExist(err) && o.flags&unix.O_CREAT != 0:
		return unix.EROFS
	}
	o.flags &^= exclusive
	return err
}

func (o *opening) openHost(d *openFile, path string) (*os.File, error) {
	if o.follow || strings.HasSuffix(path, "/") {
		return d.root.OpenFile(path, o.flags, 0o666)
	}
	l, err := d.locate(path)
	if err != nil {
		return nil, err
	}
	defer l.close()
	var fd int
	_, err = again(func() (_ int, err error) {
		fd, err = unix.Openat(l.dir, l.base, o.flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o666)
		return 0, err
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), path), nil
}

// openDir opens a directory: its Root first, and through that what fd_readdir and single components need, so that both are of the
// same directory. The "." at the end of the name keeps OpenRoot from opening anything else, a FIFO perhaps, where it would wait.
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
	f := &openFile{Descriptor: o.descriptor(d, path, KindDir), filetype: typeDirectory, host: host, fd: int(host.Fd()), root: root, owned: true}
	if now, err := host.Stat(); err != nil || !os.SameFile(info, now) {
		f.close()
		return nil, unix.ENOENT // somebody put another directory, or a link, in its place just now
	}
	return f, nil
}

// descriptor is the plain data of a file that d and path lead to.
func (o *opening) descriptor(d *openFile, path string, kind Kind) Descriptor {
	o.p.mu.Lock()
	inheriting := d.Inheriting
	o.p.mu.Unlock()
	desc := Descriptor{Kind: kind, Mount: d.Mount, Path: path, Flags: o.flags &^ (unix.O_CREAT | unix.O_EXCL | unix.O_TRUNC)}
	if d.Path != "." {
		desc.Path = d.Path + "/" + path
	}
	switch {
	case kind == KindDir:
		desc.Flags |= unix.O_DIRECTORY
		desc.Rights, desc.Inheriting = inheriting&rightsDir, inheriting
	case o.flags&unix.O_ACCMODE == unix.O_RDONLY:
		desc.Rights = inheriting & rightsFile &^ rightsWrite
	case o.flags&unix.O_ACCMODE == unix.O_WRONLY:
		desc.Rights = inheriting & rightsFile &^ rightFDRead
	default:
		desc.Rights = inheriting & rightsFile
	}
	return desc
}

// path_create_directory(dir, path *u8, len u32). EEXIST, EMLINK, ENOSPC, EDQUOT, EROFS and those of a path.
func pathCreateDirectory(p *Process, a args) errno {
	return p.at(a.u32(0), a.u32(1), a.u32(2), rightPathCreateDirectory, func(l *location) error {
		return unix.Mkdirat(l.dir, l.base, 0o777)
	})
}

// path_unlink_file(dir, path *u8, len u32). EBUSY, EISDIR, EPERM, EROFS and those of a path.
func pathUnlinkFile(p *Process, a args) errno {
	return p.at(a.u32(0), a.u32(1), a.u32(2), rightPathUnlinkFile, func(l *location) error {
		if err := l.checkSlash(); err != nil {
			return err
		}
		return unix.Unlinkat(l.dir, l.base, 0)
	})
}

// path_remove_directory(dir, path *u8, len u32). EBUSY, EINVAL for ".", ENOTDIR, ENOTEMPTY, EROFS and those of a path.
func pathRemoveDirectory(p *Process, a args) errno {
	return p.at(a.u32(0), a.u32(1), a.u32(2), rightPathRemoveDirectory, func(l *location) error {
		return unix.Unlinkat(l.dir, l.base, unix.AT_REMOVEDIR)
	})
}

// path_symlink(target *u8, len u32, dir, path *u8, len u32). EEXIST, EROFS and those of a path; EPERM for an absolute target: the
// guest could not follow it, and whoever looks at the directory from outside would be led astray.
func pathSymlink(p *Process, a args) errno {
	target, e := p.mem().path(a.u32(0), a.u32(1))
	if e != success {
		return e
	}
	if target[0] == '/' {
		return ePERM
	}
	return p.at(a.u32(2), a.u32(3), a.u32(4), rightPathSymlink, func(l *location) error {
		if err := l.checkSlash(); err != nil {
			return err
		}
		return unix.Symlinkat(target, l.dir, l.base)
	})
}

// path_readlink(dir, path *u8, len u32, buf *u8, size u32, used *u32): the first size bytes of the target. EINVAL when it is no
// link, EFAULT and those of a path.
func pathReadlink(p *Process, a args) errno {
	m := p.mem()
	b, ok := m.bytes(a.u32(3), a.u32(4))
	if !ok {
		return eFAULT
	}
	if _, ok := m.bytes(a.u32(5), 4); !ok {
		return eFAULT
	}
	d, path, e := p.pathArg(a.u32(0), a.u32(1), a.u32(2), rightPathReadlink)
	if e != success {
		return e
	}
	defer p.put(d)
	target, err := d.root.Readlink(path)
	if err != nil {
		return p.errnoOf(err)
	}
	return m.putU32(a.u32(5), uint32(copy(b, target)))
}

// path_link(dir, flags u32, path *u8, len u32, newdir, newpath *u8, len u32). EEXIST, EMLINK, EPERM for a directory, EROFS, EXDEV and
// those of a path; EINVAL for a symbolic link that is to be followed.
func pathLink(p *Process, a args) errno {
	from := end{a.u32(0), a.u32(2), a.u32(3), rightPathLinkSource}
	to := end{a.u32(4), a.u32(5), a.u32(6), rightPathLinkTarget}
	return p.between(from, to, func(from, to *location) error {
		if err := from.checkSlash(); err != nil {
			return err
		}
		if err := to.checkSlash(); err != nil {
			return err
		}
		if st, err := from.stat(); err == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK && a.u32(1)&followLinks != 0 {
			return unix.EINVAL
		}
		return unix.Linkat(from.dir, from.base, to.dir, to.base, 0)
	})
}

// path_rename(dir, path *u8, len u32, newdir, newpath *u8, len u32). EBUSY, EINVAL, EISDIR, ENOTDIR, ENOTEMPTY, EROFS, EXDEV and those of
// a path.
func pathRename(p *Process, a args) errno {
	from := end{a.u32(0), a.u32(1), a.u32(2), rightPathRenameSource}
	to := end{a.u32(3), a.u32(4), a.u32(5), rightPathRenameTarget}
	return p.between(from, to, func(from, to *location) error {
		if err := from.checkSlash(); err != nil {
			return err
		}
		if to.slash && !from.isDir() {
			return unix.ENOTDIR
		}
		return unix.Renameat(from.dir, from.base, to.dir, to.base)
	})
}

// end is one of the two paths of a link or rename.
type end struct {
	fd, path, n uint32
	need        rights
}

// between runs call where two paths' last components are. A name can't cross from one mount to another, as on any system, and
// must not: a file of a read-only mount linked into a writable one would be writable.
func (p *Process) between(from, to end, call func(from, to *location) error) errno {
	d1, path1, e := p.pathArg(from.fd, from.path, from.n, from.need)
	if e != success {
		return e
	}
	defer p.put(d1)
	d2, path2, e := p.pathArg(to.fd, to.path, to.n, to.need)
	if e != success {
		return e
	}
	defer p.put(d2)
	switch m1, m2 := p.mounts[d1.Mount], p.mounts[d2.Mount]; {
	case m1.same != m2.same:
		return eXDEV
	case m1.ReadOnly:
		return eROFS
	}
	l1, err := d1.locate(path1)
	if err != nil {
		return p.errnoOf(err)
	}
	defer l1.close()
	l2, err := d2.locate(path2)
	if err != nil {
		return p.errnoOf(err)
	}
	defer l2.close()
	return p.errnoOf(call(&l1, &l2))
}
