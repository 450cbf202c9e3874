package state

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/state/statepb"
)

// drawer makes random datatypes, by every constructor, of predefined ones and of those made before.
type drawer struct {
	rng  *rand.Rand
	made []*datatype.Type
}

func (d *drawer) n(below int) int64 { return int64(d.rng.IntN(below)) }

func (d *drawer) numbers(n int64, below int) []int64 {
	v := make([]int64, n)
	for i := range v {
		v[i] = d.n(below)
	}
	return v
}

func (d *drawer) old() *datatype.Type {
	if len(d.made) > 0 && d.n(3) > 0 {
		return d.made[d.n(len(d.made))]
	}
	return datatype.ByHandle([]uint32{0x209, 0x214, 0x22c, 0x247, 0x229, 0x2eb}[d.n(6)])
}

// draw makes one more, if its constructor takes what was drawn.
func (d *drawer) draw() {
	c := datatype.Constructor{Large: d.n(2) == 0}
	n, old := d.n(4), d.old()
	var t *datatype.Type
	var err error
	switch d.n(14) {
	case 0:
		t, err = c.Contiguous(n, old)
	case 1:
		t, err = c.Vector(n, d.n(3), d.n(9)-4, old)
	case 2:
		t, err = c.Hvector(n, d.n(3), d.n(100)-50, old)
	case 3:
		t, err = c.Indexed(d.numbers(n, 3), d.numbers(n, 9), old)
	case 4:
		t, err = c.Hindexed(d.numbers(n, 3), d.numbers(n, 99), old)
	case 5:
		t, err = c.IndexedBlock(d.n(3), d.numbers(n, 9), old)
	case 6:
		t, err = c.HindexedBlock(d.n(3), d.numbers(n, 99), old)
	case 7:
		types := make([]*datatype.Type, n)
		for i := range types {
			types[i] = d.old()
		}
		t, err = c.Struct(d.numbers(n, 3), d.numbers(n, 99), types)
	case 8:
		t, err = c.Resized(old, d.n(30)-15, d.n(200)-50)
	case 9:
		t, err = datatype.Constructor{}.Dup(old)
	case 10:
		t, err = c.Subarray([]int64{4, 5}, []int64{1 + d.n(3), 2}, []int64{d.n(2), d.n(4)}, d.order(), old)
	case 11:
		g := datatype.Grid{Sizes: []int64{7, 6}, Kinds: []int64{datatype.DistributeCyclic, datatype.DistributeBlock},
			Arguments: []int64{1 + d.n(3), datatype.DistributeDefault}, Processes: []int64{2, 3}}
		t, err = c.Darray(6, d.n(6), g, d.order(), old)
	case 12:
		t, err = datatype.F90(datatype.CombinerF90Complex, 6, -32766, []int64{6, -32766})
	case 13:
		t, err = datatype.F90(datatype.CombinerF90Integer, int32(n), -32766, []int64{n})
	}
	if err != nil {
		return
	}
	if d.n(2) == 0 {
		t.Commit()
	}
	if d.n(3) == 0 {
		t.SetName(string([]byte{'t', byte(d.n(256))}))
	}
	d.made = append(d.made, t)
}

func (d *drawer) order() datatype.Order {
	return []datatype.Order{datatype.OrderC, datatype.OrderFortran}[d.n(2)]
}

// same compares all that can be asked of two datatypes.
func same(t *testing.T, a, b *datatype.Type, seen map[*datatype.Type]*datatype.Type) {
	t.Helper()
	if seen[a] != nil || a.Named() {
		if seen[a] != b && a != b {
			t.Error("one datatype became two")
		}
		return
	}
	seen[a] = b
	type asked struct {
		size, lb, ub, low, high int64
		contiguous, committed   bool
		kind                    datatype.Kind
		name                    string
		combiner                datatype.Combiner
		blocks                  int
		large, predefined       bool
	}
	ask := func(t *datatype.Type) asked {
		low, high := t.TrueBounds()
		return asked{t.Size(), t.LB(), t.UB(), low, high, t.Contiguous(), t.Committed(), t.Kind(), t.Name(), t.Combiner(),
			t.Blocks(), t.Contents().Large, t.Predefined()}
	}
	x, y := a.Contents(), b.Contents()
	if ask(a) != ask(b) || !slices.Equal(x.Ints, y.Ints) || !slices.Equal(x.Aints, y.Aints) ||
		!slices.Equal(x.Counts, y.Counts) || len(x.Types) != len(y.Types) {
		t.Fatalf("%+v %v became %+v %v", ask(a), x, ask(b), y)
	}
	if m := datatype.Differ(a, 2, b, 2); m != nil {
		t.Errorf("the signatures of %+v differ: %+v", ask(a), m)
	}
	sameBytes(t, a, b)
	for i := range x.Types {
		same(t, x.Types[i], y.Types[i], seen)
	}
}

// sameBytes packs elements of both out of one memory.
func sameBytes(t *testing.T, a, b *datatype.Type) {
	t.Helper()
	mem := make([]byte, 1<<16)
	for i := range mem {
		mem[i] = byte(i*7 + i>>8)
	}
	from, again := datatype.Span{Mem: mem, Addr: 1 << 15, Count: 2, Type: a}, datatype.Span{Mem: mem, Addr: 1 << 15,
		Count: 2, Type: b}
	if from.Inside(0) && !bytes.Equal(from.Packed().Mem, again.Packed().Mem) {
		t.Error("the layouts differ")
	}
}

// encode makes a state of datatypes, and reads it.
func encode(t *testing.T, types []*datatype.Type) ([]byte, []uint32, *Types) {
	t.Helper()
	w, out := NewTypeWriter(), Writer{Versions: latest}
	var refs []uint32
	for _, ty := range types {
		refs = append(refs, w.Reference(ty))
	}
	m, err := w.Section(nil)
	if err != nil {
		t.Fatal(err)
	}
	out.Add(TypesSection, m)
	b := out.Bytes()
	s, err := Read(b, latest)
	if err != nil {
		t.Fatal(err)
	}
	l, err := ReadTypes(s)
	if err != nil {
		t.Fatal(err)
	}
	return b, refs, l
}

// Random datatypes are the same after an encoding: layout, signature, envelope, contents, and what they share.
func TestTypes(t *testing.T) {
	constructors := map[datatype.Combiner]bool{}
	for seed := range uint64(100) {
		d := drawer{rng: rand.New(rand.NewPCG(seed, 1))}
		for range 60 {
			d.draw()
		}
		b, refs, l := encode(t, d.made)
		seen := map[*datatype.Type]*datatype.Type{}
		var again []*datatype.Type
		for i, ty := range d.made {
			constructors[ty.Combiner()] = true
			got, ok := l.Find(refs[i])
			if !ok {
				t.Fatalf("seed %d: nothing has reference %d", seed, refs[i])
			}
			same(t, ty, got, seen)
			again = append(again, got)
		}
		if second, _, _ := encode(t, again); !bytes.Equal(b, second) {
			t.Fatalf("seed %d: the encoding of what was decoded is another one", seed)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if len(constructors) != 14 {
		t.Errorf("%d constructors were tried: %v", len(constructors), constructors)
	}
}

// A predefined datatype is its handle.
func TestPredefinedType(t *testing.T) {
	_, refs, l := encode(t, []*datatype.Type{datatype.ByHandle(0x209), nil})
	if got, ok := l.Find(refs[0]); refs[0] != 0x209 || !ok || got != datatype.ByHandle(0x209) {
		t.Errorf("MPI_INT became %d", refs[0])
	}
	if got, ok := l.Find(refs[1]); got != nil || !ok {
		t.Error("no datatype became one")
	}
	for _, ref := range []uint32{1, 0x200, 4095, 4096, 1 << 31} {
		if _, ok := l.Find(ref); ok {
			t.Errorf("there is a datatype %d", ref)
		}
	}
}

// What a constructor refuses, a decoder refuses; and what no constructor is given.
func TestInvalidTypes(t *testing.T) {
	const tInt = 0x209
	for name, m := range map[string]*statepb.Type{
		"no constructor":         {Combiner: 101, Types: []uint32{tInt}},
		"unknown constructor":    {Combiner: 118, Types: []uint32{tInt}},
		"no datatype":            {Combiner: 103, Ints: []int64{1}},
		"two datatypes":          {Combiner: 103, Ints: []int64{1}, Types: []uint32{tInt, tInt}},
		"none of that number":    {Combiner: 103, Ints: []int64{1}, Types: []uint32{1}},
		"itself":                 {Combiner: 103, Ints: []int64{1}, Types: []uint32{4096}},
		"a null datatype":        {Combiner: 103, Ints: []int64{1}, Types: []uint32{0}},
		"no count":               {Combiner: 103, Types: []uint32{tInt}},
		"a number too many":      {Combiner: 103, Ints: []int64{1, 2}, Types: []uint32{tInt}},
		"a negative count":       {Combiner: 103, Ints: []int64{-1}, Types: []uint32{tInt}},
		"too large a count":      {Combiner: 103, Counts: []int64{1 << 62}, Large: true, Types: []uint32{tInt}},
		"no int":                 {Combiner: 103, Ints: []int64{1 << 40}, Types: []uint32{tInt}},
		"counts in a small one":  {Combiner: 103, Counts: []int64{1}, Types: []uint32{tInt}},
		"ints in a large one":    {Combiner: 103, Ints: []int64{1}, Large: true, Types: []uint32{tInt}},
		"a negative length":      {Combiner: 106, Ints: []int64{1, -1, 0}, Types: []uint32{tInt}},
		"lengths that end":       {Combiner: 106, Ints: []int64{9, 1, 0}, Types: []uint32{tInt}},
		"a stride that's absurd": {Combiner: 105, Ints: []int64{2, 1}, Aints: []int64{1 << 62}, Types: []uint32{tInt}},
		"no dimensions":          {Combiner: 111, Ints: []int64{0, 12}, Types: []uint32{tInt}},
		"an array's end":         {Combiner: 111, Ints: []int64{1, 4, 4, 1, 12}, Types: []uint32{tInt}},
		"no order":               {Combiner: 111, Ints: []int64{1, 4, 4, 0, 13}, Types: []uint32{tInt}},
		"no distribution": {Combiner: 112, Ints: []int64{1, 0, 1, 4, 20, 1, 1, 12}, Committed: true,
			Types: []uint32{tInt}},
		"processes that wrap": {Combiner: 112, Ints: []int64{2, 0, 1, 18, 1 << 33, 1 << 31, 12}, Counts: []int64{4},
			Large: true, Types: []uint32{tInt}},
		"a precision nobody has": {Combiner: 113, Ints: []int64{99, 1}, Committed: true},
		"no precision":           {Combiner: 113, Ints: []int64{-1, -1}, Committed: true},
		"an F90 not committed":   {Combiner: 113, Ints: []int64{6, 30}},
	} {
		w := Writer{Versions: latest}
		w.Add(TypesSection, &statepb.Types{Types: []*statepb.Type{m}})
		s, err := Read(w.Bytes(), latest)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = ReadTypes(s); err == nil || !strings.Contains(err.Error(), `section "types"`) ||
			!strings.Contains(err.Error(), "datatype 0") {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

// Few numbers can make datatypes of more blocks than memory has: both sides stop at maxBlocks.
func TestBlocksAreBounded(t *testing.T) {
	holes, err := datatype.Constructor{}.Indexed([]int64{1, 2}, []int64{5, 0}, datatype.ByHandle(0x209))
	if err != nil {
		t.Fatal(err)
	}
	many, err := datatype.Constructor{}.Contiguous(1000, holes)
	if err != nil {
		t.Fatal(err)
	}
	const extra = 2*1000 - 1 // blocks, less one number
	for _, room := range []int{extra, extra - 1} {
		w := NewTypeWriter()
		w.blocks = maxBlocks - room
		w.Reference(many)
		if _, err := w.Section(nil); errors.Is(err, errBlocks) != (room < extra) {
			t.Errorf("written: %v, with room for %d", err, room)
		}
		l := Types{blocks: maxBlocks - room}
		var err error
		for _, in := range w.list {
			var made *datatype.Type
			made, err = l.make(in)
			l.list = append(l.list, made)
		}
		if errors.Is(err, errBlocks) != (room < extra) {
			t.Errorf("read: %v, with room for %d", err, room)
		}
	}
}
