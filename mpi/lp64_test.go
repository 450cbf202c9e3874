package mpi

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"
)

// play64 is play for a program whose errors return.
func play64(t *testing.T, n int, program func(g *guest)) {
	t.Helper()
	for i, err := range outcome(t, n, func(g *guest) {
		g.must("Init", 0, 0)
		g.must("Comm_set_errhandler", tWorld, errorsReturn)
		g.must("Comm_set_errhandler", tSelf, errorsReturn)
		program(g)
		g.must("Finalize")
	}) {
		if err != nil {
			t.Errorf("rank %d: %v", i, err)
		}
	}
}

// longs puts longs, pointers, handles or MPI_Aints in memory; the last is followed by a mark that nothing may write
// over.
func (g *guest) longs(v ...int64) uint32 {
	a := g.alloc(8*len(v) + 8)
	for i, x := range append(v, mark) {
		binary.LittleEndian.PutUint64(g.mem[int(a)+8*i:], uint64(x))
	}
	return a
}

const mark = 0x7eadbeef7eadbeef

func (g *guest) long(a uint32, i int) int64 {
	return int64(binary.LittleEndian.Uint64(g.mem[int(a)+8*i:]))
}

// one is memory for one of them, full of ones, as nothing may be left of what was there.
func (g *guest) one() uint32 { return g.longs(-1) }

// got is what a call has put there.
func (g *guest) got(a uint32) int64 {
	g.t.Helper()
	want(g, "what stands behind it", g.long(a, 1), mark)
	return g.long(a, 0)
}

const (
	tLong, tUnsignedLong, tAint, tLongInt = 0x20a, 0x20e, 0x201, 0x22a
	tLongLong, tMaxloc                    = 0x20b, 0x39
)

// TestLongs: long, unsigned long and MPI_Aint have 64 bits, and MPI_LONG_INT is a C structure of them.
func TestLongs(t *testing.T) {
	play64(t, 3, func(g *guest) {
		size, extent := g.alloc(8), g.longs(-1, -1)
		for handle, wanted := range map[int][2]int64{tLong: {8, 8}, tUnsignedLong: {8, 8}, tAint: {8, 8}, tLongInt: {12, 16},
			tInt: {4, 4}} {
			g.must("Type_size", handle, size)
			g.must("Type_get_extent", handle, extent, extent+8)
			want(g, "size", int64(g.int(size, 0)), wanted[0])
			want(g, "lower bound", g.long(extent, 0), 0)
			want(g, "extent", g.long(extent, 1), wanted[1])
			want(g, "behind", g.long(extent, 2), mark)
		}
		in, out := g.longs(1<<40+int64(g.me), -1<<62), g.longs(0, 0)
		g.must("Allreduce", in, out, 2, tLong, tSum, tWorld)
		want(g, "sum", g.long(out, 0), 3<<40+3)
		want(g, "sum", g.long(out, 1), 1<<62) // modulo 2^64
		g.must("Allreduce", in, out, 1, tUnsignedLong, tMax, tWorld)
		want(g, "maximum", g.long(out, 0), 1<<40+2)
		pair, best := g.longs(int64(g.me)<<33, int64(g.me)), g.longs(0, -1)
		g.must("Allreduce", pair, best, 1, tLongInt, tMaxloc, tWorld)
		want(g, "value", g.long(best, 0), 2<<33)
		want(g, "location", g.int(best, 2), 2)
		if g.me == 0 {
			g.must("Send", in, 2, tLong, 1, 0, tWorld)
		} else if g.me == 1 {
			g.must("Recv", out, 2, tLong, 0, 0, tWorld, tIgnore)
			want(g, "received", g.long(out, 0), 1<<40)
		}
	})
}

// TestWideHandles: a handle takes 8 bytes where it is written and in arrays; one with anything in its upper half is
// none.
func TestWideHandles(t *testing.T) {
	play64(t, 2, func(g *guest) {
		comm := g.one()
		g.must("Comm_dup", tWorld, comm)
		dup := g.got(comm)
		want(g, "a handle of 32 bits", dup>>32, 0)
		size := g.alloc(4)
		g.must("Comm_size", dup, size)
		for _, high := range []int64{1 << 32, math.MinInt64, -1 << 32} {
			want(g, "another handle", g.call("Comm_size", dup|high, size), errComm)
			want(g, "another datatype", g.call("Type_size", tInt|high, size), errType)
		}
		a, b := g.longs(int64(g.me)), g.longs(0, 0)
		requests, statuses := g.longs(-1, -1, requestNull), g.alloc(3*statusSize)
		g.must("Irecv", b, 1, tLong, 1-g.me, 1, dup, requests)
		g.must("Isend", a, 1, tLong, 1-g.me, 1, dup, requests+8)
		g.must("Waitall", 3, requests, statuses)
		for i := range 3 {
			want(g, "request", g.long(requests, i), requestNull)
		}
		want(g, "behind", g.long(requests, 3), mark)
		want(g, "received", g.long(b, 0), int64(1-g.me))
		want(g, "source", g.int(statuses, 0), 1-g.me)
		index := g.ints(-1)
		g.must("Irecv", b, 1, tLong, 1-g.me, 2, dup, requests)
		g.must("Isend", a, 1, tLong, 1-g.me, 2, dup, requests+8)
		for done := 0; done < 2; done++ {
			g.must("Waitany", 3, requests, index, tIgnore)
			want(g, "its request", g.long(requests, g.int(index, 0)), requestNull)
		}
		indices := g.ints(-1, -1, -1)
		g.must("Irecv", b, 1, tLong, 1-g.me, 3, dup, requests)
		g.must("Isend", a, 1, tLong, 1-g.me, 3, dup, requests+16)
		for done := 0; done < 2; done += g.int(index, 0) {
			g.must("Waitsome", 3, requests, index, indices, tIgnore)
		}
		types, counts, displs := g.longs(tLong, tInt), g.ints(1, 1), g.ints(0, 8)
		g.must("Alltoallw", a, counts, displs, types, b, counts, displs, types, tSelf)
		want(g, "exchanged", g.long(b, 0), int64(g.me))
		g.must("Comm_free", comm)
		want(g, "freed", g.got(comm), commNull)
		group := g.one()
		g.must("Comm_group", tWorld, group)
		g.must("Group_free", group)
		want(g, "freed", g.got(group), groupNull)
	})
}

// TestWideAddresses: an address is all of its 64 bits.
func TestWideAddresses(t *testing.T) {
	play64(t, 1, func(g *guest) {
		at := g.one()
		g.must("Get_address", 1<<40+5, at)
		want(g, "address", g.got(at), 1<<40+5)
		buf := g.longs(7, 8)
		for _, high := range []int64{1 << 32, math.MinInt64} {
			bad := int64(buf) | high
			want(g, "a buffer outside", g.call("Send", bad, 1, tLong, 0, 0, tSelf), errBuffer)
			want(g, "a small buffer outside", g.call("Isend", bad, 1, tInt, 0, 0, tSelf, at), errBuffer)
			want(g, "a result outside", g.call("Comm_rank", tWorld, bad), errArg)
			want(g, "a status outside", g.call("Wait", at, bad), errArg)
			want(g, "a name outside", g.call("Comm_set_name", tWorld, bad), errArg)
			want(g, "a buffer outside", g.call("Allreduce", bad, buf, 1, tLong, tSum, tWorld), errBuffer)
			want(g, "counts outside", g.call("Allgatherv", buf, 1, tLong, buf+8, bad, buf, tLong, tWorld), errArg)
		}
		g.must("Alloc_mem", 1000, infoNull, at)
		memory := g.got(at)
		if memory <= 0 || memory >= int64(len(g.mem)) {
			t.Errorf("memory at %#x", memory)
		}
		want(g, "memory of another", g.call("Free_mem", memory|1<<32), errBase)
		g.must("Free_mem", memory)
		if code := g.call("Alloc_mem", int64(math.MaxInt64), infoNull, at); code != errNoMem {
			t.Errorf("all memory: %s", className(code))
		}
		attached, size := g.alloc(4096), g.ints(-1)
		g.must("Buffer_attach", attached, 4096)
		g.must("Buffer_detach", at, size)
		want(g, "buffer", g.got(at), int64(attached))
		sum := g.raw("Aint_add", int64(1<<40), int64(-1))
		want(g, "sum", sum, 1<<40-1)
		want(g, "difference", g.raw("Aint_diff", 0, int64(1<<40)), uint64(1<<64-1<<40))
	})
}

// TestWideDatatypes: displacements, strides and bounds are MPI_Aints of 64 bits, in what is asked back too.
func TestWideDatatypes(t *testing.T) {
	play64(t, 1, func(g *guest) {
		const far = 1 << 33
		made, bounds := g.one(), g.longs(-1, -1)
		extent := func(what string, wanted int64) {
			g.t.Helper()
			g.must("Type_get_extent", g.got(made), bounds, bounds+8)
			want(g, what, g.long(bounds, 1), wanted)
			want(g, "behind", g.long(bounds, 2), mark)
		}
		lengths, displs, types := g.ints(1, 2), g.longs(0, far), g.longs(tInt, tLong)
		g.must("Type_create_struct", 2, lengths, displs, types, made)
		extent("extent of a struct", far+16)
		numbers := g.ints(-1, -1, -1, -1)
		g.must("Type_get_envelope", g.got(made), numbers, numbers+4, numbers+8, numbers+12)
		want(g, "addresses", g.int(numbers, 1), 2)
		ints, addresses, handles := g.ints(0, 0, 0), g.longs(-1, -1), g.longs(-1, -1)
		g.must("Type_get_contents", g.got(made), 3, 2, 2, ints, addresses, handles)
		want(g, "an address", g.long(addresses, 1), far)
		want(g, "behind", g.long(addresses, 2), mark)
		want(g, "a datatype", g.long(handles, 1), tLong)
		want(g, "behind", g.long(handles, 2), mark)
		g.must("Type_create_hindexed", 2, lengths, displs, tInt, made)
		extent("extent of hindexed", far+8)
		g.must("Type_create_hindexed_block", 2, 1, displs, tInt, made)
		extent("extent of a block", far+4)
		g.must("Type_indexed", 2, lengths, g.ints(0, 3), tInt, made)
		extent("extent of indexed, whose displacements are ints", 20)
		g.must("Type_create_hvector", 2, 1, int64(far), tInt, made)
		extent("extent of hvector", far+4)
		g.must("Type_vector", 2, 1, 5, tLong, made)
		extent("extent of a vector", 48)
		g.must("Type_create_resized", tInt, int64(-far), int64(3*far), made)
		extent("extent as given", 3*far)
		want(g, "lower bound", g.long(bounds, 0), -far)
		position, packed := g.longs(0), g.alloc(64)
		name, values := g.cstring("external32"), g.longs(-2, 3)
		g.must("Pack_external", name, values, 2, tLong, packed, 64, position)
		want(g, "packed, 4 bytes a long", g.got(position), 8)
		want(g, "big endian", string(g.mem[packed:packed+8]), "\xff\xff\xff\xfe\x00\x00\x00\x03")
		back := g.longs(0, 0)
		binary.LittleEndian.PutUint64(g.mem[position:], 0)
		g.must("Unpack_external", name, packed, 8, position, back, 2, tLong)
		want(g, "unpacked", g.long(back, 0), -2)
		want(g, "unpacked", g.long(back, 1), 3)
	})
}

// TestWideCallbacks: functions of the program get pointers and values of 64 bits.
func TestWideCallbacks(t *testing.T) {
	play64(t, 2, func(g *guest) {
		const extra, value = 1<<50 + 1, -1 << 40
		var deleted, copied []uint64
		g.results[5] = func(a ...uint64) int32 { // object, keyval, extra, value, *new, *flag
			copied = append(copied, a...)
			binary.LittleEndian.PutUint64(g.mem[a[4]:], a[3]+1)
			binary.LittleEndian.PutUint32(g.mem[a[5]:], 1)
			return success
		}
		g.results[6] = func(a ...uint64) int32 {
			deleted = append(deleted, a...)
			return success
		}
		key, out, flag, comm := g.ints(-1), g.one(), g.ints(-1), g.one()
		g.must("Comm_create_keyval", 5, 6, key, int64(extra))
		k := g.int(key, 0)
		g.must("Comm_set_attr", tWorld, k, int64(value))
		g.must("Comm_get_attr", tWorld, k, out, flag)
		want(g, "value", g.got(out), value)
		g.must("Comm_dup", tWorld, comm)
		if len(copied) != 6 || copied[2] != extra || int64(copied[3]) != value {
			t.Errorf("the copy function got %#x", copied)
		}
		g.must("Comm_get_attr", g.got(comm), k, out, flag)
		want(g, "value of the copy", g.got(out), value+1)
		g.must("Comm_delete_attr", g.got(comm), k)
		if len(deleted) != 4 || int64(deleted[2]) != value+1 || deleted[3] != extra {
			t.Errorf("the delete function got %#x", deleted)
		}
		g.must("Comm_get_attr", tWorld, 501, out, flag)
		want(g, "MPI_TAG_UB", g.int(uint32(g.got(out)), 0), maxTag)
		g.table[7] = func(a ...uint64) { // in, inout, *len, *datatype
			want(g, "datatype", binary.LittleEndian.Uint64(g.mem[a[3]:]), tLong)
			for i := range uint64(binary.LittleEndian.Uint32(g.mem[a[2]:])) {
				x, y := g.mem[a[0]+8*i:], g.mem[a[1]+8*i:]
				binary.LittleEndian.PutUint64(y, binary.LittleEndian.Uint64(x)+binary.LittleEndian.Uint64(y))
			}
		}
		op, in := g.one(), g.longs(1<<40, int64(g.me))
		g.must("Op_create", 7, 1, op)
		sum := g.longs(0, 0)
		g.must("Allreduce", in, sum, 2, tLong, g.got(op), tWorld)
		want(g, "sum", g.long(sum, 0), 1<<41)
		want(g, "sum", g.long(sum, 1), 1)
		g.must("Reduce_local", in, sum, 1, tLong, g.got(op))
		want(g, "sum", g.long(sum, 0), 3<<40)
		handled := int64(0)
		g.table[8] = func(a ...uint64) { // *comm, *code, ...
			handled = int64(binary.LittleEndian.Uint64(g.mem[a[0]:]))
			want(g, "code", int32(binary.LittleEndian.Uint32(g.mem[a[1]:])), errRank)
		}
		handler := g.one()
		g.must("Comm_create_errhandler", 8, handler)
		g.must("Comm_set_errhandler", g.got(comm), g.got(handler))
		want(g, "class", g.call("Send", in, 1, tLong, 77, 0, g.got(comm)), errRank)
		want(g, "the communicator that was handed over", handled, g.got(comm))
		request, status := g.one(), g.alloc(statusSize)
		g.results[9] = func(a ...uint64) int32 {
			want(g, "extra", a[0], extra)
			return success
		}
		g.must("Grequest_start", 9, 9, 9, int64(extra), request)
		g.must("Grequest_complete", g.got(request))
		g.must("Wait", request, status)
	})
}

// TestLargeUserOp: an operation whose length is an int is called for no more elements at once than an int holds, one
// whose length is an MPI_Count for all. The elements lie on each other, so that they need no memory, or are empty.
func TestLargeUserOp(t *testing.T) {
	play64(t, 2, func(g *guest) {
		var lengths []int64
		g.table[7] = func(a ...uint64) {
			n := int64(int32(binary.LittleEndian.Uint32(g.mem[a[2]:])))
			lengths = append(lengths, n)
			g.mem[a[1]] += g.mem[a[0]]
		}
		g.table[8] = func(a ...uint64) { lengths = append(lengths, int64(binary.LittleEndian.Uint64(g.mem[a[2]:]))) }
		small, large, same, empty := g.one(), g.one(), g.one(), g.one()
		g.must("Op_create", 7, 1, small)
		g.must("Op_create_c", 8, 1, large)
		g.must("Type_create_resized", tByte, 0, 0, same)
		g.must("Type_commit", same)
		g.must("Type_contiguous", 0, tByte, empty)
		g.must("Type_commit", empty)
		in, out := g.longs(1), g.longs(0)
		for _, c := range []struct { // in one order on both ranks: they reduce together
			count  int64
			pieces []int64
		}{
			{0, nil}, {math.MaxInt32, []int64{math.MaxInt32}}, {1 << 31, []int64{math.MaxInt32, 1}},
			{math.MaxUint32, []int64{math.MaxInt32, math.MaxInt32, 1}},
		} {
			count, pieces := c.count, c.pieces
			lengths = nil
			before := g.mem[out]
			g.must("Reduce_local_c", in, out, count, g.got(same), g.got(small))
			if !slices.Equal(lengths, pieces) {
				t.Errorf("%d elements are combined in %v", count, lengths)
			}
			want(g, "sum", int(g.mem[out]-before), len(pieces))
			lengths = nil
			g.must("Reduce_local_c", in, out, count, g.got(same), g.got(large))
			if count > 0 && !slices.Equal(lengths, []int64{count}) {
				t.Errorf("%d elements, by a length of 64 bits, are combined in %v", count, lengths)
			}
			lengths = nil
			g.must("Allreduce_c", in, out, count, g.got(empty), g.got(small), tWorld)
			if slices.ContainsFunc(lengths, func(n int64) bool { return n < 0 }) {
				t.Errorf("%d empty elements are combined in %v", count, lengths)
			}
		}
	})
}
