package mpi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

// What a call may write is reckoned here a second time, from the definition: an element's bytes lie at
// address + displacement × unit + element × extent + offset, with no bound on any of them.

// shape is a datatype as the test knows it: its handle and the bytes of one element.
type shape struct {
	handle uint32
	extent int64
	bytes  [][2]int64 // offset and length
}

// region is the memory that a call may write: count elements of a datatype, displaced.
type region struct {
	address       uint32
	displ, unit   int64
	count         int64
	of            shape
	wholeElements bool // a reduction writes an element's holes too
}

// ends gives the lowest byte and the end of what the region covers, exactly.
func (g region) ends() (low, high *big.Int) {
	for _, e := range []int64{0, g.count - 1} {
		for _, b := range g.of.bytes {
			at := new(big.Int).Mul(big.NewInt(g.displ), big.NewInt(g.unit))
			at.Add(at, new(big.Int).Mul(big.NewInt(e), big.NewInt(g.of.extent)))
			at.Add(at, big.NewInt(int64(g.address)+b[0]))
			end := new(big.Int).Add(at, big.NewInt(b[1]))
			if low == nil || at.Cmp(low) < 0 {
				low = at
			}
			if high == nil || end.Cmp(high) > 0 {
				high = end
			}
		}
	}
	return low, high
}

func (g region) empty() bool { return g.count <= 0 || len(g.of.bytes) == 0 }

// inMemory reports whether every byte of the region is in a memory of so many.
func (g region) inMemory(size int) bool {
	low, high := g.ends()
	return low.Sign() >= 0 && high.Cmp(big.NewInt(int64(size))) <= 0
}

// allow marks the region's bytes.
func (g region) allow(marks []bool) {
	for e := range min(g.count, int64(len(marks))) { // more lie on top of each other
		at := int64(g.address) + g.displ*g.unit + e*g.of.extent
		blocks := g.of.bytes
		if g.wholeElements {
			blocks = [][2]int64{{0, g.of.extent}}
		}
		for _, b := range blocks {
			for i := at + b[0]; i < min(at+b[0]+b[1], int64(len(marks))); i++ {
				marks[i] = true
			}
		}
	}
}

// shapes makes datatypes with every kind of bounds: holes, bytes before the address and far behind it, extents that are
// negative, zero and larger than any memory.
func (g *guest) shapes() []shape {
	at := g.alloc(4)
	made := func(extent int64, bytes [][2]int64, name string, arguments ...any) shape {
		g.must(name, append(arguments, at)...)
		g.must("Type_commit", at)
		return shape{uint32(g.int(at, 0)), extent, bytes}
	}
	one := [][2]int64{{0, 4}}
	far := func(displ int) shape {
		return made(4, [][2]int64{{int64(displ), 4}}, "Type_create_hindexed_block", 1, 1, g.words(displ), tInt)
	}
	return []shape{
		{tInt, 4, one},
		{tByte, 1, [][2]int64{{0, 1}}},
		{0x22c, 8, [][2]int64{{0, 2}, {4, 4}}}, // MPI_SHORT_INT
		{0x229, 16, [][2]int64{{0, 12}}},       // MPI_DOUBLE_INT
		made(12, [][2]int64{{0, 12}}, "Type_contiguous", 3, tInt),
		made(16, [][2]int64{{0, 4}, {12, 4}}, "Type_vector", 2, 1, 3, tInt),
		made(16, [][2]int64{{0, 4}, {-12, 4}}, "Type_vector", 2, 1, -3, tInt),
		far(-64), far(60000), far(math.MinInt32), far(math.MaxInt32),
		made(-8, one, "Type_create_resized", tInt, 0, -8),
		made(0, one, "Type_create_resized", tInt, -16, 0),
		made(1<<20, one, "Type_create_resized", tInt, 0, 1<<20),
		made(1<<44, one, "Type_create_resized_c", tInt, int64(0), int64(1)<<44),
		made(-1<<44, one, "Type_create_resized_c", tInt, int64(3), int64(-1)<<44),
		made(0, nil, "Type_contiguous", 0, tInt),
		made(1<<44, nil, "Type_create_resized_c", made(0, nil, "Type_contiguous", 0, tInt).handle, int64(0), int64(1)<<44),
	}
}

// drawer draws numbers: from a fuzzer's bytes as long as there are some, then at random. A tame one draws all but
// displacements so that they are right.
type drawer struct {
	data []byte
	rng  *rand.Rand
	tame bool
}

func (d *drawer) below(n int) int {
	if len(d.data) > 0 {
		b := d.data[0]
		d.data = d.data[1:]
		return int(b) % n
	}
	return d.rng.IntN(n)
}

// shape is mostly one of the first few, which are plain.
func (d *drawer) shape(of []shape) shape {
	if d.tame || d.below(2) == 0 {
		return of[d.below(7)]
	}
	return of[d.below(len(of))]
}

// displ is mostly near, often negative, sometimes as far as an int goes.
func (d *drawer) displ() int64 {
	switch d.below(10) {
	case 0:
		return -1 - int64(d.below(100))
	case 1:
		return -int64(1) << (d.below(32))
	case 2:
		return int64(1)<<(d.below(31)) - int64(d.below(2))
	case 3:
		return math.MinInt32
	case 4:
		return -8192 - int64(d.below(256))*128 // before the memory, in bytes
	}
	return int64(d.below(40))
}

func (d *drawer) count(wide bool) int64 {
	if d.tame {
		return 1 + int64(d.below(4))
	}
	switch d.below(12) {
	case 0:
		return -1
	case 1:
		return int64(1)<<(d.below(31)) + int64(d.below(3))
	case 2:
		if wide {
			return int64(1)<<(30+d.below(33)) - int64(d.below(2))
		}
		return math.MaxInt32
	case 3:
		return 0
	}
	return 1 + int64(d.below(4))
}

func (d *drawer) address() uint32 {
	if d.tame {
		return 24576 + uint32(d.below(64))*128
	}
	switch d.below(10) {
	case 0:
		return uint32(d.below(3)) // MPI_BOTTOM, MPI_IN_PLACE
	case 1:
		return fuzzMemory - uint32(d.below(64))
	case 2:
		return uint32(d.rng.Uint32())
	}
	return 16384 + uint32(d.below(250))*128
}

// transfer is one call with one rank's arguments, and where it may write.
type transfer struct {
	name      string
	arguments []any
	writes    []region
	outs      [][2]uint32 // and where it gives numbers back: address, bytes
}

// drawnCall is a function whose buffers are drawn.
type drawnCall struct {
	name  string
	forms bool // has a nonblocking and a persistent form
	draw  func(w *boundsRank) transfer
}

// boundsRank draws one rank's arguments. What all must agree on comes from the shared drawer.
type boundsRank struct {
	*guest
	own, shared *drawer
	shapes      []shape
	wide        bool
	grid        uint32 // a ring, for the neighbours
	userOp      uint32
}

// side is a buffer of one count.
type side struct {
	address uint32
	count   int64
	of      shape
}

func (w *boundsRank) side() side {
	of := w.shared.shape(w.shapes)
	return side{w.own.address(), w.count(of), of}
}

// count is one for a datatype. Elements on top of each other could be very many, and take their time.
func (w *boundsRank) count(of shape) int64 {
	n := w.shared.count(w.wide)
	if of.extent == 0 && len(of.bytes) > 0 {
		n %= 1000
	}
	return n
}

func (s side) arguments() []any { return []any{s.address, s.count, s.of.handle} }

// blocks gives the regions of n blocks one behind the other.
func (s side) blocks(n int) (list []region) {
	for i := range n {
		r := region{address: s.address, count: s.count, of: s.of}
		if r.empty() {
			continue
		}
		r.displ, r.unit = int64(i)*min(s.count, 1<<33), s.of.extent
		list = append(list, r)
	}
	return list
}

// vectorSide is a buffer of n counts and displacements, with a type each if typed.
func (w *boundsRank) vectorSide(n int, typed bool) (arguments []any, writes []region) {
	address, width := w.own.address(), 4
	if w.wide {
		width = 8
	}
	counts, displs, types := w.alloc(width*n), w.alloc(width*n), w.alloc(wordSize*n)
	of := w.shared.shape(w.shapes)
	count := w.count(of)
	for i := range n {
		if typed {
			of = w.shared.shape(w.shapes)
			count = w.count(of)
		}
		displ := w.own.displ()
		if w.wide {
			binary.LittleEndian.PutUint64(w.mem[int(counts)+8*i:], uint64(count))
		} else {
			w.setInt(counts, i, int(count))
		}
		w.setInt(displs, i, int(displ))
		w.setWord(types, i, int(of.handle))
		unit := of.extent
		if typed {
			unit = 1
		}
		writes = append(writes, region{address: address, displ: displ, unit: unit, count: count, of: of})
	}
	if typed {
		return []any{address, counts, displs, types}, writes
	}
	return []any{address, counts, displs, of.handle}, writes
}

// maybeInPlace says MPI_IN_PLACE for a send buffer at times.
func (w *boundsRank) maybeInPlace(address any) any {
	if w.shared.below(4) == 0 {
		return inPlace
	}
	return address
}

func join2(parts ...[]any) (all []any) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// reduced makes the arguments of a reduction with n blocks received and m sent.
func (w *boundsRank) reduced(end ...any) transfer {
	s := w.side()
	op := []uint32{tSum, w.userOp, 0x38}[w.shared.below(3)]
	t := transfer{arguments: join2([]any{w.maybeInPlace(w.own.address()), s.address, s.count, s.of.handle, op}, end)}
	t.writes = s.blocks(1)
	for i := range t.writes {
		t.writes[i].wholeElements = op != w.userOp
	}
	return t
}

var drawnCalls = []drawnCall{
	{"Bcast", true, func(w *boundsRank) transfer {
		s, root := w.side(), w.shared.below(w.n)
		t := transfer{arguments: join2(s.arguments(), []any{root, tWorld})}
		if w.me != root {
			t.writes = s.blocks(1)
		}
		return t
	}},
	{"Gather", true, func(w *boundsRank) transfer {
		s, d, root := w.side(), w.side(), w.shared.below(w.n)
		t := transfer{arguments: join2(s.arguments(), d.arguments(), []any{root, tWorld})}
		if w.me == root {
			t.writes = d.blocks(w.n)
		}
		return t
	}},
	{"Gatherv", true, func(w *boundsRank) transfer {
		s, root := w.side(), w.shared.below(w.n)
		v, writes := w.vectorSide(w.n, false)
		t := transfer{arguments: join2(s.arguments(), v, []any{root, tWorld})}
		if w.me == root {
			t.writes = writes
		}
		return t
	}},
	{"Scatter", true, func(w *boundsRank) transfer {
		s, d, root := w.side(), w.side(), w.shared.below(w.n)
		return transfer{arguments: join2(s.arguments(), d.arguments(), []any{root, tWorld}), writes: d.blocks(1)}
	}},
	{"Scatterv", true, func(w *boundsRank) transfer {
		v, _ := w.vectorSide(w.n, false)
		d, root := w.side(), w.shared.below(w.n)
		return transfer{arguments: join2(v, d.arguments(), []any{root, tWorld}), writes: d.blocks(1)}
	}},
	{"Allgather", true, func(w *boundsRank) transfer {
		s, d := w.side(), w.side()
		a := s.arguments()
		a[0] = w.maybeInPlace(a[0])
		return transfer{arguments: join2(a, d.arguments(), []any{tWorld}), writes: d.blocks(w.n)}
	}},
	{"Allgatherv", true, func(w *boundsRank) transfer {
		s := w.side()
		v, writes := w.vectorSide(w.n, false)
		a := s.arguments()
		a[0] = w.maybeInPlace(a[0])
		return transfer{arguments: join2(a, v, []any{tWorld}), writes: writes}
	}},
	{"Alltoall", true, func(w *boundsRank) transfer {
		s, d := w.side(), w.side()
		a := s.arguments()
		a[0] = w.maybeInPlace(a[0])
		return transfer{arguments: join2(a, d.arguments(), []any{tWorld}), writes: d.blocks(w.n)}
	}},
	{"Alltoallv", true, func(w *boundsRank) transfer {
		s, _ := w.vectorSide(w.n, false)
		d, writes := w.vectorSide(w.n, false)
		s[0] = w.maybeInPlace(s[0])
		return transfer{arguments: join2(s, d, []any{tWorld}), writes: writes}
	}},
	{"Alltoallw", true, func(w *boundsRank) transfer {
		s, _ := w.vectorSide(w.n, true)
		d, writes := w.vectorSide(w.n, true)
		s[0] = w.maybeInPlace(s[0])
		return transfer{arguments: join2(s, d, []any{tWorld}), writes: writes}
	}},
	{"Reduce", true, func(w *boundsRank) transfer {
		root := w.shared.below(w.n)
		t := w.reduced(root, tWorld)
		if w.me != root {
			t.writes = nil
		}
		return t
	}},
	{"Allreduce", true, func(w *boundsRank) transfer { return w.reduced(tWorld) }},
	{"Scan", true, func(w *boundsRank) transfer { return w.reduced(tWorld) }},
	{"Exscan", true, func(w *boundsRank) transfer { return w.reduced(tWorld) }},
	{"Reduce_scatter_block", true, func(w *boundsRank) transfer { return w.reduced(tWorld) }},
	{"Neighbor_allgather", true, func(w *boundsRank) transfer {
		s, d := w.side(), w.side()
		return transfer{arguments: join2(s.arguments(), d.arguments(), []any{w.grid}), writes: d.blocks(2)}
	}},
	{"Neighbor_allgatherv", true, func(w *boundsRank) transfer {
		s := w.side()
		v, writes := w.vectorSide(2, false)
		return transfer{arguments: join2(s.arguments(), v, []any{w.grid}), writes: writes}
	}},
	{"Neighbor_alltoall", true, func(w *boundsRank) transfer {
		s, d := w.side(), w.side()
		return transfer{arguments: join2(s.arguments(), d.arguments(), []any{w.grid}), writes: d.blocks(2)}
	}},
	{"Neighbor_alltoallv", true, func(w *boundsRank) transfer {
		s, _ := w.vectorSide(2, false)
		d, writes := w.vectorSide(2, false)
		return transfer{arguments: join2(s, d, []any{w.grid}), writes: writes}
	}},
	{"Neighbor_alltoallw", true, func(w *boundsRank) transfer {
		s, _ := w.vectorSide(2, true)
		d, writes := w.vectorSide(2, true)
		return transfer{arguments: join2(s, d, []any{w.grid}), writes: writes}
	}},
	{"Sendrecv", false, func(w *boundsRank) transfer {
		s, d := w.side(), w.side()
		return transfer{arguments: join2(s.arguments(), []any{(w.me + 1) % w.n, 0}, d.arguments(),
			[]any{(w.me + w.n - 1) % w.n, 0, tWorld, 0}), writes: d.blocks(1)}
	}},
	{"Sendrecv_replace", false, func(w *boundsRank) transfer {
		s := w.side()
		return transfer{arguments: join2(s.arguments(), []any{(w.me + 1) % w.n, 0, (w.me + w.n - 1) % w.n, 0, tWorld, 0}),
			writes: s.blocks(1)}
	}},
	{"Reduce_local", false, func(w *boundsRank) transfer {
		s := w.side()
		op := []uint32{tSum, w.userOp, 0x38}[w.shared.below(3)]
		t := transfer{arguments: []any{w.own.address(), s.address, s.count, s.of.handle, op}, writes: s.blocks(1)}
		for i := range t.writes {
			t.writes[i].wholeElements = true
		}
		return t
	}},
	{"Pack", false, func(w *boundsRank) transfer { return w.packing("", []any{tWorld}, false) }},
	{"Unpack", false, func(w *boundsRank) transfer { return w.packing("", []any{tWorld}, true) }},
	{"Pack_external", false, func(w *boundsRank) transfer { return w.packing("external32", nil, false) }},
	{"Unpack_external", false, func(w *boundsRank) transfer { return w.packing("external32", nil, true) }},
}

// packing makes the arguments of MPI_Pack and its like.
func (w *boundsRank) packing(datarep string, end []any, unpack bool) transfer {
	s, buffer, size := w.side(), w.own.address(), w.own.count(w.wide)*17
	position := w.alloc(8)
	w.setInt(position, 0, int(w.own.displ()))
	w.setInt(position, 1, 0)
	var begin []any
	if datarep != "" {
		begin = []any{w.cstring(datarep)}
	}
	t := transfer{outs: [][2]uint32{{position, 8}}}
	if unpack {
		t.arguments = join2(begin, []any{buffer, size, position}, s.arguments(), end)
		t.writes = s.blocks(1)
		return t
	}
	t.arguments = join2(begin, s.arguments(), []any{buffer, size, position}, end)
	if size > 0 && int64(buffer) < int64(len(w.mem)) {
		t.writes = []region{{address: buffer, count: min(size, int64(len(w.mem))-int64(buffer)),
			of: shape{extent: 1, bytes: [][2]int64{{0, 1}}}}}
	}
	return t
}

// bounded has every rank of a small world make one call whose buffers are drawn, and looks at what it has written.
func bounded(t *testing.T, function int, seed uint64, data []byte) {
	c := drawnCalls[function%len(drawnCalls)]
	n := 1 + int(seed%3)
	form, wide := int(seed/3%3), seed/9%2 == 1
	if !c.forms {
		form = 0
	}
	outcomeIn(t, WorldConfig{Size: n, EagerBytes: 1 << 20}, fuzzMemory, func(g *guest) {
		w := &boundsRank{guest: g, wide: wide,
			shared: &drawer{rng: rand.New(rand.NewPCG(seed, 0)), tame: seed&1 != 0, data: data},
			own:    &drawer{rng: rand.New(rand.NewPCG(seed, uint64(g.me)+1)), tame: seed&1 != 0}}
		if len(data) > 16 {
			third := (len(data) - 16) / 3
			w.shared.data, w.own.data = data[:16], data[16+g.me*third:16+(g.me+1)*third]
		}
		g.table[3] = func(...uint64) {}
		g.must("Init", 0, 0)
		w.shapes, w.grid = g.shapes(), g.newcomm("Cart_create", tWorld, 1, g.ints(g.n), g.ints(1), 0)
		w.userOp = g.newcomm("Op_create", 3, 1)
		for _, comm := range []uint32{tWorld, tSelf, w.grid} {
			g.must("Comm_set_errhandler", comm, errorsReturn)
		}
		w.check(c, form)
		g.rank.world.End(errors.New("one has made its call"))
	})
}

// check makes the call and compares the memory with what it was.
func (w *boundsRank) check(c drawnCall, form int) {
	t := c.draw(w)
	name, request := c.name, w.alloc(4)
	large := ""
	if w.wide {
		large = "_c"
	}
	if _, ok := callsByName["MPI_"+name+large]; !ok {
		return
	}
	before := append([]byte(nil), w.mem...)
	// Whatever happens, and wherever another rank ends the world: nothing else may change.
	said := false
	defer func() {
		marks := make([]bool, len(before))
		for _, r := range t.writes {
			if !r.empty() && r.inMemory(len(before)) {
				r.allow(marks)
			}
		}
		for _, out := range append(t.outs, [2]uint32{request, wordSize}) {
			for i := range out[1] {
				marks[out[0]+i] = true
			}
		}
		for i := range before {
			if before[i] != w.mem[i] && !marks[i] && !said {
				said = true
				w.t.Errorf("rank %d of %d: %s%s form %d %v writes at %#x, outside of %+v", w.me, w.n, c.name, large, form,
					t.arguments, i, t.writes)
			}
		}
	}()
	code := int32(success)
	switch form {
	case 0:
		code = w.call(name+large, t.arguments...)
	case 1:
		if code = w.call("I"+strings.ToLower(name)+large, append(t.arguments, request)...); code == success {
			code = w.call("Wait", request, 0)
		}
	case 2:
		if code = w.call(name+"_init"+large, append(t.arguments, infoNull, request)...); code == success {
			w.must("Start", request)
			code = w.call("Wait", request, 0)
			w.call("Request_free", request)
		}
	}
	if code != success || w.arguedInPlace(t) {
		return
	}
	for _, r := range t.writes {
		if !r.empty() && !r.inMemory(len(before)) {
			w.t.Errorf("rank %d of %d: %s%s form %d %v succeeds though %+v is not in memory", w.me, w.n, c.name, large, form,
				t.arguments, r)
		}
	}
}

// arguedInPlace reports whether MPI_IN_PLACE stands for a receive buffer that may be left out.
func (w *boundsRank) arguedInPlace(t transfer) bool {
	for _, r := range t.writes {
		if r.address == inPlace {
			return true
		}
	}
	return false
}

// TestNothingOutside draws buffers for every function that takes some.
func TestNothingOutside(t *testing.T) {
	rounds := uint64(150)
	if testing.Short() {
		rounds = 30
	}
	for i, c := range drawnCalls {
		t.Run(c.name, func(t *testing.T) {
			for seed := range rounds {
				bounded(t, i, seed, nil)
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
		})
	}
}

// FuzzBuffers draws them from a fuzzer's bytes.
func FuzzBuffers(f *testing.F) {
	for i := range drawnCalls {
		for form := range uint64(9) {
			f.Add(uint8(i), 1+form, fmt.Appendf(nil, "the first bytes say what all agree on, the others each rank's %d", i))
		}
	}
	f.Fuzz(func(t *testing.T, function uint8, seed uint64, data []byte) { bounded(t, int(function), seed, data) })
}

// TestSizesThatWrap gives sizes that wrap around when an address is added.
func TestSizesThatWrap(t *testing.T) {
	play(t, 1, func(g *guest) {
		g.must("Comm_set_errhandler", tWorld, errorsReturn)
		g.must("Comm_set_errhandler", tSelf, errorsReturn)
		position, buf := g.alloc(8), g.alloc(64)
		for _, n := range []int64{math.MaxInt64, math.MaxInt64 - int64(buf), 1 << 62, 1 << 32} {
			want(g, "MPI_Buffer_attach_c", g.call("Buffer_attach_c", buf, n), int32(errBuffer))
			binary.LittleEndian.PutUint64(g.mem[position:], 0)
			want(g, "MPI_Pack_c", g.call("Pack_c", buf, int64(1), tInt, buf+8, n, position, tWorld), int32(errBuffer))
			binary.LittleEndian.PutUint64(g.mem[position:], uint64(n-4))
			want(g, "MPI_Unpack_c", g.call("Unpack_c", buf, n, position, buf+8, int64(1), tInt, tWorld), int32(errBuffer))
		}
	})
}

// TestProgramReducesFarBytes reduces, by a function of the program, a datatype whose bytes lie at their absolute
// addresses, behind the memory that MPI takes for its intermediate result.
func TestProgramReducesFarBytes(t *testing.T) {
	onAllSizes(t, func(g *guest) {
		g.must("Alloc_mem", 1<<18, infoNull, g.alloc(4)) // what follows lies behind MPI's own
		first := g.newcomm("Alloc_mem", 64, infoNull)
		g.must("Free_mem", first)
		far := uint32(len(g.mem) - 64)
		t, at := g.alloc(4), g.words(int(far))
		g.must("Type_create_hindexed_block", 1, 3, at, tInt, t)
		g.must("Type_commit", t)
		g.table[5] = func(a ...uint64) {
			in, out := uint32(a[0])+far, uint32(a[1])+far // as C adds a displacement
			for i := range 3 {
				g.setInt(out, i, g.int(in, i)+g.int(out, i))
			}
		}
		op := g.newcomm("Op_create", 5, 1)
		for i := range 3 {
			g.setInt(far, i, g.me+i)
		}
		g.must("Allreduce", inPlace, 0, 1, g.int(t, 0), op, tWorld)
		for i := range 3 {
			want(g, "element", g.int(far, i), g.n*(g.n-1)/2+g.n*i)
		}
	})
}

// TestTypesOnTypes makes datatypes out of each other: what is asked of them must not take as many steps as they have
// elements, nor descend for ever.
func TestTypesOnTypes(t *testing.T) {
	play(t, 1, func(g *guest) {
		g.must("Comm_set_errhandler", tSelf, errorsReturn)
		at, size := g.words(tInt), g.alloc(8)
		lengths, displs, types, rep := g.alloc(16), g.alloc(16), g.alloc(8), g.cstring("external32")
		bytes := int64(4)
		for range 40 { // each is twice the one before
			for i := range 2 {
				g.setWord(types, i, g.word(at, 0))
				binary.LittleEndian.PutUint64(g.mem[int(displs)+8*i:], uint64(int64(i)*bytes))
			}
			for i := range 2 {
				binary.LittleEndian.PutUint64(g.mem[int(lengths)+8*i:], 1)
			}
			g.must("Type_create_struct_c", int64(2), lengths, displs, types, at)
			bytes *= 2
		}
		g.must("Pack_external_size_c", rep, int64(1), g.int(at, 0), size)
		want(g, "size", int64(binary.LittleEndian.Uint64(g.mem[size:])), bytes)

		old, code := g.alloc(4), int32(success)
		g.setWord(at, 0, tInt)
		for i := 0; i < 1<<20 && code == success; i++ {
			g.setWord(old, 0, g.word(at, 0))
			if code = g.call("Type_contiguous", 1, g.int(old, 0), at); i > 0 {
				g.must("Type_free", old)
			}
		}
		want(g, "a datatype on too many others", code, int32(errArg))
	})
}
