package mpi

// piece is count consecutive elements of a datatype, displaced: what every constructor of derived datatypes is made of.
type piece struct {
	disp, count int64
	typ         *datatype
}

// maxTypeBytes bounds sizes, extents and displacements of datatypes, and maxRuns how finely one may be cut: beyond
// them lies no memory of ours, and sums of them do not overflow.
const (
	maxTypeBytes = 1 << 45
	maxRuns      = 1 << 20
	// maxDepth bounds how many constructors lie on top of each other: some of what is asked of a datatype descends.
	maxDepth = 1 << 14
)

// derive makes a datatype from pieces in the order of its type map. The bounds are those of MPI 5.0, chapter 5.1.7:
// the lowest and highest of the pieces' own.
func derive(pieces []piece) (*datatype, *failure) {
	t := &datatype{align: 1}
	empty := true
	for _, p := range pieces {
		if p.count == 0 {
			continue
		}
		if f := p.check(); f != nil {
			return nil, f
		}
		t.size += p.count * p.typ.size
		t.members = append(t.members, member{p.typ, p.count})
		t.basics += p.count * p.typ.basics
		t.align, t.resized = max(t.align, p.typ.align), t.resized || p.typ.resized
		step := (p.count - 1) * p.typ.extent()
		low, high := p.disp+min(step, 0), p.disp+max(step, 0)
		if empty {
			t.lb, t.ub, t.trueLB, t.trueUB = low+p.typ.lb, high+p.typ.ub, low+p.typ.trueLB, high+p.typ.trueUB
			empty = false
		} else {
			t.lb, t.ub = min(t.lb, low+p.typ.lb), max(t.ub, high+p.typ.ub)
			t.trueLB, t.trueUB = min(t.trueLB, low+p.typ.trueLB), max(t.trueUB, high+p.typ.trueUB)
		}
		if t.size > maxTypeBytes || max(t.ub, t.trueUB) > maxTypeBytes || min(t.lb, t.trueLB) < -maxTypeBytes {
			return nil, failf(errArg, "the datatype is too large")
		}
		t.external32 += p.count * p.typ.external32
		t.depth = max(t.depth, p.typ.depth+1)
		if !t.addPiece(p) {
			return nil, failf(errNoMem, "the datatype has more than %d blocks", maxRuns)
		}
	}
	t.settle()
	return t, nil
}

// check bounds a piece, so that its sums do not overflow.
func (p piece) check() *failure {
	extent := max(p.typ.extent(), -p.typ.extent(), p.typ.size, 1)
	if p.count < 0 || p.count > maxTypeBytes/extent || p.disp > maxTypeBytes || p.disp < -maxTypeBytes {
		return failf(errArg, "the datatype is too large")
	}
	return nil
}

// settle notes whether the finished layout is contiguous.
func (t *datatype) settle() {
	t.contiguous = t.size == t.extent() && t.lb == 0 && (len(t.runs) == 0 ||
		len(t.runs) == 1 && t.runs[0].count == 1 && t.runs[0].off == 0)
}

// addPiece adds a piece's blocks to the layout, and reports whether they are few enough.
func (t *datatype) addPiece(p piece) bool {
	of := p.typ
	if of.size == 0 {
		return true
	}
	if of.contiguous {
		return t.add(run{off: p.disp, len: p.count * of.size, count: 1})
	}
	if r := of.runs[0]; len(of.runs) == 1 && (r.count == 1 || of.extent() == r.count*r.stride) {
		stride := r.stride
		if r.count == 1 {
			stride = of.extent()
		}
		return t.add(run{off: p.disp + r.off, len: r.len, count: r.count * p.count, stride: stride})
	}
	for i := range p.count {
		for _, r := range of.runs {
			r.off += p.disp + i*of.extent()
			if !t.add(r) {
				return false
			}
		}
	}
	return true
}

// add appends a run, joined with the last one where the two are one block or go on at the same stride. It reports
// whether there are no more than maxRuns.
func (t *datatype) add(r run) bool {
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
func vector(count, n, stride int64, of *datatype) (*datatype, *failure) {
	if count == 0 || n == 0 {
		return derive(nil)
	}
	block, f := derive([]piece{{0, n, of}})
	if f != nil {
		return nil, f
	}
	blocks := block.copy()
	blocks.lb, blocks.ub = block.lb, block.lb+stride // as if resized to the stride
	blocks.contiguous = false
	blocks.settle()
	t, f := derive([]piece{{0, count, blocks}})
	if f != nil {
		return nil, f
	}
	step := (count - 1) * stride
	t.lb, t.ub = block.lb+min(step, 0), block.ub+max(step, 0)
	t.settle()
	return t, nil
}

// indexed is blocks of given lengths at given displacements in bytes.
func indexed(lengths, displs []int64, of *datatype) (*datatype, *failure) {
	pieces := make([]piece, len(lengths))
	for i := range pieces {
		pieces[i] = piece{displs[i], lengths[i], of}
	}
	return derive(pieces)
}

// structure is blocks of different types. Its extent is rounded up as a C compiler would, unless a bound was set.
func structure(lengths, displs []int64, types []*datatype) (*datatype, *failure) {
	pieces := make([]piece, len(lengths))
	for i := range pieces {
		pieces[i] = piece{displs[i], lengths[i], types[i]}
	}
	t, f := derive(pieces)
	if f == nil && !t.resized {
		t.ub = t.lb + (t.extent()+t.align-1)/t.align*t.align
		t.settle()
	}
	return t, f
}

// resized is the datatype with other bounds.
func resized(of *datatype, lb, extent int64) (*datatype, *failure) {
	if lb > maxTypeBytes || lb < -maxTypeBytes || extent > maxTypeBytes || extent < -maxTypeBytes {
		return nil, failf(errArg, "the datatype is too large")
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
func (t *datatype) copy() *datatype {
	return &datatype{kind: t.kind, size: t.size, lb: t.lb, ub: t.ub, trueLB: t.trueLB, trueUB: t.trueUB, runs: t.runs,
		contiguous: t.contiguous, align: t.align, resized: t.resized, basics: t.basics, external32: t.external32,
		depth:   t.depth + 1,
		members: []member{{t, 1}}}
}

// subarray is part of an array of several dimensions, given slowest first.
func subarray(sizes, subsizes, starts []int64, of *datatype) (*datatype, *failure) {
	t := of
	stride := of.extent()
	for i := len(sizes) - 1; i >= 0; i-- {
		inner := t
		line, f := vector(subsizes[i], 1, stride, inner)
		if f != nil {
			return nil, f
		}
		moved, f := derive([]piece{{times(starts[i], stride), 1, line}})
		if f != nil {
			return nil, f
		}
		if stride != 0 && sizes[i] > maxTypeBytes/max(stride, -stride) {
			return nil, failf(errArg, "the datatype is too large")
		}
		stride *= sizes[i]
		if t, f = resized(moved, 0, stride); f != nil {
			return nil, f
		}
	}
	return t, nil
}

// member is count elements of a datatype in another's signature.
type member struct {
	typ   *datatype
	count int64
}

// elements counts the basic elements in the first bytes of a stream of the datatype, and tells how many bytes they
// leave. A stream that ends within a basic element has bytes left.
func (t *datatype) elements(bytes int64) (n, left int64) {
	if t.size == 0 {
		return 0, bytes
	}
	n, left = bytes/t.size*t.basics, bytes%t.size
	if left == 0 || len(t.members) == 0 {
		return n, left
	}
	for _, m := range t.members {
		whole := min(m.count, left/max(m.typ.size, 1))
		if m.typ.size == 0 {
			continue
		}
		n += whole * m.typ.basics
		left -= whole * m.typ.size
		if whole < m.count {
			more, rest := m.typ.elements(left)
			return n + more, rest
		}
	}
	return n, left
}

// bytesOf is the size of the first n basic elements, fewer than one element of the datatype has.
func (t *datatype) bytesOf(n int64) (bytes int64) {
	for _, m := range t.members {
		if n == 0 || m.typ.basics == 0 {
			continue
		}
		whole := min(m.count, n/m.typ.basics)
		bytes += whole * m.typ.size
		n -= whole * m.typ.basics
		if whole < m.count {
			return bytes + m.typ.bytesOf(n)
		}
	}
	return bytes
}
