package wasi

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestReadWriteSeek(t *testing.T) {
	g := newGuest(t, Config{})
	f := g.mustOpen("f", openCreate, readWrite)
	if f != 4 {
		t.Errorf("descriptor %d, not the lowest", f)
	}
	g.mustWrite(f, "hello ", "", "world")
	pos := g.alloc(8)
	seek := func(offset int64, whence uint64, want uint64) {
		t.Helper()
		g.ok("fd_seek", f, uint64(offset), whence, pos)
		if g.u64(pos) != want {
			t.Errorf("seek(%d, %d) = %d", offset, whence, g.u64(pos))
		}
	}
	seek(0, 1, 11)
	seek(-5, 2, 6)
	if s, _ := g.read(f, 3, 10); s != "world" {
		t.Errorf("read %q", s)
	}
	if s, e := g.read(f, 3); s != "" || e != success {
		t.Errorf("at the end %q, %d", s, e)
	}
	seek(20, 0, 20)
	g.mustWrite(f, "x")
	g.ok("fd_tell", f, pos)
	if g.u64(pos) != 21 || g.fileOf("f") != "hello world"+strings.Repeat("\x00", 9)+"x" {
		t.Errorf("at %d, %q", g.u64(pos), g.fileOf("f"))
	}
	at, n := g.str("WORLD")
	iovs, count := g.iovs([2]uint64{at, n})
	g.ok("fd_pwrite", f, iovs, count, 6, pos)
	g.ok("fd_pread", f, iovs, count, 4, pos)
	if got := string(g.mem[at : at+n]); got != "o WOR" {
		t.Errorf("pread %q", got)
	}
	g.ok("fd_tell", f, pos)
	if g.u64(pos) != 21 {
		t.Error("pread or pwrite moved the offset")
	}
	g.ok("fd_filestat_set_size", f, 5)
	g.ok("fd_allocate", f, 0, 8)
	g.ok("fd_advise", f, 0, 8, 3)
	g.ok("fd_sync", f)
	g.ok("fd_datasync", f)
	if g.fileOf("f") != "hello\x00\x00\x00" {
		t.Errorf("%q", g.fileOf("f"))
	}
	g.fails(eINVAL, "fd_seek", f, 1<<63, 0, pos)
	g.fails(eINVAL, "fd_seek", f, 0, 3, pos)
	g.fails(eINVAL, "fd_pread", f, iovs, count, 1<<63, pos)
	g.fails(eINVAL, "fd_pwrite", f, iovs, count, 1<<63, pos)
	g.fails(eINVAL, "fd_advise", f, 0, 8, 6)
	g.fails(eINVAL, "fd_allocate", f, 0, 1<<63)
	g.fails(eFBIG, "fd_filestat_set_size", f, 1<<63)
	g.ok("fd_close", f)
	g.fails(eBADF, "fd_close", f)
}

// TestNullPointers: below the lowest address nothing is read or written, however a call points there; nothing at all
// may be anywhere.
func TestNullPointers(t *testing.T) {
	g := newGuest(t, Config{Lowest: 4096})
	for i := range 4096 {
		g.mem[i] = 'x'
	}
	g.next = 8192
	f := g.mustOpen("f", openCreate, readWrite)
	result := g.alloc(4)
	there, _ := g.iovs([2]uint64{64, 4})
	end, _ := g.iovs([2]uint64{4095, 1})
	behind, _ := g.iovs([2]uint64{4096, 4})
	nothing, _ := g.iovs([2]uint64{0, 0}, [2]uint64{8, 0})
	for _, call := range []string{"fd_write", "fd_read"} {
		g.fails(eFAULT, call, f, there, 1, result)
		g.fails(eFAULT, call, f, end, 1, result)
		g.fails(eFAULT, call, f, 16, 1, result)
		g.fails(eFAULT, call, f, behind, 1, 16)
		g.ok(call, f, nothing, 2, result)
	}
	g.ok("fd_write", f, behind, 1, result)
	g.fails(eFAULT, "path_create_directory", root, 8, 2)
	g.fails(eFAULT, "fd_filestat_get", f, 8)
	g.fails(eFAULT, "args_sizes_get", 8, result)
	g.fails(eFAULT, "random_get", 100, 4)
	g.ok("random_get", 100, 0)
	if got := g.fileOf("f"); len(got) != 4 {
		t.Errorf("%d bytes were written", len(got))
	}
	for i := range 4096 {
		if g.mem[i] != 'x' {
			t.Fatalf("byte %d was written", i)
		}
	}
}

func TestVectors(t *testing.T) {
	g := newGuest(t, Config{})
	f := g.mustOpen("f", openCreate, readWrite)
	end := uint64(len(g.mem))
	result := g.alloc(4)
	outside, _ := g.iovs([2]uint64{end - 4, 4}, [2]uint64{end - 4, 5})
	g.fails(eFAULT, "fd_write", f, outside, 2, result)
	g.fails(eFAULT, "fd_read", f, outside, 2, result)
	g.ok("fd_write", f, outside, 1, result)
	g.fails(eFAULT, "fd_write", f, outside, 1, end-3)
	g.fails(eFAULT, "fd_write", f, end-4, 1, result)
	g.fails(eFAULT, "fd_write", f, 0, math.MaxUint32, result)
	if got := g.fileOf("f"); len(got) != 4 {
		t.Errorf("%d bytes were written", len(got))
	}
	many := g.alloc(8 * 2000)
	for i := range uint64(2000) {
		copy(g.mem[many+8*i:], []byte{0, 0, 0, 0, 1, 0, 0, 0})
	}
	g.ok("fd_write", f, many, 2000, result)
	if g.u32(result) != maxVectors {
		t.Errorf("%d of 2000 vectors written", g.u32(result))
	}
}

// TestHugeVectors: many vectors that overlap ask for more bytes than there are in memory, and than an int32 can count.
func TestHugeVectors(t *testing.T) {
	g := newGuest(t, Config{})
	var bufs [][2]uint64
	for range 4096 {
		bufs = append(bufs, [2]uint64{0, uint64(len(g.mem))})
	}
	ptr, n := g.iovs(bufs...)
	got, total, e := args{stack: []uint64{ptr, n}}.vectors(nil, g.p.mem(), 0)
	if e != success || total > maxTransfer || len(got) > maxVectors {
		t.Errorf("%d vectors, %d bytes, errno %d", len(got), total, e)
	}
}

func TestAccessModes(t *testing.T) {
	g := newGuest(t, Config{})
	g.hostFile("f", "data")
	r, w := g.mustOpen("f", 0, rightFDRead), g.mustOpen("f", 0, rightFDWrite)
	if _, e := g.write(r, "x"); e != eBADF {
		t.Errorf("write to a file open for reading: %d", e)
	}
	if _, e := g.read(w, 1); e != eBADF {
		t.Errorf("read of a file open for writing: %d", e)
	}
	g.fails(eINVAL, "fd_filestat_set_size", r, 0)
	g.fails(eBADF, "fd_allocate", r, 0, 1)
	stat := g.alloc(24)
	for fd, want := range map[uint64]rights{r: rightFDRead, w: rightFDWrite} {
		g.ok("fd_fdstat_get", fd, stat)
		if got := rights(g.u64(stat+8)) & readWrite; got != want || g.mem[stat] != byte(typeRegular) {
			t.Errorf("rights %x, want %x", got, want)
		}
	}
}

func TestDescriptorKinds(t *testing.T) {
	g := newGuest(t, Config{})
	at := g.alloc(64)
	iovs, n := g.iovs([2]uint64{at, 1})
	g.fails(eISDIR, "fd_read", root, iovs, n, at)
	g.fails(eISDIR, "fd_pread", root, iovs, n, 0, at)
	g.fails(eBADF, "fd_write", root, iovs, n, at)
	g.fails(eBADF, "fd_seek", root, 0, 0, at)
	g.fails(eSPIPE, "fd_seek", 0, 0, 0, at)
	g.fails(eSPIPE, "fd_tell", 1, at)
	g.fails(eSPIPE, "fd_pread", 0, iovs, n, 0, at)
	g.fails(eSPIPE, "fd_pwrite", 1, iovs, n, 0, at)
	g.fails(eINVAL, "fd_sync", 1)
	g.fails(eINVAL, "fd_filestat_set_size", 1, 0)
	g.fails(eNOTDIR, "fd_readdir", 1, at, 8, 0, at)
	if e := g.path("path_create_directory", 1, "d"); e != eNOTDIR {
		t.Errorf("a path relative to standard output: %d", e)
	}
	f := g.mustOpen("f", openCreate, readWrite)
	if e := g.path("path_unlink_file", f, "d"); e != eNOTDIR {
		t.Errorf("a path relative to a file: %d", e)
	}
	for _, name := range []string{"sock_accept", "sock_recv", "sock_send", "sock_shutdown"} {
		args := make([]uint64, len(g.calls[name].Params))
		args[0] = f
		g.fails(eNOTSOCK, name, args...)
		args[0] = 77
		g.fails(eBADF, name, args...)
	}
}

func TestStreamsLookLikeTerminals(t *testing.T) {
	for _, tty := range []bool{false, true} {
		g := newGuest(t, Config{TTY: tty})
		stat, fstat := g.alloc(24), g.alloc(64)
		seen := map[uint64]bool{}
		for fd := range uint64(3) {
			g.ok("fd_fdstat_get", fd, stat)
			// wasi-libc's isatty: a character device without the rights to seek and tell.
			terminal := g.mem[stat] == byte(typeCharacterDevice) && rights(g.u64(stat+8))&(rightFDSeek|rightFDTell) == 0
			if terminal != (tty && fd > 0) {
				t.Errorf("TTY %v: descriptor %d: %v", tty, fd, terminal)
			}
			g.ok("fd_filestat_get", fd, fstat)
			seen[g.u64(fstat+8)] = true
		}
		if len(seen) != 3 {
			t.Error("two streams have one number")
		}
	}
}

func TestFlags(t *testing.T) {
	g := newGuest(t, Config{})
	f, e := g.open(root, "f", openCreate, readWrite, flagAppend)
	if e != success {
		t.Fatal(e)
	}
	stat := g.alloc(24)
	flags := func() uint16 {
		g.ok("fd_fdstat_get", f, stat)
		return uint16(g.u32(stat) >> 16)
	}
	g.mustWrite(f, "one")
	pos := g.alloc(8)
	g.ok("fd_seek", f, 0, 0, pos)
	g.mustWrite(f, "two")
	if flags() != flagAppend || g.fileOf("f") != "onetwo" {
		t.Errorf("flags %x, %q", flags(), g.fileOf("f"))
	}
	g.ok("fd_tell", f, pos)
	if g.u64(pos) != 6 {
		t.Errorf("after an append at %d", g.u64(pos))
	}
	g.ok("fd_fdstat_set_flags", f, flagNonblock)
	g.ok("fd_seek", f, 0, 0, pos)
	g.mustWrite(f, "ONE")
	if flags() != flagNonblock || g.fileOf("f") != "ONEtwo" {
		t.Errorf("flags %x, %q", flags(), g.fileOf("f"))
	}
	g.fails(eNOTSUP, "fd_fdstat_set_flags", f, flagSync)
	g.fails(eINVAL, "fd_fdstat_set_flags", f, 32)
	s, e := g.open(root, "f", 0, readWrite, flagSync|flagAppend)
	if e != success {
		t.Fatal(e)
	}
	g.ok("fd_fdstat_get", s, stat)
	if got := uint16(g.u32(stat) >> 16); got&(flagSync|flagAppend) != flagSync|flagAppend {
		t.Errorf("flags %x", got)
	}
	g.ok("fd_fdstat_set_flags", s, flagSync|flagRsync|flagDsync)
}

func TestRights(t *testing.T) {
	g := newGuest(t, Config{})
	f := g.mustOpen("f", openCreate, readWrite)
	g.ok("fd_fdstat_set_rights", f, uint64(rightsFile&^rightFDWrite), 0)
	if _, e := g.write(f, "x"); e != eBADF {
		t.Errorf("write without the right: %d", e)
	}
	g.fails(eNOTCAPABLE, "fd_fdstat_set_rights", f, uint64(rightsFile), 0)
	g.ok("fd_fdstat_set_rights", root, uint64(rightsDir&^rightPathCreateFile), uint64(rightsFile))
	if _, e := g.open(root, "new", openCreate, readWrite, 0); e != eNOTCAPABLE {
		t.Errorf("create without the right: %d", e)
	}
}

func TestRenumber(t *testing.T) {
	var out chunks
	g := newGuest(t, Config{Stdout: OutputTo(&out)})
	f := g.mustOpen("f", openCreate, readWrite)
	g.ok("fd_renumber", f, f)
	g.ok("fd_renumber", f, 1)
	g.mustWrite(1, "redirected")
	if g.fileOf("f") != "redirected" || out.got != nil {
		t.Errorf("file %q, output %q", g.fileOf("f"), out.got)
	}
	g.fails(eBADF, "fd_renumber", f, 1)
	g.fails(eBADF, "fd_renumber", 1, f)
	g.fails(eBADF, "fd_renumber", 1, 1<<31)
}

func TestPrestat(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	g := newGuest(t, Config{Mounts: []Mount{{Guest: "/", Root: r}, {Guest: dir, Root: r}}})
	for i, want := range []string{"/", dir} {
		stat, buf := g.alloc(8), g.alloc(len(want))
		g.ok("fd_prestat_get", root+uint64(i), stat)
		if g.u64(stat) != uint64(len(want))<<32 {
			t.Errorf("prestat %x", g.u64(stat))
		}
		g.ok("fd_prestat_dir_name", root+uint64(i), buf, uint64(len(want)))
		if got := string(g.mem[buf : buf+uint64(len(want))]); got != want {
			t.Errorf("name %q", got)
		}
		g.fails(eNAMETOOLONG, "fd_prestat_dir_name", root+uint64(i), buf, uint64(len(want)-1))
	}
	for _, fd := range []uint64{0, root + 2, 1<<32 - 1} {
		g.fails(eBADF, "fd_prestat_get", fd, g.alloc(8))
	}
	d, e := g.open(root, ".", openDirectory, 0, 0)
	if e != success {
		t.Fatal(e)
	}
	g.fails(eBADF, "fd_prestat_get", d, g.alloc(8))
	if e := g.path("path_create_directory", root, "made"); e != success {
		t.Fatal(e)
	}
	if e := g.between("path_rename", root+1, "made", root, "moved"); e != success {
		t.Errorf("rename between two names of one directory: %d", e)
	}
}

func TestMaxOpen(t *testing.T) {
	g := newGuest(t, Config{MaxOpen: 6})
	a, b := g.mustOpen("a", openCreate, readWrite), g.mustOpen("b", openCreate, readWrite)
	if _, e := g.open(root, "c", openCreate, readWrite, 0); e != eMFILE {
		t.Errorf("a seventh descriptor: %d", e)
	}
	if _, err := os.Stat(filepath.Join(g.dir, "c")); !os.IsNotExist(err) {
		t.Error("the file was created all the same")
	}
	g.ok("fd_close", a)
	if fd := g.mustOpen("c", openCreate, readWrite); fd != a || b == a {
		t.Errorf("descriptor %d, not the lowest", fd)
	}
	if _, err := New(Config{Memory: g.p.memory, MaxOpen: 2}); err == nil {
		t.Error("room for two, and three are open from the start")
	}
}

func TestFilestat(t *testing.T) {
	g := newGuest(t, Config{})
	g.hostFile("f", "12345")
	if err := os.Symlink("f", filepath.Join(g.dir, "l")); err != nil {
		t.Fatal(err)
	}
	stat := func(path string, follow uint64) (filetype, uint64, errno) {
		at := g.alloc(64)
		ptr, n := g.str(path)
		e := g.call("path_filestat_get", root, follow, ptr, n, at)
		return filetype(g.mem[at+16]), g.u64(at + 32), e
	}
	for _, c := range []struct {
		path   string
		follow uint64
		kind   filetype
		size   uint64
		e      errno
	}{
		{"f", 0, typeRegular, 5, success}, {"l", 0, typeSymlink, 1, success}, {"l", 1, typeRegular, 5, success},
		{"none", 1, 0, 0, eNOENT}, {"f/x", 1, 0, 0, eNOTDIR}, {"f/", 1, 0, 0, eNOTDIR}, {"", 1, 0, 0, eNOENT},
	} {
		kind, size, e := stat(c.path, c.follow)
		if kind != c.kind || size != c.size || e != c.e {
			t.Errorf("%q, %d: type %d, size %d, errno %d", c.path, c.follow, kind, size, e)
		}
	}
	f := g.mustOpen("f", 0, rightFDRead)
	at := g.alloc(64)
	g.ok("fd_filestat_get", f, at)
	if g.u64(at+32) != 5 || g.u64(at+24) != 1 {
		t.Errorf("size %d, %d links", g.u64(at+32), g.u64(at+24))
	}
}

// TestAccess: what access asks for is what the file's mode and the mount let the executor's user do.
func TestAccess(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	g := newGuest(t, Config{Mounts: []Mount{{Guest: "/", Root: r}, {Guest: "/ro", Root: r, ReadOnly: true},
		{Guest: "/dev", Devices: true}}})
	g.dir = dir
	g.hostFile("f", "")
	stat := g.alloc(filestatSize)
	access := func(mount uint64, name string, flags uint64) uint8 {
		t.Helper()
		ptr, n := g.str(name)
		g.ok("path_filestat_get", mount, followLinks|flags, ptr, n, stat)
		return g.mem[stat+20]
	}
	const everything = unix.R_OK | unix.W_OK
	for mode, want := range map[os.FileMode]uint8{0o600: everything, 0o400: unix.R_OK, 0o700: everything | unix.X_OK,
		0: 0} {
		if err := os.Chmod(filepath.Join(dir, "f"), mode); err != nil {
			t.Fatal(err)
		}
		if os.Geteuid() == 0 { // who may read and write all, and execute what somebody may
			want |= everything
		}
		if got := access(root, "f", askAccess); got != want|accessKnown {
			t.Errorf("mode %o: %b", mode, got)
		}
		if got := access(root+1, "f", askAccess); got != want|accessKnown|accessReadOnly {
			t.Errorf("mode %o, read-only: %b", mode, got)
		}
	}
	if got := access(root, "f", 0); got != 0 {
		t.Errorf("nobody asked: %b", got)
	}
	if got := access(root+2, ".", askAccess); got != accessKnown|unix.R_OK|unix.X_OK {
		t.Errorf("/dev: %b", got)
	}
	if got := access(root+2, "null", askAccess); got&accessKnown != 0 && got&everything != everything {
		t.Errorf("/dev/null: %b", got)
	}
}

func TestSetTimes(t *testing.T) {
	g := newGuest(t, Config{})
	g.hostFile("f", "")
	if err := os.Symlink("f", filepath.Join(g.dir, "l")); err != nil {
		t.Fatal(err)
	}
	modified := func(path string) time.Time {
		info, err := os.Lstat(filepath.Join(g.dir, path))
		if err != nil {
			t.Fatal(err)
		}
		return info.ModTime()
	}
	f := g.mustOpen("f", 0, rightFDRead)
	g.ok("fd_filestat_set_times", f, 0, 5_000_000_007, setMtime)
	if got := modified("f"); !got.Equal(time.Unix(5, 7)) {
		t.Errorf("by descriptor: %v", got)
	}
	set := func(path string, follow, atim, mtim, flags uint64) errno {
		ptr, n := g.str(path)
		return g.call("path_filestat_set_times", root, follow, ptr, n, atim, mtim, flags)
	}
	if e := set("l", followLinks, 1, 9e9, setAtimeNow|setMtime); e != success || !modified("f").Equal(time.Unix(9, 0)) {
		t.Errorf("through a link: %d, %v", e, modified("f"))
	}
	if e := set("l", 0, 0, 3e9, setMtime); e != success || !modified("l").Equal(time.Unix(3, 0)) ||
		modified("f").Equal(time.Unix(3, 0)) {
		t.Errorf("of a link: %d, %v, %v", e, modified("l"), modified("f"))
	}
	before := time.Now().Add(-time.Minute)
	if e := set("f", followLinks, 0, 0, setMtimeNow); e != success || modified("f").Before(before) {
		t.Errorf("now: %d, %v", e, modified("f"))
	}
	if e := set("f", followLinks, 0, 0, setMtime); e != success || !modified("f").Equal(time.Unix(0, 0)) {
		t.Errorf("1970: %d, %v", e, modified("f"))
	}
	for _, flags := range []uint64{setAtime | setAtimeNow, setMtime | setMtimeNow, 16} {
		g.fails(eINVAL, "fd_filestat_set_times", f, 0, 0, flags)
		if e := set("f", 0, 0, 0, flags); e != eINVAL {
			t.Errorf("flags %d: %d", flags, e)
		}
	}
	g.fails(eINVAL, "fd_filestat_set_times", f, 1<<63, 0, setAtime)
	if e := set("none", 0, 0, 0, setMtimeNow); e != eNOENT {
		t.Errorf("no file: %d", e)
	}
}

// TestAppendOfTwoRanks: two Processes append to one file, each line in several buffers; POSIX keeps the lines whole.
func TestAppendOfTwoRanks(t *testing.T) {
	dir := t.TempDir()
	const lines, length = 300, 200
	var ranks sync.WaitGroup
	for _, letter := range []string{"a", "b"} {
		g := newGuest(t, Config{Mounts: []Mount{{Guest: "/", Root: openRoot(t, dir)}}})
		ranks.Go(func() {
			f, e := g.open(root, "log", openCreate, readWrite, flagAppend)
			if e != success {
				t.Error(e)
				return
			}
			for range lines {
				if n, e := g.write(f, strings.Repeat(letter, length), strings.Repeat(letter, length), "\n"); n != 2*length+1 ||
					e != success {
					t.Errorf("wrote %d, errno %d", n, e)
				}
			}
		})
	}
	ranks.Wait()
	got, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for line := range strings.Lines(string(got)) {
		count[line]++
	}
	if len(count) != 2 || count[strings.Repeat("a", 2*length)+"\n"] != lines ||
		count[strings.Repeat("b", 2*length)+"\n"] != lines {
		t.Errorf("%d different lines", len(count))
	}
}

// TestThreads: threads of one rank share descriptors; reads take turns, a close waits for who still reads.
func TestThreads(t *testing.T) {
	g := newGuest(t, Config{})
	const records = 2000
	var all strings.Builder
	for i := range records {
		fmt.Fprintf(&all, "%07d\n", i)
	}
	g.hostFile("f", all.String())
	f := g.mustOpen("f", 0, rightFDRead)
	var mu sync.Mutex
	seen := map[string]bool{}
	var threads sync.WaitGroup
	for range 4 {
		at, result := g.alloc(8), g.alloc(4)
		iovs, n := g.iovs([2]uint64{at, 8})
		threads.Go(func() {
			for {
				if e := g.call("fd_read", f, iovs, n, result); e == eBADF {
					return
				}
				if g.u32(result) == 0 {
					g.call("fd_close", f)
					continue
				}
				mu.Lock()
				seen[string(g.mem[at:at+8])] = true
				mu.Unlock()
			}
		})
	}
	threads.Wait()
	if len(seen) != records {
		t.Errorf("%d records of %d", len(seen), records)
	}
}

func TestReadOnlyMount(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	g := newGuest(t, Config{Mounts: []Mount{{Guest: "/", Root: r, ReadOnly: true}, {Guest: "/rw", Root: r}}})
	g.dir = dir
	g.hostFile("f", "data")
	if err := os.Mkdir(filepath.Join(dir, "d"), fs.ModePerm); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path   string
		oflags uint64
		rights rights
		want   errno
	}{
		{"f", 0, rightFDRead, success}, {"f", openCreate, rightFDRead, success}, {"d", openDirectory, 0, success},
		{"f", 0, readWrite, eROFS}, {"f", openTruncate, rightFDRead, eROFS}, {"new", openCreate, rightFDRead, eROFS},
		{"f", openCreate | openExclusive, readWrite, eEXIST}, {"none", 0, readWrite, eNOENT}, {"d", 0, readWrite, eISDIR},
		{"new", openCreate | openExclusive, readWrite, eROFS}, {"none/new", openCreate, readWrite, eROFS},
	} {
		if _, e := g.open(root, c.path, c.oflags, c.rights, 0); e != c.want {
			t.Errorf("open %s %d %x: %d, want %d", c.path, c.oflags, c.rights, e, c.want)
		}
	}
	for _, name := range []string{"path_create_directory", "path_unlink_file", "path_remove_directory"} {
		if e := g.path(name, root, "d"); e != eROFS {
			t.Errorf("%s: %d", name, e)
		}
	}
	if e := g.symlink("f", "l"); e != eROFS {
		t.Errorf("symlink: %d", e)
	}
	for _, name := range []string{"path_rename", "path_link"} {
		if e := g.between(name, root, "f", root, "g"); e != eROFS {
			t.Errorf("%s: %d", name, e)
		}
		if e := g.between(name, root, "f", root+1, "g"); e != eXDEV {
			t.Errorf("%s out of it: %d", name, e)
		}
		if e := g.between(name, root+1, "f", root, "g"); e != eXDEV {
			t.Errorf("%s into it: %d", name, e)
		}
	}
	f := g.mustOpen("f", 0, rightFDRead)
	g.fails(eROFS, "fd_filestat_set_times", f, 0, 0, setMtimeNow)
	g.fails(eROFS, "fd_filestat_set_times", root, 0, 0, setMtimeNow)
	ptr, n := g.str("f")
	g.fails(eROFS, "path_filestat_set_times", root, 0, ptr, n, 0, 0, setMtimeNow)
	if g.fileOf("f") != "data" {
		t.Error("the file changed")
	}
}

// pathOf puts together what fd_path says of a descriptor.
func (g *guest) pathOf(fd uint64) (string, errno) {
	var name []byte
	for {
		part := int64(g.system("fd_path", fd, uint64(len(name))))
		if part < 0 {
			return "", errno(-part)
		}
		for ; part != 0; part >>= 8 {
			name = append(name, byte(part))
		}
		if len(name)%pathPart != 0 || len(name) == 0 || g.system("fd_path", fd, uint64(len(name))) == 0 {
			return string(name), success
		}
	}
}

// TestDirectoryNames: a directory's name is what it has now, if it has one that the program can use.
func TestDirectoryNames(t *testing.T) {
	g := newGuest(t, Config{})
	directory := func(name string) uint64 {
		t.Helper()
		fd, e := g.open(root, name, openDirectory, rightFDReaddir, 0)
		if e != success {
			t.Fatalf("%s: %d", name, e)
		}
		return fd
	}
	expect := func(what string, fd uint64, want string, e errno) {
		t.Helper()
		if got, err := g.pathOf(fd); got != want || err != e {
			t.Errorf("%s: %q, errno %d; want %q, %d", what, got, err, want, e)
		}
	}
	for _, name := range []string{"a", "a/b", "a/äöüß", "gone"} {
		if err := os.Mkdir(filepath.Join(g.dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b, letters, gone := directory("a/b"), directory("a/äöüß"), directory("gone")
	expect("the mount", root, "/", success)
	expect("below", b, "/a/b", success)
	expect("letters of two bytes", letters, "/a/äöüß", success)
	if err := os.Rename(filepath.Join(g.dir, "a"), filepath.Join(g.dir, "moved")); err != nil {
		t.Fatal(err)
	}
	expect("moved", b, "/moved/b", success)
	if err := os.Rename(filepath.Join(g.dir, "moved/b"), filepath.Join(t.TempDir(), "away")); err != nil {
		t.Fatal(err)
	}
	expect("moved away", b, "", eNOENT)
	if err := os.Remove(filepath.Join(g.dir, "gone")); err != nil {
		t.Fatal(err)
	}
	expect("removed", gone, "", eNOENT)
	g.hostFile("f", "")
	expect("a file", g.mustOpen("f", 0, readWrite), "", eNOTDIR)
	expect("a stream", 1, "", eNOTDIR)
	expect("not open", 99, "", eBADF)
}
