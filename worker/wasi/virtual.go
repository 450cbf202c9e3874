package wasi

import (
	"hash/fnv"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Virtual directories: what a mount shows that has no directory of the host. A mount with Above is the root of a
// program that knows its files by their real names: all that is there are the directories that lead to other mounts. A
// mount with Devices is described in device.go. Nothing in a virtual directory can be made, removed or changed.

// virtual reports whether a mount shows no directory of the host.
func (m *Mount) virtual() bool { return m.Above || m.Devices }

// isVirtual reports whether an open file is a virtual directory.
func (p *Process) isVirtual(f *openFile) bool {
	return f.filetype == typeDirectory && p.mounts[f.mount].virtual()
}

// newVirtual is an open virtual directory.
func newVirtual(k kind, mount int, name string) *openFile {
	rights := rightsDir &^ (rightFDSync | rightFDDatasync)
	return &openFile{
		descriptor: descriptor{kind: k, mount: mount, path: name, flags: unix.O_DIRECTORY, rights: rights,
			inheriting: rights | rightsFile},
		filetype: typeDirectory, refs: 1, fd: -1,
	}
}

// virtualFile is what a path below a virtual mount leads to: a virtual directory, a device of the host or an open file.
type virtualFile struct {
	dir  string    // beneath the mount
	host string    // a path
	file *openFile // with a reference, which drop gives back
}

func (p *Process) drop(v virtualFile) {
	if v.file != nil {
		p.put(v.file)
	}
}

func (v *virtualFile) isDir() bool {
	return v.dir != "" || v.file != nil && v.file.filetype == typeDirectory
}

// lookUp finds what a path relative to d leads to. ENOENT, ENOTDIR; EPERM for one that leads out of the mount.
func (p *Process) lookUp(d *openFile, name string) (v virtualFile, err error) {
	at := path.Join(d.path, name)
	m := &p.mounts[d.mount]
	switch {
	case path.IsAbs(name), at == "..", strings.HasPrefix(at, "../"):
		return v, unix.EPERM
	case m.Devices:
		v, err = p.device(at)
	case p.above(m, at):
		v = virtualFile{dir: at}
	default:
		err = unix.ENOENT
	}
	if err == nil && strings.HasSuffix(name, "/") && !v.isDir() {
		p.drop(v)
		return virtualFile{}, unix.ENOTDIR
	}
	return v, err
}

// above reports whether a directory below a mount leads to another one.
func (p *Process) above(m *mount, dir string) bool {
	if dir == "." {
		return true
	}
	prefix := path.Join(m.Guest, dir) + "/"
	for i := range p.mounts {
		if strings.HasPrefix(p.mounts[i].Guest+"/", prefix) {
			return true
		}
	}
	return false
}

// openVirtual opens a name below a virtual mount.
func (o *opening) openVirtual(d *openFile, name string) (*openFile, error) {
	v, err := o.p.lookUp(d, name)
	if err != nil {
		if o.flags&unix.O_CREAT != 0 {
			err = o.p.refusal(d, name, err)
		}
		return nil, err
	}
	defer o.p.drop(v)
	const exclusive = unix.O_CREAT | unix.O_EXCL
	switch {
	case o.flags&exclusive == exclusive:
		return nil, unix.EEXIST
	case o.directory && !v.isDir():
		return nil, unix.ENOTDIR
	case v.isDir() && o.flags&(unix.O_WRONLY|unix.O_RDWR|unix.O_TRUNC|unix.O_CREAT) != 0:
		return nil, unix.EISDIR
	case v.dir != "":
		return newVirtual(kindDir, d.mount, v.dir), nil
	}
	return o.openDevice(d, v)
}

// statVirtual is what path_filestat_get says of a name below a virtual mount.
func (p *Process) statVirtual(d *openFile, name string) (s filestat, err error) {
	v, err := p.lookUp(d, name)
	if err != nil {
		return s, err
	}
	defer p.drop(v)
	switch {
	case v.dir != "":
		return virtualStat(&p.mounts[d.mount], v.dir), nil
	case v.file != nil:
		return p.stat(v.file)
	}
	var st unix.Stat_t
	if err := unix.Stat(v.host, &st); err != nil {
		return s, err
	}
	return filestatOf(&st), nil
}

func virtualStat(m *mount, name string) filestat {
	return filestat{ino: virtualIno(m, name), filetype: typeDirectory, mode: modeOf(0o555), nlink: 2,
		access: accessKnown | unix.R_OK | unix.X_OK}
}

// virtualIno numbers names, for who tells files apart by numbers. The streams have 1 to 3.
func virtualIno(m *mount, name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(path.Join(m.Guest, name)))
	return h.Sum64() | 1<<32
}

// makeVirtual is the error of a call that would make a name below a virtual mount: EEXIST, ENOENT and EACCES, as for a
// user who is not root.
func (p *Process) makeVirtual(d *openFile, name string) error {
	v, err := p.lookUp(d, name)
	if err != nil {
		return p.refusal(d, name, err)
	}
	p.drop(v)
	return unix.EEXIST
}

// refusal is the error for a name that can't be made: EACCES, if it is the name that is missing and not the directory.
func (p *Process) refusal(d *openFile, name string, err error) error {
	if err != unix.ENOENT {
		return err
	}
	v, err := p.lookUp(d, path.Dir(strings.TrimRight(name, "/")))
	if err != nil {
		return err
	}
	defer p.drop(v)
	if !v.isDir() {
		return unix.ENOTDIR
	}
	return unix.EACCES
}

// changeVirtual is the error of a call that would remove or rename a name below a virtual mount.
func (p *Process) changeVirtual(d *openFile, name string) error {
	v, err := p.lookUp(d, name)
	if err != nil {
		return err
	}
	p.drop(v)
	return unix.EACCES
}

// readVirtual lists a virtual directory from a cookie on.
func (p *Process) readVirtual(f *openFile, b []byte, cookie uint64) (used int) {
	m := &p.mounts[f.mount]
	list := []dirent{{next: 1, ino: virtualIno(m, f.path), filetype: typeDirectory, name: []byte(".")},
		{next: 2, ino: virtualIno(m, path.Dir(f.path)), filetype: typeDirectory, name: []byte("..")}}
	add := func(next uint64, ino uint64, t filetype, name string) {
		list = append(list, dirent{next: 2 + next, ino: ino, filetype: t, name: []byte(name)})
	}
	if m.Devices {
		p.listDevices(f.path, add)
	} else {
		p.listAbove(m, f.path, add)
	}
	for _, d := range list {
		if d.next <= cookie {
			continue
		}
		n := d.put(b[used:])
		used += n
		if n < direntSize+len(d.name) {
			break // cut off: it will be asked for again
		}
	}
	return used
}

// listAbove lists the directories that lead to mounts, each once.
func (p *Process) listAbove(m *mount, dir string, add func(next, ino uint64, t filetype, name string)) {
	prefix := strings.TrimSuffix(path.Join(m.Guest, dir), "/") + "/"
	seen := map[string]bool{"": true}
	for i := range p.mounts {
		rest, found := strings.CutPrefix(p.mounts[i].Guest, prefix)
		name, _, _ := strings.Cut(rest, "/")
		if found && !seen[name] {
			seen[name] = true
			add(uint64(i)+1, virtualIno(m, path.Join(dir, name)), typeDirectory, name)
		}
	}
}

// miss notes an absolute name that is in none of the host's directories that the program sees.
func (p *Process) miss(d *openFile, name string, e errno) {
	m := &p.mounts[d.mount]
	if e != eNOENT || m.Working || m.Guest != "/" && !m.Private {
		return
	}
	if name = path.Join(m.Guest, d.path, name); name != localTime {
		p.missed.Store(&name)
	}
}

// localTime is what libc looks for itself, and does without.
const localTime = "/etc/localtime"

// Missed is the last absolute name that the program has asked for and that is nowhere it sees; "": there was none. The
// host may have it.
func (p *Process) Missed() string { return *p.missed.Load() }

func number(fd int) string { return strconv.Itoa(fd) }
