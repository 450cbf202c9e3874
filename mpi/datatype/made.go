package datatype

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Made is how a derived datatype was made, as data: what MPI_Type_get_envelope and MPI_Type_get_contents say (MPI 5.0,
// chapter 5.1.13), and what its rank has set since.
type Made struct {
	Combiner  Combiner
	Contents  Contents
	Name      string
	Committed bool
}

// Made says how a datatype was made; of a named one only that it is.
func (t *Type) Made() Made {
	return Made{Combiner: t.combiner, Contents: t.contents, Name: t.name, Committed: t.committed}
}

// Type makes the datatype again, by its constructor. Nothing is trusted but that Contents.Types has no nil: numbers
// that are not the constructor's arguments are an error, and so is what the constructor refuses.
func (m Made) Type() (*Type, error) {
	a := m.Contents.arguments()
	again := a.constructor(m.Combiner)
	switch {
	case again == nil:
		return nil, fmt.Errorf("there is no constructor %d", m.Combiner)
	case a.wrong || len(a.first)+len(a.second)+len(a.types) > 0:
		return nil, errArguments
	}
	t, err := again()
	if err != nil {
		return nil, err
	}
	if t.Predefined() && !m.Committed {
		return nil, errors.New("a predefined datatype is not committed")
	}
	t.name, t.committed = m.Name, m.Committed
	return t, nil
}

var errArguments = errors.New("the numbers are not the arguments of the constructor")

// arguments are a datatype's Contents while they are taken apart. wrong is set by what does not fit.
type arguments struct {
	Constructor
	first, second []int64 // C's ints, and addresses or large counts
	types         []*Type
	wrong         bool
}

func (c Contents) arguments() *arguments {
	a := &arguments{Constructor: Constructor{Large: c.Large}, first: c.Ints, second: c.Aints, types: c.Types}
	other := c.Counts
	if c.Large {
		a.second, other = c.Counts, c.Aints
	}
	a.wrong = len(other) > 0 || slices.ContainsFunc(c.Ints, func(n int64) bool { return n != int64(int32(n)) })
	return a
}

// take takes the next n numbers of a list.
func (a *arguments) take(from *[]int64, n int64) []int64 {
	if n < 0 || n > int64(len(*from)) {
		a.wrong, *from = true, nil
		return nil
	}
	v := (*from)[:n:n]
	*from = (*from)[n:]
	return v
}

// numbers takes n of the constructor's ints, which in a _c function are large counts.
func (a *arguments) numbers(n int64) []int64 {
	if a.Large {
		return a.take(&a.second, n)
	}
	return a.take(&a.first, n)
}

// addresses takes n of its addresses.
func (a *arguments) addresses(n int64) []int64 { return a.take(&a.second, n) }

// one is the only number of a list; 0 if it is not there.
func one(v []int64) int64 {
	if len(v) == 0 {
		return 0
	}
	return v[0]
}

// count takes a number that must not be negative.
func (a *arguments) count() int64 { return a.notNegative(one(a.numbers(1))) }

func (a *arguments) notNegative(n int64) int64 {
	if n < 0 {
		a.wrong = true
		return 0
	}
	return n
}

// lengths takes n numbers that must not be negative.
func (a *arguments) lengths(n int64) []int64 {
	v := a.numbers(n)
	for _, x := range v {
		a.notNegative(x)
	}
	return v
}

// of takes the one datatype that the new one is made of.
func (a *arguments) of() *Type { return a.ofMany(1)[0] }

func (a *arguments) ofMany(n int64) []*Type {
	if n != int64(len(a.types)) {
		a.wrong, a.types = true, nil
		return []*Type{byteType}
	}
	types := a.types
	a.types = nil
	return types
}

// ints takes n ints that stay ints in a _c function.
func (a *arguments) ints(n int64) []int64 { return a.take(&a.first, n) }

func (a *arguments) int() int64 { return one(a.ints(1)) }

// constructor takes the arguments of a combiner's constructor, and gives the call of it; nil if there is none.
func (a *arguments) constructor(of Combiner) func() (*Type, error) {
	switch of {
	case CombinerDup:
		old := a.of()
		return func() (*Type, error) { return a.Dup(old) }
	case CombinerContiguous:
		n, old := a.count(), a.of()
		return func() (*Type, error) { return a.Contiguous(n, old) }
	case CombinerVector:
		n, length, stride, old := a.count(), a.count(), one(a.numbers(1)), a.of()
		return func() (*Type, error) { return a.Vector(n, length, stride, old) }
	case CombinerHvector:
		n, length, stride, old := a.count(), a.count(), one(a.addresses(1)), a.of()
		return func() (*Type, error) { return a.Hvector(n, length, stride, old) }
	case CombinerIndexed:
		n := a.count()
		lengths, displacements, old := a.lengths(n), a.numbers(n), a.of()
		return func() (*Type, error) { return a.Indexed(lengths, displacements, old) }
	case CombinerHindexed:
		n := a.count()
		lengths, displacements, old := a.lengths(n), a.addresses(n), a.of()
		return func() (*Type, error) { return a.Hindexed(lengths, displacements, old) }
	case CombinerIndexedBlock:
		n, length := a.count(), a.count()
		displacements, old := a.numbers(n), a.of()
		return func() (*Type, error) { return a.IndexedBlock(length, displacements, old) }
	case CombinerHindexedBlock:
		n, length := a.count(), a.count()
		displacements, old := a.addresses(n), a.of()
		return func() (*Type, error) { return a.HindexedBlock(length, displacements, old) }
	case CombinerStruct:
		n := a.count()
		lengths, displacements, old := a.lengths(n), a.addresses(n), a.ofMany(n)
		return func() (*Type, error) { return a.Struct(lengths, displacements, old) }
	case CombinerResized:
		lower, extent, old := one(a.addresses(1)), one(a.addresses(1)), a.of()
		return func() (*Type, error) { return a.Resized(old, lower, extent) }
	case CombinerSubarray:
		return a.subarray()
	case CombinerDarray:
		return a.darray()
	case CombinerF90Real, CombinerF90Complex, CombinerF90Integer:
		return a.f90(of)
	}
	return nil
}

// dimensions takes the number of an array's dimensions.
func (a *arguments) dimensions() int64 {
	n := a.int()
	a.wrong = a.wrong || n < 1
	return n
}

func (a *arguments) subarray() func() (*Type, error) {
	n := a.dimensions()
	sizes, subsizes, starts := a.numbers(n), a.numbers(n), a.numbers(n)
	order, old := Order(a.int()), a.of()
	return func() (*Type, error) { return a.Subarray(sizes, subsizes, starts, order, old) }
}

func (a *arguments) darray() func() (*Type, error) {
	processes, number, n := a.int(), a.int(), a.dimensions()
	g := Grid{Sizes: a.numbers(n)}
	g.Kinds, g.Arguments, g.Processes = a.ints(n), a.ints(n), a.ints(n)
	order, old := Order(a.int()), a.of()
	return func() (*Type, error) { return a.Darray(processes, number, g, order, old) }
}

// f90 takes a precision and a range, of which one is asked for at least, or a range of integers.
func (a *arguments) f90(of Combiner) func() (*Type, error) {
	given := a.first
	digits, exponent := a.int(), int64(math.MinInt32)
	if of != CombinerF90Integer {
		exponent = a.int()
	}
	a.wrong = a.wrong || a.Large || digits < 0 && exponent < 0
	return func() (*Type, error) { return F90(of, int32(digits), int32(exponent), given) }
}
