/* POPCNT. */
#ifndef FAASMRUN_POPCNTINTRIN_H
#define FAASMRUN_POPCNTINTRIN_H

#define FAASMRUN_X86 static __inline__ __attribute__((__always_inline__, __nodebug__, __unused__))

FAASMRUN_X86 int _mm_popcnt_u32(unsigned x) { return __builtin_popcount(x); }
FAASMRUN_X86 long long _mm_popcnt_u64(unsigned long long x) { return __builtin_popcountll(x); }

#endif
