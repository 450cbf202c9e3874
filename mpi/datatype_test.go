package mpi

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
)

// What mpi.h gives programs.
const (
	orderC            = 12
	orderFortran      = 15
	distributeBlock   = 17
	distributeCyclic  = 18
	distributeDefault = 19
	combinerNamed     = 101
	combinerVector    = 104
	combinerF90Real   = 113
)

// newtype calls a constructor and gives the committed datatype.
func (g *guest) newtype(name string, arguments ...any) uint32 {
	out := g.alloc(4)
	g.must(name, append(arguments, out)...)
	g.must("Type_commit", out)
	return uint32(g.int(out, 0))
}

// bounds gives size, lb, extent, true lb and true extent.
func (g *guest) bounds(t uint32) [5]int {
	a := g.alloc(20)
	g.must("Type_size", t, a)
	g.must("Type_get_extent", t, a+4, a+8)
	g.must("Type_get_true_extent", t, a+12, a+16)
	return [5]int(g.getInts(a, 5))
}

func TestConstructors(t *testing.T) {
	play(t, 1, func(g *guest) {
		for name, c := range map[string]struct {
			t      uint32
			bounds [5]int
			bytes  []int // of one element, in order
		}{
			"contiguous": {g.newtype("Type_contiguous", 3, tInt), [5]int{12, 0, 12, 0, 12}, span4(0, 4, 8)},
			"none":       {g.newtype("Type_contiguous", 0, tInt), [5]int{0, 0, 0, 0, 0}, nil},
			"vector":     {g.newtype("Type_vector", 2, 1, 3, tInt), [5]int{8, 0, 16, 0, 16}, span4(0, 12)},
			"negative":   {g.newtype("Type_vector", 2, 1, -3, tInt), [5]int{8, -12, 16, -12, 16}, span4(0, -12)},
			"hvector": {g.newtype("Type_create_hvector", 3, 2, 10, tInt), [5]int{24, 0, 28, 0, 28},
				span4(0, 4, 10, 14, 20, 24)},
			"indexed": {g.newtype("Type_indexed", 2, g.ints(1, 2), g.ints(4, 0), tInt), [5]int{12, 0, 20, 0, 20},
				span4(16, 0, 4)},
			"hindexed": {g.newtype("Type_create_hindexed", 2, g.ints(1, 1), g.words(8, 2), tInt), [5]int{8, 2, 10, 2, 10},
				span4(8, 2)},
			"block": {g.newtype("Type_create_indexed_block", 2, 2, g.ints(3, 0), tInt), [5]int{16, 0, 20, 0, 20},
				span4(12, 16, 0, 4)},
			"hblock": {g.newtype("Type_create_hindexed_block", 2, 1, g.words(3, 9), tInt), [5]int{8, 3, 10, 3, 10},
				span4(3, 9)},
			"struct": {g.newtype("Type_create_struct", 2, g.ints(1, 1), g.words(0, 8), g.words(tDouble, 0x243)),
				[5]int{9, 0, 16, 0, 9}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8}},
			"resized": {g.newtype("Type_create_resized", tInt, -4, 12), [5]int{4, -4, 12, 0, 4}, span4(0)},
			"subarray": {g.newtype("Type_create_subarray", 2, g.ints(3, 4), g.ints(2, 2), g.ints(1, 1), orderC, tInt),
				[5]int{16, 0, 48, 20, 24}, span4(20, 24, 36, 40)},
			"fortran": {g.newtype("Type_create_subarray", 2, g.ints(4, 3), g.ints(2, 2), g.ints(1, 1), orderFortran, tInt),
				[5]int{16, 0, 48, 20, 24}, span4(20, 24, 36, 40)},
			"darray": {g.newtype("Type_create_darray", 4, 3, 2, g.ints(4, 5), g.ints(distributeBlock, distributeCyclic),
				g.ints(distributeDefault, distributeDefault), g.ints(2, 2), orderC, tInt), [5]int{16, 0, 80, 44, 32},
				span4(44, 52, 64, 72)},
			"pair": {0x229, [5]int{12, 0, 16, 0, 12}, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		} {
			g.t.(*testing.T).Run(name, func(t *testing.T) {
				if got := g.bounds(c.t); got != c.bounds {
					t.Errorf("size, lb, extent, true lb and extent are %v, want %v", got, c.bounds)
				}
				for _, count := range []int{1, 3} {
					g.checkPacking(t, c.t, c.bytes, c.bounds[2], count)
				}
			})
		}
	})
}

// span4 lists the bytes of ints at displacements.
func span4(at ...int) []int {
	var bytes []int
	for _, a := range at {
		bytes = append(bytes, a, a+1, a+2, a+3)
	}
	return bytes
}

// checkPacking packs and unpacks count elements and looks at every byte.
func (g *guest) checkPacking(t *testing.T, ty uint32, bytes []int, extent, count int) {
	const room = 512
	top := g.top
	defer func() { g.top = top }()
	in, packed, out, position := g.alloc(2*room), g.alloc(room), g.alloc(2*room), g.ints(0)
	for i := range 2 * room {
		g.mem[int(in)+i] = byte(i * 7)
		g.mem[int(out)+i] = 0xee
	}
	g.must("Pack", in+room, count, ty, packed, room, position, tWorld)
	if n := g.int(position, 0); n != count*len(bytes) {
		t.Fatalf("%d bytes packed, want %d", n, count*len(bytes))
	}
	want := map[int]byte{}
	for e := range count {
		for i, b := range bytes {
			at := e*extent + b
			want[at] = byte((room + at) * 7)
			if got := g.mem[int(packed)+e*len(bytes)+i]; got != want[at] {
				t.Fatalf("packed byte %d of element %d is %#x, want %#x", i, e, got, want[at])
			}
		}
	}
	g.setInt(position, 0, 0)
	g.must("Unpack", packed, room, position, out+room, count, ty, tWorld)
	for i := -room; i < room; i++ {
		w, ok := want[i]
		if !ok {
			w = 0xee
		}
		if got := g.mem[int(out)+room+i]; got != w {
			t.Fatalf("unpacked byte %d is %#x, want %#x", i, got, w)
		}
	}
}

// typeModel is a random datatype: its bytes as displacements in order, and its bounds.
type typeModel struct {
	handle uint32
	bytes  []int
	lb, ub int
	name   string
}

func (m typeModel) extent() int { return m.ub - m.lb }

// at is count elements of the model from a displacement.
func (m typeModel) at(disp, count int) (bytes []int, lb, ub int) {
	for i := range count {
		for _, b := range m.bytes {
			bytes = append(bytes, disp+i*m.extent()+b)
		}
	}
	step := (count - 1) * m.extent()
	return bytes, disp + min(0, step) + m.lb, disp + max(0, step) + m.ub
}

// join makes a model of pieces, as derive does.
func joinModels(name string, pieces []struct {
	disp, count int
	m           typeModel
}) typeModel {
	out := typeModel{name: name}
	first := true
	for _, p := range pieces {
		if p.count == 0 {
			continue
		}
		bytes, lb, ub := p.m.at(p.disp, p.count)
		out.bytes = append(out.bytes, bytes...)
		if first {
			out.lb, out.ub, first = lb, ub, false
		}
		out.lb, out.ub = min(out.lb, lb), max(out.ub, ub)
	}
	return out
}

// TestRandomDatatypes nests constructors at random and sends between two random types of the same size.
func TestRandomDatatypes(t *testing.T) {
	type pieces = []struct {
		disp, count int
		m           typeModel
	}
	for seed := range uint64(200) {
		play(t, 2, func(g *guest) {
			rng := rand.New(rand.NewPCG(seed, 2))
			random := func() typeModel {
				m := typeModel{handle: tInt, bytes: span4(0), ub: 4, name: "int"}
				if rng.IntN(3) == 0 {
					m = typeModel{handle: 0x243, bytes: []int{0}, ub: 1, name: "char"}
				}
				for range 1 + rng.IntN(3) {
					if len(m.bytes) > 400 {
						break
					}
					n, count, stride := rng.IntN(3), 1+rng.IntN(4), rng.IntN(9)-3
					old := m
					switch rng.IntN(5) {
					case 0:
						m = joinModels(fmt.Sprintf("contiguous(%d,%s)", count, old.name), pieces{{0, count, old}})
						m.handle = g.newtype("Type_contiguous", count, old.handle)
					case 1:
						var p pieces
						for i := range count {
							p = append(p, struct {
								disp, count int
								m           typeModel
							}{i * stride * old.extent(), n, old})
						}
						m = joinModels(fmt.Sprintf("vector(%d,%d,%d,%s)", count, n, stride, old.name), p)
						m.handle = g.newtype("Type_vector", count, n, stride, old.handle)
					case 2:
						var p pieces
						lengths, displs := make([]int, count), make([]int, count)
						for i := range count {
							lengths[i], displs[i] = rng.IntN(3), rng.IntN(40)-10
							p = append(p, struct {
								disp, count int
								m           typeModel
							}{displs[i], lengths[i], old})
						}
						m = joinModels(fmt.Sprintf("hindexed(%v,%v,%s)", lengths, displs, old.name), p)
						m.handle = g.newtype("Type_create_hindexed", count, g.ints(lengths...), g.words(displs...), old.handle)
					case 3:
						m.lb, m.ub = rng.IntN(5)-2, rng.IntN(60)
						m.name = fmt.Sprintf("resized(%d,%d,%s)", m.lb, m.extent(), old.name)
						m.handle = g.newtype("Type_create_resized", old.handle, m.lb, m.extent())
					case 4:
						size, sub := 2+rng.IntN(4), 1+rng.IntN(2)
						begin := rng.IntN(size - sub + 1)
						m = joinModels(fmt.Sprintf("subarray(%d,%d,%d,%s)", size, sub, begin, old.name),
							pieces{{begin * old.extent(), sub, old}})
						m.lb, m.ub = 0, size*old.extent()
						m.handle = g.newtype("Type_create_subarray", 1, g.ints(size), g.ints(sub), g.ints(begin), orderC, old.handle)
					}
				}
				return m
			}
			m, count := random(), rng.IntN(4)
			size, extent := len(m.bytes), m.extent()
			if got := g.bounds(m.handle); got[0] != size || got[1] != m.lb || got[2] != extent {
				g.t.Errorf("seed %d: %s: size, lb, extent are %v, want %d %d %d", seed, m.name, got[:3], size, m.lb, extent)
			}
			const middle = 1 << 18
			if g.me == 0 {
				for i := range 1 << 19 {
					g.mem[i] = byte(i * 13 >> 2)
				}
				g.must("Send", middle, count, m.handle, 1, 1, tWorld)
				return
			}
			clear(g.mem[1<<17 : 3<<17])
			g.must("Recv", middle, count, m.handle, 0, 1, tWorld, 0)
			bytes, _, _ := m.at(0, count)
			for _, b := range bytes {
				if at := middle + b; g.mem[at] != byte(at*13>>2) {
					g.t.Fatalf("seed %d: %d of %s: byte %d is %#x", seed, count, m.name, b, g.mem[at])
				}
			}
			for _, b := range bytes { // a type map may have a byte twice
				g.mem[middle+b] = 0
			}
			for i, x := range g.mem[1<<17 : 3<<17] { // the bytes of the message are zero again
				if x != 0 {
					g.t.Fatalf("seed %d: %d of %s: byte %d was written", seed, count, m.name, i+1<<17-middle)
				}
			}
		})
	}
}

func TestEnvelopeAndContents(t *testing.T) {
	play(t, 1, func(g *guest) {
		n := g.alloc(16)
		inner := g.newtype("Type_vector", 2, 3, 4, tInt)
		outer := g.newtype("Type_create_struct", 2, g.ints(5, 6), g.words(0, 100), g.words(int(inner), tDouble))
		g.must("Type_get_envelope", outer, n, n+4, n+8, n+12)
		if got := g.getInts(n, 4); fmt.Sprint(got) != "[3 2 2 110]" {
			t.Errorf("envelope of a struct: %v", got)
		}
		ints, aints, types := g.alloc(12), g.alloc(2*wordSize), g.alloc(2*wordSize)
		g.must("Type_get_contents", outer, 3, 2, 2, ints, aints, types)
		if got := fmt.Sprint(g.getInts(ints, 3), g.getWords(aints, 2), g.word(types, 1)); got != "[2 5 6] [0 100] 532" {
			t.Errorf("contents of a struct: %v", got)
		}
		g.must("Type_get_envelope", g.int(types, 0), n, n+4, n+8, n+12)
		want(g, "combiner", g.int(n+12, 0), combinerVector)
		g.must("Type_free", types)
		g.must("Type_get_envelope", inner, n, n+4, n+8, n+12) // the program's own handle is still good
		g.must("Type_get_envelope", tInt, n, n+4, n+8, n+12)
		want(g, "combiner of a named type", g.int(n+12, 0), combinerNamed)
	})
}

// Get_elements counts the basic elements of a message that ends within an element.
func TestElements(t *testing.T) {
	play(t, 1, func(g *guest) {
		pair := g.newtype("Type_create_struct", 2, g.ints(1, 1), g.words(0, 8), g.words(tInt, tDouble))
		st, n, request := g.alloc(statusSize), g.alloc(8), g.alloc(4)
		for _, c := range []struct{ bytes, count, elements int }{{0, 0, 0}, {4, undefined, 1}, {12, 1, 2}, {16, undefined, 3},
			{14, undefined, undefined}} {
			g.must("Isend", g.alloc(64), c.bytes, tByte, 0, 1, tWorld, request)
			g.must("Recv", g.alloc(64), 3, pair, 0, 1, tWorld, st)
			g.must("Wait", request, 0)
			g.must("Get_count", st, pair, n)
			want(g, "count", g.int(n, 0), c.count)
			g.must("Get_elements", st, pair, n)
			want(g, "elements", g.int(n, 0), c.elements)
		}
		g.must("Status_set_elements", st, pair, 5)
		g.must("Get_elements_c", st, pair, n)
		want(g, "elements that were set", int(binary.LittleEndian.Uint64(g.mem[n:])), 5)
		const many = 0x7654321f71234567
		g.must("Status_set_elements_x", st, tByte, many)
		g.must("Get_elements_x", st, tByte, n)
		want(g, "elements of a large count", int(binary.LittleEndian.Uint64(g.mem[n:])), many)
	})
}

func TestBadDatatypes(t *testing.T) {
	play(t, 1, func(g *guest) {
		g.must("Comm_set_errhandler", tWorld, errorsReturn)
		out := g.alloc(4)
		huge := 1<<31 - 1
		want(g, "uncommitted", func() int32 {
			g.must("Type_contiguous", 2, tInt, out)
			return g.call("Send", g.alloc(64), 1, g.int(out, 0), 0, 0, tWorld)
		}(), errType)
		want(g, "negative count", g.call("Type_contiguous", -1, tInt, out), errCount)
		want(g, "freed", func() int32 {
			old := g.newtype("Type_contiguous", 2, tInt)
			g.must("Type_free", g.words(int(old)))
			return g.call("Type_size", old, out)
		}(), errType)
		want(g, "predefined", g.call("Type_free", g.words(tInt)), errType)
		big := g.newtype("Type_contiguous", huge, tInt)
		want(g, "send of more than memory", g.call("Send", g.alloc(4), 1, big, 0, 0, tWorld), errBuffer)
		want(g, "count times size overflows", g.call("Send", g.alloc(4), huge, big, 0, 0, tWorld), errBuffer)
		for range 3 {
			if g.call("Type_contiguous", huge, big, out) != success {
				break
			}
			big = uint32(g.int(out, 0))
		}
		want(g, "too large", g.call("Type_contiguous", huge, big, out), errArg)
		want(g, "stride too large", g.call("Type_vector", huge, huge, huge, tInt, out), errArg)
		want(g, "blocks in the past", g.call("Type_indexed", 1, g.ints(1), g.ints(-5), tInt, out), success)
		g.must("Type_commit", out)
		want(g, "before memory", g.call("Send", 16, 1, g.int(out, 0), 0, 0, tWorld), errBuffer)
		want(g, "subarray", g.call("Type_create_subarray", 1, g.ints(4), g.ints(3), g.ints(2), orderC, tInt, out), errArg)
	})
}

// TestMemberWithoutData: where a member without data lies does not matter to what a buffer covers.
func TestMemberWithoutData(t *testing.T) {
	play(t, 1, func(g *guest) {
		none := g.newtype("Type_contiguous", 0, tInt)
		ty := g.newtype("Type_create_struct", 3, g.ints(1, 1, 1), g.words(0, -1<<40, 1<<40),
			g.words(tInt, int(none), int(none)))
		bounds := g.bounds(ty)
		want(g, "true extent", bounds[4], 4)
		in, out := g.ints(7), g.ints(0)
		g.must("Sendrecv", in, 1, ty, 0, 0, out, 1, ty, 0, 0, tWorld, 0)
		want(g, "received", g.int(out, 0), 7)
	})
}

// TestExternal packs into external32, looks at the bytes, and unpacks.
func TestExternal(t *testing.T) {
	play(t, 1, func(g *guest) {
		rep := g.cstring("external32")
		ty := g.newtype("Type_create_struct", 4, g.ints(2, 1, 1, 1), g.words(0, 8, 16, 24),
			g.words(tInt, tDouble, 0x201, 0x23c))
		in, packed, out, position := g.alloc(64), g.alloc(64), g.alloc(64), g.words(3)
		g.setInt(in, 0, 1)
		g.setInt(in, 1, -2)
		copy(g.mem[in+8:], []byte{1, 2, 3, 4, 5, 6, 7, 8})
		g.setWord(in, 2, -3)
		g.setInt(in, 6, 0x263a)
		want(g, "size", g.value("Pack_external_size", rep, 1, ty), 26)
		g.must("Pack_external", rep, in, 1, ty, packed, 64, position)
		want(g, "position", g.int(position, 0), 29)
		want(g, "bytes", fmt.Sprintf("%x", g.mem[packed+3:packed+29]), "00000001fffffffe0807060504030201fffffffffffffffd263a")
		g.setWord(position, 0, 3)
		g.must("Unpack_external", rep, packed, 64, position, out, 1, ty)
		want(g, "back", fmt.Sprintf("%x", g.mem[out:out+28]), fmt.Sprintf("%x", g.mem[in:in+28]))
	})
}
