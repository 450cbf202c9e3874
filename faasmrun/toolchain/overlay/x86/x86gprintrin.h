/*
 * x86's intrinsics of general registers: bits (BMI, BMI2, LZCNT, POPCNT), rotations and the time-stamp counter, which
 * here counts the nanoseconds of the monotonic clock.
 */
#ifndef FAASMRUN_X86GPRINTRIN_H
#define FAASMRUN_X86GPRINTRIN_H

#include <popcntintrin.h>
#include <time.h>

FAASMRUN_X86 unsigned long long __rdtsc(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

FAASMRUN_X86 unsigned long long __rdtscp(unsigned *processor)
{
	*processor = 0;
	return __rdtsc();
}

#define _rdtsc() __rdtsc()

FAASMRUN_X86 unsigned _lzcnt_u32(unsigned x) { return x ? (unsigned)__builtin_clz(x) : 32; }
FAASMRUN_X86 unsigned long long _lzcnt_u64(unsigned long long x) { return x ? (unsigned long long)__builtin_clzll(x) : 64; }
FAASMRUN_X86 unsigned _tzcnt_u32(unsigned x) { return x ? (unsigned)__builtin_ctz(x) : 32; }
FAASMRUN_X86 unsigned long long _tzcnt_u64(unsigned long long x) { return x ? (unsigned long long)__builtin_ctzll(x) : 64; }
#define __lzcnt32(x) _lzcnt_u32(x)
#define __lzcnt64(x) _lzcnt_u64(x)
#define __tzcnt_u32(x) _tzcnt_u32(x)
#define __tzcnt_u64(x) _tzcnt_u64(x)
#define _popcnt32(x) _mm_popcnt_u32((unsigned)(x))
#define _popcnt64(x) ((int)_mm_popcnt_u64((unsigned long long)(x)))
#define __popcntd(x) _mm_popcnt_u32(x)
#define __popcntq(x) _mm_popcnt_u64(x)

FAASMRUN_X86 int _bit_scan_forward(int x) { return __builtin_ctz((unsigned)x); }
FAASMRUN_X86 int _bit_scan_reverse(int x) { return 31 - __builtin_clz((unsigned)x); }
#define __bsfd(x) _bit_scan_forward(x)
#define __bsrd(x) _bit_scan_reverse(x)
FAASMRUN_X86 int _bswap(int x) { return (int)__builtin_bswap32((unsigned)x); }
FAASMRUN_X86 long long _bswap64(long long x) { return (long long)__builtin_bswap64((unsigned long long)x); }

FAASMRUN_X86 unsigned _rotl(unsigned x, int n) { return x << (n & 31) | x >> (-n & 31); }
FAASMRUN_X86 unsigned _rotr(unsigned x, int n) { return x >> (n & 31) | x << (-n & 31); }
FAASMRUN_X86 unsigned long _lrotl(unsigned long x, int n) { return x << (n & 63) | x >> (-n & 63); }
FAASMRUN_X86 unsigned long _lrotr(unsigned long x, int n) { return x >> (n & 63) | x << (-n & 63); }

/* BMI. A field that leads out of the number is as long as that goes. */
FAASMRUN_X86 unsigned _andn_u32(unsigned x, unsigned y) { return ~x & y; }
FAASMRUN_X86 unsigned long long _andn_u64(unsigned long long x, unsigned long long y) { return ~x & y; }
FAASMRUN_X86 unsigned _blsi_u32(unsigned x) { return x & -x; }
FAASMRUN_X86 unsigned long long _blsi_u64(unsigned long long x) { return x & -x; }
FAASMRUN_X86 unsigned _blsmsk_u32(unsigned x) { return x ^ (x - 1); }
FAASMRUN_X86 unsigned long long _blsmsk_u64(unsigned long long x) { return x ^ (x - 1); }
FAASMRUN_X86 unsigned _blsr_u32(unsigned x) { return x & (x - 1); }
FAASMRUN_X86 unsigned long long _blsr_u64(unsigned long long x) { return x & (x - 1); }

FAASMRUN_X86 unsigned long long _bextr_u64(unsigned long long x, unsigned first, unsigned length)
{
	first &= 255;
	length &= 255;
	x = first < 64 ? x >> first : 0;
	return length < 64 ? x & ((1ULL << length) - 1) : x;
}

FAASMRUN_X86 unsigned _bextr_u32(unsigned x, unsigned first, unsigned length)
{
	return (unsigned)_bextr_u64(x, first, length);
}

/* BMI2 */
FAASMRUN_X86 unsigned long long _bzhi_u64(unsigned long long x, unsigned n)
{
	n &= 255;
	return n < 64 ? x & ((1ULL << n) - 1) : x;
}

FAASMRUN_X86 unsigned _bzhi_u32(unsigned x, unsigned n) { return (unsigned)_bzhi_u64(x, n); }

FAASMRUN_X86 unsigned long long _pdep_u64(unsigned long long x, unsigned long long mask)
{
	unsigned long long to = 0;
	for (; mask; mask &= mask - 1, x >>= 1) {
		to |= x & 1 ? mask & -mask : 0;
	}
	return to;
}

FAASMRUN_X86 unsigned long long _pext_u64(unsigned long long x, unsigned long long mask)
{
	unsigned long long to = 0;
	for (int at = 0; mask; mask &= mask - 1, at++) {
		to |= (unsigned long long)((x & mask & -mask) != 0) << at;
	}
	return to;
}

FAASMRUN_X86 unsigned _pdep_u32(unsigned x, unsigned mask) { return (unsigned)_pdep_u64(x, mask); }
FAASMRUN_X86 unsigned _pext_u32(unsigned x, unsigned mask) { return (unsigned)_pext_u64(x, mask); }

FAASMRUN_X86 unsigned long long _mulx_u64(unsigned long long x, unsigned long long y, unsigned long long *high)
{
	unsigned __int128 product = (unsigned __int128)x * y;
	*high = (unsigned long long)(product >> 64);
	return (unsigned long long)product;
}

#endif
