package linear

import (
	"errors"
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func newMemory(t testing.TB, limit uint64) *Memory {
	t.Helper()
	m, err := New(limit, Reserve{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	return m
}

func TestGrowthKeepsBaseAndContents(t *testing.T) {
	m := newMemory(t, 64<<20)
	base := m.Base()
	if len(m.Bytes()) != 0 {
		t.Fatalf("a new memory holds %d bytes", len(m.Bytes()))
	}
	for pages := uint64(1); pages <= 1024; pages *= 2 {
		b := m.Reallocate(pages * PageSize)
		if uint64(len(b)) != pages*PageSize || cap(b) != len(b) {
			t.Fatalf("%d pages: length %d, capacity %d", pages, len(b), cap(b))
		}
		if m.Base() != base || uintptr(unsafe.Pointer(&b[0])) != base {
			t.Fatalf("%d pages: the base moved", pages)
		}
		for p := uint64(0); p < pages/2; p++ {
			if b[p*PageSize] != byte(p+1) {
				t.Fatalf("%d pages: page %d lost its byte", pages, p)
			}
		}
		for p := pages / 2; p < pages; p++ {
			if b[p*PageSize] != 0 || b[(p+1)*PageSize-1] != 0 {
				t.Fatalf("%d pages: page %d is not zero", pages, p)
			}
			b[p*PageSize] = byte(p + 1)
		}
	}
}

func TestReallocate(t *testing.T) {
	m := newMemory(t, 3*PageSize+100) // the limit is whole pages
	if m.Limit() != 3*PageSize {
		t.Fatalf("limit %d", m.Limit())
	}
	if b := m.Reallocate(1); len(b) != PageSize {
		t.Errorf("one byte: %d", len(b))
	}
	if b := m.Reallocate(3 * PageSize); len(b) != 3*PageSize {
		t.Errorf("to the limit: %d", len(b))
	}
	if b := m.Reallocate(PageSize); len(b) != 3*PageSize {
		t.Errorf("a memory must not shrink: %d", len(b))
	}
	for _, size := range []uint64{3*PageSize + 1, 4 * PageSize, MaxSize, 1<<64 - 1} {
		if b := m.Reallocate(size); b != nil {
			t.Errorf("%d bytes beyond the limit: %d", size, len(b))
		}
	}
	if len(m.Bytes()) != 3*PageSize {
		t.Errorf("a refused growth changed the size to %d", len(m.Bytes()))
	}
}

func TestLimits(t *testing.T) {
	for _, limit := range []uint64{0, 1, PageSize - 1} {
		if m, err := New(limit, Reserve{}, 0); err == nil {
			m.Free()
			t.Errorf("limit %d was accepted", limit)
		}
	}
	if m := newMemory(t, 1<<63); m.Limit() != MaxSize {
		t.Errorf("limit %d", m.Limit())
	}
}

// TestLowest: what is below is never open, whatever the memory grows to, and the rest is as in any other.
func TestLowest(t *testing.T) {
	page := uint64(os.Getpagesize())
	m, err := New(4*PageSize, Reserve{}, page)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	closed := func(at uint64) (faulted bool) {
		defer func() { faulted = recover() != nil }()
		m.Bytes()[at]++
		return false
	}
	for size := uint64(PageSize); size <= 4*PageSize; size += PageSize {
		b := m.Reallocate(size)
		if uint64(len(b)) != size || m.Lowest() != page {
			t.Fatalf("%d bytes of %d, from %d on", len(b), size, m.Lowest())
		}
		if !closed(0) || !closed(page-1) || closed(page) || closed(size-1) {
			t.Errorf("of %d bytes others are closed than the first %d", size, page)
		}
		if b[page] != byte(size/PageSize) {
			t.Errorf("byte %d is %d", page, b[page])
		}
	}
	for _, lowest := range []uint64{1, page - 1, 2 * PageSize, 1 << 63} {
		if m, err := New(4*PageSize, Reserve{}, lowest); err == nil {
			m.Free()
			t.Errorf("%d closed bytes were accepted", lowest)
		}
	}
}

// TestClose: what is closed faults and stays closed when the memory grows, and Open says how far others may go.
func TestClose(t *testing.T) {
	page := uint64(os.Getpagesize())
	m, err := New(8*PageSize, Reserve{}, page)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	m.Reallocate(4 * PageSize)
	const upper, lower = 3 * PageSize, PageSize
	if err := errors.Join(m.Close(upper, PageSize), m.Close(lower, page)); err != nil {
		t.Fatal(err)
	}
	m.Reallocate(6 * PageSize)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	for address, open := range map[uint64]uint64{0: 0, page - 1: 0, page: lower - page, lower - 1: 1, lower: 0,
		lower + page - 1: 0, lower + page: upper - lower - page, upper - 3: 3, upper: 0, upper + PageSize - 1: 0,
		upper + PageSize: 2 * PageSize, 6*PageSize - 1: 1, 6 * PageSize: 0, 1 << 63: 0} {
		if got := m.Open(address); got != open {
			t.Errorf("%d bytes are open from %#x on, not %d", got, address, open)
		}
		if address >= 6*PageSize {
			continue
		}
		func() {
			defer func() {
				if faulted := recover() != nil; faulted != (open == 0) {
					t.Errorf("byte %#x: faulted %t", address, faulted)
				}
			}()
			m.Bytes()[address]++
		}()
	}
	for _, c := range []span{{page, page}, {page + 1, 2*page + 1}, {page, page + 7}, {5 * PageSize, 7 * PageSize},
		{1 << 63, 1<<63 + page}, {page, -page}} {
		if err := m.Close(c.low, c.end-c.low); err == nil {
			t.Errorf("%#x to %#x was closed", c.low, c.end)
		}
	}
	if got := m.Open(2 * page); got != lower-2*page {
		t.Errorf("%d bytes are open behind calls that failed", got)
	}
}

// TestBefore: what is reserved before a memory is its own, is never open, and goes back with the rest.
func TestBefore(t *testing.T) {
	m, err := New(4*PageSize, Reserve{Before: 16<<30 - 1, Size: 1 << 30}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Free()
	b := m.Reallocate(4 * PageSize)
	base, before, size := m.Addresses()
	if base != uintptr(unsafe.Pointer(&b[0])) || before != 16<<30 || size != 1<<30 {
		t.Errorf("%d addresses before %#x, where the bytes are at %p, and %d behind", before, base, &b[0], size)
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	closed := func(at int) (faulted bool) {
		defer func() { faulted = recover() != nil }()
		*(*byte)(unsafe.Add(unsafe.Pointer(&b[0]), at)) = 1
		return false
	}
	for _, at := range []int{-16 << 30, -1 << 30, -PageSize, -1, 4 * PageSize, 1<<30 - 1} {
		if !closed(at) {
			t.Errorf("byte %d is open", at)
		}
	}
	if closed(0) || closed(4*PageSize-1) {
		t.Error("the memory is closed")
	}
	m.Free()
	for _, at := range []int{-16 << 30, -PageSize, 0, 1<<30 - PageSize} {
		freed := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(&b[0]), at)), PageSize)
		if err := unix.Madvise(freed, unix.MADV_NORMAL); err != unix.ENOMEM {
			t.Errorf("byte %d is still reserved: %v", at, err)
		}
	}
}

func TestWholeAddressSpace(t *testing.T) {
	m := newMemory(t, MaxSize)
	b := m.Reallocate(MaxSize)
	if len(b) != MaxSize {
		t.Fatalf("%d bytes", len(b))
	}
	b[0], b[MaxSize-1] = 1, 2
	resident, err := m.Resident()
	if err != nil {
		t.Fatal(err)
	}
	if resident == 0 || resident > 8<<20 {
		t.Errorf("two bytes written, %d bytes resident", resident)
	}
}

func TestResident(t *testing.T) {
	m := newMemory(t, 64<<20)
	b := m.Reallocate(32 << 20)
	if r, err := m.Resident(); err != nil || r != 0 {
		t.Errorf("untouched: %d bytes, %v", r, err)
	}
	for i := 0; i < 8<<20; i += os.Getpagesize() {
		b[i] = 1
	}
	if r, err := m.Resident(); err != nil || r != 8<<20 {
		t.Errorf("8 MiB written: %d bytes resident, %v", r, err)
	}
	m.Reallocate(64 << 20)
	if r, err := m.Resident(); err != nil || r != 8<<20 {
		t.Errorf("grown: %d bytes resident, %v", r, err)
	}
}

// A peer may look while the rank grows its memory, and copy into what it saw.
func TestBytesDuringGrowth(t *testing.T) {
	m := newMemory(t, 64<<20)
	m.Reallocate(PageSize)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; n < 1024*PageSize; {
			b := m.Bytes()
			if len(b) < n {
				t.Errorf("%d bytes, then %d", n, len(b))
				return
			}
			n = len(b)
			b[n-1] = 1
		}
	}()
	for pages := uint64(2); pages <= 1024; pages++ {
		m.Reallocate(pages * PageSize)
	}
	<-done
}

func TestFree(t *testing.T) {
	before := openFiles(t)
	m := newMemory(t, 1<<20)
	m.Reallocate(1 << 20)
	m.Free()
	m.Free()
	if m.Reallocate(PageSize) != nil || len(m.Bytes()) != 0 {
		t.Error("a freed memory still gives bytes")
	}
	if r, err := m.Resident(); r != 0 || err != nil {
		t.Errorf("a freed memory is resident: %d, %v", r, err)
	}
	if after := openFiles(t); after != before {
		t.Errorf("%d open files before, %d after", before, after)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(entries)
}

// Many ranks of one process, each with the whole 4 GiB reserved.
func TestManyMemories(t *testing.T) {
	for i := 0; i < 512; i++ {
		b := newMemory(t, MaxSize).Reallocate(2 * PageSize)
		b[PageSize] = byte(i)
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	lowered := old
	lowered.Cur = 3
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &lowered); err != nil {
		t.Fatal(err)
	}
	_, err := New(PageSize, Reserve{}, 0)
	if e := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); e != nil {
		t.Fatal(e)
	}
	if !errors.Is(err, unix.EMFILE) || !strings.Contains(err.Error(), "ulimit -n") {
		t.Errorf("no descriptor left: %v", err)
	}
	err = explain("reserve", unix.ENOMEM)
	if !errors.Is(err, unix.ENOMEM) || !strings.Contains(err.Error(), "memory per rank") {
		t.Errorf("no addresses left: %v", err)
	}
}

func BenchmarkNewMemory(b *testing.B) {
	for b.Loop() {
		m, err := New(MaxSize, Reserve{}, 0)
		if err != nil {
			b.Fatal(err)
		}
		m.Reallocate(2 * PageSize)
		m.Free()
	}
}

// Growing by a page at a time, as a guest's malloc does at worst.
func BenchmarkGrow(b *testing.B) {
	m := newMemory(b, MaxSize)
	size := uint64(0)
	for b.Loop() {
		if size += PageSize; size > MaxSize {
			m.Free()
			m, size = newMemory(b, MaxSize), PageSize
		}
		m.Reallocate(size)
	}
}
