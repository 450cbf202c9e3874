package wasi

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// confined is a guest in a directory beside one that it must not reach:
//
//	outside/secret   (holds "secret")
//	job/f (holds "inside") · job/d/f · job/d/e/
type confined struct {
	*guest
	outside string
}

func newConfined(t testing.TB) *confined {
	t.Helper()
	top := t.TempDir()
	h := &confined{outside: filepath.Join(top, "outside")}
	job := filepath.Join(top, "job")
	for _, dir := range []string{h.outside, filepath.Join(job, "d", "e")} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	h.guest = newGuest(t, Config{Mounts: []Mount{{Guest: "/", Root: openRoot(t, job)}}})
	h.dir = job
	h.hostFile("f", "inside")
	h.hostFile("d/f", "inside d")
	h.hostFile("../outside/secret", "secret")
	return h
}

// link makes a symbolic link as only the host can: to anywhere.
func (h *confined) link(target, path string) {
	h.t.Helper()
	if err := os.Symlink(target, filepath.Join(h.dir, path)); err != nil {
		h.t.Fatal(err)
	}
}

// intact checks that nothing outside changed.
func (h *confined) intact() {
	h.t.Helper()
	entries, err := os.ReadDir(h.outside)
	if err != nil || len(entries) != 1 || h.fileOf("../outside/secret") != "secret" {
		h.t.Fatalf("outside changed: %v, %v", entries, err)
	}
	if _, err := os.Lstat(filepath.Join(h.outside, "..", "new")); err == nil {
		h.t.Fatal("a file was made outside")
	}
}

// everyCall makes each call on path that could read or change something, and returns what they answer.
func (h *confined) everyCall(path string) map[string]errno {
	got := map[string]errno{}
	at := h.alloc(64)
	open := func(what string, oflags uint64, r rights) {
		fd, e := h.open(root, path, oflags, r, 0)
		if got[what] = e; e == success {
			h.ok("fd_close", fd)
		}
	}
	open("open", 0, rightFDRead)
	open("create", openCreate, readWrite)
	open("truncate", openTruncate, readWrite)
	open("directory", openDirectory, 0)
	ptr, n := h.str(path)
	got["stat"] = h.call("path_filestat_get", root, followLinks, ptr, n, at)
	got["lstat"] = h.call("path_filestat_get", root, 0, ptr, n, at)
	got["times"] = h.call("path_filestat_set_times", root, followLinks, ptr, n, 0, 0, setMtimeNow)
	got["readlink"] = h.call("path_readlink", root, ptr, n, at, 60, at+60)
	for _, name := range []string{"path_create_directory", "path_unlink_file", "path_remove_directory"} {
		got[name] = h.path(name, root, path)
	}
	got["symlink"] = h.symlink("f", path)
	for _, name := range []string{"path_link", "path_rename"} {
		got[name+" from"] = h.between(name, root, path, root, "taken")
		got[name+" to"] = h.between(name, root, "f", root, path)
	}
	return got
}

func TestEscapes(t *testing.T) {
	h := newConfined(t)
	h.link("../outside", "out")
	h.link("../outside/secret", "secret")
	h.link(h.outside, "absolute")
	h.link("d/e/../../../outside", "winding")
	h.link("..", "d/up")
	h.link("out", "twice")
	for _, path := range []string{
		"..", "../outside", "../outside/secret", "../outside/new", "../new", "d/../../outside/secret",
		"d/e/../../../outside/secret", "./../outside/secret",
		"out/secret", "out/new", "out/.", "absolute/secret", "absolute/.", "winding/secret", "d/up/../outside/secret",
		"twice/secret",
		"../job/f", "/", "/f", "//f", filepath.Join(h.outside, "secret"),
	} {
		for call, e := range h.everyCall(path) {
			if e != ePERM {
				t.Errorf("%s %s: errno %d, want EPERM", call, path, e)
			}
			h.intact()
		}
	}
	// A link in the last component is not followed by the calls that act on the name.
	for _, path := range []string{"out/", "absolute/", "out", "secret", "absolute"} {
		for call, e := range h.everyCall(path) {
			switch call {
			case "open", "create", "truncate", "directory", "stat", "times":
				if e != ePERM {
					t.Errorf("%s %s: errno %d, want EPERM", call, path, e)
				}
			}
			h.intact()
		}
	}
}

func TestEscapeFromDirectoryDescriptor(t *testing.T) {
	h := newConfined(t)
	d := h.mustOpen("d", openDirectory, 0)
	for _, path := range []string{"../f", "e/../../f", "..", "../d/f"} {
		if _, e := h.open(d, path, 0, rightFDRead, 0); e != ePERM {
			t.Errorf("%s: errno %d", path, e)
		}
	}
	if _, e := h.open(d, "e/../f", 0, rightFDRead, 0); e != success {
		t.Errorf("within: errno %d", e)
	}
}

func TestDirectoryMovedWhileOpen(t *testing.T) {
	h := newConfined(t)
	d := h.mustOpen("d", openDirectory, 0)
	if e := h.between("path_rename", root, "d", root, "moved"); e != success {
		t.Fatal(e)
	}
	h.link("../outside", "d")
	fd, e := h.open(d, "f", 0, rightFDRead, 0)
	if s, _ := h.read(fd, 20); e != success || s != "inside d" {
		t.Errorf("%d, %q", e, s)
	}
	if _, e := h.open(d, "e/new", openCreate, readWrite, 0); e != success || len(h.fileOf("moved/e/new")) != 0 {
		t.Errorf("create: %d", e)
	}
	if e := h.path("path_unlink_file", d, "f"); e != success {
		t.Errorf("unlink: %d", e)
	}
	// Moved out of the mount by somebody else, it is still the only thing that its descriptor shows.
	if err := os.Rename(filepath.Join(h.dir, "moved"), filepath.Join(h.outside, "..", "gone")); err != nil {
		t.Fatal(err)
	}
	if _, e := h.open(d, "../outside/secret", 0, rightFDRead, 0); e != ePERM {
		t.Errorf("escape after a move: %d", e)
	}
	h.intact()
}

func TestHardLinksStayInside(t *testing.T) {
	h := newConfined(t)
	h.link("../outside/secret", "secret")
	// A hard link to a symbolic link is a symbolic link; it leads nowhere either.
	if e := h.between("path_link", root, "secret", root, "hard"); e != success {
		t.Fatal(e)
	}
	if _, e := h.open(root, "hard", 0, rightFDRead, 0); e != ePERM {
		t.Errorf("open: %d", e)
	}
	p1, n1 := h.str("secret")
	p2, n2 := h.str("followed")
	h.fails(eINVAL, "path_link", root, followLinks, p1, n1, root, p2, n2)
	h.intact()
}

// TestSwappedLink: somebody puts a link to the outside where a directory was, over and over, while the guest goes
// through it.
func TestSwappedLink(t *testing.T) {
	h := newConfined(t)
	if err := os.Symlink("../outside", filepath.Join(h.dir, "bait")); err != nil {
		t.Fatal(err)
	}
	exchange := func() error {
		return renameExchange(filepath.Join(h.dir, "d"), filepath.Join(h.dir, "bait"))
	}
	if err := exchange(); err != nil {
		t.Skip("this file system can't exchange names: ", err)
	}
	var stop atomic.Bool
	var swapper sync.WaitGroup
	swapper.Go(func() {
		for !stop.Load() {
			if err := exchange(); err != nil {
				t.Error(err)
				return
			}
		}
	})
	answers := map[errno]int{}
	mark := h.next
	for range 2000 {
		h.next = mark
		fd, e := h.open(root, "d/secret", 0, readWrite, 0)
		answers[e]++
		if e == success {
			t.Error("opened the secret")
			h.ok("fd_close", fd)
		}
		if _, e := h.open(root, "d/new", openCreate|openExclusive, readWrite, 0); e == success {
			h.closeAll()
		}
		h.path("path_unlink_file", root, "d/new")
		answers[h.path("path_unlink_file", root, "d/secret")]++
		if fd, e := h.open(root, "d", openDirectory, 0, 0); e == success {
			if _, e := h.open(fd, "secret", 0, rightFDRead, 0); e == success {
				t.Error("opened the secret through a directory")
			}
			h.closeAll()
		}
	}
	stop.Store(true)
	swapper.Wait()
	if len(answers) < 2 {
		t.Errorf("never swapped in time: %v", answers)
	}
	h.intact()
}

// closeAll closes what is open beyond the mount.
func (h *confined) closeAll() {
	for fd := uint64(root + 1); fd < 20; fd++ {
		h.call("fd_close", fd)
	}
}

func TestPathErrors(t *testing.T) {
	h := newConfined(t)
	h.link("loop", "loop")
	h.link("f", "l")
	h.link("none", "dangling")
	h.link("d", "ld")
	deep := strings.Repeat("d/../", 1000)
	long := strings.Repeat("n", 256)
	type result = map[string]errno
	for _, c := range []struct {
		path string
		want result
	}{
		{"none", result{"open": eNOENT, "stat": eNOENT, "lstat": eNOENT, "readlink": eNOENT, "directory": eNOENT,
			"path_unlink_file":      eNOENT,
			"path_remove_directory": eNOENT, "path_rename from": eNOENT, "path_link from": eNOENT, "times": eNOENT}},
		{"none/x", result{"open": eNOENT, "create": eNOENT, "path_create_directory": eNOENT, "symlink": eNOENT,
			"path_link to": eNOENT, "path_rename to": eNOENT}},
		{"f/x", result{"open": eNOTDIR, "create": eNOTDIR, "stat": eNOTDIR, "path_create_directory": eNOTDIR,
			"path_unlink_file": eNOTDIR, "path_rename to": eNOTDIR}},
		{"f/", result{"open": eNOTDIR, "stat": eNOTDIR, "path_unlink_file": eNOTDIR, "path_remove_directory": eNOTDIR,
			"path_rename from": eNOTDIR,
			"path_link from":   eNOTDIR, "symlink": eNOTDIR, "times": eNOTDIR}},
		{"f/.", result{"open": eNOTDIR, "path_unlink_file": eNOTDIR}},
		{"f", result{"directory": eNOTDIR, "readlink": eINVAL, "path_create_directory": eEXIST, "symlink": eEXIST,
			"path_link to": eEXIST, "path_remove_directory": eNOTDIR}},
		{"d", result{"open": success, "create": eISDIR, "truncate": eISDIR, "path_unlink_file": eISDIR,
			"path_remove_directory": eNOTEMPTY, "path_link from": ePERM, "path_rename to": eISDIR}},
		{"d/", result{"open": success, "directory": success, "path_unlink_file": eISDIR, "symlink": eEXIST,
			"path_create_directory": eEXIST}},
		{".", result{"open": success, "directory": success, "path_remove_directory": eINVAL, "path_unlink_file": eISDIR,
			"path_create_directory": eEXIST}},
		{"d/..", result{"open": success, "path_unlink_file": eISDIR, "path_create_directory": eEXIST}},
		{"new/", result{"create": eNOENT, "symlink": eNOENT, "path_link to": eNOENT, "path_rename to": eNOTDIR}},
		{"loop", result{"open": eLOOP, "stat": eLOOP, "lstat": success, "readlink": success}},
		{"loop/x", result{"open": eLOOP, "path_unlink_file": eLOOP}},
		{"l", result{"open": success, "stat": success, "readlink": success, "directory": eNOTDIR}},
		{"l/", result{"open": eNOTDIR, "stat": eNOTDIR}},
		{"dangling", result{"open": eNOENT, "stat": eNOENT, "directory": eNOENT, "symlink": eEXIST,
			"path_create_directory": eEXIST}},
		{"ld", result{"open": success, "directory": success, "path_remove_directory": eNOTDIR}},
		{"ld/f", result{"open": success, "stat": success}},
		{"", result{"open": eNOENT, "stat": eNOENT, "lstat": eNOENT, "symlink": eNOENT, "path_unlink_file": eNOENT,
			"path_rename to": eNOENT}},
		{"f\x00x", result{"open": eINVAL, "create": eINVAL, "stat": eINVAL, "path_create_directory": eINVAL,
			"symlink": eINVAL}},
		{long, result{"open": eNAMETOOLONG, "create": eNAMETOOLONG, "stat": eNAMETOOLONG,
			"path_create_directory": eNAMETOOLONG, "symlink": eNAMETOOLONG}},
		{deep + "f", result{"open": eNAMETOOLONG, "path_unlink_file": eNAMETOOLONG}},
	} {
		for call, want := range c.want {
			got := newConfined(t)
			got.link("loop", "loop")
			got.link("f", "l")
			got.link("none", "dangling")
			got.link("d", "ld")
			if e := got.one(call, c.path); e != want {
				t.Errorf("%s %.20q: errno %d, want %d", call, c.path, e, want)
			}
		}
	}
	at, _ := h.str("name")
	end := uint64(len(h.mem))
	h.fails(eFAULT, "path_create_directory", root, end-1, 2)
	h.fails(eFAULT, "path_open", root, 0, end-1, 2, 0, 0, 0, 0, at)
	h.fails(eFAULT, "path_open", root, 0, at, 1, 0, 0, 0, 0, end-3)
	h.fails(eFAULT, "path_filestat_get", root, 0, at, 1, end-63)
	h.fails(eFAULT, "path_readlink", root, at, 1, end-1, 2, at)
	h.fails(eFAULT, "path_readlink", root, at, 1, at, 2, end-3)
	h.fails(eFAULT, "path_symlink", end, 1, root, at, 1)
	h.fails(eFAULT, "path_rename", root, at, 1, root, end, 1)
	h.fails(eBADF, "path_create_directory", 99, at, 1)
	h.fails(eINVAL, "path_open", root, 0, at, 1, openCreate|openDirectory, 0, 0, 0, at)
	h.fails(eINVAL, "path_open", root, 0, at, 1, 16, 0, 0, 0, at)
}

// one makes a single one of everyCall's calls.
func (h *confined) one(call, path string) errno {
	ptr, n := h.str(path)
	at := h.alloc(64)
	switch call {
	case "open":
		_, e := h.open(root, path, 0, rightFDRead, 0)
		return e
	case "create":
		_, e := h.open(root, path, openCreate, readWrite, 0)
		return e
	case "truncate":
		_, e := h.open(root, path, openTruncate, readWrite, 0)
		return e
	case "directory":
		_, e := h.open(root, path, openDirectory, 0, 0)
		return e
	case "stat":
		return h.call("path_filestat_get", root, followLinks, ptr, n, at)
	case "lstat":
		return h.call("path_filestat_get", root, 0, ptr, n, at)
	case "times":
		return h.call("path_filestat_set_times", root, 0, ptr, n, 0, 0, setMtimeNow)
	case "readlink":
		return h.call("path_readlink", root, ptr, n, at, 60, at+60)
	case "symlink":
		return h.symlink("f", path)
	}
	if name, from := strings.CutSuffix(call, " from"); from {
		return h.between(name, root, path, root, "taken")
	}
	if name, to := strings.CutSuffix(call, " to"); to {
		return h.between(name, root, "f", root, path)
	}
	return h.path(call, root, path)
}

func TestOpenFlags(t *testing.T) {
	h := newConfined(t)
	h.link("f", "l")
	h.link("made", "dangling")
	for _, c := range []struct {
		path         string
		look, oflags uint64
		want         errno
	}{
		{"f", 0, openCreate | openExclusive, eEXIST}, {"l", followLinks, openCreate | openExclusive, eEXIST},
		{"l", 0, 0, eLOOP}, {"l", 0, openCreate, eLOOP}, {"l", 0, openDirectory, eLOOP}, {"l", followLinks, 0, success},
		{"new", 0, openCreate | openExclusive, success}, {"dangling", 0, openCreate, eLOOP},
		{"dangling", followLinks, openCreate, success},
	} {
		if _, e := h.openLookup(root, c.look, c.path, c.oflags, rightFDRead, 0); e != c.want {
			t.Errorf("%s %d %d: errno %d, want %d", c.path, c.look, c.oflags, e, c.want)
		}
	}
	if h.fileOf("made") != "" {
		t.Error("a dangling link was not created through")
	}
	h.mustOpen("f", openTruncate, readWrite)
	if h.fileOf("f") != "" {
		t.Error("not truncated")
	}
}

func TestFIFO(t *testing.T) {
	h := newConfined(t)
	if err := syscall.Mkfifo(filepath.Join(h.dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, e := h.open(root, "pipe", openDirectory, 0, 0); e != eNOTDIR { // and does not wait for a writer
		t.Errorf("as a directory: %d", e)
	}
	fd, e := h.open(root, "pipe", 0, rightFDRead, flagNonblock)
	if e != success {
		t.Fatal(e)
	}
	w, err := os.OpenFile(filepath.Join(h.dir, "pipe"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, e := h.read(fd, 5); e != eAGAIN {
		t.Errorf("nothing there: %d", e)
	}
	if _, err := w.WriteString("news"); err != nil {
		t.Fatal(err)
	}
	if s, e := h.read(fd, 5); s != "news" || e != success {
		t.Errorf("%q, %d", s, e)
	}
	h.ok("fd_fdstat_set_flags", fd, 0)
	at := h.alloc(8)
	h.fails(eSPIPE, "fd_seek", fd, 0, 0, at)
}

func TestSymlinkAndReadlink(t *testing.T) {
	h := newConfined(t)
	if e := h.symlink("/etc/passwd", "l"); e != ePERM {
		t.Errorf("absolute: %d", e)
	}
	if e := h.symlink("../outside/secret", "l"); e != ePERM {
		t.Errorf("relative: %d", e)
	}
	ptr, n := h.str("l")
	if err := os.Symlink("../outside/secret", filepath.Join(h.dir, "l")); err != nil { // somebody else's
		t.Fatal(err)
	}
	at := h.alloc(64)
	h.ok("path_readlink", root, ptr, n, at, 4, at+32)
	if got := string(h.mem[at : at+4]); got != "../o" || h.u32(at+32) != 4 || h.mem[at+4] != 0 {
		t.Errorf("%q, %d", got, h.u32(at+32))
	}
}

func TestRenameAcrossMounts(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	g := newGuest(t, Config{Mounts: []Mount{{Guest: "/", Root: openRoot(t, a)}, {Guest: "/b", Root: openRoot(t, b)},
		{Guest: a, Root: openRoot(t, a)}}})
	g.dir = a
	g.hostFile("f", "x")
	for _, name := range []string{"path_rename", "path_link"} {
		if e := g.between(name, root, "f", root+1, "f"); e != eXDEV {
			t.Errorf("%s: %d", name, e)
		}
	}
	if e := g.between("path_rename", root, "f", root+2, "g"); e != success { // two Roots of one directory
		t.Errorf("rename to the same mount: %d", e)
	}
}

// names lists a directory with calls of size bytes each, parsed as wasi-libc does. each is called after every call.
func (g *guest) names(fd uint64, size int, each func()) map[string]filetype {
	g.t.Helper()
	buf, used := g.alloc(size), g.alloc(4)
	all := map[string]filetype{}
	for cookie := uint64(0); ; {
		g.ok("fd_readdir", fd, buf, uint64(size), cookie, used)
		b := g.mem[buf : buf+uint64(g.u32(used))]
		for len(b) >= direntSize {
			n := int(b[16]) | int(b[17])<<8
			if len(b) < direntSize+n {
				break
			}
			name := string(b[direntSize : direntSize+n])
			if _, twice := all[name]; twice {
				g.t.Fatalf("%q comes twice", name)
			}
			all[name] = filetype(b[20])
			for i := range 8 {
				cookie = cookie&^(0xff<<(8*i)) | uint64(b[i])<<(8*i)
			}
			b = b[direntSize+n:]
		}
		if int(g.u32(used)) < size {
			return all
		}
		each()
	}
}

func TestReaddir(t *testing.T) {
	h := newConfined(t)
	h.link("f", "l")
	const files = 1000
	for i := range files {
		h.hostFile(fmt.Sprintf("d/e/%0*d", 1+i%200, i), "")
	}
	if got := h.names(root, 4096, func() {}); len(got) != 5 || got["."] != typeDirectory || got[".."] != typeDirectory ||
		got["f"] != typeRegular || got["d"] != typeDirectory || got["l"] != typeSymlink {
		t.Errorf("%v", got)
	}
	d := h.mustOpen("d/e", openDirectory, 0)
	for _, size := range []int{direntSize + 255, 300, 1000, 4096, 1 << 16} {
		mark := h.next
		if got := h.names(d, size, func() {}); len(got) != files+2 {
			t.Errorf("%d bytes at a time: %d entries", size, len(got))
		}
		h.next = mark
	}
	// What is there all the time comes once, whatever else goes: as in a removal of a tree.
	removed := 0
	got := h.names(d, 512, func() {
		entries, err := os.ReadDir(filepath.Join(h.dir, "d/e"))
		if err != nil || len(entries) <= 500 {
			return
		}
		os.Remove(filepath.Join(h.dir, "d/e", entries[len(entries)-1].Name()))
		os.Remove(filepath.Join(h.dir, "d/e", entries[0].Name()))
		removed += 2
	})
	left, err := os.ReadDir(filepath.Join(h.dir, "d/e"))
	if err != nil || removed == 0 {
		t.Fatal(err, removed)
	}
	for _, e := range left {
		if _, ok := got[e.Name()]; !ok {
			t.Errorf("%s was missed", e.Name())
		}
	}
	at := h.alloc(8)
	h.fails(eINVAL, "fd_readdir", d, at, 8, 1<<20, at)
	h.fails(eINVAL, "fd_readdir", d, at, 8, 1<<63, at)
	h.fails(eFAULT, "fd_readdir", d, at, 1<<31, 0, at)
	h.fails(eFAULT, "fd_readdir", d, at, 8, 0, uint64(len(h.mem)-3))
	h.fails(eBADF, "fd_readdir", 99, at, 8, 0, at)
}

// TestReaddirCookies: an entry can be asked for again by its cookie, forwards and backwards, as seekdir does.
func TestReaddirCookies(t *testing.T) {
	h := newConfined(t)
	for i := range 600 {
		h.hostFile(fmt.Sprintf("d/e/file%d", i), "")
	}
	d := h.mustOpen("d/e", openDirectory, 0)
	buf, used := h.alloc(300), h.alloc(4)
	at := func(cookie uint64) string {
		h.ok("fd_readdir", d, buf, 300, cookie, used)
		if h.u32(used) == 0 {
			return "the end"
		}
		return string(h.mem[buf+direntSize : buf+direntSize+uint64(h.u32(buf+16))])
	}
	var order []string
	for cookie := uint64(0); cookie <= 602; cookie++ {
		order = append(order, at(cookie))
	}
	if order[602] != "the end" {
		t.Errorf("after 602 entries comes %q", order[602])
	}
	for _, cookie := range []uint64{601, 5, 300, 1, 599, 602, 300} {
		if got := at(cookie); got != order[cookie] {
			t.Errorf("cookie %d: %q, was %q", cookie, got, order[cookie])
		}
	}
	// With others gone, each cookie still stands for its entry, or for what comes after it.
	for i, name := range order[:602] {
		if i%3 == 1 && len(name) > 2 {
			os.Remove(filepath.Join(h.dir, "d/e", name))
		}
	}
	for i := 600; i > 2; i-- {
		if got := at(uint64(i)); i%3 != 1 && got != order[i] {
			t.Errorf("after removals, cookie %d: %q, was %q", i, got, order[i])
		}
	}
	f, _ := h.p.get(uint32(d), 0)
	defer h.p.put(f)
	f.list.position = make([]int64, maxCookies)
	h.fails(eOVERFLOW, "fd_readdir", d, buf, 300, maxCookies, used)
}

func TestReaddirInodes(t *testing.T) {
	h := newConfined(t)
	stat := h.alloc(64)
	inode := func(fd uint64) uint64 {
		h.ok("fd_filestat_get", fd, stat)
		return h.u64(stat + 8)
	}
	d := h.mustOpen("d", openDirectory, 0)
	buf, used := h.alloc(4096), h.alloc(4)
	list := func(fd uint64) map[string]uint64 {
		h.ok("fd_readdir", fd, buf, 4096, 0, used)
		all := map[string]uint64{}
		for at, end := buf, buf+uint64(h.u32(used)); at < end; at += direntSize + uint64(h.u32(at+16)) {
			all[string(h.mem[at+direntSize:at+direntSize+uint64(h.u32(at+16))])] = h.u64(at + 8)
		}
		return all
	}
	if all := list(root); all["."] != inode(root) || all[".."] != inode(root) || all["d"] != inode(d) {
		t.Errorf("%v", all)
	}
	if all := list(d); all["."] != inode(d) || all[".."] != inode(root) {
		t.Errorf("%v", all)
	}
	if e := h.path("path_remove_directory", root, "d/e"); e != success {
		t.Fatal(e)
	}
	e := h.mustOpen("d", openDirectory, 0)
	os.RemoveAll(filepath.Join(h.dir, "d"))
	h.fails(eNOENT, "fd_readdir", e, buf, 4096, 0, used)
}
