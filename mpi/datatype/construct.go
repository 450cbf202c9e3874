package datatype

import (
	"fmt"
	"slices"
)

// Constructor makes derived datatypes (MPI 5.0, chapter 5.1). Counts and lengths of blocks must not be negative. The
// errors are of wrong arguments, but for ErrTooManyBlocks.
type Constructor struct {
	// Large is the form of the functions in _c, whose numbers are all large counts. The layout is the same; what
	// MPI_Type_get_contents gives back is not.
	Large bool
}

// Combiner says which constructor made a datatype, with the values of the ABI.
type Combiner int32

const (
	CombinerNamed Combiner = iota + 101
	CombinerDup
	CombinerContiguous
	CombinerVector
	CombinerHvector
	CombinerIndexed
	CombinerHindexed
	CombinerIndexedBlock
	CombinerHindexedBlock
	CombinerStruct
	CombinerSubarray
	CombinerDarray
	CombinerF90Real
	CombinerF90Complex
	CombinerF90Integer
	CombinerResized
	CombinerValueIndex
)

// Contents are the arguments a datatype was made with, as MPI_Type_get_contents gives them (MPI 5.0, chapter 5.1.13).
type Contents struct {
	Ints   []int64
	Aints  []int64
	Counts []int64 // of a constructor in _c
	Types  []*Type
	Large  bool // made by a constructor in _c
}

// contents sorts the arguments of a constructor: in a _c function all numbers are large counts.
func (c Constructor) contents(types []*Type, ints, aints []int64) Contents {
	if c.Large {
		return Contents{Counts: slices.Concat(ints, aints), Types: types}
	}
	return Contents{Ints: ints, Aints: aints, Types: types}
}

// finish notes how a datatype was made.
func (c Constructor) finish(t *Type, err error, how Combiner, made Contents) (*Type, error) {
	if err != nil {
		return nil, err
	}
	if t.depth > maxDepth {
		return nil, fmt.Errorf("the datatype is made of others in more than %d steps", maxDepth)
	}
	made.Large = c.Large
	t.combiner, t.contents = how, made
	return t, nil
}

// Contiguous is count elements, one after the other.
func (c Constructor) Contiguous(count int64, of *Type) (*Type, error) {
	t, err := derive([]piece{{0, count, of}})
	return c.finish(t, err, CombinerContiguous, c.contents([]*Type{of}, []int64{count}, nil))
}

// Vector is count blocks of length elements, the blocks stride elements apart.
func (c Constructor) Vector(count, length, stride int64, of *Type) (*Type, error) {
	t, err := strided(count, length, Displacement(stride, of.Extent()), of)
	return c.finish(t, err, CombinerVector, c.contents([]*Type{of}, []int64{count, length, stride}, nil))
}

// Hvector is Vector with the stride in bytes.
func (c Constructor) Hvector(count, length, stride int64, of *Type) (*Type, error) {
	t, err := strided(count, length, stride, of)
	return c.finish(t, err, CombinerHvector, c.contents([]*Type{of}, []int64{count, length}, []int64{stride}))
}

// strided is vector with a stride that may be too large.
func strided(count, length, stride int64, of *Type) (*Type, error) {
	if stride > MaxBytes || stride < -MaxBytes {
		return nil, errTooLarge
	}
	return vector(count, length, stride, of)
}

// Indexed is blocks of lengths elements, at displacements in elements. There are as many of one as of the other.
func (c Constructor) Indexed(lengths, displacements []int64, of *Type) (*Type, error) {
	n := []int64{int64(len(lengths))}
	t, err := indexed(lengths, scaled(displacements, of.Extent()), of)
	return c.finish(t, err, CombinerIndexed, c.contents([]*Type{of}, slices.Concat(n, lengths, displacements), nil))
}

// Hindexed is Indexed with the displacements in bytes.
func (c Constructor) Hindexed(lengths, displacements []int64, of *Type) (*Type, error) {
	n := []int64{int64(len(lengths))}
	t, err := indexed(lengths, displacements, of)
	return c.finish(t, err, CombinerHindexed, c.contents([]*Type{of}, slices.Concat(n, lengths), displacements))
}

// IndexedBlock is blocks of length elements each, at displacements in elements.
func (c Constructor) IndexedBlock(length int64, displacements []int64, of *Type) (*Type, error) {
	n := int64(len(displacements))
	t, err := indexed(slices.Repeat([]int64{length}, int(n)), scaled(displacements, of.Extent()), of)
	return c.finish(t, err, CombinerIndexedBlock,
		c.contents([]*Type{of}, slices.Concat([]int64{n, length}, displacements), nil))
}

// HindexedBlock is IndexedBlock with the displacements in bytes.
func (c Constructor) HindexedBlock(length int64, displacements []int64, of *Type) (*Type, error) {
	n := int64(len(displacements))
	t, err := indexed(slices.Repeat([]int64{length}, int(n)), displacements, of)
	return c.finish(t, err, CombinerHindexedBlock, c.contents([]*Type{of}, []int64{n, length}, displacements))
}

// Struct is blocks of lengths elements of a datatype each, at displacements in bytes. There are as many of each.
func (c Constructor) Struct(lengths, displacements []int64, types []*Type) (*Type, error) {
	n := []int64{int64(len(lengths))}
	t, err := structure(lengths, displacements, types)
	return c.finish(t, err, CombinerStruct, c.contents(types, slices.Concat(n, lengths), displacements))
}

// Resized is the datatype with other bounds, in bytes (MPI 5.0, chapter 5.1.7).
func (c Constructor) Resized(of *Type, lower, extent int64) (*Type, error) {
	t, err := resized(of, lower, extent)
	return c.finish(t, err, CombinerResized, c.contents([]*Type{of}, nil, []int64{lower, extent}))
}

// Dup is the datatype once more, with its name, and committed if it is (MPI 5.0, chapter 5.1.10).
func (c Constructor) Dup(of *Type) (*Type, error) {
	t := of.copy()
	t.committed, t.name = of.committed, of.name
	return c.finish(t, nil, CombinerDup, Contents{Types: []*Type{of}})
}

// scaled is displacements in bytes: what lies beyond any memory, derive refuses.
func scaled(displacements []int64, extent int64) []int64 {
	out := make([]int64, len(displacements))
	for i, x := range displacements {
		out[i] = Displacement(x, extent)
	}
	return out
}
