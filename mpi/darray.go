package mpi

// Distributions of MPI_Type_create_darray.
const (
	distributeNone    = 16
	distributeBlock   = 17
	distributeCyclic  = 18
	distributeDefault = 19
)

// MPI_Type_create_darray(size, rank, ndims, gsizes[], distribs[], dargs[], psizes[], order, oldtype, *newtype)
func typeDarray(r call, groupSize, groupRank, ndims intArg, gsizes countsIn, distribs, dargs, psizes intsIn,
	storage intArg, oldtype typeArg, newtype typeOut) *failure {
	size, rank, n := int64(groupSize.int()), int64(groupRank.int()), int64(ndims.int())
	if n < 1 || n > maxDims {
		return failf(errArg, "invalid number of dimensions %d", n)
	}
	if size < 1 || rank < 0 || rank >= size {
		return failf(errArg, "invalid rank %d of %d", rank, size)
	}
	var v [4][]int64
	var f *failure
	if v[0], f = gsizes.read(r, "gsizes", n); f != nil {
		return f
	}
	for i, p := range []intsIn{distribs, dargs, psizes} {
		if v[i+1], f = p.read(r, []string{"distribs", "dargs", "psizes"}[i], n); f != nil {
			return f
		}
	}
	order := int64(storage.int())
	if order != orderC && order != orderFortran {
		return failf(errArg, "invalid order %d", order)
	}
	old, f := oldtype.of(r)
	if f != nil {
		return f
	}
	t, f := darray(size, rank, v, order, old)
	c := contents{types: []*datatype{old}}
	if r.large {
		c.ints, c.counts = join([]int64{size, rank, n}, v[1], v[2], v[3], []int64{order}), v[0]
	} else {
		c.ints = join([]int64{size, rank, n}, v[0], v[1], v[2], v[3], []int64{order})
	}
	return r.addType(newtype, t, f, combinerDarray, c)
}

// darray is a process's part of an array that is distributed over a grid of processes, which is in C's order whatever
// that of the array. v holds sizes, distributions, their arguments, and the grid.
func darray(size, rank int64, v [4][]int64, order int64, old *datatype) (*datatype, *failure) {
	grid := &topology{dims: v[3]}
	for _, p := range v[3] {
		if p < 1 {
			return nil, failf(errArg, "invalid grid %v", v[3])
		}
	}
	if grid.nodes() != size {
		return nil, failf(errArg, "a grid %v does not have %d processes", v[3], size)
	}
	coords := slowestFirst(grid.coords(rank), order)
	sizes, kinds, argums, procs := slowestFirst(v[0], order), slowestFirst(v[1], order), slowestFirst(v[2], order),
		slowestFirst(v[3], order)
	t, stride := old, old.extent()
	for i := len(sizes) - 1; i >= 0; i-- {
		if sizes[i] > maxTypeBytes/max(stride, -stride, 1) {
			return nil, failf(errArg, "the datatype is too large")
		}
		share, f := shareOf(sizes[i], kinds[i], argums[i], procs[i], coords[i], t)
		if f != nil {
			return nil, f
		}
		stride *= sizes[i]
		if t, f = resized(share, 0, stride); f != nil {
			return nil, f
		}
	}
	return t, nil
}

// shareOf is the part of one dimension that a process has: blocks of consecutive elements, dealt out in turn.
func shareOf(size, kind, arg, procs, coord int64, of *datatype) (*datatype, *failure) {
	if size < 1 {
		return nil, failf(errArg, "invalid size %d", size)
	}
	block := arg
	switch {
	case kind == distributeNone:
		if procs != 1 {
			return nil, failf(errArg, "a dimension that is not distributed over %d processes", procs)
		}
		block = size
	case kind == distributeBlock && arg == distributeDefault:
		block = (size + procs - 1) / procs
	case kind == distributeCyclic && arg == distributeDefault:
		block = 1
	case kind != distributeBlock && kind != distributeCyclic:
		return nil, failf(errArg, "invalid distribution %d", kind)
	}
	if block < 1 || kind == distributeBlock && block < (size+procs-1)/procs {
		return nil, failf(errArg, "blocks of %d do not distribute %d elements over %d processes", block, size, procs)
	}
	if block > size {
		block = size
	}
	first, round := coord*block, procs*block
	if first >= size {
		return derive(nil)
	}
	whole := (size - first) / round
	rest := min((size-first)%round, block)
	if rest == block {
		whole, rest = whole+1, 0
	}
	blocks, f := vector(whole, block, times(round, of.extent()), of)
	if f != nil {
		return nil, f
	}
	return derive([]piece{{times(first, of.extent()), 1, blocks}, {times(first+whole*round, of.extent()), rest, of}})
}
