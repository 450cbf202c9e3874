package datatype

import (
	"fmt"
	"testing"
)

// TestEveryOperation reduces small whole numbers with every operation and datatype that go together.
func TestEveryOperation(t *testing.T) {
	const n = 4
	pairs := 0
	for _, p := range predefined {
		for _, o := range Ops() {
			kernel := o.Kernel(p.kind)
			if kernel == nil {
				continue
			}
			pairs++
			extent := int(ByHandle(p.handle).Extent())
			acc, in := make([]byte, extent), make([]byte, extent)
			encode(p.kind, acc, 1)
			for v := 2; v <= n; v++ {
				encode(p.kind, in, v)
				kernel(acc, in)
			}
			if got, wanted := decode(p.kind, acc), expected(o, p.kind, n); got != wanted {
				t.Errorf("%s of %s gives %s, want %s", o.Name(), p.name, got, wanted)
			}
		}
	}
	if pairs != 385 { // chapter 6.9.2, and MPI_CHAR
		t.Errorf("%d operations and datatypes go together", pairs)
	}
}

// encode writes v, in pairs with location 10-v, in complex numbers as v+vi; logicals are true for even v.
func encode(k Kind, b []byte, v int) {
	put := func(k Kind, b []byte, v int) {
		switch k {
		case kindF16:
			view[uint16](b[:2])[0] = toHalf(float32(v))
		case kindF32:
			view[float32](b[:4])[0] = float32(v)
		case kindF64:
			view[float64](b[:8])[0] = float64(v)
		case kindF128:
			view[quad](b[:16])[0] = quadFrom(float64(v))
		default:
			for i := range b {
				b[i] = 0
			}
			b[0] = byte(v)
		}
	}
	part, half := complexPart(k)
	switch {
	case part != kindNone:
		put(part, b[:half], v)
		put(part, b[half:2*half], v)
	case pairPart(k) != kindNone:
		value := pairPart(k)
		put(value, b[:shapes[value].size], v)
		location := b[max(shapes[value].size, 4):]
		switch k {
		case kindF32f32:
			put(kindF32, location[:4], 10-v)
		case kindF64f64:
			put(kindF64, location[:8], 10-v)
		default:
			put(kindI32, location[:4], 10-v)
		}
	case k >= kindL8 && k <= kindL128:
		put(kindNone, b[:shapes[k].size], 1-v%2)
	default:
		put(k, b[:shapes[k].size], v)
	}
}

func complexPart(k Kind) (Kind, int) {
	switch k {
	case kindC32:
		return kindF16, 2
	case kindC64:
		return kindF32, 4
	case kindC128:
		return kindF64, 8
	case kindC256:
		return kindF128, 16
	}
	return kindNone, 0
}

func pairPart(k Kind) Kind {
	return map[Kind]Kind{kindI16i: kindI16, kindI32i: kindI32, kindI64i: kindI64, kindF32i: kindF32, kindF64i: kindF64,
		kindF128i: kindF128, kindF32f32: kindF32, kindF64f64: kindF64}[k]
}

func decode(k Kind, b []byte) string {
	get := func(k Kind, b []byte) string {
		switch k {
		case kindF16:
			return fmt.Sprint(fromHalf(view[uint16](b[:2])[0]))
		case kindF32:
			return fmt.Sprint(view[float32](b[:4])[0])
		case kindF64:
			return fmt.Sprint(view[float64](b[:8])[0])
		case kindF128:
			f, _ := view[quad](b[:16])[0].value().Float64()
			return fmt.Sprint(f)
		}
		v := 0
		for i := len(b) - 1; i >= 0 && i >= len(b)-16; i-- {
			v = v<<8 | int(b[i])
		}
		return fmt.Sprint(v)
	}
	part, half := complexPart(k)
	switch {
	case part != kindNone:
		return get(part, b[:half]) + " " + get(part, b[half:2*half])
	case pairPart(k) != kindNone:
		value := pairPart(k)
		location := b[max(shapes[value].size, 4):]
		l := get(kindI32, location[:4])
		switch k {
		case kindF32f32:
			l = get(kindF32, location[:4])
		case kindF64f64:
			l = get(kindF64, location[:8])
		}
		return get(value, b[:shapes[value].size]) + " " + l
	}
	return get(k, b[:shapes[k].size])
}

// expected is the result over 1 … n, here n = 4.
func expected(o Op, k Kind, n int) string {
	if part, _ := complexPart(k); part != kindNone {
		x := complex(1, 1)
		sum := x
		for v := 2; v <= n; v++ {
			x *= complex(float64(v), float64(v))
			sum += complex(float64(v), float64(v))
		}
		if o == OpSum {
			x = sum
		}
		return fmt.Sprint(real(x)) + " " + fmt.Sprint(imag(x))
	}
	if k >= kindL8 && k <= kindL128 { // false true false true
		return map[Op]string{OpLand: "0", OpLor: "1", OpLxor: "0"}[o]
	}
	if o == OpMinloc {
		return "1 9"
	}
	if o == OpMaxloc {
		return "4 6"
	}
	return map[Op]string{OpSum: "10", OpMin: "1", OpMax: "4", OpProd: "24", OpBand: "0", OpBor: "7", OpBxor: "4",
		OpLand: "1", OpLor: "1", OpLxor: "0"}[o]
}
