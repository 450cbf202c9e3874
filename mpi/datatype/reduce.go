package datatype

import "unsafe"

// The kernels of predefined operations. They see linear memory as Go values: wasm and every machine we run on are
// little endian and load unaligned words.

type integer interface {
	~int8 | ~uint8 | ~int16 | ~uint16 | ~int32 | ~uint32 | ~int64 | ~uint64
}

type number interface {
	integer | ~float32 | ~float64 | ~complex64 | ~complex128
}

type ordered interface {
	integer | ~float32 | ~float64
}

// view is the bytes as a slice of T.
func view[T any](b []byte) []T {
	if len(b) == 0 {
		return nil
	}
	var t T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b))/unsafe.Sizeof(t))
}

// two is acc and in as slices of the same length, which spares the loops their bounds checks.
func two[T any](acc, in []byte) (a, b []T) {
	a = view[T](acc)
	return a, view[T](in)[:len(a)]
}

func add[T number](acc, in []byte) {
	a, b := two[T](acc, in)
	for len(a) >= 4 && len(b) >= 4 {
		a[0] += b[0]
		a[1] += b[1]
		a[2] += b[2]
		a[3] += b[3]
		a, b = a[4:], b[4:]
	}
	for i := range a {
		a[i] += b[i]
	}
}

func multiply[T ordered](acc, in []byte) {
	a, b := two[T](acc, in)
	for i := range a {
		a[i] *= b[i]
	}
}

// multiplyComplex multiplies as C compilers do without range checks; Go's own operator would do the same.
func multiplyComplex[T complex64 | complex128](acc, in []byte) {
	a, b := two[T](acc, in)
	for i := range a {
		a[i] *= b[i]
	}
}

// least and most keep acc where neither is smaller, so that a NaN behaves as in a < b ? a : b written in C.
func least[T ordered](acc, in []byte) {
	a, b := two[T](acc, in)
	for i, v := range b {
		if v < a[i] {
			a[i] = v
		}
	}
}

func most[T ordered](acc, in []byte) {
	a, b := two[T](acc, in)
	for i, v := range b {
		if v > a[i] {
			a[i] = v
		}
	}
}

func and[T integer](acc, in []byte) {
	a, b := two[T](acc, in)
	for i := range a {
		a[i] &= b[i]
	}
}

func or[T integer](acc, in []byte) {
	a, b := two[T](acc, in)
	for i := range a {
		a[i] |= b[i]
	}
}

func xor[T integer](acc, in []byte) {
	a, b := two[T](acc, in)
	for i := range a {
		a[i] ^= b[i]
	}
}

// wide128 is an integer of 16 bytes, low word first.
type wide128 struct{ lo, hi uint64 }

// logical makes a Kernel of a logical operation: any value but zero is true, and the result is 0 or 1.
func logical[T comparable](one T, f func(a, b bool) bool) Kernel {
	var zero T
	return func(acc, in []byte) {
		a, b := two[T](acc, in)
		for i := range a {
			if f(a[i] != zero, b[i] != zero) {
				a[i] = one
			} else {
				a[i] = zero
			}
		}
	}
}

func bothTrue(a, b bool) bool   { return a && b }
func eitherTrue(a, b bool) bool { return a || b }
func oneTrue(a, b bool) bool    { return a != b }

type kernelTable = [ops][kinds]Kernel

func logicalOps[T comparable](table *kernelTable, k Kind, one T) {
	table[OpLand][k] = logical(one, bothTrue)
	table[OpLor][k] = logical(one, eitherTrue)
	table[OpLxor][k] = logical(one, oneTrue)
}

func logicals[T uint8 | uint16 | uint32 | uint64 | wide128](table *kernelTable, k Kind) {
	var one T
	*(*byte)(unsafe.Pointer(&one)) = 1
	logicalOps(table, k, one)
}

func integers[T integer](table *kernelTable, k Kind) {
	table[OpSum][k], table[OpProd][k] = add[T], multiply[T]
	table[OpMin][k], table[OpMax][k] = least[T], most[T]
	table[OpBand][k], table[OpBor][k], table[OpBxor][k] = and[T], or[T], xor[T]
	logicalOps(table, k, T(1))
}

func floats[T float32 | float64](table *kernelTable, k Kind) {
	table[OpSum][k], table[OpProd][k] = add[T], multiply[T]
	table[OpMin][k], table[OpMax][k] = least[T], most[T]
}

// pair is a value with a location, laid out as in C.
type pair[V, L ordered] struct {
	value    V
	location L
}

// pairs are MPI_MINLOC and MPI_MAXLOC: among equal values the lower location wins.
func pairs[V, L ordered](table *kernelTable, k Kind) {
	table[OpMinloc][k] = func(acc, in []byte) {
		a, b := two[pair[V, L]](acc, in)
		for i, v := range b {
			if v.value < a[i].value || v.value == a[i].value && v.location < a[i].location {
				a[i] = v
			}
		}
	}
	table[OpMaxloc][k] = func(acc, in []byte) {
		a, b := two[pair[V, L]](acc, in)
		for i, v := range b {
			if v.value > a[i].value || v.value == a[i].value && v.location < a[i].location {
				a[i] = v
			}
		}
	}
}
