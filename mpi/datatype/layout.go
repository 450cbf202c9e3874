package datatype

import (
	"errors"
	"fmt"
)

// run is count blocks of len bytes, the first at off, each stride bytes after the one before. A vector of any length is
// one run, a subarray of three dimensions one run a plane.
type run struct{ off, len, count, stride int64 }

// piece is count consecutive elements of a datatype, displaced: what every constructor of derived datatypes is made of.
type piece struct {
	disp, count int64
	typ         *Type
}

const (
	// MaxBytes bounds sizes, extents and displacements of datatypes, and maxRuns how finely one may be cut: beyond them
	// lies no memory of ours, and sums of them do not overflow.
	MaxBytes = 1 << 45
	maxRuns  = 1 << 20
	// maxDepth bounds how many constructors lie on top of each other: some of what is asked of a datatype descends.
	maxDepth = 1 << 14
)

// ErrTooManyBlocks is the error of a constructor whose datatype would take too much memory. All others are those of a
// wrong argument.
var ErrTooManyBlocks = fmt.Errorf("the datatype has more than %d blocks", maxRuns)

var errTooLarge = errors.New("the datatype is too large")

// derive makes a datatype from pieces in the order of its type map. The bounds are those of MPI 5.0, chapter 5.1.7:
// the lowest and highest of the pieces' own. Only pieces with data have true bounds.
func derive(pieces []piece) (*Type, error) {
	t := &Type{align: 1}
	empty, dataless := true, true
	for _, p := range pieces {
		if p.count == 0 {
			continue
		}
		if err := p.check(); err != nil {
			return nil, err
		}
		t.size += p.count * p.typ.size
		t.members = append(t.members, member{p.typ, p.count})
		t.basics += p.count * p.typ.basics
		t.align, t.resized = max(t.align, p.typ.align), t.resized || p.typ.resized
		step := (p.count - 1) * p.typ.Extent()
		low, high := p.disp+min(step, 0), p.disp+max(step, 0)
		if empty {
			t.lb, t.ub, empty = low+p.typ.lb, high+p.typ.ub, false
		} else {
			t.lb, t.ub = min(t.lb, low+p.typ.lb), max(t.ub, high+p.typ.ub)
		}
		if dataless && p.typ.size > 0 {
			t.trueLB, t.trueUB, dataless = low+p.typ.trueLB, high+p.typ.trueUB, false
		} else if p.typ.size > 0 {
			t.trueLB, t.trueUB = min(t.trueLB, low+p.typ.trueLB), max(t.trueUB, high+p.typ.trueUB)
		}
		if t.size > MaxBytes || max(t.ub, t.trueUB) > MaxBytes || min(t.lb, t.trueLB) < -MaxBytes {
			return nil, errTooLarge
		}
		t.external32 += p.count * p.typ.external32
		t.depth = max(t.depth, p.typ.depth+1)
		if !t.addPiece(p) {
			return nil, ErrTooManyBlocks
		}
	}
	t.settle()
	return t, nil
}

// check bounds a piece, so that its sums do not overflow.
func (p piece) check() error {
	extent := max(p.typ.Extent(), -p.typ.Extent(), p.typ.size, 1)
	if p.count < 0 || p.count > MaxBytes/extent || p.disp > MaxBytes || p.disp < -MaxBytes {
		return errTooLarge
	}
	return nil
}

// settle notes whether the finished layout is contiguous.
func (t *Type) settle() {
	t.contiguous = t.size == t.Extent() && t.lb == 0 && (len(t.runs) == 0 ||
		len(t.runs) == 1 && t.runs[0].count == 1 && t.runs[0].off == 0)
}

// addPiece adds a piece's blocks to the layout, and reports whether they are few enough.
func (t *Type) addPiece(p piece) bool {
	of := p.typ
	if of.size == 0 {
		return true
	}
	if of.contiguous {
		return t.add(run{off: p.disp, len: p.count * of.size, count: 1})
	}
	if r := of.runs[0]; len(of.runs) == 1 && (r.count == 1 || of.Extent() == r.count*r.stride) {
		stride := r.stride
		if r.count == 1 {
			stride = of.Extent()
		}
		return t.add(run{off: p.disp + r.off, len: r.len, count: r.count * p.count, stride: stride})
	}
	for i := range p.count {
		for _, r := range of.runs {
			r.off += p.disp + i*of.Extent()
			if !t.add(r) {
				return false
			}
		}
	}
	return true
}

// add appends a run, joined with the last one where the two are one block or go on at the same stride. It reports
// whether there are no more than maxRuns.
func (t *Type) add(r run) bool {
	if r.count > 1 && r.stride == r.len { // blocks that touch
		r = run{off: r.off, len: r.len * r.count, count: 1}
	}
	n := len(t.runs)
	if n == 0 {
		t.runs = append(t.runs, r)
		return true
	}
	last := &t.runs[n-1]
	switch {
	case last.count == 1 && r.count == 1 && last.off+last.len == r.off:
		last.len += r.len
	case last.count == 1 && r.count == 1 && last.len == r.len:
		last.count, last.stride = 2, r.off-last.off
	case last.count > 1 && r.count == 1 && last.len == r.len && r.off == last.off+last.count*last.stride:
		last.count++
	default:
		if n == maxRuns {
			return false
		}
		t.runs = append(t.runs, r)
	}
	return true
}

// vector is count blocks of n elements, the blocks stride bytes apart.
func vector(count, n, stride int64, of *Type) (*Type, error) {
	if count == 0 || n == 0 {
		return derive(nil)
	}
	block, err := derive([]piece{{0, n, of}})
	if err != nil {
		return nil, err
	}
	blocks := block.copy()
	blocks.lb, blocks.ub = block.lb, block.lb+stride // as if resized to the stride
	blocks.contiguous = false
	blocks.settle()
	t, err := derive([]piece{{0, count, blocks}})
	if err != nil {
		return nil, err
	}
	step := (count - 1) * stride
	t.lb, t.ub = block.lb+min(step, 0), block.ub+max(step, 0)
	t.settle()
	return t, nil
}

// indexed is blocks of given lengths at given displacements in bytes.
func indexed(lengths, displs []int64, of *Type) (*Type, error) {
	pieces := make([]piece, len(lengths))
	for i := range pieces {
		pieces[i] = piece{displs[i], lengths[i], of}
	}
	return derive(pieces)
}

// structure is blocks of different types. Its extent is rounded up as a C compiler would, unless a bound was set.
func structure(lengths, displs []int64, types []*Type) (*Type, error) {
	pieces := make([]piece, len(lengths))
	for i := range pieces {
		pieces[i] = piece{displs[i], lengths[i], types[i]}
	}
	t, err := derive(pieces)
	if err == nil && !t.resized {
		t.ub = t.lb + (t.Extent()+t.align-1)/t.align*t.align
		t.settle()
	}
	return t, err
}

// resized is the datatype with other bounds.
func resized(of *Type, lb, extent int64) (*Type, error) {
	if lb > MaxBytes || lb < -MaxBytes || extent > MaxBytes || extent < -MaxBytes {
		return nil, errTooLarge
	}
	t := of.copy()
	t.lb, t.ub, t.resized = lb, lb+extent, true
	if lb != 0 || extent != shapes[t.kind].extent {
		t.kind = kindNone // no operation knows its layout
	}
	t.settle()
	return t, nil
}

// copy is a datatype with the same layout. It is elementary if the old one is, so operations apply to it.
func (t *Type) copy() *Type {
	return &Type{kind: t.kind, size: t.size, lb: t.lb, ub: t.ub, trueLB: t.trueLB, trueUB: t.trueUB, runs: t.runs,
		contiguous: t.contiguous, align: t.align, resized: t.resized, basics: t.basics, external32: t.external32,
		depth:   t.depth + 1,
		members: []member{{t, 1}}}
}
