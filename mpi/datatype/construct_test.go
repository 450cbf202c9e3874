package datatype

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

var (
	tInt  = ByHandle(0x209)
	tChar = ByHandle(0x243)
)

// ints lists the bytes of ints at displacements.
func ints(at ...int64) (list []int64) {
	for _, a := range at {
		list = append(list, a, a+1, a+2, a+3)
	}
	return list
}

// checkLayout sees that count elements are the bytes at those displacements, in that order: it packs them out of a
// memory in which all bytes differ from their neighbours, and unpacks them into another. It reports whether they fit
// into the memory.
func checkLayout(t *testing.T, name string, ty *Type, of []int64, count int64) (inside bool) {
	t.Helper()
	const middle = 1 << 13
	in, out, want := make([]byte, 2*middle), make([]byte, 2*middle), make([]byte, 2*middle)
	for i := range in {
		in[i] = byte(i*7 + i>>8)
	}
	from := Span{Mem: in, Addr: middle, Count: count, Type: ty}
	if !from.Inside(0) {
		return false
	}
	var packed []byte
	for i := range count {
		for _, b := range of {
			packed = append(packed, in[middle+i*ty.Extent()+b])
			want[middle+i*ty.Extent()+b] = packed[len(packed)-1]
		}
	}
	to := Span{Mem: out, Addr: middle, Count: count, Type: ty}
	if got := from.Packed().Mem; !bytes.Equal(got, packed) {
		t.Errorf("%s: %d elements are packed as %v, want %v", name, count, got, packed)
	}
	side := Whole(packed)
	to.CopyFrom(&side)
	if !bytes.Equal(out, want) {
		t.Errorf("%s: %d elements are not unpacked where they belong", name, count)
	}
	external := make([]byte, from.External())
	from.PackExternal(external)
	clear(out)
	to.UnpackExternal(external)
	if !bytes.Equal(out, want) {
		t.Errorf("%s: %d elements come back changed from external32", name, count)
	}
	return true
}

func TestConstructors(t *testing.T) {
	var c Constructor
	double := ByHandle(0x214)
	grid := Grid{Sizes: []int64{4, 5}, Kinds: []int64{DistributeBlock, DistributeCyclic},
		Arguments: []int64{DistributeDefault, DistributeDefault}, Processes: []int64{2, 2}}
	for name, made := range map[string]struct {
		make   func() (*Type, error)
		bounds [5]int64 // size, lower bound, extent, true lower bound, true upper bound
		bytes  []int64  // of one element, in order
	}{
		"contiguous": {func() (*Type, error) { return c.Contiguous(3, tInt) }, [5]int64{12, 0, 12, 0, 12}, ints(0, 4, 8)},
		"none":       {func() (*Type, error) { return c.Contiguous(0, tInt) }, [5]int64{}, nil},
		"vector":     {func() (*Type, error) { return c.Vector(2, 1, 3, tInt) }, [5]int64{8, 0, 16, 0, 16}, ints(0, 12)},
		"negative": {func() (*Type, error) { return c.Vector(2, 1, -3, tInt) }, [5]int64{8, -12, 16, -12, 4},
			ints(0, -12)},
		"hvector": {func() (*Type, error) { return c.Hvector(3, 2, 10, tInt) }, [5]int64{24, 0, 28, 0, 28},
			ints(0, 4, 10, 14, 20, 24)},
		"indexed": {func() (*Type, error) { return c.Indexed([]int64{1, 2}, []int64{4, 0}, tInt) },
			[5]int64{12, 0, 20, 0, 20}, ints(16, 0, 4)},
		"hindexed": {func() (*Type, error) { return c.Hindexed([]int64{1, 1}, []int64{8, 2}, tInt) },
			[5]int64{8, 2, 10, 2, 12}, ints(8, 2)},
		"indexed block": {func() (*Type, error) { return c.IndexedBlock(2, []int64{3, 0}, tInt) },
			[5]int64{16, 0, 20, 0, 20}, ints(12, 16, 0, 4)},
		"hindexed block": {func() (*Type, error) { return c.HindexedBlock(1, []int64{3, 9}, tInt) },
			[5]int64{8, 3, 10, 3, 13}, ints(3, 9)},
		"struct": {func() (*Type, error) {
			return c.Struct([]int64{1, 1}, []int64{0, 8}, []*Type{double, tChar})
		}, [5]int64{9, 0, 16, 0, 9}, []int64{0, 1, 2, 3, 4, 5, 6, 7, 8}},
		"resized": {func() (*Type, error) { return c.Resized(tInt, -4, 12) }, [5]int64{4, -4, 12, 0, 4}, ints(0)},
		"subarray": {func() (*Type, error) {
			return c.Subarray([]int64{3, 4}, []int64{2, 2}, []int64{1, 1}, OrderC, tInt)
		}, [5]int64{16, 0, 48, 20, 44}, ints(20, 24, 36, 40)},
		"subarray of Fortran": {func() (*Type, error) {
			return c.Subarray([]int64{4, 3}, []int64{2, 2}, []int64{1, 1}, OrderFortran, tInt)
		}, [5]int64{16, 0, 48, 20, 44}, ints(20, 24, 36, 40)},
		"darray": {func() (*Type, error) { return c.Darray(4, 3, grid, OrderC, tInt) }, [5]int64{16, 0, 80, 44, 76},
			ints(44, 52, 64, 72)},
		"dup": {func() (*Type, error) { return c.Dup(tInt) }, [5]int64{4, 0, 4, 0, 4}, ints(0)},
		"pair": {func() (*Type, error) { return ByHandle(0x229), nil }, [5]int64{12, 0, 16, 0, 12},
			[]int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
	} {
		ty, err := made.make()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		lower, upper := ty.TrueBounds()
		if got := [5]int64{ty.Size(), ty.LB(), ty.Extent(), lower, upper}; got != made.bounds {
			t.Errorf("%s: size, bounds are %v, want %v", name, got, made.bounds)
		}
		for _, count := range []int64{0, 1, 3} {
			if !checkLayout(t, name, ty, made.bytes, count) {
				t.Errorf("%s: %d elements are not inside", name, count)
			}
		}
	}
}

// TestRefused: what a constructor is not given, it says.
func TestRefused(t *testing.T) {
	var c Constructor
	huge := int64(math.MaxInt64)
	far, err := c.Contiguous(MaxBytes/4, tInt)
	if err != nil {
		t.Fatal(err)
	}
	grid := func(sizes, kinds, arguments, processes int64) (*Type, error) {
		g := Grid{[]int64{sizes}, []int64{kinds}, []int64{arguments}, []int64{processes}}
		return c.Darray(2, 1, g, OrderC, tInt)
	}
	for _, c := range []struct {
		says string
		make func() (*Type, error)
	}{
		{"too large", func() (*Type, error) { return c.Contiguous(huge, tInt) }},
		{"too large", func() (*Type, error) { return c.Contiguous(2, far) }},
		{"too large", func() (*Type, error) { return c.Vector(2, 2, huge, tInt) }},
		{"too large", func() (*Type, error) { return c.Hindexed([]int64{1}, []int64{huge}, tInt) }},
		{"too large", func() (*Type, error) { return c.Resized(tInt, 0, -huge) }},
		{"invalid order 3", func() (*Type, error) { return c.Subarray(nil, nil, nil, 3, tInt) }},
		{"3 elements from 2 are not part of 4", func() (*Type, error) {
			return c.Subarray([]int64{4}, []int64{3}, []int64{2}, OrderC, tInt)
		}},
		{"invalid rank 2 of 2", func() (*Type, error) { return c.Darray(2, 2, Grid{}, OrderC, tInt) }},
		{"invalid grid [0]", func() (*Type, error) { return grid(4, DistributeBlock, DistributeDefault, 0) }},
		{"a grid [3] does not have 2 processes", func() (*Type, error) {
			return grid(4, DistributeBlock, DistributeDefault, 3)
		}},
		{"invalid size 0", func() (*Type, error) { return grid(0, DistributeBlock, DistributeDefault, 2) }},
		{"not distributed over 2 processes", func() (*Type, error) {
			return grid(4, DistributeNone, DistributeDefault, 2)
		}},
		{"invalid distribution 7", func() (*Type, error) { return grid(4, 7, DistributeDefault, 2) }},
		{"blocks of 1 do not distribute 4 elements over", func() (*Type, error) { return grid(4, DistributeBlock, 1, 2) }},
		{"no type has precision 40", func() (*Type, error) { return F90(CombinerF90Real, 40, -1, nil) }},
	} {
		if ty, err := c.make(); ty != nil || err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v, %v, want %q", ty, err, c.says)
		}
	}
	// Blocks of two sizes in turn are never joined.
	lengths, displacements := make([]int64, maxRuns+1), make([]int64, maxRuns+1)
	for i := range lengths {
		lengths[i], displacements[i] = 1+int64(i%2), 3*int64(i)
	}
	if _, err := c.Indexed(lengths[1:], displacements[1:], tInt); err != nil {
		t.Error(err)
	}
	if _, err := c.Indexed(lengths, displacements, tInt); !errors.Is(err, ErrTooManyBlocks) {
		t.Error(err)
	}
	ty := tInt
	for i := range maxDepth + 1 {
		made, err := c.Contiguous(1, ty)
		if (err != nil) != (i == maxDepth) {
			t.Fatalf("step %d: %v", i, err)
		}
		ty = made
	}
}

// model is a datatype as its definition has it: each byte of one element, its bounds, and each basic type.
type model struct {
	name   string
	bytes  []int64
	lb, ub int64
	basics []*Type
}

func (m model) extent() int64 { return m.ub - m.lb }

// placed is count elements of a model, displaced, as part of another.
type placed struct {
	disp, count int64
	of          model
}

// join makes a model of parts, by MPI 5.0, chapter 5.1.
func join(name string, parts ...placed) model {
	out, first := model{name: name}, true
	for _, p := range parts {
		for i := range p.count {
			at := p.disp + i*p.of.extent()
			for _, b := range p.of.bytes {
				out.bytes = append(out.bytes, at+b)
			}
			out.basics = append(out.basics, p.of.basics...)
			if first {
				out.lb, out.ub, first = at+p.of.lb, at+p.of.ub, false
			}
			out.lb, out.ub = min(out.lb, at+p.of.lb), max(out.ub, at+p.of.ub)
		}
	}
	return out
}

// draw nests constructors as numbers say, in the package and in the model.
func draw(t *testing.T, below func(n int) int64) (*Type, model) {
	c := Constructor{Large: below(2) == 0}
	ty, m := tInt, model{name: "int", bytes: ints(0), ub: 4, basics: []*Type{tInt}}
	if below(3) == 0 {
		ty, m = tChar, model{name: "char", bytes: []int64{0}, ub: 1, basics: []*Type{tChar}}
	}
	for range 1 + below(4) {
		if len(m.bytes) > 200 {
			break
		}
		count, n, stride := 1+below(4), below(3), below(9)-3
		old, was := ty, m
		var err error
		switch below(9) {
		case 0:
			ty, err = c.Contiguous(count, old)
			m = join(fmt.Sprintf("contiguous(%d,%s)", count, was.name), placed{0, count, was})
		case 1:
			ty, err = c.Vector(count, n, stride, old)
			var parts []placed
			for i := range count {
				parts = append(parts, placed{i * stride * was.extent(), n, was})
			}
			m = join(fmt.Sprintf("vector(%d,%d,%d,%s)", count, n, stride, was.name), parts...)
		case 2, 3:
			lengths, displs := make([]int64, count), make([]int64, count)
			var parts []placed
			for i := range count {
				lengths[i], displs[i] = below(3), below(40)-10
				parts = append(parts, placed{displs[i], lengths[i], was})
			}
			ty, err = c.Hindexed(lengths, displs, old)
			m = join(fmt.Sprintf("hindexed(%v,%v,%s)", lengths, displs, was.name), parts...)
		case 4:
			displs := make([]int64, count)
			var parts []placed
			for i := range count {
				displs[i] = below(20) - 5
				parts = append(parts, placed{displs[i] * was.extent(), n, was})
			}
			ty, err = c.IndexedBlock(n, displs, old)
			m = join(fmt.Sprintf("indexedblock(%d,%v,%s)", n, displs, was.name), parts...)
		case 5:
			m.lb, m.ub = below(5)-2, below(60)
			m.name = fmt.Sprintf("resized(%d,%d,%s)", m.lb, m.extent(), was.name)
			ty, err = c.Resized(old, m.lb, m.extent())
		case 6:
			size, sub := 2+below(4), 1+below(2)
			begin := below(int(size - sub + 1))
			ty, err = c.Subarray([]int64{size}, []int64{sub}, []int64{begin}, OrderC, old)
			m = join(fmt.Sprintf("subarray(%d,%d,%d,%s)", size, sub, begin, was.name),
				placed{begin * was.extent(), sub, was})
			m.lb, m.ub = 0, size*was.extent()
		case 7:
			ty, err = c.Struct([]int64{n, 1}, []int64{below(20), below(20) - 30}, []*Type{old, tChar})
			at := ty.Contents()
			displs := slices.Concat(at.Aints, at.Counts)[max(0, len(at.Counts)-2):]
			m = join(fmt.Sprintf("struct(%d,%v,%s,char)", n, displs, was.name), placed{displs[0], n, was},
				placed{displs[1], 1, model{bytes: []int64{0}, ub: 1, basics: []*Type{tChar}}})
			if ty.Extent() >= m.extent() && ty.LB() == m.lb { // the standard leaves the rounding up to us
				m.ub = ty.UB()
			}
		case 8:
			ty, err = c.Dup(old)
			m.name = fmt.Sprintf("dup(%s)", was.name)
		}
		if err != nil {
			t.Fatalf("%s: %v", m.name, err)
		}
	}
	return ty, m
}

// check compares a datatype with its model.
func (m model) check(t *testing.T, ty *Type, count int64) {
	t.Helper()
	size := int64(len(m.bytes))
	if ty.Size() != size || ty.LB() != m.lb || ty.Extent() != m.extent() {
		t.Fatalf("%s: size, lower bound, extent are %d %d %d, want %d %d %d", m.name, ty.Size(), ty.LB(), ty.Extent(), size,
			m.lb, m.extent())
	}
	if lower, upper := ty.TrueBounds(); size > 0 && (lower != slices.Min(m.bytes) || upper != slices.Max(m.bytes)+1) ||
		size == 0 && (lower != 0 || upper != 0) {
		t.Errorf("%s: true bounds are %d %d", m.name, lower, upper)
	}
	if distinct(m, count) { // else it would matter which byte comes last
		inside := checkLayout(t, m.name, ty, m.bytes, count)
		if low, high := m.reach(count); !inside && low > -1000 && high < 1000 {
			t.Errorf("%s: %d elements are not inside", m.name, count)
		}
	}
	if got := ty.Basics(); got != int64(len(m.basics)) {
		t.Errorf("%s: %d basic elements, want %d", m.name, got, len(m.basics))
	}
	var bytes int64
	for n, b := range slices.Repeat(m.basics, int(count)) {
		if got, ok := ty.BytesOf(int64(n)); got != bytes || !ok {
			t.Errorf("%s: %d basic elements have %d bytes, want %d", m.name, n, got, bytes)
		}
		for left := range b.Size() {
			if elements, rest := ty.Elements(bytes + left); elements != int64(n) || rest != left {
				t.Errorf("%s: %d bytes are %d basic elements and %d bytes", m.name, bytes+left, elements, rest)
			}
		}
		bytes += b.Size()
	}
	if flat, err := (Constructor{}).Struct(slices.Repeat([]int64{1}, len(m.basics)), make([]int64, len(m.basics)),
		m.basics); err != nil || Differ(ty, count, flat, count) != nil || Differ(flat, count, ty, count) != nil {
		t.Errorf("%s: its signature is not that of its basic types: %v", m.name, err)
	}
}

// reach is the displacement of the lowest byte of count elements and of the one behind the highest.
func (m model) reach(count int64) (low, high int64) {
	for i := range count {
		for _, b := range m.bytes {
			low, high = min(low, i*m.extent()+b), max(high, i*m.extent()+b+1)
		}
	}
	return low, high
}

// distinct reports whether no two bytes of count elements are the same byte.
func distinct(m model, count int64) bool {
	seen := map[int64]bool{}
	for i := range count {
		for _, b := range m.bytes {
			at := i*m.extent() + b
			if seen[at] {
				return false
			}
			seen[at] = true
		}
	}
	return true
}

func TestRandomTypes(t *testing.T) {
	for seed := range uint64(5000) {
		rng := rand.New(rand.NewPCG(seed, 2))
		ty, m := draw(t, func(n int) int64 { return int64(rng.IntN(n)) })
		m.check(t, ty, int64(rng.IntN(4)))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// FuzzConstructors nests constructors as bytes say.
func FuzzConstructors(f *testing.F) {
	f.Add([]byte{0, 1, 3, 2, 1, 4, 1, 7, 3, 0, 2, 1, 5, 5, 9, 9})
	f.Fuzz(func(t *testing.T, data []byte) {
		ty, m := draw(t, func(n int) int64 {
			if len(data) == 0 {
				return 0
			}
			x := data[0]
			data = data[1:]
			return int64(x) % int64(n)
		})
		m.check(t, ty, int64(len(data)%4))
	})
}

// TestCopyBetweenTypes copies between two random datatypes of as many bytes, and exchanges them.
func TestCopyBetweenTypes(t *testing.T) {
	const middle = 1 << 13
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 3))
		below := func(n int) int64 { return int64(rng.IntN(n)) }
		a, ma := draw(t, below)
		b, mb := draw(t, below)
		n, m := max(1, int64(len(mb.bytes))), max(1, int64(len(ma.bytes)))
		if len(ma.bytes)*len(mb.bytes) == 0 || n*m > 4000 || !distinct(ma, n) || !distinct(mb, m) {
			continue
		}
		x, y := Span{make([]byte, 2*middle), middle, n, a}, Span{make([]byte, 2*middle), middle, m, b}
		if !x.Inside(0) || !y.Inside(0) {
			continue
		}
		for i := range x.Mem {
			x.Mem[i], y.Mem[i] = byte(rng.Uint32()), byte(rng.Uint32())
		}
		first, second := x.Packed().Mem, y.Packed().Mem
		Swap(&x, &y, make([]byte, 7))
		if !bytes.Equal(x.Packed().Mem, second) || !bytes.Equal(y.Packed().Mem, first) {
			t.Fatalf("seed %d: %s and %s are not exchanged", seed, ma.name, mb.name)
		}
		x.CopyFrom(&y)
		if !bytes.Equal(x.Packed().Mem, first) {
			t.Fatalf("seed %d: %s is not copied to %s", seed, mb.name, ma.name)
		}
	}
}

// TestContents: what a datatype was made with, in both forms.
func TestContents(t *testing.T) {
	for _, c := range []struct {
		make func(Constructor) (*Type, error)
		how  Combiner
		want [2]string // of the plain form and of the one in _c
	}{
		{func(c Constructor) (*Type, error) { return c.Vector(2, 3, 4, tInt) }, CombinerVector,
			[2]string{"[2 3 4] [] []", "[] [] [2 3 4]"}},
		{func(c Constructor) (*Type, error) { return c.Hvector(2, 3, 4, tInt) }, CombinerHvector,
			[2]string{"[2 3] [4] []", "[] [] [2 3 4]"}},
		{func(c Constructor) (*Type, error) { return c.Indexed([]int64{1, 2}, []int64{3, 4}, tInt) }, CombinerIndexed,
			[2]string{"[2 1 2 3 4] [] []", "[] [] [2 1 2 3 4]"}},
		{func(c Constructor) (*Type, error) { return c.HindexedBlock(5, []int64{3, 4}, tInt) }, CombinerHindexedBlock,
			[2]string{"[2 5] [3 4] []", "[] [] [2 5 3 4]"}},
		{func(c Constructor) (*Type, error) {
			return c.Subarray([]int64{4}, []int64{2}, []int64{1}, OrderC, tInt)
		}, CombinerSubarray, [2]string{"[1 4 2 1 12] [] []", "[1 12] [] [4 2 1]"}},
		{func(c Constructor) (*Type, error) {
			g := Grid{[]int64{6}, []int64{DistributeCyclic}, []int64{2}, []int64{3}}
			return c.Darray(3, 1, g, OrderC, tInt)
		}, CombinerDarray, [2]string{"[3 1 1 6 18 2 3 12] [] []", "[3 1 1 18 2 3 12] [] [6]"}},
	} {
		for i, large := range []bool{false, true} {
			ty, err := c.make(Constructor{Large: large})
			if err != nil {
				t.Fatal(err)
			}
			made := ty.Contents()
			got := fmt.Sprint(made.Ints, made.Aints, made.Counts)
			if ty.Combiner() != c.how || got != c.want[i] || made.Large != large || !slices.Equal(made.Types, []*Type{tInt}) {
				t.Errorf("combiner %d: %s, want %d: %s", ty.Combiner(), got, c.how, c.want[i])
			}
		}
	}
}

func TestFound(t *testing.T) {
	for _, c := range []struct {
		got  *Type
		name string
	}{
		{ByHandle(0x214), "MPI_DOUBLE"}, {ByHandle(0x200), ""}, {ByHandle(0x1ff), ""}, {ByHandle(1 << 31), ""},
		{Sized(ClassReal, 8), "MPI_REAL8"}, {Sized(ClassInteger, 3), ""}, {Sized(0, 4), ""},
		{Pair(ByHandle(0x214), tInt), "MPI_DOUBLE_INT"}, {Pair(tInt, ByHandle(0x214)), ""}, {Byte(), "MPI_BYTE"},
	} {
		name := ""
		if c.got != nil {
			name = c.got.Name()
		}
		if name != c.name {
			t.Errorf("%q, want %q", name, c.name)
		}
	}
}
