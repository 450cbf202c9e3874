package wasi

import (
	"bytes"
	"encoding/binary"
	"os"
	"path"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// direntSize is the size of the head of a directory entry; the name follows.
//
//	dirent: next cookie u64 · ino u64 at 8 · length of the name u32 at 16 · filetype u8 at 20
const direntSize = 24

// listing is where a directory's reader stands.
//
// Cookie c > 0 stands for the kernel's position[c-1], and 0 for the start. The kernel's positions themselves would do
// for fd_readdir, but ext4's fill 63 bits, and wasi-libc's telldir returns 32. An entry keeps its cookie, however many
// others come and go, until the directory is rewound.
type listing struct {
	mu       sync.Mutex // guards all below; held across getdents, as the kernel does with the position of a directory
	position []int64
	batch    []byte // entries as getdents64 left them, from cookie on
	cookie   uint64 // of batch's first entry
	buf      []byte // batch's room
}

// maxCookies bounds position, and so the entries that a directory may have to be listed: 128 MiB of them.
const maxCookies = 16 << 20

// batchSize is how much of a directory is read at once; the most a name of 255 bytes can need is 280.
const batchSize = 8 << 10

// fd_readdir(fd, buf *u8, len size, cookie u64, used *size) fills buf with entries from cookie on. The last may be cut
// off; used is less than len only at the end. EBADF, EFAULT, EINVAL for a cookie that was never given out, ENOENT for a
// removed directory, ENOTDIR, EOVERFLOW beyond maxCookies.
func fdReaddir(p *Process, a args) errno {
	m := p.mem()
	b, ok := m.bytes(a.ptr(1), a.ptr(2))
	if !ok {
		return eFAULT
	}
	if !a.fits(m, 4) {
		return eFAULT
	}
	f, e := p.get(a.u32(0), rightFDReaddir)
	if e != success {
		return e
	}
	defer p.put(f)
	if p.isVirtual(f) {
		return a.putSize(m, 4, uint64(p.readVirtual(f, b, a.u64(3))))
	}
	used, err := f.readdir(b, a.u64(3))
	if err != nil {
		return p.errnoOf(err)
	}
	return a.putSize(m, 4, uint64(used))
}

func (f *openFile) readdir(b []byte, cookie uint64) (used int, err error) {
	l := &f.list
	l.mu.Lock()
	defer l.mu.Unlock()
	if cookie == 0 {
		l.position, l.batch = l.position[:0], nil
	}
	for used < len(b) {
		d, err := l.entry(f.fd, cookie)
		if err != nil || d.name == nil {
			return used, err
		}
		f.complete(&d)
		n := d.put(b[used:])
		used += n
		if n < direntSize+len(d.name) {
			break // cut off: it will be asked for again
		}
		l.batch, l.cookie = l.batch[entryLength(l.batch):], d.next
		cookie = d.next
	}
	return used, nil
}

// dirent is one entry. Without a name it is the end.
type dirent struct {
	next     uint64 // cookie of the entry after it
	ino      uint64
	filetype filetype
	name     []byte
}

// put writes as much of d as b has room for.
func (d *dirent) put(b []byte) int {
	var head [direntSize]byte
	binary.LittleEndian.PutUint64(head[:], d.next)
	binary.LittleEndian.PutUint64(head[8:], d.ino)
	binary.LittleEndian.PutUint32(head[16:], uint32(len(d.name)))
	head[20] = byte(d.filetype)
	n := copy(b, head[:])
	return n + copy(b[n:], d.name)
}

// complete adds what the kernel left out, and takes away what the guest should not see.
func (f *openFile) complete(d *dirent) {
	var st unix.Stat_t
	switch {
	case f.kind == kindMount && string(d.name) == "..": // the parent is not the guest's: a mount is its own, as / is
		if unix.Fstat(f.fd, &st) == nil {
			d.ino = st.Ino
		}
	case d.filetype == typeUnknown: // some file systems don't say
		if unix.Fstatat(f.fd, string(d.name), &st, unix.AT_SYMLINK_NOFOLLOW) == nil {
			d.filetype = filetypeOf(st.Mode)
		}
	}
}

// entry returns the entry that cookie stands for, from the batch or through it.
func (l *listing) entry(fd int, cookie uint64) (d dirent, err error) {
	if cookie > uint64(len(l.position)) {
		return d, unix.EINVAL
	}
	if len(l.batch) == 0 || l.cookie != cookie {
		if err := l.load(fd, cookie); err != nil || len(l.batch) == 0 {
			return d, err
		}
	}
	d = parse(l.batch)
	d.next, err = l.after(cookie, int64(binary.LittleEndian.Uint64(l.batch[8:])))
	return d, err
}

// load reads the batch that starts at cookie.
func (l *listing) load(fd int, cookie uint64) error {
	start := int64(0)
	if cookie > 0 {
		start = l.position[cookie-1]
	}
	if _, err := unix.Seek(fd, start, unix.SEEK_SET); err != nil {
		return err
	}
	if l.buf == nil {
		l.buf = make([]byte, batchSize)
	}
	size, err := again(func() (int, error) { return unix.Getdents(fd, l.buf) })
	l.batch, l.cookie = l.buf[:size], cookie
	return err
}

// after returns the cookie of the entry at position, which comes after the one at cookie. It is the next number, unless
// the directory is read once more from the middle and has changed: then it is a new one at the end.
func (l *listing) after(cookie uint64, position int64) (uint64, error) {
	if cookie < uint64(len(l.position)) && l.position[cookie] == position {
		return cookie + 1, nil
	}
	if len(l.position) >= maxCookies {
		return 0, unix.EOVERFLOW
	}
	l.position = append(l.position, position)
	return uint64(len(l.position)), nil
}

// The kernel's linux_dirent64: ino u64 · position of the next i64 at 8 · length u16 at 16 · type u8 at 18 · name,
// terminated, at 19.
func entryLength(b []byte) int { return int(binary.LittleEndian.Uint16(b[16:])) }

func parse(b []byte) dirent {
	name := b[19:entryLength(b)]
	return dirent{
		ino:      binary.LittleEndian.Uint64(b),
		filetype: filetypeOf(uint32(b[18]) << 12), // DT_ constants are the type bits of a mode
		name:     name[:bytes.IndexByte(name, 0)],
	}
}

// pathPart is how many bytes of a name a result of fd_path carries: one less than it has, so that it is no error.
const pathPart = 7

// fd_path(fd, at u32) -> i64: 7 bytes of an open directory's absolute name, from at on, the first in the lowest place
// and zeros behind the end. The name is what the directory has now. -EBADF, -ENOENT for one that was removed or moved
// away from what the program sees, -ENOTDIR.
func fdPath(p *Process, a args) uint64 {
	f, e := p.get(a.u32(0), 0)
	if e != success {
		return negativeLong(e)
	}
	defer p.put(f)
	if f.filetype != typeDirectory {
		return negativeLong(eNOTDIR)
	}
	name, err := p.directoryName(f)
	if err != nil {
		return negativeLong(p.errnoOf(err))
	}
	var part [8]byte
	if at := uint64(a.u32(1)); at < uint64(len(name)) {
		copy(part[:pathPart], name[at:])
	}
	return binary.LittleEndian.Uint64(part[:])
}

func (p *Process) directoryName(f *openFile) (string, error) {
	m := &p.mounts[f.mount]
	if m.virtual() {
		return path.Join("/", m.Guest, f.path), nil
	}
	top, err := m.Root.Open(".")
	if err != nil {
		return "", err
	}
	defer top.Close()
	above, err := hostName(int(top.Fd()))
	if err != nil {
		return "", err
	}
	name, err := hostName(f.fd)
	if err != nil {
		return "", err
	}
	rest, below := strings.CutPrefix(name+"/", strings.TrimSuffix(above, "/")+"/")
	if !below {
		return "", unix.ENOENT
	}
	return path.Join("/", m.Guest, rest), nil
}

// hostName is a directory's name on the host. That of one that was removed is the name of none.
func hostName(fd int) (string, error) {
	var named, open unix.Stat_t
	name, err := os.Readlink("/proc/self/fd/" + number(fd))
	if err == nil {
		err = unix.Lstat(name, &named)
	}
	if err == nil {
		err = unix.Fstat(fd, &open)
	}
	if err == nil && (named.Dev != open.Dev || named.Ino != open.Ino) {
		err = unix.ENOENT
	}
	return name, err
}
