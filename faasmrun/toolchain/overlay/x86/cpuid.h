/* CPUID: this is no x86, so no leaf and no feature is there. */
#ifndef FAASMRUN_CPUID_H
#define FAASMRUN_CPUID_H

/* Leaf 1: ecx, edx. Leaf 7: ebx. */
#define bit_SSE3 (1 << 0)
#define bit_PCLMUL (1 << 1)
#define bit_SSSE3 (1 << 9)
#define bit_FMA (1 << 12)
#define bit_CMPXCHG16B (1 << 13)
#define bit_SSE4_1 (1 << 19)
#define bit_SSE4_2 (1 << 20)
#define bit_MOVBE (1 << 22)
#define bit_POPCNT (1 << 23)
#define bit_AES (1 << 25)
#define bit_XSAVE (1 << 26)
#define bit_OSXSAVE (1 << 27)
#define bit_AVX (1 << 28)
#define bit_F16C (1 << 29)
#define bit_RDRND (1 << 30)
#define bit_CMPXCHG8B (1 << 8)
#define bit_CMOV (1 << 15)
#define bit_MMX (1 << 23)
#define bit_FXSAVE (1 << 24)
#define bit_SSE (1 << 25)
#define bit_SSE2 (1 << 26)
#define bit_BMI (1 << 3)
#define bit_AVX2 (1 << 5)
#define bit_BMI2 (1 << 8)
#define bit_AVX512F (1 << 16)
#define bit_AVX512DQ (1 << 17)
#define bit_AVX512CD (1 << 28)
#define bit_AVX512BW (1 << 30)
#define bit_AVX512VL (1u << 31)

#define __cpuid(leaf, a, b, c, d) ((void)(leaf), (void)((a) = (b) = (c) = (d) = 0))
#define __cpuid_count(leaf, subleaf, a, b, c, d) ((void)(leaf), (void)(subleaf), (void)((a) = (b) = (c) = (d) = 0))

static __inline__ __attribute__((__unused__)) unsigned __get_cpuid_max(unsigned leaf, unsigned *signature)
{
	(void)leaf;
	if (signature) {
		*signature = 0;
	}
	return 0;
}

static __inline__ __attribute__((__unused__)) int __get_cpuid(unsigned leaf, unsigned *a, unsigned *b, unsigned *c,
	unsigned *d)
{
	__cpuid(leaf, *a, *b, *c, *d);
	return 0;
}

static __inline__ __attribute__((__unused__)) int __get_cpuid_count(unsigned leaf, unsigned subleaf, unsigned *a,
	unsigned *b, unsigned *c, unsigned *d)
{
	__cpuid_count(leaf, subleaf, *a, *b, *c, *d);
	return 0;
}

#endif
