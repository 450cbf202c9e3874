package datatype

import (
	"fmt"
	"slices"
)

// Order is the order in which an array lies in memory.
type Order int64

// The orders of the ABI.
const (
	OrderC       Order = 12 // the last dimension runs fastest
	OrderFortran Order = 15 // the first
)

func (o Order) check() error {
	if o != OrderC && o != OrderFortran {
		return fmt.Errorf("invalid order %d", o)
	}
	return nil
}

// slowestFirst gives the values of dimensions in C's order.
func (o Order) slowestFirst(v []int64) []int64 {
	v = slices.Clone(v)
	if o == OrderFortran {
		slices.Reverse(v)
	}
	return v
}

// Subarray is part of an array of several dimensions: in each so many elements, subsizes, from starts on, of sizes
// (MPI_Type_create_subarray, MPI 5.0, chapter 5.1.3). The three are as long as there are dimensions, at least one.
func (c Constructor) Subarray(sizes, subsizes, starts []int64, order Order, of *Type) (*Type, error) {
	if err := order.check(); err != nil {
		return nil, err
	}
	n := int64(len(sizes))
	for i := range n {
		size, sub, begin := sizes[i], subsizes[i], starts[i]
		if size < 1 || sub < 1 || sub > size || begin < 0 || begin > size-sub {
			return nil, fmt.Errorf("dimension %d: %d elements from %d are not part of %d", i, sub, begin, size)
		}
	}
	made := Contents{Types: []*Type{of}}
	if c.Large {
		made.Ints, made.Counts = []int64{n, int64(order)}, slices.Concat(sizes, subsizes, starts)
	} else {
		made.Ints = slices.Concat([]int64{n}, sizes, subsizes, starts, []int64{int64(order)})
	}
	t, err := subarray(order.slowestFirst(sizes), order.slowestFirst(subsizes), order.slowestFirst(starts), of)
	return c.finish(t, err, CombinerSubarray, made)
}

// subarray is part of an array of several dimensions, given slowest first.
func subarray(sizes, subsizes, starts []int64, of *Type) (*Type, error) {
	t := of
	stride := of.Extent()
	for i := len(sizes) - 1; i >= 0; i-- {
		inner := t
		line, err := vector(subsizes[i], 1, stride, inner)
		if err != nil {
			return nil, err
		}
		moved, err := derive([]piece{{Displacement(starts[i], stride), 1, line}})
		if err != nil {
			return nil, err
		}
		if stride != 0 && sizes[i] > MaxBytes/max(stride, -stride) {
			return nil, errTooLarge
		}
		stride *= sizes[i]
		if t, err = resized(moved, 0, stride); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// Distributions of MPI_Type_create_darray, with the values of the ABI.
const (
	DistributeNone    = 16
	DistributeBlock   = 17
	DistributeCyclic  = 18
	DistributeDefault = 19 // as an argument of a distribution
)

// Grid is an array that is distributed over a grid of processes, which is in C's order whatever that of the array. All
// slices are as long as there are dimensions.
type Grid struct {
	Sizes     []int64 // of the array, in elements
	Kinds     []int64 // distributions
	Arguments []int64 // of the distributions: sizes of blocks, or DistributeDefault
	Processes []int64 // of the grid
}

// Darray is the part of a distributed array that the process number of so many has (MPI_Type_create_darray, MPI 5.0,
// chapter 5.1.4).
func (c Constructor) Darray(processes, number int64, g Grid, order Order, of *Type) (*Type, error) {
	if processes < 1 || number < 0 || number >= processes {
		return nil, fmt.Errorf("invalid rank %d of %d", number, processes)
	}
	if err := order.check(); err != nil {
		return nil, err
	}
	head := []int64{processes, number, int64(len(g.Sizes))}
	made := Contents{Types: []*Type{of}}
	if c.Large {
		made.Ints, made.Counts = slices.Concat(head, g.Kinds, g.Arguments, g.Processes, []int64{int64(order)}), g.Sizes
	} else {
		made.Ints = slices.Concat(head, g.Sizes, g.Kinds, g.Arguments, g.Processes, []int64{int64(order)})
	}
	t, err := g.share(processes, number, order, of)
	return c.finish(t, err, CombinerDarray, made)
}

// coordinates are those of a process in the grid.
func (g Grid) coordinates(processes, number int64) ([]int64, error) {
	c, n := make([]int64, len(g.Processes)), int64(1)
	for i := len(c) - 1; i >= 0; i-- {
		p := g.Processes[i]
		if p < 1 {
			return nil, fmt.Errorf("invalid grid %v", g.Processes)
		}
		if n <= processes {
			n *= p
		}
		c[i], number = number%p, number/p
	}
	if n != processes {
		return nil, fmt.Errorf("a grid %v does not have %d processes", g.Processes, processes)
	}
	return c, nil
}

// share is a process's part of the array.
func (g Grid) share(processes, number int64, order Order, of *Type) (*Type, error) {
	coordinates, err := g.coordinates(processes, number)
	if err != nil {
		return nil, err
	}
	coordinates = order.slowestFirst(coordinates)
	sizes, kinds := order.slowestFirst(g.Sizes), order.slowestFirst(g.Kinds)
	arguments, procs := order.slowestFirst(g.Arguments), order.slowestFirst(g.Processes)
	t, stride := of, of.Extent()
	for i := len(sizes) - 1; i >= 0; i-- {
		if sizes[i] > MaxBytes/max(stride, -stride, 1) {
			return nil, errTooLarge
		}
		line, err := share(sizes[i], kinds[i], arguments[i], procs[i], coordinates[i], t)
		if err != nil {
			return nil, err
		}
		stride *= sizes[i]
		if t, err = resized(line, 0, stride); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// share is the part of one dimension that a process has: blocks of consecutive elements, dealt out in turn.
func share(size, kind, argument, procs, coordinate int64, of *Type) (*Type, error) {
	if size < 1 {
		return nil, fmt.Errorf("invalid size %d", size)
	}
	block := argument
	switch {
	case kind == DistributeNone:
		if procs != 1 {
			return nil, fmt.Errorf("a dimension that is not distributed over %d processes", procs)
		}
		block = size
	case kind == DistributeBlock && argument == DistributeDefault:
		block = (size + procs - 1) / procs
	case kind == DistributeCyclic && argument == DistributeDefault:
		block = 1
	case kind != DistributeBlock && kind != DistributeCyclic:
		return nil, fmt.Errorf("invalid distribution %d", kind)
	}
	if block < 1 || kind == DistributeBlock && block < (size+procs-1)/procs {
		return nil, fmt.Errorf("blocks of %d do not distribute %d elements over %d processes", block, size, procs)
	}
	if block > size {
		block = size
	}
	first, round := coordinate*block, procs*block
	if first >= size {
		return derive(nil)
	}
	whole := (size - first) / round
	rest := min((size-first)%round, block)
	if rest == block {
		whole, rest = whole+1, 0
	}
	blocks, err := vector(whole, block, Displacement(round, of.Extent()), of)
	if err != nil {
		return nil, err
	}
	return derive([]piece{{Displacement(first, of.Extent()), 1, blocks},
		{Displacement(first+whole*round, of.Extent()), rest, of}})
}
