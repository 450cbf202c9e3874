package wasi

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Paths.
//
// os.Root walks them: it opens one component after the other, follows links itself and never leaves its directory,
// whatever other processes do to the tree meanwhile. Where a call acts on the last component itself (unlink, rename,
// link, …), the Root opens the directory that it is in and the call is made there, with a flag, or by its nature, not
// to follow a link. os.Root has methods for most of these, but Remove does not tell files from directories, Rename and
// Link know one Root only, and errors lose their number.
//
// A descriptor of a directory has a Root of its own, so that paths relative to it can't lead out of it either. That is
// WASI's rule, and it holds when the directory is moved.

const (
	followLinks = 1    // lookup flag
	askAccess   = 2    // another, which WASI has not; see filestatSize
	maxPath     = 4095 // bytes; Linux's PATH_MAX without its zero
)

// pathArg reads a path and the directory that it is relative to; the caller puts the directory back. EFAULT, EBADF,
// ENOTDIR, ENAMETOOLONG; ENOENT for an empty path, EINVAL for a zero byte in it.
func (p *Process) pathArg(fd uint32, ptr, n uint64, need rights) (*openFile, string, errno) {
	path, e := p.mem().path(ptr, n)
	if e != success {
		return nil, "", e
	}
	d, e := p.get(fd, need)
	return d, path, e
}

func (m memory) path(ptr, n uint64) (string, errno) {
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

// isDir reports whether the last component is a directory itself.
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

// at runs call where path's last component is, with p's errors. EROFS where the mount is read-only, as all these calls
// write.
func (p *Process) at(fd uint32, ptr, n uint64, need rights, call func(l *location) error) errno {
	return p.atMount(fd, ptr, n, need, func(_ *mount, l *location) error { return call(l) })
}

func (p *Process) atMount(fd uint32, ptr, n uint64, need rights, call func(m *mount, l *location) error) errno {
	d, path, e := p.pathArg(fd, ptr, n, need)
	if e != success {
		return e
	}
	defer p.put(d)
	switch makes := need&(rightPathCreateDirectory|rightPathSymlink) != 0; {
	case makes && p.isVirtual(d):
		return p.errnoOf(p.makeVirtual(d, path))
	case p.isVirtual(d):
		return p.errnoOf(p.changeVirtual(d, path))
	case p.mounts[d.mount].ReadOnly:
		return eROFS
	}
	l, err := d.locate(path)
	if err != nil {
		return p.errnoOf(err)
	}
	defer l.close()
	return p.errnoOf(call(&p.mounts[d.mount], &l))
}

// path_create_directory(dir, path *u8, len size). EEXIST, EMLINK, ENOSPC, EDQUOT, EROFS and those of a path.
func pathCreateDirectory(p *Process, a args) errno {
	mode := p.creationMode(0o777)
	return p.at(a.u32(0), a.ptr(1), a.ptr(2), rightPathCreateDirectory, func(l *location) error {
		return unix.Mkdirat(l.dir, l.base, mode)
	})
}

// path_unlink_file(dir, path *u8, len size). EBUSY, EISDIR, EPERM, EROFS and those of a path.
func pathUnlinkFile(p *Process, a args) errno {
	return p.at(a.u32(0), a.ptr(1), a.ptr(2), rightPathUnlinkFile, func(l *location) error {
		if err := l.checkSlash(); err != nil {
			return err
		}
		return unix.Unlinkat(l.dir, l.base, 0)
	})
}

// path_remove_directory(dir, path *u8, len size). EBUSY, EINVAL for ".", ENOTDIR, ENOTEMPTY, EROFS and those of a path.
func pathRemoveDirectory(p *Process, a args) errno {
	return p.at(a.u32(0), a.ptr(1), a.ptr(2), rightPathRemoveDirectory, func(l *location) error {
		return unix.Unlinkat(l.dir, l.base, unix.AT_REMOVEDIR)
	})
}

// path_symlink(target *u8, len size, dir, path *u8, len size). EEXIST, EROFS and those of a path; EPERM for a target
// that leads out of the mount: the guest could not follow it, and whoever looks at the directory from outside would be
// led astray.
func pathSymlink(p *Process, a args) errno {
	target, e := p.mem().path(a.ptr(0), a.ptr(1))
	if e != success {
		return e
	}
	return p.atMount(a.u32(2), a.ptr(3), a.ptr(4), rightPathSymlink, func(m *mount, l *location) error {
		if err := l.checkSlash(); err != nil {
			return err
		}
		return m.symlink(target, l)
	})
}

// path_readlink(dir, path *u8, len size, buf *u8, room size, used *size): the first size bytes of the target. EINVAL
// when it is no link, EFAULT and those of a path.
func pathReadlink(p *Process, a args) errno {
	m := p.mem()
	b, ok := m.bytes(a.ptr(3), a.ptr(4))
	if !ok {
		return eFAULT
	}
	if !a.fits(m, 5) {
		return eFAULT
	}
	d, path, e := p.pathArg(a.u32(0), a.ptr(1), a.ptr(2), rightPathReadlink)
	if e != success {
		return e
	}
	defer p.put(d)
	if p.isVirtual(d) {
		if _, err := p.statVirtual(d, path); err != nil {
			return p.errnoOf(err)
		}
		return eINVAL
	}
	target, err := d.root.Readlink(path)
	if err != nil {
		return p.errnoOf(err)
	}
	return a.putSize(m, 5, uint64(copy(b, target)))
}

// path_link(dir, flags u32, path *u8, len size, newdir, newpath *u8, len size). EEXIST, EMLINK, EPERM for a directory,
// EROFS, EXDEV and those of a path; EINVAL for a symbolic link that is to be followed.
func pathLink(p *Process, a args) errno {
	from := end{a.u32(0), a.ptr(2), a.ptr(3), rightPathLinkSource}
	to := end{a.u32(4), a.ptr(5), a.ptr(6), rightPathLinkTarget}
	return p.between(from, to, func(m *mount, from, to *location) error {
		if err := from.checkSlash(); err != nil {
			return err
		}
		if err := to.checkSlash(); err != nil {
			return err
		}
		if st, err := from.stat(); err == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK && a.u32(1)&followLinks != 0 {
			return unix.EINVAL
		}
		return m.move(from, to, func() error { return unix.Linkat(from.dir, from.base, to.dir, to.base, 0) })
	})
}

// path_rename(dir, path *u8, len size, newdir, newpath *u8, len size). EBUSY, EINVAL, EISDIR, ENOTDIR, ENOTEMPTY,
// EROFS, EXDEV and those of a path; EPERM where a link would lead out of the mount (link.go).
func pathRename(p *Process, a args) errno {
	from := end{a.u32(0), a.ptr(1), a.ptr(2), rightPathRenameSource}
	to := end{a.u32(3), a.ptr(4), a.ptr(5), rightPathRenameTarget}
	return p.between(from, to, func(m *mount, from, to *location) error {
		if err := from.checkSlash(); err != nil {
			return err
		}
		if to.slash && !from.isDir() {
			return unix.ENOTDIR
		}
		return m.move(from, to, func() error { return unix.Renameat(from.dir, from.base, to.dir, to.base) })
	})
}

// end is one of the two paths of a link or rename.
type end struct {
	fd      uint32
	path, n uint64
	need    rights
}

// between runs call where two paths' last components are. A name can't cross from one mount to another, as on any
// system, and must not: a file of a read-only mount linked into a writable one would be writable.
func (p *Process) between(from, to end, call func(m *mount, from, to *location) error) errno {
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
	if p.isVirtual(d1) {
		if err := p.changeVirtual(d1, path1); err != unix.EACCES {
			return p.errnoOf(err)
		}
	}
	if p.isVirtual(d2) { // whose directory is looked up first
		if err := p.makeVirtual(d2, path2); err != unix.EEXIST && err != unix.EACCES {
			return p.errnoOf(err)
		}
	}
	switch m1, m2 := &p.mounts[d1.mount], &p.mounts[d2.mount]; {
	case m1.same == m2.same && m1.virtual():
		return p.errnoOf(p.changeVirtual(d1, path1))
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
	return p.errnoOf(call(&p.mounts[d1.mount], &l1, &l2))
}
