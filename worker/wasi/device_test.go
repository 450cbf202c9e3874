package wasi

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const devices = 4 // the second mount, behind root

// newDeviceGuest has a directory as "/" and the devices.
func newDeviceGuest(t testing.TB, c Config) *guest {
	t.Helper()
	dir := t.TempDir()
	c.Mounts = []Mount{{Guest: "/", Root: openRoot(t, dir)}, {Guest: "/dev", Devices: true},
		{Guest: "/ro", Root: openRoot(t, dir), ReadOnly: true}}
	g := newGuest(t, c)
	g.dir = dir
	return g
}

// device opens a device with the flags of fopen's "r", "w" or "r+".
func (g *guest) device(name, mode string) (uint64, errno) {
	g.t.Helper()
	switch mode {
	case "w":
		return g.open(devices, name, openCreate|openTruncate, rightFDWrite, 0)
	case "r+":
		return g.open(devices, name, 0, readWrite, 0)
	}
	return g.open(devices, name, 0, rightFDRead, 0)
}

func (g *guest) mustDevice(name, mode string) uint64 {
	g.t.Helper()
	fd, e := g.device(name, mode)
	if e != success {
		g.t.Fatalf("%s for %s: errno %d", name, mode, e)
	}
	return fd
}

func TestDevices(t *testing.T) {
	g := newDeviceGuest(t, Config{})
	null := g.mustDevice("null", "r+")
	g.mustWrite(null, "nobody reads this")
	if s, e := g.read(null, 10); s != "" || e != success {
		t.Errorf("null: %q, %d", s, e)
	}
	g.mustWrite(g.mustDevice("null", "w"), "nor this")
	if s, e := g.read(g.mustDevice("zero", "r"), 10, 6); s != strings.Repeat("\x00", 16) || e != success {
		t.Errorf("zero: %q, %d", s, e)
	}
	a, _ := g.read(g.mustDevice("urandom", "r"), 16)
	b, _ := g.read(g.mustDevice("random", "r"), 16)
	if len(a) != 16 || len(b) != 16 || a == b {
		t.Errorf("random bytes: %x and %x", a, b)
	}
	if _, e := g.write(g.mustDevice("full", "w"), "x"); e != eNOSPC {
		t.Errorf("full: %d", e)
	}
	pos := g.alloc(8)
	g.ok("fd_seek", null, 100, 0, pos)
	stat := g.alloc(filestatSize)
	g.ok("fd_fdstat_get", null, stat)
	if g.mem[stat] != byte(typeCharacterDevice) || rights(g.u64(stat+8))&rightFDSeek == 0 {
		t.Error("a libc would take null for a terminal")
	}
	for name, want := range map[string]errno{"tty": eNXIO, "none": eNOENT, "null/": eNOTDIR, "fd/99": eNOENT,
		"fd/01": eNOENT, "fd/x": eNOENT, "fd/4294967296": eNOENT, "../etc/passwd": ePERM, "/dev/null": ePERM, "..": ePERM} {
		if _, e := g.device(name, "r"); e != want {
			t.Errorf("%s: errno %d, want %d", name, e, want)
		}
	}
	if _, e := g.device("made", "w"); e != eACCES {
		t.Errorf("a file was made in /dev: %d", e)
	}
	if _, e := g.open(devices, "null", openCreate|openExclusive, readWrite, 0); e != eEXIST {
		t.Errorf("made though it is there: %d", e)
	}
	if _, e := g.open(devices, "null", openDirectory, rightFDRead, 0); e != eNOTDIR {
		t.Errorf("null as a directory: %d", e)
	}
}

// TestDevicesAreKept: the machine's devices can't be changed, whoever the rank runs as.
func TestDevicesAreKept(t *testing.T) {
	before, err := os.Stat("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	g := newDeviceGuest(t, Config{})
	null := g.mustDevice("null", "r+")
	if e := errno(g.system("fd_chmod", null, 0)); e != eROFS {
		t.Errorf("chmod: %d", e)
	}
	g.fails(eROFS, "fd_filestat_set_times", null, 1, 1, setAtime|setMtime)
	g.fails(eROFS, "fd_filestat_set_times", devices, 1, 1, setAtime|setMtime)
	for _, name := range []string{"path_unlink_file", "path_create_directory", "path_remove_directory"} {
		want := eACCES
		if name == "path_create_directory" {
			want = eEXIST
		}
		if e := g.path(name, devices, "null"); e != want {
			t.Errorf("%s: %d", name, e)
		}
	}
	for _, name := range []string{"path_rename", "path_link"} {
		if e := g.between(name, devices, "null", devices, "other"); e != eACCES {
			t.Errorf("%s: %d", name, e)
		}
		if e := g.between(name, devices, "null", root, "null"); e != eXDEV {
			t.Errorf("%s: %d", name, e)
		}
		g.hostFile("f", "")
		if e := g.between(name, root, "f", devices, "f"); e != eXDEV {
			t.Errorf("%s: %d", name, e)
		}
	}
	if after, _ := os.Stat("/dev/null"); after.Mode() != before.Mode() || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("/dev/null was %v, %v and is %v, %v", before.Mode(), before.ModTime(), after.Mode(), after.ModTime())
	}
}

func TestNamesOfOpenFiles(t *testing.T) {
	in := newInput()
	in.write("some input")
	var out, err bytes.Buffer
	g := newDeviceGuest(t, Config{Stdin: in, Stdout: OutputTo(&out), Stderr: OutputTo(&err)})
	g.mustWrite(g.mustDevice("stdout", "w"), "one ")
	g.mustWrite(g.mustDevice("fd/1", "w"), "two")
	g.mustWrite(g.mustDevice("stderr", "w"), "three")
	if s, _ := g.read(g.mustDevice("stdin", "r"), 4); s != "some" || out.String() != "one two" || err.String() != "three" {
		t.Errorf("%q, %q, %q", s, &out, &err)
	}
	for name, mode := range map[string]string{"stdin": "w", "stdout": "r", "fd/2": "r+"} {
		if _, e := g.device(name, mode); e != eACCES {
			t.Errorf("%s for %s: %d", name, mode, e)
		}
	}
	g.ok("fd_close", 1) // which leaves the other numbers
	if _, e := g.device("stdout", "r"); e != eNOENT {
		t.Errorf("a closed number has a name: %d", e)
	}

	// A file is opened anew: what the number may do does not matter, and the offset is its own.
	g.hostFile("f", "content")
	f := g.mustOpen("f", 0, rightFDRead)
	g.read(f, 3)
	again, e := g.device("fd/"+digits(f), "r+")
	if s, _ := g.read(again, 3); e != success || s != "con" {
		t.Errorf("%q, errno %d", s, e)
	}
	g.ok("fd_close", f)
	g.mustWrite(again, "ENT")
	if g.fileOf("f") != "conENTt" {
		t.Errorf("%q", g.fileOf("f"))
	}
	ro, _ := g.open(devices+1, "f", 0, rightFDRead, 0)
	if _, e := g.device("fd/"+digits(ro), "r+"); e != eROFS {
		t.Errorf("a file of a read-only mount was opened for writing: %d", e)
	}
	if _, e := g.open(devices, "fd/"+digits(ro), openTruncate, rightFDRead, 0); e != eROFS {
		t.Errorf("a file of a read-only mount was emptied: %d", e)
	}
	if err := os.Mkdir(filepath.Join(g.dir, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	dir, e := g.device("fd/"+digits(root), "r")
	if e != success {
		t.Fatalf("a directory by its number: %d", e)
	}
	if names := g.names(dir, 4096, func() {}); names["d"] != typeDirectory {
		t.Errorf("%v", names)
	}
}

func digits(fd uint64) string { return string(rune('0' + fd)) } // below ten

func TestDevicesAreListed(t *testing.T) {
	g := newDeviceGuest(t, Config{})
	for _, size := range []int{direntSize + 10, 4096} {
		names := g.names(devices, size, func() {})
		if len(names) != 12 || names["null"] != typeCharacterDevice || names["fd"] != typeDirectory {
			t.Errorf("%v", names)
		}
	}
	dir := g.mustDevice("fd", "r")
	if names := g.names(dir, 4096, func() {}); len(names) != 2+3+3+1 || names["4"] != typeDirectory {
		t.Errorf("%v", names)
	}
	stat := g.alloc(filestatSize)
	for name, want := range map[string]filetype{".": typeDirectory, "fd": typeDirectory, "fd/": typeDirectory,
		"null": typeCharacterDevice, "tty": typeCharacterDevice, "fd/3": typeDirectory, "fd/1": typeUnknown} {
		ptr, n := g.str(name)
		g.ok("path_filestat_get", devices, followLinks, ptr, n, stat)
		if got := filetype(g.mem[stat+16]); got != want || g.u64(stat+8) == 0 {
			t.Errorf("%s is of type %d, number %d", name, got, g.u64(stat+8))
		}
	}
	g.ok("fd_filestat_get", dir, stat)
	ptr, n := g.str("null")
	g.fails(eINVAL, "path_readlink", devices, ptr, n, stat, 64, g.alloc(4))
	ptr, n = g.str("none")
	g.fails(eNOENT, "path_readlink", devices, ptr, n, stat, 64, g.alloc(4))
}
