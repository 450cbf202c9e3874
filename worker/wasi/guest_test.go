package wasi

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// guest is a program's side of a Process: memory, and calls by name as an engine makes them.
type guest struct {
	t     testing.TB
	p     *Process
	mem   []byte
	next  uint32 // of alloc
	calls map[string]Call
	dir   string // the host's directory behind descriptor 3
}

const root = 3 // the first mount

// wide begins the names of calls by a guest whose pointers have 64 bits.
const wide = "wide "

// newGuest returns a guest with a directory of its own as "/". Fields of c that are zero get a usable value.
func newGuest(t testing.TB, c Config) *guest {
	t.Helper()
	g := &guest{t: t, mem: make([]byte, 1<<20), next: 1024, calls: map[string]Call{}}
	if c.Memory == nil {
		c.Memory = func() []byte { return g.mem }
	}
	if c.Mounts == nil {
		g.dir = t.TempDir()
		c.Mounts = []Mount{{Guest: "/", Root: openRoot(t, g.dir)}}
	}
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	g.p = p
	for _, call := range Calls() {
		if call.Wide {
			call.Name = wide + call.Name
		}
		g.calls[call.Name] = call
	}
	return g
}

func openRoot(t testing.TB, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// call makes a call with garbage in the upper half of each i32.
func (g *guest) call(name string, args ...uint64) errno {
	g.t.Helper()
	c, ok := g.calls[name]
	if !ok || len(args) != len(c.Params) {
		g.t.Fatalf("%s has %q, not %d arguments", name, c.Params, len(args))
	}
	stack := make([]uint64, max(len(args), 1))
	for i, v := range args {
		if stack[i] = v; c.Params[i] == 'i' {
			stack[i] = v&0xffffffff | 0xdeadbeef<<32
		}
	}
	c.Fn(g.p, stack)
	return errno(stack[0])
}

// ok is call for one that must succeed.
func (g *guest) ok(name string, args ...uint64) {
	g.t.Helper()
	if e := g.call(name, args...); e != success {
		g.t.Fatalf("%s%v: errno %d", name, args, e)
	}
}

// fails is call for one that must not.
func (g *guest) fails(want errno, name string, args ...uint64) {
	g.t.Helper()
	if e := g.call(name, args...); e != want {
		g.t.Errorf("%s%v: errno %d, want %d", name, args, e, want)
	}
}

func (g *guest) alloc(n int) uint64 {
	g.t.Helper()
	ptr := (g.next + 7) &^ 7
	if int(ptr)+n > len(g.mem) {
		g.t.Fatal("the guest's memory is used up")
	}
	g.next = ptr + uint32(n)
	return uint64(ptr)
}

// str puts a string into memory.
func (g *guest) str(s string) (ptr, n uint64) {
	ptr = g.alloc(len(s))
	copy(g.mem[ptr:], s)
	return ptr, uint64(len(s))
}

func (g *guest) u32(ptr uint64) uint32 { return binary.LittleEndian.Uint32(g.mem[ptr:]) }
func (g *guest) u64(ptr uint64) uint64 { return binary.LittleEndian.Uint64(g.mem[ptr:]) }

// iovs puts a vector of buffers into memory.
func (g *guest) iovs(bufs ...[2]uint64) (ptr, n uint64) {
	ptr = g.alloc(8 * len(bufs))
	for i, b := range bufs {
		binary.LittleEndian.PutUint32(g.mem[ptr+8*uint64(i):], uint32(b[0]))
		binary.LittleEndian.PutUint32(g.mem[ptr+8*uint64(i)+4:], uint32(b[1]))
	}
	return ptr, uint64(len(bufs))
}

// open is path_open; flags are oflags, and links are followed.
func (g *guest) open(dir uint64, path string, oflags uint64, r rights, fdflags uint64) (uint64, errno) {
	g.t.Helper()
	return g.openLookup(dir, followLinks, path, oflags, r, fdflags)
}

func (g *guest) openLookup(dir, lookup uint64, path string, oflags uint64, r rights, fdflags uint64) (uint64, errno) {
	g.t.Helper()
	ptr, n := g.str(path)
	fd := g.alloc(4)
	e := g.call("path_open", dir, lookup, ptr, n, oflags, uint64(r), 0, fdflags, fd)
	return uint64(g.u32(fd)), e
}

func (g *guest) mustOpen(path string, oflags uint64, r rights) uint64 {
	g.t.Helper()
	fd, e := g.open(root, path, oflags, r, 0)
	if e != success {
		g.t.Fatalf("open %s: errno %d", path, e)
	}
	return fd
}

const readWrite = rightFDRead | rightFDWrite

func (g *guest) write(fd uint64, parts ...string) (int, errno) {
	g.t.Helper()
	var bufs [][2]uint64
	for _, s := range parts {
		ptr, n := g.str(s)
		bufs = append(bufs, [2]uint64{ptr, n})
	}
	ptr, n := g.iovs(bufs...)
	result := g.alloc(4)
	e := g.call("fd_write", fd, ptr, n, result)
	return int(g.u32(result)), e
}

func (g *guest) mustWrite(fd uint64, parts ...string) {
	g.t.Helper()
	if n, e := g.write(fd, parts...); e != success || n != len(bytes.Join(split(parts), nil)) {
		g.t.Fatalf("write %q: %d, errno %d", parts, n, e)
	}
}

func split(parts []string) (all [][]byte) {
	for _, s := range parts {
		all = append(all, []byte(s))
	}
	return all
}

// read reads once, into buffers of the given sizes.
func (g *guest) read(fd uint64, sizes ...int) (string, errno) {
	g.t.Helper()
	var bufs [][2]uint64
	for _, n := range sizes {
		bufs = append(bufs, [2]uint64{g.alloc(n), uint64(n)})
	}
	ptr, n := g.iovs(bufs...)
	result := g.alloc(4)
	if e := g.call("fd_read", fd, ptr, n, result); e != success {
		return "", e
	}
	var all []byte
	for _, b := range bufs {
		all = append(all, g.mem[b[0]:b[0]+b[1]]...)
	}
	return string(all[:g.u32(result)]), success
}

// path makes one of the calls that take a directory and a path.
func (g *guest) path(name string, dir uint64, path string) errno {
	g.t.Helper()
	ptr, n := g.str(path)
	return g.call(name, dir, ptr, n)
}

// between makes path_rename, or path_link with flags 0.
func (g *guest) between(name string, dir uint64, path string, newDir uint64, newPath string) errno {
	g.t.Helper()
	p1, n1 := g.str(path)
	p2, n2 := g.str(newPath)
	if name == "path_link" {
		return g.call(name, dir, 0, p1, n1, newDir, p2, n2)
	}
	return g.call(name, dir, p1, n1, newDir, p2, n2)
}

func (g *guest) symlink(target, path string) errno {
	g.t.Helper()
	p1, n1 := g.str(target)
	p2, n2 := g.str(path)
	return g.call("path_symlink", p1, n1, root, p2, n2)
}

// fileOf is a file's bytes as the host sees them.
func (g *guest) fileOf(path string) string {
	g.t.Helper()
	b, err := os.ReadFile(filepath.Join(g.dir, path))
	if err != nil {
		g.t.Fatal(err)
	}
	return string(b)
}

func (g *guest) hostFile(path, content string) {
	g.t.Helper()
	if err := os.WriteFile(filepath.Join(g.dir, path), []byte(content), 0o644); err != nil {
		g.t.Fatal(err)
	}
}

// panics returns what call panics with.
func panics(call func()) (v any) {
	defer func() { v = recover() }()
	call()
	return nil
}

// input is a Stdin to which a test writes.
type input struct {
	mu    sync.Mutex // guards all below
	buf   []byte
	ended bool
	ready chan struct{} // closed while there is something to say
}

func newInput() *input { return &input{ready: make(chan struct{})} }

// write adds s; end adds the end.
func (in *input) write(s string) { in.change(func() { in.buf = append(in.buf, s...) }) }
func (in *input) end()           { in.change(func() { in.ended = true }) }

func (in *input) change(how func()) {
	in.mu.Lock()
	defer in.mu.Unlock()
	said := len(in.buf) > 0 || in.ended
	how()
	if says := len(in.buf) > 0 || in.ended; says && !said {
		close(in.ready)
	} else if said && !says {
		in.ready = make(chan struct{})
	}
}

func (in *input) Read(p []byte) (n int, err error) {
	in.change(func() {
		n = copy(p, in.buf)
		if in.buf = in.buf[n:]; n == 0 && in.ended {
			err = io.EOF
		}
	})
	return n, err
}

func (in *input) Len() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.buf)
}

func (in *input) Ready() <-chan struct{} {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.ready
}
