package datatype

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/bits"
)

// Kernels of the types that Go has no arithmetic for: integers of 128 bits, binary16, and binary128, which is C's long
// double in wasm. They are rare and may be slow; they are exact.

func integers128(table *kernelTable) {
	const k = kindI128
	each := func(f func(a, b wide128) wide128) Kernel {
		return func(acc, in []byte) {
			a, b := two[wide128](acc, in)
			for i := range a {
				a[i] = f(a[i], b[i])
			}
		}
	}
	table[OpSum][k] = each(func(a, b wide128) (r wide128) {
		var carry uint64
		r.lo, carry = bits.Add64(a.lo, b.lo, 0)
		r.hi, _ = bits.Add64(a.hi, b.hi, carry)
		return r
	})
	table[OpProd][k] = each(func(a, b wide128) wide128 {
		hi, lo := bits.Mul64(a.lo, b.lo)
		return wide128{lo, hi + a.lo*b.hi + a.hi*b.lo}
	})
	less := func(a, b wide128) bool {
		return int64(a.hi) < int64(b.hi) || a.hi == b.hi && a.lo < b.lo
	}
	table[OpMin][k] = each(func(a, b wide128) wide128 {
		if less(b, a) {
			return b
		}
		return a
	})
	table[OpMax][k] = each(func(a, b wide128) wide128 {
		if less(a, b) {
			return b
		}
		return a
	})
	table[OpBand][k], table[OpBor][k], table[OpBxor][k] = and[uint64], or[uint64], xor[uint64]
	logicalOps(table, k, wide128{lo: 1})
}

// halves computes in float32, which holds every product and sum of two halves closely enough to round once.
func halves(table *kernelTable) {
	each := func(f func(a, b float32) float32) Kernel {
		return func(acc, in []byte) {
			a, b := two[uint16](acc, in)
			for i := range a {
				a[i] = toHalf(f(fromHalf(a[i]), fromHalf(b[i])))
			}
		}
	}
	sum := each(func(a, b float32) float32 { return a + b })
	table[OpSum][kindF16], table[OpSum][kindC32] = sum, sum
	table[OpProd][kindF16] = each(func(a, b float32) float32 { return a * b })
	table[OpMin][kindF16] = each(func(a, b float32) float32 {
		if b < a {
			return b
		}
		return a
	})
	table[OpMax][kindF16] = each(func(a, b float32) float32 {
		if b > a {
			return b
		}
		return a
	})
	table[OpProd][kindC32] = func(acc, in []byte) {
		a, b := two[[2]uint16](acc, in)
		for i := range a {
			x := complex(fromHalf(a[i][0]), fromHalf(a[i][1])) * complex(fromHalf(b[i][0]), fromHalf(b[i][1]))
			a[i] = [2]uint16{toHalf(real(x)), toHalf(imag(x))}
		}
	}
}

func fromHalf(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch {
	case exponent == 0x1f:
		return math.Float32frombits(sign | 0xff<<23 | fraction<<13)
	case exponent == 0:
		f := float32(fraction) / (1 << 24)
		return math.Float32frombits(sign | math.Float32bits(f))
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}

// toHalf rounds to nearest, ties to even.
func toHalf(f float32) uint16 {
	b := math.Float32bits(f)
	sign := uint16(b >> 16 & 0x8000)
	exponent, fraction := int(b>>23&0xff), b&0x7fffff
	switch {
	case exponent == 0xff && fraction != 0:
		return sign | 0x7e00
	case exponent >= 143: // 65536 and above, and infinity
		return sign | 0x7c00
	case exponent < 102: // less than half of the smallest
		return sign
	}
	value, shift := fraction|0x800000, 13
	base := uint32(exponent-113) << 10 // the implicit bit adds the exponent's last one
	if exponent < 113 {
		shift, base = 126-exponent, 0
	}
	half := value >> shift
	rest, tie := value&(1<<shift-1), uint32(1)<<(shift-1)
	if rest > tie || rest == tie && half&1 == 1 {
		half++
	}
	return sign | uint16(base+half)
}

// quad is a binary128: sign, 15 bits of exponent, 112 of fraction, low word first.
type quad = wide128

func quads(table *kernelTable) {
	each := func(f func(a, b quad) quad) Kernel {
		return func(acc, in []byte) {
			a, b := two[quad](acc, in)
			for i := range a {
				a[i] = f(a[i], b[i])
			}
		}
	}
	table[OpSum][kindF128] = each(quadAdd)
	table[OpSum][kindC256] = each(quadAdd)
	table[OpProd][kindF128] = each(quadMultiply)
	table[OpMin][kindF128] = each(func(a, b quad) quad {
		if quadLess(b, a) {
			return b
		}
		return a
	})
	table[OpMax][kindF128] = each(func(a, b quad) quad {
		if quadLess(a, b) {
			return b
		}
		return a
	})
	table[OpProd][kindC256] = func(acc, in []byte) {
		a, b := two[[2]quad](acc, in)
		for i := range a {
			x, y := a[i], b[i]
			a[i][0] = quadAdd(quadMultiply(x[0], y[0]), quadNegate(quadMultiply(x[1], y[1])))
			a[i][1] = quadAdd(quadMultiply(x[0], y[1]), quadMultiply(x[1], y[0]))
		}
	}
	table[OpMinloc][kindF128i] = quadLocation(quadLess)
	table[OpMaxloc][kindF128i] = quadLocation(func(a, b quad) bool { return quadLess(b, a) })
}

// quadLocation is MPI_MINLOC over long double and int, in elements of 32 bytes; better tells what wins.
func quadLocation(better func(a, b quad) bool) Kernel {
	type element struct {
		value    quad
		location int32
		_        [12]byte
	}
	return func(acc, in []byte) {
		a, b := two[element](acc, in)
		for i, v := range b {
			if better(v.value, a[i].value) || !better(a[i].value, v.value) && v.location < a[i].location {
				a[i].value, a[i].location = v.value, v.location
			}
		}
	}
}

const (
	quadSign     = 1 << 63
	quadExponent = 0x7fff
	quadBias     = 16383
	quadDigits   = 113
)

var quadNaN = quad{hi: 0x7fff8 << 44}

func (q wide128) exponent() int { return int(q.hi >> 48 & quadExponent) }
func (q wide128) isNaN() bool {
	return q.exponent() == quadExponent && (q.hi&(1<<48-1) != 0 || q.lo != 0)
}
func (q wide128) isInf() bool    { return q.exponent() == quadExponent && !q.isNaN() }
func (q wide128) isZero() bool   { return q.hi&^quadSign == 0 && q.lo == 0 }
func (q wide128) negative() bool { return q.hi&quadSign != 0 }
func quadNegate(q quad) quad     { return quad{q.lo, q.hi ^ quadSign} }

// value is a finite quad as a big.Float, which holds it exactly.
func (q wide128) value() *big.Float {
	exponent, high := q.exponent(), q.hi&(1<<48-1)
	if exponent == 0 {
		exponent = 1
	} else {
		high |= 1 << 48
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], high)
	binary.BigEndian.PutUint64(b[8:], q.lo)
	f := new(big.Float).SetPrec(quadDigits).SetInt(new(big.Int).SetBytes(b[:]))
	f.SetMantExp(f, exponent-quadBias-(quadDigits-1))
	if q.negative() {
		f.Neg(f)
	}
	return f
}

// quadOf rounds an exact sum or product to the nearest quad, ties to even, once.
func quadOf(f *big.Float) quad {
	var sign uint64
	if f.Signbit() {
		sign = quadSign
	}
	if f.Sign() == 0 {
		return quad{hi: sign}
	}
	exponent := f.MantExp(nil) - 1 // of the leading digit
	digits := quadDigits
	if low := exponent + quadBias; low < 1 {
		digits += low - 1 // a subnormal has fewer
	}
	if digits <= 0 { // less than the smallest subnormal: more than half of it rounds up
		half := new(big.Float).SetMantExp(big.NewFloat(1), 1-quadBias-quadDigits)
		if new(big.Float).Abs(f).Cmp(half) > 0 {
			return quad{lo: 1, hi: sign}
		}
		return quad{hi: sign}
	}
	r := new(big.Float).SetPrec(uint(digits)).Set(f)
	exponent = r.MantExp(nil) - 1
	if exponent > quadBias {
		return quad{hi: sign | quadExponent<<48}
	}
	field := max(exponent, 1-quadBias)
	n, _ := new(big.Float).SetMantExp(r, -field+(quadDigits-1)).Int(nil)
	var b [16]byte
	n.Abs(n).FillBytes(b[:])
	q := quad{binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[:8])}
	if q.hi>>48 != 0 { // the implicit digit is there: normal
		q.hi = q.hi&(1<<48-1) | uint64(field+quadBias)<<48
	}
	q.hi |= sign
	return q
}

// quadExact is enough digits for the exact sum of any two quads.
const quadExact = 2*quadBias + 2*quadDigits + 2

func quadAdd(a, b quad) quad {
	switch {
	case a.isNaN() || b.isNaN() || a.isInf() && b.isInf() && a.negative() != b.negative():
		return quadNaN
	case a.isInf():
		return a
	case b.isInf():
		return b
	case a.isZero() && b.isZero():
		return quad{hi: a.hi & b.hi & quadSign}
	}
	f := new(big.Float).SetPrec(quadExact).Add(a.value(), b.value())
	if f.Sign() == 0 {
		return quad{}
	}
	return quadOf(f)
}

func quadMultiply(a, b quad) quad {
	sign := (a.hi ^ b.hi) & quadSign
	switch {
	case a.isNaN() || b.isNaN() || a.isInf() && b.isZero() || a.isZero() && b.isInf():
		return quadNaN
	case a.isInf() || b.isInf():
		return quad{hi: sign | quadExponent<<48}
	case a.isZero() || b.isZero():
		return quad{hi: sign}
	}
	return quadOf(new(big.Float).SetPrec(2*quadDigits).Mul(a.value(), b.value()))
}

func quadLess(a, b quad) bool {
	if a.isNaN() || b.isNaN() || a.isZero() && b.isZero() {
		return false
	}
	if a.negative() != b.negative() {
		return a.negative()
	}
	smaller := a.hi < b.hi || a.hi == b.hi && a.lo < b.lo
	if a.negative() {
		return !smaller && a != b
	}
	return smaller
}
