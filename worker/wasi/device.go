package wasi

import (
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Devices: what a mount with Config's Devices shows in place of a host's directory.
//
// null, zero, full, random and urandom are the host's own, which everybody may read and write, so that they behave as
// everywhere. The names of open files (stdin, stdout, stderr, fd/N) lead to the rank's: on the host they would be the
// process's. A stream or pipe gets another number, as what stands behind it has no name to open it by; a file is opened
// anew, with an offset of its own, as on Linux. Nothing can be made, removed or changed: the mount is read-only.

// hostDevices are opened on the host. tty is there, and can't be opened: a rank has no terminal of its own.
var hostDevices = []string{"full", "null", "random", "tty", "urandom", "zero"}

// streamNames are the numbers' other names.
var streamNames = []string{"stdin", "stdout", "stderr"}

const devicesOfFiles = "fd" // the directory of numbers

// isDevices reports whether an open file is a directory of devices.
func (p *Process) isDevices(f *openFile) bool {
	return f.filetype == typeDirectory && p.mounts[f.mount].Devices
}

// newDevices is the open directory at a mount of devices.
func newDevices(k kind, mount int, name string) *openFile {
	rights := rightsDir &^ (rightFDSync | rightFDDatasync)
	return &openFile{
		descriptor: descriptor{kind: k, mount: mount, path: name, flags: unix.O_DIRECTORY, rights: rights,
			inheriting: rights | rightsFile},
		filetype: typeDirectory, refs: 1, fd: -1,
	}
}

// device is what a path below a mount of devices leads to: a directory, a device of the host or an open file.
type device struct {
	dir  string    // "." or "fd"
	host string    // a path
	file *openFile // with a reference, for the caller to put
}

// device finds what path, relative to d, leads to. EBADF's place is taken by ENOENT: a number that is not open has no
// name.
func (p *Process) device(d *openFile, name string) (v device, err error) {
	at := path.Join(d.path, name)
	slash := strings.HasSuffix(name, "/")
	switch {
	case path.IsAbs(name), at == "..", strings.HasPrefix(at, "../"):
		return v, unix.EPERM
	case at == ".", at == devicesOfFiles:
		return device{dir: at}, nil
	case slices.Contains(hostDevices, at):
		v.host = "/dev/" + at
	default:
		number, isNumber := strings.CutPrefix(at, devicesOfFiles+"/")
		if i := slices.Index(streamNames, at); i >= 0 {
			number, isNumber = strconv.Itoa(i), true
		}
		fd, err := strconv.ParseUint(number, 10, 32)
		if !isNumber || err != nil || number != strconv.FormatUint(fd, 10) {
			return v, unix.ENOENT
		}
		f, e := p.get(uint32(fd), 0)
		if e != success {
			return v, unix.ENOENT
		}
		v.file = f
	}
	if slash && (v.file == nil || v.file.filetype != typeDirectory) {
		p.drop(v)
		return device{}, unix.ENOTDIR
	}
	return v, nil
}

func (p *Process) drop(v device) {
	if v.file != nil {
		p.put(v.file)
	}
}

// openDevice opens a name below a mount of devices.
func (o *opening) openDevice(d *openFile, name string) (*openFile, error) {
	v, err := o.p.device(d, name)
	switch {
	case err == unix.ENOENT && o.flags&unix.O_CREAT != 0:
		return nil, unix.EACCES // as for a user who is not root
	case err != nil:
		return nil, err
	}
	defer o.p.drop(v)
	const exclusive = unix.O_CREAT | unix.O_EXCL
	isDir := v.dir != "" || v.file != nil && v.file.filetype == typeDirectory
	switch {
	case o.flags&exclusive == exclusive:
		return nil, unix.EEXIST
	case o.directory && !isDir:
		return nil, unix.ENOTDIR
	case isDir && o.flags&(unix.O_WRONLY|unix.O_RDWR|unix.O_TRUNC) != 0:
		return nil, unix.EISDIR
	case v.dir != "":
		return newDevices(kindDir, d.mount, v.dir), nil
	case v.file != nil:
		return o.reopen(d, v.file)
	case v.host == "/dev/tty":
		return nil, unix.ENXIO
	}
	return o.openNamed(v.host, o.descriptor(d, path.Base(v.host), kindFile))
}

// reopen opens an open file once more, through the directory d of its numbers. EACCES for access that a stream has not,
// EROFS where the file's mount is read-only.
func (o *opening) reopen(d, f *openFile) (*openFile, error) {
	writes := o.flags&(unix.O_WRONLY|unix.O_RDWR) != 0
	switch {
	case f.stream():
		access := map[int]rights{unix.O_RDONLY: rightFDRead, unix.O_WRONLY: rightFDWrite,
			unix.O_RDWR: rightFDRead | rightFDWrite}[o.flags&unix.O_ACCMODE]
		o.p.mu.Lock()
		defer o.p.mu.Unlock()
		if f.rights&access != access {
			return nil, unix.EACCES
		}
		f.refs++
		return f, nil
	case o.p.isDevices(f):
		return newDevices(kindDir, f.mount, f.path), nil
	case f.filetype == typeDirectory:
		return o.openDir(f, ".")
	case !o.p.mounts[f.mount].Devices && o.p.mounts[f.mount].ReadOnly && (writes || o.flags&unix.O_TRUNC != 0):
		return nil, unix.EROFS
	}
	desc := o.descriptor(d, ".", f.kind)
	desc.mount, desc.path = f.mount, f.path
	return o.openNamed("/proc/self/fd/"+strconv.Itoa(f.fd), desc)
}

// openNamed opens a path of the host that this package has made up itself.
func (o *opening) openNamed(name string, desc descriptor) (*openFile, error) {
	flags := o.flags&^(unix.O_CREAT|unix.O_EXCL) | unix.O_CLOEXEC
	fd, err := again(func() (int, error) { return unix.Open(name, flags, 0) })
	if err != nil {
		return nil, err
	}
	f := &openFile{descriptor: desc, refs: 1, host: os.NewFile(uintptr(fd), name), fd: fd}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		f.close()
		return nil, err
	}
	f.filetype = filetypeOf(st.Mode)
	return f, nil
}

// statDevice is what path_filestat_get says of a name below a mount of devices.
func (p *Process) statDevice(d *openFile, name string) (s filestat, err error) {
	v, err := p.device(d, name)
	if err != nil {
		return s, err
	}
	defer p.drop(v)
	switch {
	case v.dir != "":
		return devicesStat(v.dir), nil
	case v.file != nil:
		return p.stat(v.file)
	}
	var st unix.Stat_t
	if err := unix.Stat(v.host, &st); err != nil {
		return s, err
	}
	return filestatOf(&st), nil
}

func devicesStat(name string) filestat {
	return filestat{ino: deviceIno(name), filetype: typeDirectory, mode: modeOf(0o555), nlink: 2}
}

// deviceIno numbers the names, for who tells files apart by numbers. The streams have 1 to 3.
func deviceIno(name string) uint64 {
	return uint64(16 + slices.Index(append([]string{".", devicesOfFiles}, hostDevices...), name))
}

// readDevices lists a directory of devices from a cookie on: the number of the name in the list, so that a program that
// closes what it finds in fd goes on where it was.
func (p *Process) readDevices(f *openFile, b []byte, cookie uint64) (used int) {
	for _, d := range p.devicesIn(f.path) {
		if d.next <= cookie {
			continue
		}
		n := d.put(b[used:])
		used += n
		if n < direntSize+len(d.name) {
			break
		}
	}
	return used
}

func (p *Process) devicesIn(dir string) []dirent {
	list := []dirent{{next: 1, ino: deviceIno(dir), filetype: typeDirectory, name: []byte(".")},
		{next: 2, ino: deviceIno("."), filetype: typeDirectory, name: []byte("..")}}
	add := func(next uint64, ino uint64, t filetype, name string) {
		list = append(list, dirent{next: next, ino: ino, filetype: t, name: []byte(name)})
	}
	if dir == devicesOfFiles {
		p.mu.Lock()
		defer p.mu.Unlock()
		for fd, f := range p.files {
			if f != nil {
				add(uint64(fd)+3, uint64(fd)+1, f.filetype, strconv.Itoa(fd))
			}
		}
		return list
	}
	add(3, deviceIno(devicesOfFiles), typeDirectory, devicesOfFiles)
	for i, name := range hostDevices {
		add(uint64(4+i), deviceIno(name), typeCharacterDevice, name)
	}
	for i, name := range streamNames {
		add(uint64(4+len(hostDevices)+i), uint64(i)+1, typeUnknown, name)
	}
	return list
}
