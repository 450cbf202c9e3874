package mpi

import "reflect"

// word is an argument of some kind.
type word interface{ ~uint64 }

// function is a Go function that serves one of C, and the kinds of its arguments, which are those of its parameters.
type function struct {
	kinds []reflect.Type
	call  func(call, []uint64) *failure
	// fast does all of the call without waiting, or nothing that is not kept in pending, and reports whether it has done
	// all; nil if there is no such way.
	fast func(call, []uint64) bool
}

// trying is a function with a fast path, which is tried before all else that a call needs which may wait.
func (f function) trying(fast func(call, []uint64) bool) function {
	f.fast = fast
	return f
}

// takes0 to takes12 make functions of so many arguments, for each number that some function has; gives0 to gives2 such
// that give a value, describes0 to describes8 descriptions of collectives. They take the words off the stack: what kind
// one is, nobody asks while the program runs.

func takes0(f func(call) *failure) function {
	return function{call: func(r call, _ []uint64) *failure { return f(r) }}
}

func takes1[A word](f func(call, A) *failure) function {
	return function{kinds: kindsOf(f, 1), call: func(r call, s []uint64) *failure {
		return f(r, A(s[0]))
	}}
}

func takes2[A, B word](f func(call, A, B) *failure) function {
	return function{kinds: kindsOf(f, 1), call: func(r call, s []uint64) *failure {
		_ = s[1]
		return f(r, A(s[0]), B(s[1]))
	}}
}

func takes3[A, B, C word](f func(call, A, B, C) *failure) function {
	return function{kinds: kindsOf(f, 1), call: func(r call, s []uint64) *failure {
		_ = s[2]
		return f(r, A(s[0]), B(s[1]), C(s[2]))
	}}
}

func takes4[A, B, C, D word](f func(call, A, B, C, D) *failure) function {
	return function{kinds: kindsOf(f, 1), call: func(r call, s []uint64) *failure {
		_ = s[3]
		return f(r, A(s[0]), B(s[1]), C(s[2]), D(s[3]))
	}}
}

func takes5[A, B, C, D, E word](f func(call, A, B, C, D, E) *failure) function {
	return function{kinds: kindsOf(f, 1), call: func(r call, s []uint64) *failure {
		_ = s[4]
		return f(r, A(s[0]), B(s[1]), C(s[2]), D(s[3]), E(s[4]))
	}}
}

func takes6[A, B, C, D, E, F word](f func(call, A, B, C, D, E, F) *failure) function {
	return function{kinds: kindsOf(f, 1), call: func(r call, s []uint64) *failure {
		_ = s[5]
		return f(r, A(s[0]), B(s[1]), C(s[2]), D(s[3]), E(s[4]), F(s[5]))
	}}
}

func takes7[A, B, C, D, E, F, G word](f func(call, A, B, C, D, E, F, G) *failure) function {
	return function{kinds: kindsOf(f, 1), call: func(r call, s []uint64) *failure {
		_ = s[6]
		return f(r, A(s[0]), B(s[1]), C(s[2]), D(s[3]), E(s[4]), F(s[5]), G(s[6]))
	}}
}

func takes9[A, B, C, D, E, F, G, H, I word](f func(call, A, B, C, D, E, F, G, H, I) *failure) function {
	return function{kinds: kindsOf(f, 1), call: func(r call, s []uint64) *failure {
		_ = s[8]
		return f(r, A(s[0]), B(s[1]), C(s[2]), D(s[3]), E(s[4]), F(s[5]), G(s[6]), H(s[7]), I(s[8]))
	}}
}

func takes10[A, B, C, D, E, F, G, H, I, J word](f func(call, A, B, C, D, E, F, G, H, I, J) *failure) function {
	return function{kinds: kindsOf(f, 1), call: func(r call, s []uint64) *failure {
		_ = s[9]
		return f(r, A(s[0]), B(s[1]), C(s[2]), D(s[3]), E(s[4]), F(s[5]), G(s[6]), H(s[7]), I(s[8]), J(s[9]))
	}}
}

func takes12[A, B, C, D, E, F, G, H, I, J, K, L word](
	f func(call, A, B, C, D, E, F, G, H, I, J, K, L) *failure) function {
	return function{kinds: kindsOf(f, 1), call: func(r call, s []uint64) *failure {
		_ = s[11]
		return f(r, A(s[0]), B(s[1]), C(s[2]), D(s[3]), E(s[4]), F(s[5]),
			G(s[6]), H(s[7]), I(s[8]), J(s[9]), K(s[10]), L(s[11]))
	}}
}

func describes0(f func(call, *comm, *part) *failure) description {
	return description{nil, func(r call, _ []uint64, c *comm, p *part) *failure { return f(r, c, p) }}
}

func describes4[A, B, C, D word](f func(call, *comm, *part, A, B, C, D) *failure) description {
	return description{kindsOf(f, 3), func(r call, s []uint64, c *comm, p *part) *failure {
		_ = s[3]
		return f(r, c, p, A(s[0]), B(s[1]), C(s[2]), D(s[3]))
	}}
}

func describes5[A, B, C, D, E word](f func(call, *comm, *part, A, B, C, D, E) *failure) description {
	return description{kindsOf(f, 3), func(r call, s []uint64, c *comm, p *part) *failure {
		_ = s[4]
		return f(r, c, p, A(s[0]), B(s[1]), C(s[2]), D(s[3]), E(s[4]))
	}}
}

func describes6[A, B, C, D, E, F word](f func(call, *comm, *part, A, B, C, D, E, F) *failure) description {
	return description{kindsOf(f, 3), func(r call, s []uint64, c *comm, p *part) *failure {
		_ = s[5]
		return f(r, c, p, A(s[0]), B(s[1]), C(s[2]), D(s[3]), E(s[4]), F(s[5]))
	}}
}

func describes7[A, B, C, D, E, F, G word](f func(call, *comm, *part, A, B, C, D, E, F, G) *failure) description {
	return description{kindsOf(f, 3), func(r call, s []uint64, c *comm, p *part) *failure {
		_ = s[6]
		return f(r, c, p, A(s[0]), B(s[1]), C(s[2]), D(s[3]), E(s[4]), F(s[5]), G(s[6]))
	}}
}

func describes8[A, B, C, D, E, F, G, H word](f func(call, *comm, *part, A, B, C, D, E, F, G, H) *failure) description {
	return description{kindsOf(f, 3), func(r call, s []uint64, c *comm, p *part) *failure {
		_ = s[7]
		return f(r, c, p, A(s[0]), B(s[1]), C(s[2]), D(s[3]), E(s[4]), F(s[5]), G(s[6]), H(s[7]))
	}}
}

// valued is a Go function that serves one of C that gives a value instead of an error code.
type valued struct {
	kinds []reflect.Type
	call  func(*Thread, []uint64)
}

func gives0(f func(*Rank) uint64) valued {
	return valued{nil, func(t *Thread, s []uint64) { s[0] = f(t.Rank) }}
}

func gives1[A word](f func(*Rank, A) uint64) valued {
	return valued{kindsOf(f, 1), func(t *Thread, s []uint64) { s[0] = f(t.Rank, A(s[0])) }}
}

func gives2[A, B word](f func(*Rank, A, B) uint64) valued {
	return valued{kindsOf(f, 1), func(t *Thread, s []uint64) { s[0] = f(t.Rank, A(s[0]), B(s[1])) }}
}

func kindOf[A word]() reflect.Type { return reflect.TypeFor[A]() }

// kindsOf are the types of a function's parameters, from one on.
func kindsOf(f any, from int) (kinds []reflect.Type) {
	t := reflect.TypeOf(f)
	for i := from; i < t.NumIn(); i++ {
		kinds = append(kinds, t.In(i))
	}
	return kinds
}
