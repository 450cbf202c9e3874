package datatype

import (
	"fmt"
	"testing"
)

// BenchmarkReduce is what reductions of predefined operations cost, a vector at a time: the intermediate results of
// collectives are 32 KiB.
func BenchmarkReduce(b *testing.B) {
	plain := plainKernels()
	for _, c := range []struct {
		op   Op
		kind Kind
		name string
	}{
		{OpSum, kindU8, "uint8"}, {OpSum, kindI16, "int16"}, {OpSum, kindI32, "int"}, {OpSum, kindF64, "double"},
		{OpProd, kindI8, "int8"}, {OpProd, kindF32, "float"}, {OpMin, kindI64, "int64"}, {OpMax, kindF64, "double"},
		{OpMin, kindI8, "int8"}, {OpBxor, kindRaw, "byte"}, {OpLand, kindI32, "int"},
	} {
		for _, n := range []int{8, 64, 1024, 32 << 10, 16 << 20} {
			for _, form := range []struct {
				name   string
				kernel Kernel
			}{{"plain", plain[c.op][c.kind]}, {"vectors", c.op.Kernel(c.kind)}} {
				b.Run(fmt.Sprintf("%s/%s/%d/%s", c.op.Name(), c.name, n, form.name), func(b *testing.B) {
					acc, in := make([]byte, n), make([]byte, n)
					b.SetBytes(int64(n))
					for b.Loop() {
						form.kernel(acc, in)
					}
				})
			}
		}
	}
}
