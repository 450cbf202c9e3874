package translate

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// linear is a value as a constant plus multiples of locals, as they were at the start of a loop's round, modulo 2^64
// or, where narrow, 2^32.
type linear struct {
	known  bool
	narrow bool
	plus   uint64
	terms  []term // by local, at most maxTerms, none times zero
}

type term struct {
	local uint32
	times uint64
}

// maxTerms is how many locals an address is of at most: a base, an index, and what compilers add to them.
const maxTerms = 6

func constantOf(bits uint64, narrow bool) linear {
	return linear{known: true, narrow: narrow, plus: truncated(bits, narrow)}
}

func localOf(local uint32, narrow bool) linear {
	return linear{known: true, narrow: narrow, terms: []term{{local, 1}}}
}

func truncated(bits uint64, narrow bool) uint64 {
	if narrow {
		return uint64(uint32(bits))
	}
	return bits
}

// constant reports whether no local is in it.
func (l linear) constant() bool { return l.known && len(l.terms) == 0 }

// plusTimes is a + b·times.
func (a linear) plusTimes(b linear, times uint64) linear {
	if !a.known || !b.known {
		return linear{}
	}
	sum := linear{known: true, narrow: a.narrow, plus: truncated(a.plus+b.plus*times, a.narrow)}
	sum.terms = slices.Clone(a.terms)
	for _, t := range b.terms {
		at, found := slices.BinarySearchFunc(sum.terms, t.local, func(t term, l uint32) int {
			return cmp.Compare(t.local, l)
		})
		if !found {
			sum.terms = slices.Insert(sum.terms, at, term{local: t.local})
		}
		sum.terms[at].times = truncated(sum.terms[at].times+t.times*times, a.narrow)
		if sum.terms[at].times == 0 {
			sum.terms = slices.Delete(sum.terms, at, at+1)
		}
	}
	if len(sum.terms) > maxTerms {
		return linear{}
	}
	return sum
}

// wrapped is the value modulo 2^32.
func (l linear) wrapped() linear {
	return linear{known: l.known, narrow: true}.plusTimes(linear{known: l.known, plus: l.plus, terms: l.terms}, 1)
}

// combine is what an instruction makes of two values, where that is linear again.
func combine(op wasm.Opcode, a, b linear) linear {
	switch op {
	case wasm.OpI64Add, wasm.OpI32Add:
		return a.plusTimes(b, 1)
	case wasm.OpI64Sub, wasm.OpI32Sub:
		return a.plusTimes(b, ^uint64(0))
	case wasm.OpI64Mul, wasm.OpI32Mul:
		if a.constant() {
			a, b = b, a
		}
		if a.known && b.constant() {
			return constantOf(0, a.narrow).plusTimes(a, b.plus)
		}
	case wasm.OpI64Shl, wasm.OpI32Shl:
		bits := uint64(63)
		if a.narrow {
			bits = 31
		}
		if a.known && b.constant() {
			return constantOf(0, a.narrow).plusTimes(a, 1<<(b.plus&bits))
		}
	}
	return linear{}
}

// text is the value in C, where the locals are what they are at the start of the first round.
func (l linear) text() string {
	suffix, cast := "ul", ""
	if l.narrow {
		suffix, cast = "u", "(u32)"
	}
	var b strings.Builder
	b.WriteByte('(')
	for _, t := range l.terms {
		b.WriteString(cast + "l" + strconv.Itoa(int(t.local)))
		if t.times != 1 {
			b.WriteString("*" + strconv.FormatUint(t.times, 10) + suffix)
		}
		b.WriteByte('+')
	}
	b.WriteString(strconv.FormatUint(l.plus, 10) + suffix + ")")
	return b.String()
}

// step is by how much the value grows with each round, given what each local grows by; false where that is not known.
func (l linear) step(steps map[uint32]linear) (uint64, bool) {
	sum := uint64(0)
	for _, t := range l.terms {
		switch s, written := steps[t.local]; {
		case !written:
		case !s.known:
			return 0, false
		default:
			sum += s.plus * t.times
		}
	}
	return truncated(sum, l.narrow), l.known
}

// signedStep is a step as a signed number.
func signedStep(step uint64, narrow bool) int64 {
	if narrow {
		return int64(int32(step))
	}
	return int64(step)
}
