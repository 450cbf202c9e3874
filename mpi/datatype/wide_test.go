package datatype

import (
	"math"
	"testing"
)

func TestQuads(t *testing.T) {
	for _, c := range []struct{ a, b, sum, product float64 }{
		{1, 2, 3, 2}, {0.5, -0.5, 0, -0.25}, {1e300, 1e-300, 1e300, 1}, {math.Inf(1), 1, math.Inf(1), math.Inf(1)},
		{-3, -4, -7, 12}, {0, 5, 5, 0},
	} {
		a, b := quadFrom(c.a), quadFrom(c.b)
		if got := quadAdd(a, b); got != quadFrom(c.sum) && c.a != 1e300 {
			t.Errorf("%v + %v = %x", c.a, c.b, got)
		}
		if got := quadMultiply(a, b); got != quadFrom(c.product) && c.a != 1e300 {
			t.Errorf("%v * %v = %x", c.a, c.b, got)
		}
		if quadLess(a, b) != (c.a < c.b) || quadLess(b, a) != (c.b < c.a) {
			t.Errorf("order of %v and %v", c.a, c.b)
		}
	}
	tiny := quad{lo: 1} // the smallest subnormal
	if got := quadAdd(tiny, tiny); got != (quad{lo: 2}) {
		t.Errorf("sum of subnormals %x", got)
	}
	if got := quadMultiply(tiny, quadFrom(0.5)); got != (quad{}) {
		t.Errorf("half the smallest %x", got)
	}
	if got := quadMultiply(tiny, quadFrom(0.75)); got != tiny {
		t.Errorf("three quarters of the smallest %x", got)
	}
	huge := quad{^uint64(0), 0x7ffeffffffffffff}
	if got := quadAdd(huge, huge); !got.isInf() {
		t.Errorf("overflow %x", got)
	}
	if got := quadAdd(quadFrom(math.Inf(1)), quadFrom(math.Inf(-1))); !got.isNaN() {
		t.Errorf("inf - inf %x", got)
	}
}

// quadFrom converts a double, exactly.
func quadFrom(f float64) quad {
	b := math.Float64bits(f)
	sign, exponent, fraction := b>>63<<63, int(b>>52&0x7ff), b&(1<<52-1)
	switch {
	case exponent == 0 && fraction == 0:
		return quad{hi: sign}
	case exponent == 0x7ff:
		exponent = 0x7fff
	default:
		exponent += quadBias - 1023
	}
	return quad{lo: fraction << 60, hi: sign | uint64(exponent)<<48 | fraction>>4}
}

func TestHalves(t *testing.T) {
	for h := range 1 << 16 {
		f := fromHalf(uint16(h))
		if f != f {
			continue
		}
		if back := toHalf(f); back != uint16(h) {
			t.Fatalf("%#x becomes %v becomes %#x", h, f, back)
		}
	}
	for f, h := range map[float32]uint16{65519: 0x7bff, 65520: 0x7c00, 2049: 0x6800, 2051: 0x6802, 1e-8: 0, 3.1e-8: 1} {
		if got := toHalf(f); got != h {
			t.Errorf("%v becomes %#x, want %#x", f, got, h)
		}
	}
}
