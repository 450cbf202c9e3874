package datatype

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/sys/cpu"
)

// vectorForm is a kernel of vector instructions as the table has it, over the plain one beside it.
type vectorForm struct {
	name        string
	kind        Kind
	plain, form Kernel
}

// vectorForms are all there are, for this processor.
func vectorForms(t testing.TB) []vectorForm {
	if !cpu.X86.HasAVX2 {
		t.Skip("this processor has no AVX2")
	}
	var all []vectorForm
	plain := plainKernels()
	for _, v := range vectorKernels {
		for _, k := range v.kinds {
			all = append(all, vectorForm{fmt.Sprintf("%s of kind %d", v.op.Name(), k), k, plain[v.op][k], v.op.Kernel(k)})
		}
	}
	return all
}

// guard is what stands before and behind the operands, and must stay.
const guard = 96

// compare runs both forms on copies of the operands, offset bytes behind a multiple of 64.
func (f *vectorForm) compare(t *testing.T, acc, in []byte, offset int) {
	t.Helper()
	framed := func(b []byte) (whole, operand []byte) {
		whole = bytes.Repeat([]byte{0xa5}, len(b)+2*guard+64)
		copy(whole[guard+offset:], b)
		return whole, whole[guard+offset:][:len(b):len(b)]
	}
	wholeWant, want := framed(acc)
	wholeGot, got := framed(acc)
	wholeIn, other := framed(in)
	before := bytes.Clone(wholeIn)
	f.plain(want, other)
	f.form(got, other)
	if !bytes.Equal(before, wholeIn) {
		t.Fatalf("%s, %d bytes: the other operand was written", f.name, len(acc))
	}
	sameNaN(f.kind, got, want)
	if !bytes.Equal(wholeGot, wholeWant) {
		t.Fatalf("%s, %d bytes, offset %d:\n%x\nop\n%x\ngives\n%x\nwant\n%x", f.name, len(acc), offset, acc, in, got, want)
	}
}

// sameNaN takes over which NaN the plain form has where both are one: of two operands that are, Go does not say which
// remains.
func sameNaN(k Kind, got, want []byte) {
	switch k {
	case kindF32, kindC64:
		g, w := view[float32](got), view[float32](want)
		for i := range g {
			if g[i] != g[i] && w[i] != w[i] {
				g[i] = w[i]
			}
		}
	case kindF64, kindC128:
		g, w := view[float64](got), view[float64](want)
		for i := range g {
			if g[i] != g[i] && w[i] != w[i] {
				g[i] = w[i]
			}
		}
	}
}

// operand is n bytes in which values meet that arithmetic treats differently: any bits, few bits, zeros, and of floats
// infinities, NaN, subnormal numbers and those of which a sum or product overflows.
func operand(r *rand.Rand, k Kind, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	size := int(shapes[k].size)
	if part, half := complexPart(k); part != kindNone {
		size = half
	}
	for i := 0; i+size <= n; i += size {
		element := b[i : i+size]
		switch r.IntN(4) {
		case 0:
			clear(element)
			element[r.IntN(size)] = [...]byte{0, 1, 0x80, 0xff}[r.IntN(4)]
		case 1:
			switch k {
			case kindF32, kindC64:
				f := [...]float64{math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat32, -math.MaxFloat32, 1,
					math.SmallestNonzeroFloat32, 0, math.Copysign(0, -1)}
				view[float32](element)[0] = float32(f[r.IntN(len(f))])
			case kindF64, kindC128:
				f := [...]float64{math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64, -math.MaxFloat64, 1,
					math.SmallestNonzeroFloat64, 0, math.Copysign(0, -1)}
				view[float64](element)[0] = f[r.IntN(len(f))]
			}
		}
	}
	return b
}

// TestVectors compares each form with the plain one: all lengths up to 200 elements, and all offsets into a line.
func TestVectors(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, f := range vectorForms(t) {
		extent := int(shapes[f.kind].extent)
		stock := operand(r, f.kind, 1024*extent)
		some := func(n int) []byte {
			at := r.IntN(1024 - n)
			return stock[at*extent : (at+n)*extent]
		}
		for n := range 201 {
			f.compare(t, some(n), some(n), r.IntN(64))
		}
		for offset := range 64 {
			n := 64 + offset
			f.compare(t, some(n), some(n), offset)
		}
	}
}

// TestVectorsStepByStep is about lengths at which a form is called more than once, by the same code for all.
func TestVectorsStepByStep(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, f := range vectorForms(t) {
		if !strings.HasPrefix(f.name, OpSum.Name()) || f.kind != kindI16 {
			continue
		}
		acc, in := operand(r, f.kind, 3*vectorStep), operand(r, f.kind, 3*vectorStep)
		for _, n := range []int{vectorStep - 2, vectorStep, vectorStep + 2, vectorStep + vectorWidth,
			2*vectorStep + vectorWidth + 2} {
			f.compare(t, acc[:n], in[:n], 8)
		}
	}
}

// TestVectorsAreAllowed holds the list to operations and kinds that MPI allows together.
func TestVectorsAreAllowed(t *testing.T) {
	plain := plainKernels()
	for _, v := range vectorKernels {
		for _, k := range v.kinds {
			if plain[v.op][k] == nil {
				t.Errorf("there is a vector form of %s for kind %d", v.op.Name(), k)
			}
		}
	}
}

func FuzzVectors(f *testing.F) {
	f.Add(uint8(0), uint8(0), []byte("one operand and another: of 64 bytes, the least that is a vector."), []byte{})
	f.Add(uint8(20), uint8(9), bytes.Repeat([]byte{0x7f, 0xff, 0x80, 0}, 50), bytes.Repeat([]byte{0xff, 1, 0x80}, 70))
	forms := vectorForms(f)
	f.Fuzz(func(t *testing.T, which, offset uint8, acc, in []byte) {
		form := &forms[int(which)%len(forms)]
		n := min(len(acc), len(in))
		n -= n % int(shapes[form.kind].extent)
		form.compare(t, acc[:n], in[:n], int(offset%64))
	})
}
