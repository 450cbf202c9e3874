package wasi

import (
	"encoding/binary"
	"strings"
	"testing"
)

// wideVectors puts buffers into memory as a guest of 64 bits describes them.
func (g *guest) wideVectors(bufs ...[2]uint64) (ptr, n uint64) {
	ptr = g.alloc(16 * len(bufs))
	for i, b := range bufs {
		binary.LittleEndian.PutUint64(g.mem[ptr+16*uint64(i):], b[0])
		binary.LittleEndian.PutUint64(g.mem[ptr+16*uint64(i)+8:], b[1])
	}
	return ptr, uint64(len(bufs))
}

// result is room for a size, with bytes about it that show what is written.
func (g *guest) result() uint64 {
	ptr := g.alloc(24)
	for i := range uint64(24) {
		g.mem[ptr+i] = 0xaa
	}
	return ptr + 8
}

// size reads it, and sees to it that nothing else was written.
func (g *guest) size(ptr uint64) uint64 {
	g.t.Helper()
	const untouched = 0xaaaaaaaaaaaaaaaa
	if g.u64(ptr-8) != untouched || g.u64(ptr+8) != untouched {
		g.t.Errorf("bytes about a size at %d were written", ptr)
	}
	return g.u64(ptr)
}

// TestWideArguments: counts, sizes and pointers take 8 bytes each.
func TestWideArguments(t *testing.T) {
	g := newGuest(t, Config{Args: []string{"prog", "x y"}, Env: []string{"A=1"}})
	count, size := g.result(), g.result()
	g.ok(wide+"args_sizes_get", count, size)
	if g.size(count) != 2 || g.size(size) != 9 {
		t.Errorf("%d strings, %d bytes", g.size(count), g.size(size))
	}
	list, buf := g.alloc(16), g.alloc(9)
	g.ok(wide+"args_get", list, buf)
	if g.u64(list) != buf || g.u64(list+8) != buf+5 || string(g.mem[buf:buf+9]) != "prog\x00x y\x00" {
		t.Errorf("pointers %d and %d to %q", g.u64(list), g.u64(list+8), g.mem[buf:buf+9])
	}
	g.ok(wide+"environ_sizes_get", count, size)
	g.ok(wide+"environ_get", list, buf)
	if g.size(count) != 1 || g.size(size) != 4 || g.u64(list) != buf {
		t.Errorf("environment: %d strings, %d bytes, at %d", g.size(count), g.size(size), g.u64(list))
	}
	g.fails(eFAULT, wide+"args_get", uint64(len(g.mem))-8, buf)
}

// TestWideFiles: vectors of 16 bytes, results of 8.
func TestWideFiles(t *testing.T) {
	g := newGuest(t, Config{})
	fd := g.mustOpen("f", openCreate, rightFDRead|rightFDWrite|rightFDSeek)
	a, an := g.str("hello, ")
	b, bn := g.str("world")
	n := g.result()
	iovs, count := g.wideVectors([2]uint64{a, an}, [2]uint64{b, bn})
	g.ok(wide+"fd_write", fd, iovs, count, n)
	if g.size(n) != 12 || g.fileOf("f") != "hello, world" {
		t.Errorf("%d bytes written: %q", g.size(n), g.fileOf("f"))
	}
	g.ok(wide+"fd_pwrite", fd, iovs, 1, 7, n)
	if g.size(n) != 7 || g.fileOf("f") != "hello, hello, " {
		t.Errorf("%d bytes written: %q", g.size(n), g.fileOf("f"))
	}
	buf := g.alloc(100)
	iovs, count = g.wideVectors([2]uint64{buf, 3}, [2]uint64{buf + 10, 90})
	g.ok(wide+"fd_pread", fd, iovs, count, 2, n)
	if g.size(n) != 12 || string(g.mem[buf:buf+3]) != "llo" || string(g.mem[buf+10:buf+19]) != ", hello, " {
		t.Errorf("%d bytes read: %q", g.size(n), g.mem[buf:buf+20])
	}
	at := g.result()
	g.ok(wide+"fd_seek", fd, 4, 0, at)
	g.ok(wide+"fd_read", fd, iovs, count, n)
	if g.size(at) != 4 || g.size(n) != 10 {
		t.Errorf("at %d, %d bytes read", g.size(at), g.size(n))
	}
	g.ok(wide+"fd_tell", fd, at)
	if g.size(at) != 14 {
		t.Errorf("at %d", g.size(at))
	}
}

// TestWideNames: directories, links and mounts.
func TestWideNames(t *testing.T) {
	g := newGuest(t, Config{})
	path, n := g.str("file")
	fd := g.alloc(8)
	g.ok(wide+"path_open", root, followLinks, path, n, openCreate, uint64(rightFDWrite), 0, 0, fd)
	if g.u32(fd) <= root || g.u32(fd+4) != 0 {
		t.Errorf("descriptor %d, then %#x", g.u32(fd), g.u32(fd+4))
	}
	link, linked := g.str("link")
	g.ok(wide+"path_symlink", path, n, root, link, linked)
	buf, used := g.alloc(100), g.result()
	g.ok(wide+"path_readlink", root, link, linked, buf, 100, used)
	if g.size(used) != 4 || string(g.mem[buf:buf+4]) != "file" {
		t.Errorf("a link to %q", g.mem[buf:buf+g.size(used)])
	}
	directory := g.mustOpen(".", openDirectory, rightFDReaddir)
	list := g.alloc(4096)
	g.ok(wide+"fd_readdir", directory, list, 4096, 0, used)
	if names := string(g.mem[list : list+g.size(used)]); !strings.Contains(names, "file") ||
		!strings.Contains(names, "link") {
		t.Errorf("a directory of %q", names)
	}
	prestat := g.result() - 8
	g.ok(wide+"fd_prestat_get", root, prestat)
	if g.u64(prestat) != 0 || g.u64(prestat+8) != 1 || g.u64(prestat+16) != 0xaaaaaaaaaaaaaaaa {
		t.Errorf("a mount: % x", g.mem[prestat:prestat+24])
	}
	g.ok(wide+"fd_prestat_dir_name", root, buf, 1)
	if g.mem[buf] != '/' {
		t.Errorf("a mount named %q", g.mem[buf])
	}
	stat := g.alloc(filestatSize)
	g.ok(wide+"path_filestat_get", root, 0, link, linked, stat)
	g.ok(wide+"path_rename", root, path, n, root, link, linked)
	g.ok(wide+"path_unlink_file", root, link, linked)
}

func TestWidePoll(t *testing.T) {
	g := newGuest(t, Config{})
	in, out, events := g.alloc(subscriptionSize), g.alloc(eventSize), g.result()
	g.mem[in+8], g.mem[in+16] = pollFDWrite, 1
	g.ok(wide+"poll_oneoff", in, out, 1, events)
	if g.size(events) != 1 {
		t.Errorf("%d events", g.size(events))
	}
	now := g.result()
	g.ok(wide+"clock_time_get", 1, 1, now)
	if g.size(now) == 0 {
		t.Error("no time")
	}
}

// TestWideFaults: an address or a size of more than 32 bits is none of a small one, whatever its lower half is; with 32
// bits the upper half is not there.
func TestWideFaults(t *testing.T) {
	g := newGuest(t, Config{Args: []string{"a"}})
	sizes := g.alloc(32)
	for _, high := range []uint64{1 << 32, 1 << 63, 0xffffffff << 32} {
		for _, c := range Calls() {
			for i, letter := range c.Params {
				// more room than the name needs is none too much
				if !c.Wide || c.Name == "fd_prestat_dir_name" && i == 2 || letter != 'l' || table[index(c.Name)].params[i] != 'p' ||
					strings.HasPrefix(c.Name, "sock_") {
					continue
				}
				args := make([]uint64, len(c.Params))
				for k := range args {
					if table[index(c.Name)].params[k] == 'p' {
						args[k] = sizes
					}
				}
				if args[i] |= high; args[0] == 0 && c.Params[0] == 'i' {
					args[0] = root
				}
				if e := g.call(wide+c.Name, args...); e == success {
					t.Errorf("%s with %#x as argument %d succeeds", c.Name, args[i], i)
				}
			}
		}
		g.ok("args_sizes_get", sizes|high, sizes+8)
		g.fails(eFAULT, wide+"args_sizes_get", sizes|high, sizes+8)
		g.fails(eFAULT, wide+"random_get", sizes, 8|high)
		iovs, n := g.wideVectors([2]uint64{sizes | high, 1})
		g.fails(eFAULT, wide+"fd_write", 1, iovs, n, sizes)
		iovs, n = g.wideVectors([2]uint64{sizes, 1 | high})
		g.fails(eFAULT, wide+"fd_write", 1, iovs, n, sizes)
		g.fails(eFAULT, wide+"fd_write", 1, iovs, n|high, sizes)
		g.fails(eFAULT, wide+"poll_oneoff", sizes, sizes, 1|high, sizes)
	}
}

func index(name string) int {
	for i := range table {
		if table[i].name == name {
			return i
		}
	}
	return -1
}
