package wasi

import (
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Devices: what a mount with Devices shows.
//
// null, zero, full, random and urandom are the host's own, which everybody may read and write, so that they behave as
// everywhere. The names of open files (stdin, stdout, stderr, fd/N) lead to the rank's: on the host they would be the
// process's. A stream or pipe gets another number, as what stands behind it has no name to open it by; a file is opened
// anew, with an offset of its own, as on Linux.

// hostDevices are opened on the host. tty is there, and can't be opened: a rank has no terminal of its own.
var hostDevices = []string{"full", "null", "random", "tty", "urandom", "zero"}

// streamNames are the numbers' other names.
var streamNames = []string{"stdin", "stdout", "stderr"}

const numbers = "fd" // the directory of open files

// device finds a name. A number that is not open has none.
func (p *Process) device(at string) (v virtualFile, err error) {
	switch {
	case at == ".", at == numbers:
		return virtualFile{dir: at}, nil
	case slices.Contains(hostDevices, at):
		return virtualFile{host: "/dev/" + at}, nil
	}
	fd := slices.Index(streamNames, at)
	if name, found := strings.CutPrefix(at, numbers+"/"); found {
		if n, err := strconv.ParseUint(name, 10, 31); err == nil && name == number(int(n)) {
			fd = int(n)
		}
	}
	if fd < 0 {
		return v, unix.ENOENT
	}
	f, e := p.get(uint32(fd), 0)
	if e != success {
		return v, unix.ENOENT
	}
	return virtualFile{file: f}, nil
}

// openDevice opens what is no virtual directory. ENXIO for the terminal.
func (o *opening) openDevice(d *openFile, v virtualFile) (*openFile, error) {
	switch {
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
	writes := o.flags&(unix.O_WRONLY|unix.O_RDWR|unix.O_TRUNC) != 0
	switch m := &o.p.mounts[f.mount]; {
	case f.stream():
		return o.share(f)
	case o.p.isVirtual(f):
		return newVirtual(kindDir, f.mount, f.path), nil
	case f.filetype == typeDirectory:
		return o.openDir(f, ".")
	case m.ReadOnly && !m.Devices && writes:
		return nil, unix.EROFS
	}
	desc := o.descriptor(d, ".", f.kind)
	desc.mount, desc.path = f.mount, f.path
	return o.openNamed("/proc/self/fd/"+number(f.fd), desc)
}

// share gives an open file one more number.
func (o *opening) share(f *openFile) (*openFile, error) {
	access := rightFDRead
	switch o.flags & unix.O_ACCMODE {
	case unix.O_WRONLY:
		access = rightFDWrite
	case unix.O_RDWR:
		access |= rightFDWrite
	}
	o.p.mu.Lock()
	defer o.p.mu.Unlock()
	if f.rights&access != access {
		return nil, unix.EACCES
	}
	f.refs++
	return f, nil
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

// listDevices lists a directory of devices. An open file's cookie is its number, so that a program that closes what it
// finds goes on where it was.
func (p *Process) listDevices(dir string, add func(next, ino uint64, t filetype, name string)) {
	if dir == numbers {
		p.mu.Lock()
		defer p.mu.Unlock()
		for fd, f := range p.files {
			if f != nil {
				add(uint64(fd)+1, uint64(fd)+1, f.filetype, number(fd))
			}
		}
		return
	}
	add(1, 1, typeDirectory, numbers)
	for i, name := range hostDevices {
		add(uint64(2+i), uint64(16+i), typeCharacterDevice, name)
	}
	for i, name := range streamNames {
		add(uint64(2+len(hostDevices)+i), uint64(i)+1, typeUnknown, name)
	}
}
