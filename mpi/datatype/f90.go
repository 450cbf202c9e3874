package datatype

import "fmt"

// The datatypes of Fortran's numbers with a precision and a range (MPI 5.0, chapter 19.1.5) are the elementary ones
// that suffice. They behave as predefined ones: asked for again they are the same, which is the caller's to see to, and
// nobody frees them.

// f90Type is an elementary datatype with its digits and its decimal exponent.
type f90Type struct {
	digits, exponent int32
	handle           uint32
}

var f90Types = map[Combiner][]f90Type{
	CombinerF90Real:    {{6, 37, 0x210}, {15, 307, 0x214}, {33, 4931, 0x220}},
	CombinerF90Complex: {{6, 37, 0x212}, {15, 307, 0x216}, {33, 4931, 0x224}},
	CombinerF90Integer: {{2, 0, 0x240}, {4, 0, 0x248}, {9, 0, 0x250}, {18, 0, 0x258}},
}

// F90 is the smallest datatype, committed, that has so many decimal digits and so large a decimal exponent; a negative
// number asks for nothing. What it is made with are the arguments that the program gave.
func F90(how Combiner, digits, exponent int32, arguments []int64) (*Type, error) {
	for _, t := range f90Types[how] {
		if digits > t.digits || exponent > t.exponent {
			continue
		}
		made := ByHandle(t.handle).copy()
		made.committed = true
		made.combiner, made.contents = how, Contents{Ints: arguments}
		return made, nil
	}
	return nil, fmt.Errorf("no type has precision %d and range %d", digits, exponent)
}
