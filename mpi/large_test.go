package mpi

import (
	"encoding/binary"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Messages, counts and displacements beyond 2 GiB and 4 GiB. A large memory here is one of 64 MiB that is mapped again
// and again, so that a message of 5 GiB is really copied and takes 64 MiB of the machine (but each mapping of a page
// counts as resident).

const (
	window = 64 << 20
	gib    = 1 << 30
)

// largeMemory gives size bytes of addresses. The first private bytes are memory of their own, which the test's
// arguments lie in; behind them each address is the same as the one a window further.
func largeMemory(t *testing.T, size, private int) []byte {
	t.Helper()
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		t.Skipf("no addresses for a large memory: %v", err)
	}
	t.Cleanup(func() { unix.Munmap(mem) })
	fd, err := unix.MemfdCreate("window", unix.MFD_CLOEXEC)
	if err == nil {
		defer unix.Close(fd)
		err = unix.Ftruncate(fd, window)
	}
	for at := private; at < size && err == nil; at += window {
		_, err = unix.MmapPtr(fd, 0, unsafe.Pointer(&mem[at]), uintptr(min(window, size-at)),
			unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_FIXED)
	}
	if err != nil {
		t.Fatal(err)
	}
	return mem
}

// playLarge is play for ranks with large memories.
func playLarge(t *testing.T, n, size int, program func(g *guest)) {
	t.Helper()
	if testing.Short() {
		t.Skip("copies gigabytes")
	}
	config := WorldConfig{Size: n, Node: "node", Cores: runtime.NumCPU()}
	ends := outcomeIn(t, config, guestMemory, func(g *guest) {
		g.mem = largeMemory(t, size, window)
		g.must("Init", 0, 0)
		g.must("Comm_set_errhandler", tWorld, errorsReturn)
		program(g)
		g.must("Finalize")
	})
	for i, err := range ends {
		if err != nil {
			t.Errorf("rank %d: %v", i, err)
		}
	}
}

// numbered writes 8-byte numbers into the window that all of a large memory shows.
func (g *guest) numbered(first uint64) {
	for i := 0; i < window; i += 8 {
		binary.LittleEndian.PutUint64(g.mem[window+i:], first+uint64(i/8))
	}
}

func (g *guest) isNumbered(what string, first uint64) {
	for i := 0; i < window; i += 8 {
		if got := binary.LittleEndian.Uint64(g.mem[window+i:]); got != first+uint64(i/8) {
			g.t.Errorf("rank %d: %s: word %d is %d, not %d", g.me, what, i/8, got, first+uint64(i/8))
			return
		}
	}
}

// TestLargeMessages: 2.5 and 5 GiB of longs go through in one message, contiguous and with a datatype of one element.
func TestLargeMessages(t *testing.T) {
	playLarge(t, 2, window+5*gib, func(g *guest) {
		status, count := g.alloc(statusSize), g.alloc(8)
		whole, part := g.alloc(8), g.alloc(8)
		const halfGiB = gib / 2
		g.must("Type_contiguous_c", int64(halfGiB), tByte, whole)
		g.must("Type_commit", whole)
		g.must("Type_vector_c", int64(5*halfGiB/window), int64(window), int64(window), tByte, part)
		g.must("Type_commit", part)
		blocks, vector := g.word(whole, 0), g.word(part, 0)
		for i, m := range []struct {
			count int64
			typ   int
			bytes int64
			small int32 // what MPI_Get_count says of it
		}{
			{5 * gib / 2 / 8, tLong, 5 * gib / 2, 5 * gib / 2 / 8},
			{5 * gib / 2, tByte, 5 * gib / 2, undefined},
			{5 * gib, tByte, 5 * gib, undefined},
			{10, blocks, 5 * gib, 10},
			{1, vector, 5 * halfGiB, 1},
		} {
			if g.me == 0 {
				g.numbered(uint64(i) << 40)
				g.must("Send_c", window, m.count, m.typ, 1, i, tWorld)
				continue
			}
			g.numbered(0)
			g.must("Recv_c", window, m.count, m.typ, 0, i, tWorld, status)
			g.isNumbered("what arrived", uint64(i)<<40)
			g.must("Get_count_c", status, m.typ, count)
			want(g, "the large count", int64(g.word(count, 0)), m.count)
			g.must("Get_count", status, m.typ, count)
			want(g, "the count", int32(g.int(count, 0)), m.small)
			g.must("Get_elements_c", status, tByte, count)
			want(g, "bytes", int64(g.word(count, 0)), m.bytes)
		}
		// One byte more than there is memory, and one that is not received, are errors and nothing worse.
		want(g, "beyond the memory", g.call("Send_c", window, int64(5*gib+1), tByte, 1, 0, tWorld), errBuffer)
		want(g, "an address beyond", g.call("Send_c", int64(window+5*gib), int64(1), tByte, 1, 0, tWorld), errBuffer)
		want(g, "a count that wraps", g.call("Send_c", window, int64(1)<<62, tLong, 1, 0, tWorld), errBuffer)
		if g.me == 0 {
			g.must("Send_c", window, int64(5*gib), tByte, 1, 9, tWorld)
		} else {
			want(g, "too short", g.call("Recv_c", window, int64(4*gib+1), tByte, 0, 9, tWorld, status), errTruncate)
		}
	})
}

// TestLargeDisplacements: blocks lie 4.5 GiB from a buffer's address, by datatypes and by displacements.
func TestLargeDisplacements(t *testing.T) {
	const far = 9 * gib / 2
	playLarge(t, 3, far+2*window, func(g *guest) {
		at := func(address int) uint64 { return binary.LittleEndian.Uint64(g.mem[address:]) }
		put := func(address int, v uint64) { binary.LittleEndian.PutUint64(g.mem[address:], v) }
		typ := g.alloc(8)
		lengths, displs := g.longs(1, 1), g.longs(0, far)
		g.must("Type_create_hindexed_c", int64(2), lengths, displs, tLong, typ)
		g.must("Type_commit", typ)
		ends := g.word(typ, 0)
		lb, extent := g.alloc(8), g.alloc(8)
		g.must("Type_get_extent_c", ends, lb, extent)
		want(g, "extent", g.word(extent, 0), far+8)
		// near is of the test's own memory, far of the window.
		const near = 1 << 20
		if g.me == 0 {
			put(near, 1)
			put(near+far, 2)
		}
		g.must("Bcast_c", near, int64(1), ends, 0, tWorld)
		want(g, "near", at(near), 1)
		want(g, "far", at(near+far), 2)

		counts, at8 := g.longs(1, 1, 1), g.longs(0, far/8, far/8+1)
		put(near-8, uint64(10+g.me))
		g.must("Allgatherv_c", near-8, int64(1), tLong, near, counts, at8, tLong, tWorld)
		for i, address := range []int{near, near + far, near + far + 8} {
			want(g, "gathered", at(address), uint64(10+i))
		}
		address := g.alloc(8)
		g.must("Get_address", near+far, address)
		want(g, "an address", g.word(address, 0), near+far)
		displs = g.longs(near, near+far) // absolute, from MPI_BOTTOM
		g.must("Type_create_hindexed_c", int64(2), lengths, displs, tLong, typ)
		g.must("Type_commit", typ)
		put(near, uint64(100+g.me))
		put(near+far, uint64(200+g.me))
		g.must("Bcast_c", bottom, int64(1), g.word(typ, 0), 2, tWorld)
		want(g, "near, by its address", at(near), 102)
		want(g, "far, by its address", at(near+far), 202)
		// A datatype that reaches behind the memory.
		displs = g.longs(0, far+2*window)
		g.must("Type_create_hindexed_c", int64(2), lengths, displs, tLong, typ)
		g.must("Type_commit", typ)
		want(g, "behind the memory", g.call("Bcast_c", near, int64(1), g.word(typ, 0), 0, tWorld), errBuffer)
	})
}

// TestManyOfNothing: elements without data may be any number, and are counted.
func TestManyOfNothing(t *testing.T) {
	play64(t, 3, func(g *guest) {
		typ, status, count := g.alloc(8), g.alloc(statusSize), g.alloc(8)
		g.must("Type_contiguous", 0, tInt, typ)
		g.must("Type_commit", typ)
		empty := g.word(typ, 0)
		const many = 5 << 30
		right, left := (g.me+1)%g.n, (g.me+g.n-1)%g.n
		g.must("Sendrecv_c", 4096, int64(many), empty, right, 1, 4096, int64(many), empty, left, 1, tWorld, status)
		g.must("Get_count_c", status, empty, count)
		want(g, "nothing, counted", g.word(count, 0), 0)
		g.must("Allgather_c", 4096, int64(many), empty, 8192, int64(many), empty, tWorld)
		g.must("Alltoall_c", 4096, int64(many), empty, 8192, int64(many), empty, tWorld)
		g.must("Bcast_c", 4096, int64(many), empty, 0, tWorld)
		g.must("Type_contiguous_c", int64(many), empty, typ)
		g.must("Type_size_c", g.word(typ, 0), count)
		want(g, "size", g.word(count, 0), 0)
		// Data that overlaps may be more than the memory; what would be copied for hours is refused.
		g.must("Type_create_resized", tInt, int64(0), int64(0), typ)
		g.must("Type_commit", typ)
		want(g, "overlapping without end", g.call("Send_c", 4096, int64(many), g.word(typ, 0), right, 1, tWorld), errBuffer)
		want(g, "more than is counted", g.call("Send_c", 4096, int64(1)<<62, empty, right, 1, tWorld), errBuffer)
	})
}
