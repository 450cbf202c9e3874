package wasi

import (
	"bytes"
	"encoding/binary"
	"math"
	"sync"

	"golang.org/x/sys/unix"
)

// direntSize is the size of the head of a directory entry; the name follows.
//
//	dirent: next cookie u64 · ino u64 at 8 · length of the name u32 at 16 · filetype u8 at 20
const direntSize = 24

// listing is where a directory's reader stands.
//
// A cookie is the number of entries before it. The kernel's own positions would do for fd_readdir, but ext4's fill 63 bits, and
// wasi-libc's telldir returns 32. So position remembers the kernel's for each entry, 8 bytes an entry: an entry keeps its cookie, however
// many others come and go, until the directory is rewound.
type listing struct {
	mu       sync.Mutex // guards all below; held across getdents, as the kernel does with the position of a directory
	position []int64    // of the entry after entry i; entry 0 is at 0
	batch    []byte     // entries first to len(position), as getdents64 left them
	first    int        // number of batch's first entry
	buf      []byte     // batch's room
}

// batchSize is how much of a directory is read at once; the most a name of 255 bytes can need is 280.
const batchSize = 8 << 10

// fd_readdir(fd, buf *u8, len u32, cookie u64, used *u32) fills buf with entries from cookie on. The last may be cut off; used is
// less than len only at the end. EBADF, EFAULT, EINVAL for a cookie that was never given out, ENOTDIR, ENOENT for a removed directory.
func fdReaddir(p *Process, a args) errno {
	m := p.mem()
	b, ok := m.bytes(a.u32(1), a.u32(2))
	if !ok {
		return eFAULT
	}
	if _, ok := m.bytes(a.u32(4), 4); !ok {
		return eFAULT
	}
	f, e := p.get(a.u32(0), rightFDReaddir)
	if e != success {
		return e
	}
	defer p.put(f)
	used, err := f.readdir(b, a.u64(3))
	if err != nil {
		return p.errnoOf(err)
	}
	return m.putU32(a.u32(4), uint32(used))
}

func (f *openFile) readdir(b []byte, cookie uint64) (used int, err error) {
	l := &f.list
	l.mu.Lock()
	defer l.mu.Unlock()
	if cookie > math.MaxInt32 {
		return 0, unix.EINVAL
	}
	entry := int(cookie)
	if entry == 0 {
		l.rewind()
	}
	for used < len(b) {
		d, err := l.entry(f.fd, entry)
		if err != nil || d.name == nil {
			return used, err
		}
		entry++
		f.complete(&d)
		used += d.put(b[used:], uint64(entry))
	}
	return used, nil
}

// dirent is one entry. Without a name it is the end.
type dirent struct {
	ino      uint64
	filetype filetype
	name     []byte
}

func (d *dirent) put(b []byte, next uint64) int {
	var head [direntSize]byte
	binary.LittleEndian.PutUint64(head[:], next)
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
	case f.Kind == KindMount && string(d.name) == "..": // the parent is not the guest's: a mount is its own, as / is
		if unix.Fstat(f.fd, &st) == nil {
			d.ino = st.Ino
		}
	case d.filetype == typeUnknown: // some file systems don't say
		if unix.Fstatat(f.fd, string(d.name), &st, unix.AT_SYMLINK_NOFOLLOW) == nil {
			d.filetype = filetypeOf(st.Mode)
		}
	}
}

func (l *listing) rewind() {
	l.position, l.batch, l.first = l.position[:0], nil, 0
}

// entry returns entry n of the directory, from the batch or through it.
func (l *listing) entry(fd, n int) (dirent, error) {
	if n > len(l.position) {
		return dirent{}, unix.EINVAL
	}
	if n < l.first || n == len(l.position) {
		if err := l.load(fd, n); err != nil || len(l.batch) == 0 {
			return dirent{}, err
		}
	}
	for ; l.first < n; l.first++ {
		l.batch = l.batch[entryLength(l.batch):]
	}
	return parse(l.batch), nil
}

// load reads the batch that starts with entry n.
func (l *listing) load(fd, n int) error {
	start := int64(0)
	if n > 0 {
		start = l.position[n-1]
	}
	if _, err := unix.Seek(fd, start, unix.SEEK_SET); err != nil {
		return err
	}
	if l.buf == nil {
		l.buf = make([]byte, batchSize)
	}
	size, err := again(func() (int, error) { return unix.Getdents(fd, l.buf) })
	if err != nil {
		return err
	}
	l.batch, l.first = l.buf[:size], n
	// Entries after n may have changed since they were given out: from here on the cookies are those of what is there now.
	l.position = l.position[:n]
	for rest := l.batch; len(rest) > 0; rest = rest[entryLength(rest):] {
		l.position = append(l.position, int64(binary.LittleEndian.Uint64(rest[8:])))
	}
	return nil
}

// The kernel's linux_dirent64: ino u64 · position of the next i64 at 8 · length u16 at 16 · type u8 at 18 · name, terminated, at 19.
func entryLength(b []byte) int { return int(binary.LittleEndian.Uint16(b[16:])) }

func parse(b []byte) dirent {
	name := b[19:entryLength(b)]
	return dirent{
		ino:      binary.LittleEndian.Uint64(b),
		filetype: filetypeOf(uint32(b[18]) << 12), // DT_ constants are the type bits of a mode
		name:     name[:bytes.IndexByte(name, 0)],
	}
}
