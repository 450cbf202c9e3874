package datatype

import "golang.org/x/sys/cpu"

const (
	// vectorWidth is AVX2's. Kernels for AVX-512 gained a tenth for vectors of 4 to 16 KiB and lost a fifth below.
	vectorWidth = 32
	// vectorStep is what a kernel of vector instructions is given at once: Go cannot interrupt one, and a program may
	// reduce gigabytes in one call.
	vectorStep = 1 << 20
)

// vectorKernel is the form that an operation on elements of some kinds has in vector instructions.
type vectorKernel struct {
	op    Op
	kinds []Kind
	form  Kernel
}

// vectorise replaces the kernels that have a form in vector instructions, where the processor has these.
func vectorise(table *kernelTable) {
	if !cpu.X86.HasAVX2 {
		return
	}
	for _, v := range vectorKernels {
		for _, k := range v.kinds {
			table[v.op][k] = vectorised(table[v.op][k], v.form)
		}
	}
}

// vectorised uses a form in vector instructions for what is at least as long as a vector, and the plain one for less.
func vectorised(plain, form Kernel) Kernel {
	return func(acc, in []byte) {
		if len(acc) < vectorWidth {
			plain(acc, in)
			return
		}
		in = in[:len(acc)]
		for len(acc) >= vectorStep+vectorWidth {
			form(acc[:vectorStep], in[:vectorStep])
			acc, in = acc[vectorStep:], in[vectorStep:]
		}
		form(acc, in)
	}
}

// anyBits are the kinds whose bits can be combined.
var anyBits = []Kind{kindI8, kindU8, kindI16, kindU16, kindI32, kindU32, kindI64, kindU64,
	kindI128, kindRaw}

var vectorKernels = []vectorKernel{
	{OpSum, []Kind{kindI8, kindU8}, sum8},
	{OpSum, []Kind{kindI16, kindU16}, sum16},
	{OpSum, []Kind{kindI32, kindU32}, sum32},
	{OpSum, []Kind{kindI64, kindU64}, sum64},
	{OpSum, []Kind{kindF32, kindC64}, sumF32},
	{OpSum, []Kind{kindF64, kindC128}, sumF64},
	{OpProd, []Kind{kindI8, kindU8}, prod8},
	{OpProd, []Kind{kindI16, kindU16}, prod16},
	{OpProd, []Kind{kindI32, kindU32}, prod32},
	{OpProd, []Kind{kindF32}, prodF32},
	{OpProd, []Kind{kindF64}, prodF64},
	{OpMin, []Kind{kindI8}, minI8},
	{OpMin, []Kind{kindU8}, minU8},
	{OpMin, []Kind{kindI16}, minI16},
	{OpMin, []Kind{kindU16}, minU16},
	{OpMin, []Kind{kindI32}, minI32},
	{OpMin, []Kind{kindU32}, minU32},
	{OpMin, []Kind{kindI64}, minI64},
	{OpMin, []Kind{kindU64}, minU64},
	{OpMin, []Kind{kindF32}, minF32},
	{OpMin, []Kind{kindF64}, minF64},
	{OpMax, []Kind{kindI8}, maxI8},
	{OpMax, []Kind{kindU8}, maxU8},
	{OpMax, []Kind{kindI16}, maxI16},
	{OpMax, []Kind{kindU16}, maxU16},
	{OpMax, []Kind{kindI32}, maxI32},
	{OpMax, []Kind{kindU32}, maxU32},
	{OpMax, []Kind{kindI64}, maxI64},
	{OpMax, []Kind{kindU64}, maxU64},
	{OpMax, []Kind{kindF32}, maxF32},
	{OpMax, []Kind{kindF64}, maxF64},
	{OpBand, anyBits, band},
	{OpBor, anyBits, bor},
	{OpBxor, anyBits, bxor},
	{OpLand, []Kind{kindI8, kindU8, kindL8}, land8},
	{OpLand, []Kind{kindI16, kindU16, kindL16}, land16},
	{OpLand, []Kind{kindI32, kindU32, kindL32}, land32},
	{OpLand, []Kind{kindI64, kindU64, kindL64}, land64},
	{OpLor, []Kind{kindI8, kindU8, kindL8}, lor8},
	{OpLor, []Kind{kindI16, kindU16, kindL16}, lor16},
	{OpLor, []Kind{kindI32, kindU32, kindL32}, lor32},
	{OpLor, []Kind{kindI64, kindU64, kindL64}, lor64},
	{OpLxor, []Kind{kindI8, kindU8, kindL8}, lxor8},
	{OpLxor, []Kind{kindI16, kindU16, kindL16}, lxor16},
	{OpLxor, []Kind{kindI32, kindU32, kindL32}, lxor32},
	{OpLxor, []Kind{kindI64, kindU64, kindL64}, lxor64},
}

// In vector_amd64.s: both spans have the same length, at least a vector.

func sum8(acc, in []byte)
func sum16(acc, in []byte)
func sum32(acc, in []byte)
func sum64(acc, in []byte)
func sumF32(acc, in []byte)
func sumF64(acc, in []byte)
func prod8(acc, in []byte)
func prod16(acc, in []byte)
func prod32(acc, in []byte)
func prodF32(acc, in []byte)
func prodF64(acc, in []byte)
func minI8(acc, in []byte)
func minU8(acc, in []byte)
func minI16(acc, in []byte)
func minU16(acc, in []byte)
func minI32(acc, in []byte)
func minU32(acc, in []byte)
func minI64(acc, in []byte)
func minU64(acc, in []byte)
func minF32(acc, in []byte)
func minF64(acc, in []byte)
func maxI8(acc, in []byte)
func maxU8(acc, in []byte)
func maxI16(acc, in []byte)
func maxU16(acc, in []byte)
func maxI32(acc, in []byte)
func maxU32(acc, in []byte)
func maxI64(acc, in []byte)
func maxU64(acc, in []byte)
func maxF32(acc, in []byte)
func maxF64(acc, in []byte)
func band(acc, in []byte)
func bor(acc, in []byte)
func bxor(acc, in []byte)
func land8(acc, in []byte)
func land16(acc, in []byte)
func land32(acc, in []byte)
func land64(acc, in []byte)
func lor8(acc, in []byte)
func lor16(acc, in []byte)
func lor32(acc, in []byte)
func lor64(acc, in []byte)
func lxor8(acc, in []byte)
func lxor16(acc, in []byte)
func lxor32(acc, in []byte)
func lxor64(acc, in []byte)
