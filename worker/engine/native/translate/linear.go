package translate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// linear is a value as a constant plus multiples of atoms, as they were at the start of a loop's round, modulo 2^64
// or, where narrow, 2^32. To a value of 64 bits a spread may come: something that is anything from low to high, as an
// index that was read from memory is.
type linear struct {
	known     bool
	narrow    bool
	plus      uint64
	terms     []term // by atom, at most maxTerms, none times zero
	low, high int64  // at most mostSpread from 0
}

type term struct {
	atom  atom
	times uint64
}

// atom is a local, by its index, or from firstExtended on an extended value.
type atom uint64

const firstExtended = 1 << 32

func (t term) extends() bool { return t.atom >= firstExtended }

// extended is a value of 32 bits, extended to 64. Where what is in it grows with the rounds, so does the extended
// value, unless it wraps round: that has to be ruled out.
type extended struct {
	of     linear // narrow, without a constant
	signed bool
	// Least and most are of the constants that are added before it is extended. None may make it wrap round.
	least, most int64
}

// maxTerms is how many locals an address is of at most: a base, an index, and what compilers add to them.
const maxTerms = 6

func constantOf(bits uint64, narrow bool) linear {
	return linear{known: true, narrow: narrow, plus: truncated(bits, narrow)}
}

func localOf(local uint32, narrow bool) linear {
	return linear{known: true, narrow: narrow, terms: []term{{atom(local), 1}}}
}

func truncated(bits uint64, narrow bool) uint64 {
	if narrow {
		return uint64(uint32(bits))
	}
	return bits
}

func spread(low, high int64) linear { return linear{known: true, low: low, high: high} }

func (l linear) spreads() bool { return l.low != 0 || l.high != 0 }

// constant reports whether no local is in it.
func (l linear) constant() bool { return l.known && len(l.terms) == 0 && !l.spreads() }

// plusTimes is a + b·times.
func (a linear) plusTimes(b linear, times uint64) linear {
	if !a.known || !b.known {
		return linear{}
	}
	sum := linear{known: true, narrow: a.narrow, plus: truncated(a.plus+b.plus*times, a.narrow)}
	sum.terms = slices.Clone(a.terms)
	for _, t := range b.terms {
		at, found := slices.BinarySearchFunc(sum.terms, t.atom, func(t term, a atom) int {
			return cmp.Compare(t.atom, a)
		})
		if !found {
			sum.terms = slices.Insert(sum.terms, at, term{atom: t.atom})
		}
		sum.terms[at].times = truncated(sum.terms[at].times+t.times*times, a.narrow)
		if sum.terms[at].times == 0 {
			sum.terms = slices.Delete(sum.terms, at, at+1)
		}
	}
	if len(sum.terms) > maxTerms || !sum.widen(a, 1) || !sum.widen(b, int64(times)) {
		return linear{}
	}
	return sum
}

// widen adds a multiple of another value's spread, and reports whether there is an end to it.
func (l *linear) widen(of linear, times int64) bool {
	if !of.spreads() {
		return true
	}
	if l.narrow || times < -mostTimes || times > mostTimes {
		return false
	}
	low, high := of.low*times, of.high*times
	l.low, l.high = l.low+min(low, high), l.high+max(low, high)
	return l.low >= -mostSpread && l.high <= mostSpread
}

// Bounds of spreads: mostSpread is what is reserved and never open on both sides of the memory, beyond what offsets
// need. An index of 32 bits into an array of doubles is that.
const (
	mostSpread = 16 << 30
	mostTimes  = 1 << 28
)

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

// signedStep is a step as a signed number.
func signedStep(step uint64, narrow bool) int64 {
	if narrow {
		return int64(int32(step))
	}
	return int64(step)
}

// symbols are the extended values that linear values are of.
type symbols []extended

// wrapped is a value modulo 2^32.
func (e symbols) wrapped(l linear) linear {
	if l.spreads() {
		return linear{}
	}
	sum := linear{known: l.known, narrow: true, plus: truncated(l.plus, true)}
	for _, t := range l.terms {
		of := localOf(uint32(t.atom), true)
		if t.extends() {
			of = e[t.atom-firstExtended].of
		}
		sum = sum.plusTimes(of, t.times)
	}
	return sum
}

// extend is a value of 32 bits extended to 64, where what it grows by with each round is known.
func (e *symbols) extend(l linear, signed bool) linear {
	if l.constant() {
		if signed {
			return constantOf(uint64(int32(l.plus)), false)
		}
		return constantOf(l.plus, false)
	}
	plus := int64(int32(l.plus))
	at := slices.IndexFunc(*e, func(x extended) bool { return x.signed == signed && slices.Equal(x.of.terms, l.terms) })
	if at < 0 {
		at = len(*e)
		of := linear{known: true, narrow: true, terms: l.terms}
		*e = append(*e, extended{of: of, signed: signed, least: plus, most: plus})
	}
	x := &(*e)[at]
	x.least, x.most = min(x.least, plus), max(x.most, plus)
	return linear{known: true, plus: uint64(plus), terms: []term{{firstExtended + atom(at), 1}}}
}

// step is by how much a value grows with each round, given what each local grows by; false where that is not known.
func (e symbols) step(l linear, steps map[uint32]linear) (uint64, bool) {
	sum := uint64(0)
	for _, t := range l.terms {
		by := uint64(0)
		if !t.extends() {
			s, written := steps[uint32(t.atom)]
			if written && !s.known {
				return 0, false
			}
			by = s.plus
		} else {
			by = uint64(e.extendedStep(t.atom, steps))
		}
		sum += by * t.times
	}
	return truncated(sum, l.narrow), l.known
}

// extendedStep is by how much an extended value grows with each round, as long as it doesn't wrap round.
func (e symbols) extendedStep(a atom, steps map[uint32]linear) int64 {
	step, _ := e.step(e[a-firstExtended].of, steps)
	return signedStep(step, true)
}

// text is a value in C, where the locals are what they are at the start of the first round.
func (e symbols) text(l linear) string {
	suffix, cast := "ul", ""
	if l.narrow {
		suffix, cast = "u", "(u32)"
	}
	var b strings.Builder
	b.WriteByte('(')
	for _, t := range l.terms {
		if !t.extends() {
			b.WriteString(cast + "l" + strconv.Itoa(int(t.atom)))
		} else {
			b.WriteString(e.extendedText(t.atom))
		}
		if t.times != 1 {
			b.WriteString("*" + strconv.FormatUint(t.times, 10) + suffix)
		}
		b.WriteByte('+')
	}
	b.WriteString(strconv.FormatUint(l.plus, 10) + suffix + ")")
	return b.String()
}

func (e symbols) extendedText(a atom) string {
	x := &e[a-firstExtended]
	if x.signed {
		return "(u64)(i32)" + e.text(x.of)
	}
	return "(u64)" + e.text(x.of)
}

// appendWraps writes a condition, behind others, that holds where an extended value may wrap round in one of so many
// rounds, with any constant that is added to it.
func (e symbols) appendWraps(code []byte, a atom, step int64, rounds string) []byte {
	x := &e[a-firstExtended]
	first := int64(0)
	if x.signed {
		first = math.MinInt32
	}
	value := func(more string) {
		code = fmt.Appendf(code, "||%s%s+%dul>%dul", e.extendedText(a), more, uint64(x.least-first),
			uint64(math.MaxUint32-(x.most-x.least)))
	}
	value("")
	if step != 0 {
		value("+" + rounds + "*" + strconv.FormatUint(uint64(step), 10) + "ul")
	}
	return code
}
