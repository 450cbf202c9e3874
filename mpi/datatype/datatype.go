// Package datatype is what MPI knows of data: the datatypes of MPI 5.0, chapter 5, predefined and derived, the layout
// of their bytes, their signatures, copying and packing by them, the representation external32, and the arithmetic of
// the predefined reductions (chapter 6.9). It is pure: no goroutine, no lock, no clock, no memory but its own and what
// a Span covers. It knows no rank, no handle that a program was given and no function of one: package mpi reads the
// arguments, keeps the handles and the attributes, and turns errors into MPI's classes.
//
// A Type is one datatype, a Span so many elements of one in a memory: one side of every copy. Sizes, extents and
// displacements are in bytes throughout, unless a name says otherwise.
package datatype

import "sync/atomic"

// Type is one datatype. Its layout never changes once it is made, so other ranks may read it. Name and commitment are
// the rank's that made it, which alone may change them; those of predefined datatypes nobody changes.
type Type struct {
	kind           Kind // none when derived
	size           int64
	lb, ub         int64
	trueLB, trueUB int64
	runs           []run // the bytes of one element, in the order of the type map
	contiguous     bool  // one element is size bytes from its address, and the next follows at once
	align          int64 // of its strictest element, in C
	resized        bool  // its bounds, or a member's, were set by the program
	basics         int64 // basic elements in one element
	external32     int64 // bytes of one element in external32
	depth          int   // constructors on top of each other
	members        []member
	signature      atomic.Pointer[signature] // once it was asked for

	name      string
	handle    uint32 // of a predefined type
	committed bool
	combiner  Combiner
	contents  Contents
}

// Size is how many bytes of data one element holds (MPI_Type_size).
func (t *Type) Size() int64 { return t.size }

// PackSize is how many bytes n elements take when they are packed: as many as their data, because all ranks have the
// same machine (MPI_Pack_size). ok is false where n is negative or they are too many.
func (t *Type) PackSize(n int64) (size int64, ok bool) { return sizeOf(n, t.size) }

// sizeOf is n times each, which is not negative, if that is no more than MaxBytes.
func sizeOf(n, each int64) (size int64, ok bool) {
	if n < 0 || each > 0 && n > MaxBytes/each {
		return 0, false
	}
	return n * each, true
}

// Extent is from one element to the next. It may be zero or negative (MPI 5.0, chapter 5.1.6).
func (t *Type) Extent() int64 { return t.ub - t.lb }

// LB is the lower bound of one element, which the program may have set (MPI 5.0, chapter 5.1.7).
func (t *Type) LB() int64 { return t.lb }

// UB is its upper bound.
func (t *Type) UB() int64 { return t.ub }

// TrueBounds are the displacement of one element's first byte and of the one behind its last (MPI 5.0, chapter 5.1.8).
func (t *Type) TrueBounds() (lower, upper int64) { return t.trueLB, t.trueUB }

// Contiguous reports whether elements are plain bytes, one after the other from the address on.
func (t *Type) Contiguous() bool { return t.contiguous }

// Blocks is how many pieces its layout is kept in: what a datatype takes of memory.
func (t *Type) Blocks() int { return len(t.runs) }

// Kind is what the elements are to the predefined operations.
func (t *Type) Kind() Kind { return t.kind }

// Derived reports whether the elements are none that a predefined operation knows. A duplicate of an elementary
// datatype is not derived in this sense.
func (t *Type) Derived() bool { return t.kind == kindNone }

// Named reports whether it is a predefined datatype, which all ranks share.
func (t *Type) Named() bool { return t.combiner == CombinerNamed }

// Predefined reports whether nobody may free it: a named datatype, or one of Fortran's with a precision or a range.
func (t *Type) Predefined() bool {
	return t.Named() || t.combiner >= CombinerF90Real && t.combiner <= CombinerF90Integer
}

// Handle is that of a named datatype in MPI's ABI, else 0.
func (t *Type) Handle() uint32 { return t.handle }

// Name is what the program, or for a named datatype the standard, calls it; "" if it has no name.
func (t *Type) Name() string { return t.name }

// SetName gives a datatype that is not named its name.
func (t *Type) SetName(name string) { t.name = name }

// Title names the datatype in messages.
func (t *Type) Title() string {
	if t.name != "" {
		return t.name
	}
	return "a derived datatype"
}

// Committed reports whether communication may use it (MPI 5.0, chapter 5.1.9).
func (t *Type) Committed() bool { return t.committed }

// Commit makes it usable for communication.
func (t *Type) Commit() {
	if !t.committed { // named ones, which all ranks share, are
		t.committed = true
	}
}

// Combiner says which constructor made it.
func (t *Type) Combiner() Combiner { return t.combiner }

// Contents are the arguments it was made with; none of a named one. Nobody may change them.
func (t *Type) Contents() *Contents { return &t.contents }

// elementary makes a datatype of one kind.
func elementary(k Kind) *Type {
	s := shapes[k]
	t := &Type{kind: k, size: s.size, ub: s.extent, trueUB: s.extent, committed: true, align: s.extent, basics: 1,
		combiner: CombinerNamed}
	t.runs = pairRuns[k]
	if t.runs == nil {
		t.runs = []run{{len: s.size, count: 1}}
	}
	last := t.runs[len(t.runs)-1]
	t.trueUB = last.off + last.len
	switch {
	case k >= kindC32 && k <= kindC256:
		t.align = s.size / 2
	case k >= kindI16i:
		t.align = pairAligns[k]
		t.basics = 2
		t.members = pairMembers(k)
	}
	t.external32 = t.externalSize()
	t.settle()
	return t
}
