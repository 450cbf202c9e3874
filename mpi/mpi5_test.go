package mpi

import "testing"

// Functions that are newer than other implementations, or that the conformance program has no room for.

func TestBuffersOfCommunicators(t *testing.T) {
	play(t, 2, func(g *guest) {
		d := g.newcomm("Comm_dup", tWorld)
		large, small, out, q := g.alloc(100000), g.alloc(64), g.alloc(8), g.alloc(4)
		g.must("Comm_attach_buffer", d, large, 100000)
		g.must("Buffer_attach", small, 64)
		if g.me == 0 {
			g.must("Comm_set_errhandler", tWorld, errorsReturn)
			data := g.alloc(50000)
			g.setInt(data, 12499, 77)
			want(g, "class", g.call("Bsend", data, 50000, tByte, 1, 1, tWorld), errBuffer) // the small one is for the world
			g.must("Bsend", data, 50000, tByte, 1, 1, d)
			g.must("Comm_iflush_buffer", d, q)
			flag := g.ints(7)
			g.must("Test", q, flag, 0)
			want(g, "flag before the receive", g.int(flag, 0), 0)
			g.must("Buffer_flush") // of the other buffer: at once
			g.must("Barrier", tWorld)
			g.must("Wait", q, 0)
			want(g, "request", g.int(q, 0), requestNull)
			g.must("Comm_flush_buffer", d)
			g.must("Buffer_iflush", q)
			g.must("Wait", q, 0)
		} else {
			g.must("Barrier", tWorld)
			data := g.alloc(50000)
			g.must("Recv", data, 50000, tByte, 0, 1, d, 0)
			want(g, "data", g.int(data, 12499), 77)
		}
		g.must("Comm_detach_buffer", d, out, out+wordSize)
		want(g, "buffer", uint32(g.int(out, 0)), large)
		want(g, "size", g.int(out+wordSize, 0), 100000)
		g.must("Buffer_detach", out, out+wordSize)
		want(g, "buffer", uint32(g.int(out, 0)), small)
	})
}

func TestStatusOfSeveralRequests(t *testing.T) {
	play(t, 2, func(g *guest) {
		buf, q, flag, index, indices, st := g.alloc(64), g.alloc(3*wordSize), g.ints(7), g.ints(7), g.ints(7, 7, 7),
			g.alloc(3*statusSize)
		g.setWord(q, 2, requestNull)
		g.must("Irecv", buf, 1, tInt, 1-g.me, 1, tWorld, q)
		g.must("Irecv", buf+8, 1, tInt, 1-g.me, 2, tWorld, q+wordSize)
		g.must("Request_get_status_any", 3, q, index, flag, st)
		want(g, "flag of any", g.int(flag, 0), 0)
		g.must("Request_get_status_some", 3, q, index, indices, st)
		want(g, "none", g.int(index, 0), 0)
		g.must("Barrier", tWorld)
		g.must("Send", buf+16, 1, tInt, 1-g.me, 2, tWorld)
		g.must("Barrier", tWorld)
		g.must("Request_get_status_all", 3, q, flag, st)
		want(g, "flag of all", g.int(flag, 0), 0)
		g.must("Request_get_status_any", 3, q, index, flag, st)
		want(g, "flag of any", g.int(flag, 0), 1)
		want(g, "index", g.int(index, 0), 1)
		want(g, "tag", g.int(st, 1), 2)
		g.must("Request_get_status_some", 3, q, index, indices, st)
		want(g, "some", g.int(index, 0), 1)
		want(g, "the one", g.int(indices, 0), 1)
		g.must("Barrier", tWorld)
		g.must("Send", buf+16, 1, tInt, 1-g.me, 1, tWorld)
		g.must("Barrier", tWorld)
		g.must("Request_get_status_all", 3, q, flag, st)
		want(g, "flag of all", g.int(flag, 0), 1)
		want(g, "source of the null request", g.int(st+2*statusSize, 0), int(anySource))
		g.must("Waitall", 3, q, 0) // nothing was completed
		want(g, "request", g.int(q, 0), requestNull)
		g.must("Request_get_status_some", 3, q, index, indices, st)
		want(g, "of inactive ones", g.int(index, 0), undefined)
	})
}

func TestFortranPrecisions(t *testing.T) {
	said := findings(t, 1, func(g *guest) {
		g.must("Comm_set_errhandler", tWorld, errorsReturn)
		out := g.alloc(4)
		made := func(name string, arguments ...any) int {
			g.must(name, append(arguments, out)...)
			return g.int(out, 0)
		}
		size := func(ty int) int { return g.value("Type_size", uint32(ty)) }
		double := made("Type_create_f90_real", 12, int(undefined))
		want(g, "size", size(double), 8)
		want(g, "the same again", made("Type_create_f90_real", 12, int(undefined)), double)
		want(g, "size by the range", size(made("Type_create_f90_real", int(undefined), 30)), 4)
		want(g, "quad", size(made("Type_create_f90_real", 30, 4000)), 16)
		want(g, "complex", size(made("Type_create_f90_complex", 6, 30)), 8)
		for digits, bytes := range map[int]int{1: 1, 2: 1, 3: 2, 9: 4, 10: 8, 18: 8} {
			want(g, "integer", size(made("Type_create_f90_integer", digits)), bytes)
		}
		want(g, "class", g.call("Type_create_f90_real", 40, 1, out), errArg)
		want(g, "class", g.call("Type_create_f90_integer", 19, out), errArg)
		want(g, "class", g.call("Type_create_f90_real", int(undefined), int(undefined), out), errArg)
		want(g, "class of a free", g.call("Type_free", g.words(double)), errType)
		in, sum := g.doubles(1.5, 2), g.doubles(0, 0)
		g.must("Allreduce", in, sum, 2, double, tSum, tWorld)
		want(g, "sum", g.double(sum, 1), 2)
		n := g.alloc(16)
		g.must("Type_get_envelope", double, n, n+4, n+8, n+12)
		want(g, "integers", g.int(n, 0), 2)
		want(g, "combiner", g.int(n, 3), combinerF90Real)
		ints := g.alloc(8)
		g.must("Type_get_contents", double, 2, 0, 0, ints, 0, 0)
		want(g, "precision", g.int(ints, 0), 12)
	})
	if len(said) > 0 {
		t.Errorf("leaks: %q", said)
	}
}

func TestPairsByParts(t *testing.T) {
	play(t, 1, func(g *guest) {
		out := g.alloc(4)
		for _, c := range [][3]int{{tDouble, tInt, 0x229}, {tInt, tInt, 0x22b}, {tDouble, tDouble, datatypeNull}} {
			g.must("Type_get_value_index", c[0], c[1], out)
			want(g, "pair", g.int(out, 0), c[2])
		}
	})
}

func TestWhatThereIsNot(t *testing.T) {
	play(t, 1, func(g *guest) {
		out, n := g.alloc(4), g.alloc(4)
		g.must("Comm_get_parent", out)
		want(g, "parent", g.int(out, 0), commNull)
		g.must("Abi_get_fortran_info", out)
		want(g, "Fortran", g.int(out, 0), infoNull)
		g.must("Get_hw_resource_info", out)
		g.must("Info_get_nkeys", uint32(g.int(out, 0)), n)
		want(g, "resources", g.int(n, 0), 0)
		g.must("Abi_get_info", out)
		value, flag := g.alloc(8), g.alloc(4)
		g.setInt(n, 0, 8)
		g.must("Info_get_string", uint32(g.int(out, 0)), g.cstring("mpi_aint_size"), n, value, flag)
		want(g, "size", g.string(value), "8")
	})
}
