/*
 * Where SIMDe 0.7.4 gives something else than the processor: comparisons that are the opposite of another are true for
 * NaN, conversions of what does not fit give the lowest integer, min and max give the second operand for NaN and equal
 * zeros, a fused multiply-add rounds once, and some mistakes. A comparison of all its functions with a processor's
 * results found them. Each part stands behind the header of SIMDe's that it mends.
 */
#ifndef FAASMRUN_X86
#define FAASMRUN_X86 static __inline__ __attribute__((__always_inline__, __nodebug__, __unused__))
#endif

#if defined SIMDE_X86_SSE_H && !defined FAASMRUN_SSE_EXACT
#define FAASMRUN_SSE_EXACT

/* Of a number that is rounded already. */
FAASMRUN_X86 int faasmrun_int32(double x)
{
	return x >= -2147483648.0 && x < 2147483648.0 ? (int)x : -2147483647 - 1;
}

FAASMRUN_X86 long long faasmrun_int64(double x)
{
	return x >= -9223372036854775808.0 && x < 9223372036854775808.0 ? (long long)x : -9223372036854775807LL - 1;
}
FAASMRUN_X86 __m128 faasmrun_cmpnge_ps(__m128 a, __m128 b) { return (__m128)~(a >= b); }
FAASMRUN_X86 __m128 faasmrun_cmpnge_ss(__m128 a, __m128 b) { return _mm_move_ss(a, faasmrun_cmpnge_ps(a, b)); }
#undef _mm_cmpnge_ps
#define _mm_cmpnge_ps(a, b) faasmrun_cmpnge_ps(a, b)
#undef _mm_cmpnge_ss
#define _mm_cmpnge_ss(a, b) faasmrun_cmpnge_ss(a, b)
FAASMRUN_X86 __m128 faasmrun_cmpngt_ps(__m128 a, __m128 b) { return (__m128)~(a > b); }
FAASMRUN_X86 __m128 faasmrun_cmpngt_ss(__m128 a, __m128 b) { return _mm_move_ss(a, faasmrun_cmpngt_ps(a, b)); }
#undef _mm_cmpngt_ps
#define _mm_cmpngt_ps(a, b) faasmrun_cmpngt_ps(a, b)
#undef _mm_cmpngt_ss
#define _mm_cmpngt_ss(a, b) faasmrun_cmpngt_ss(a, b)
FAASMRUN_X86 __m128 faasmrun_cmpnle_ps(__m128 a, __m128 b) { return (__m128)~(a <= b); }
FAASMRUN_X86 __m128 faasmrun_cmpnle_ss(__m128 a, __m128 b) { return _mm_move_ss(a, faasmrun_cmpnle_ps(a, b)); }
#undef _mm_cmpnle_ps
#define _mm_cmpnle_ps(a, b) faasmrun_cmpnle_ps(a, b)
#undef _mm_cmpnle_ss
#define _mm_cmpnle_ss(a, b) faasmrun_cmpnle_ss(a, b)
FAASMRUN_X86 __m128 faasmrun_cmpnlt_ps(__m128 a, __m128 b) { return (__m128)~(a < b); }
FAASMRUN_X86 __m128 faasmrun_cmpnlt_ss(__m128 a, __m128 b) { return _mm_move_ss(a, faasmrun_cmpnlt_ps(a, b)); }
#undef _mm_cmpnlt_ps
#define _mm_cmpnlt_ps(a, b) faasmrun_cmpnlt_ps(a, b)
#undef _mm_cmpnlt_ss
#define _mm_cmpnlt_ss(a, b) faasmrun_cmpnlt_ss(a, b)

FAASMRUN_X86 long long faasmrun_cvtss_si64(__m128 a) { return faasmrun_int64(__builtin_rint(a[0])); }
FAASMRUN_X86 long long faasmrun_cvttss_si64(__m128 a) { return faasmrun_int64(a[0]); }
#undef _mm_cvtss_si64
#define _mm_cvtss_si64(a) faasmrun_cvtss_si64(a)
#undef _mm_cvttss_si64
#define _mm_cvttss_si64(a) faasmrun_cvttss_si64(a)
#endif

#if defined SIMDE_X86_SSE2_H && !defined FAASMRUN_SSE2_EXACT
#define FAASMRUN_SSE2_EXACT

FAASMRUN_X86 __m128d faasmrun_cmpnge_pd(__m128d a, __m128d b) { return (__m128d)~(a >= b); }
FAASMRUN_X86 __m128d faasmrun_cmpnge_sd(__m128d a, __m128d b) { return _mm_move_sd(a, faasmrun_cmpnge_pd(a, b)); }
#undef _mm_cmpnge_pd
#define _mm_cmpnge_pd(a, b) faasmrun_cmpnge_pd(a, b)
#undef _mm_cmpnge_sd
#define _mm_cmpnge_sd(a, b) faasmrun_cmpnge_sd(a, b)
FAASMRUN_X86 __m128d faasmrun_cmpngt_pd(__m128d a, __m128d b) { return (__m128d)~(a > b); }
FAASMRUN_X86 __m128d faasmrun_cmpngt_sd(__m128d a, __m128d b) { return _mm_move_sd(a, faasmrun_cmpngt_pd(a, b)); }
#undef _mm_cmpngt_pd
#define _mm_cmpngt_pd(a, b) faasmrun_cmpngt_pd(a, b)
#undef _mm_cmpngt_sd
#define _mm_cmpngt_sd(a, b) faasmrun_cmpngt_sd(a, b)
FAASMRUN_X86 __m128d faasmrun_cmpnle_pd(__m128d a, __m128d b) { return (__m128d)~(a <= b); }
FAASMRUN_X86 __m128d faasmrun_cmpnle_sd(__m128d a, __m128d b) { return _mm_move_sd(a, faasmrun_cmpnle_pd(a, b)); }
#undef _mm_cmpnle_pd
#define _mm_cmpnle_pd(a, b) faasmrun_cmpnle_pd(a, b)
#undef _mm_cmpnle_sd
#define _mm_cmpnle_sd(a, b) faasmrun_cmpnle_sd(a, b)
FAASMRUN_X86 __m128d faasmrun_cmpnlt_pd(__m128d a, __m128d b) { return (__m128d)~(a < b); }
FAASMRUN_X86 __m128d faasmrun_cmpnlt_sd(__m128d a, __m128d b) { return _mm_move_sd(a, faasmrun_cmpnlt_pd(a, b)); }
#undef _mm_cmpnlt_pd
#define _mm_cmpnlt_pd(a, b) faasmrun_cmpnlt_pd(a, b)
#undef _mm_cmpnlt_sd
#define _mm_cmpnlt_sd(a, b) faasmrun_cmpnlt_sd(a, b)

FAASMRUN_X86 int faasmrun_cvtsd_si32(__m128d a) { return faasmrun_int32(__builtin_rint(a[0])); }
FAASMRUN_X86 int faasmrun_cvttsd_si32(__m128d a) { return faasmrun_int32(__builtin_trunc(a[0])); }
FAASMRUN_X86 long long faasmrun_cvtsd_si64(__m128d a) { return faasmrun_int64(__builtin_rint(a[0])); }
FAASMRUN_X86 long long faasmrun_cvttsd_si64(__m128d a) { return faasmrun_int64(a[0]); }

FAASMRUN_X86 __m128i faasmrun_cvtpd_epi32(__m128d a)
{
	return _mm_set_epi32(0, 0, faasmrun_int32(__builtin_rint(a[1])), faasmrun_int32(__builtin_rint(a[0])));
}

FAASMRUN_X86 __m128i faasmrun_cvttpd_epi32(__m128d a)
{
	return _mm_set_epi32(0, 0, faasmrun_int32(__builtin_trunc(a[1])), faasmrun_int32(__builtin_trunc(a[0])));
}

#undef _mm_extract_epi16
#define _mm_extract_epi16(a, n) ((int)((unsigned short __attribute__((__vector_size__(16))))(a))[(n) & 7])

/* A shift by more than there is: zeros, or the sign. */
#define FAASMRUN_SHIFT(name, element, width, operator, beyond) \
	FAASMRUN_X86 __m128i faasmrun_##name(__m128i a, __m128i count) \
	{ \
		typedef element faasmrun_vector __attribute__((__vector_size__(16))); \
		unsigned long long n = (unsigned long long)count[0]; \
		return n < width ? (__m128i)((faasmrun_vector)a operator(element) n) : beyond; \
	}
FAASMRUN_SHIFT(sll_epi16, unsigned short, 16, <<, (__m128i){0})
FAASMRUN_SHIFT(srl_epi16, unsigned short, 16, >>, (__m128i){0})
FAASMRUN_SHIFT(sra_epi16, short, 16, >>, (__m128i)((faasmrun_vector)a >> (short)15))
FAASMRUN_SHIFT(sll_epi32, unsigned int, 32, <<, (__m128i){0})
FAASMRUN_SHIFT(srl_epi32, unsigned int, 32, >>, (__m128i){0})
FAASMRUN_SHIFT(sra_epi32, int, 32, >>, (__m128i)((faasmrun_vector)a >> (int)31))
FAASMRUN_SHIFT(sll_epi64, unsigned long long, 64, <<, (__m128i){0})
FAASMRUN_SHIFT(srl_epi64, unsigned long long, 64, >>, (__m128i){0})
#undef FAASMRUN_SHIFT
#undef _mm_sll_epi16
#define _mm_sll_epi16(a, count) faasmrun_sll_epi16(a, count)
#undef _mm_srl_epi16
#define _mm_srl_epi16(a, count) faasmrun_srl_epi16(a, count)
#undef _mm_sra_epi16
#define _mm_sra_epi16(a, count) faasmrun_sra_epi16(a, count)
#undef _mm_sll_epi32
#define _mm_sll_epi32(a, count) faasmrun_sll_epi32(a, count)
#undef _mm_srl_epi32
#define _mm_srl_epi32(a, count) faasmrun_srl_epi32(a, count)
#undef _mm_sra_epi32
#define _mm_sra_epi32(a, count) faasmrun_sra_epi32(a, count)
#undef _mm_sll_epi64
#define _mm_sll_epi64(a, count) faasmrun_sll_epi64(a, count)
#undef _mm_srl_epi64
#define _mm_srl_epi64(a, count) faasmrun_srl_epi64(a, count)

/* The second operand is pmin's first. */
FAASMRUN_X86 __m128d faasmrun_min_pd(__m128d a, __m128d b) { return (__m128d)__builtin_wasm_pmin_f64x2((__m128d)b, (__m128d)a); }
FAASMRUN_X86 __m128d faasmrun_max_pd(__m128d a, __m128d b) { return (__m128d)__builtin_wasm_pmax_f64x2((__m128d)b, (__m128d)a); }
FAASMRUN_X86 __m128d faasmrun_min_sd(__m128d a, __m128d b) { return _mm_move_sd(a, faasmrun_min_pd(a, b)); }
FAASMRUN_X86 __m128d faasmrun_max_sd(__m128d a, __m128d b) { return _mm_move_sd(a, faasmrun_max_pd(a, b)); }
#undef _mm_cvtsd_si32
#define _mm_cvtsd_si32(a) faasmrun_cvtsd_si32(a)
#undef _mm_cvttsd_si32
#define _mm_cvttsd_si32(a) faasmrun_cvttsd_si32(a)
#undef _mm_cvtsd_si64
#define _mm_cvtsd_si64(a) faasmrun_cvtsd_si64(a)
#undef _mm_cvttsd_si64
#define _mm_cvttsd_si64(a) faasmrun_cvttsd_si64(a)
#undef _mm_cvtpd_epi32
#define _mm_cvtpd_epi32(a) faasmrun_cvtpd_epi32(a)
#undef _mm_cvttpd_epi32
#define _mm_cvttpd_epi32(a) faasmrun_cvttpd_epi32(a)
#undef _mm_cvtsd_si64x
#define _mm_cvtsd_si64x(a) faasmrun_cvtsd_si64(a)
#undef _mm_cvttsd_si64x
#define _mm_cvttsd_si64x(a) faasmrun_cvttsd_si64(a)
#undef _mm_min_pd
#define _mm_min_pd(a, b) faasmrun_min_pd(a, b)
#undef _mm_max_pd
#define _mm_max_pd(a, b) faasmrun_max_pd(a, b)
#undef _mm_min_sd
#define _mm_min_sd(a, b) faasmrun_min_sd(a, b)
#undef _mm_max_sd
#define _mm_max_sd(a, b) faasmrun_max_sd(a, b)
#endif

#if defined SIMDE_X86_SSE4_1_H && !defined FAASMRUN_SSE4_1_EXACT
#define FAASMRUN_SSE4_1_EXACT

FAASMRUN_X86 int faasmrun_testz_si128(__m128i a, __m128i b)
{
	__m128i both = a & b;
	return (both[0] | both[1]) == 0;
}

/* Products are added in pairs. */
FAASMRUN_X86 __m128 faasmrun_dp_ps(__m128 a, __m128 b, int mask)
{
	float p[4], sum;
	__m128 to;
	for (int i = 0; i < 4; i++) {
		p[i] = mask & 16 << i ? a[i] * b[i] : 0;
	}
	sum = (p[0] + p[1]) + (p[2] + p[3]);
	for (int i = 0; i < 4; i++) {
		to[i] = mask & 1 << i ? sum : 0;
	}
	return to;
}
#undef _mm_testz_si128
#define _mm_testz_si128(a, b) faasmrun_testz_si128(a, b)
#undef _mm_dp_ps
#define _mm_dp_ps(a, b, mask) faasmrun_dp_ps(a, b, mask)
#undef _mm_extract_epi8
#define _mm_extract_epi8(a, n) ((int)((unsigned char __attribute__((__vector_size__(16))))(a))[(n) & 15])
#undef _mm_test_all_zeros
#define _mm_test_all_zeros(a, mask) faasmrun_testz_si128(a, mask)
#endif

#if defined SIMDE_X86_SSE4_2_H && !defined FAASMRUN_SSE4_2_EXACT
#define FAASMRUN_SSE4_2_EXACT

/* Whether a string ends in its vector: the vectors do not matter. */
FAASMRUN_X86 int faasmrun_ends(int length, int mode)
{
	unsigned most = mode & 1 ? 8 : 16, n = length;
	return (length < 0 ? -n : n) < most;
}
#undef _mm_cmpestrs
#define _mm_cmpestrs(a, la, b, lb, mode) ((void)(a), (void)(b), (void)(lb), faasmrun_ends(la, mode))
#undef _mm_cmpestrz
#define _mm_cmpestrz(a, la, b, lb, mode) ((void)(a), (void)(b), (void)(la), faasmrun_ends(lb, mode))
#endif

#if defined SIMDE_X86_AVX_H && !defined FAASMRUN_AVX_EXACT && defined FAASMRUN_SSE4_1_EXACT
#define FAASMRUN_AVX_EXACT

#undef _mm_cmp_ss
#define _mm_cmp_ss(a, b, mode) ({ __m128 faasmrun_a = (a); _mm_move_ss(faasmrun_a, _mm_cmp_ps(faasmrun_a, b, mode)); })
#undef _mm_cmp_sd
#define _mm_cmp_sd(a, b, mode) ({ __m128d faasmrun_a = (a); _mm_move_sd(faasmrun_a, _mm_cmp_pd(faasmrun_a, b, mode)); })

FAASMRUN_X86 __m256d faasmrun_256min_pd(__m256d a, __m256d b)
{
	return _mm256_set_m128d(_mm_min_pd(_mm256_extractf128_pd(a, 1), _mm256_extractf128_pd(b, 1)),
		_mm_min_pd(_mm256_castpd256_pd128(a), _mm256_castpd256_pd128(b)));
}

FAASMRUN_X86 __m256d faasmrun_256max_pd(__m256d a, __m256d b)
{
	return _mm256_set_m128d(_mm_max_pd(_mm256_extractf128_pd(a, 1), _mm256_extractf128_pd(b, 1)),
		_mm_max_pd(_mm256_castpd256_pd128(a), _mm256_castpd256_pd128(b)));
}

FAASMRUN_X86 __m128i faasmrun_256cvtpd_epi32(__m256d a)
{
	return _mm_unpacklo_epi64(_mm_cvtpd_epi32(_mm256_castpd256_pd128(a)), _mm_cvtpd_epi32(_mm256_extractf128_pd(a, 1)));
}

FAASMRUN_X86 __m128i faasmrun_256cvttpd_epi32(__m256d a)
{
	return _mm_unpacklo_epi64(_mm_cvttpd_epi32(_mm256_castpd256_pd128(a)), _mm_cvttpd_epi32(_mm256_extractf128_pd(a, 1)));
}

FAASMRUN_X86 __m256i faasmrun_256cvtps_epi32(__m256 a)
{
	return _mm256_set_m128i(_mm_cvtps_epi32(_mm256_extractf128_ps(a, 1)), _mm_cvtps_epi32(_mm256_castps256_ps128(a)));
}

FAASMRUN_X86 __m256i faasmrun_256cvttps_epi32(__m256 a)
{
	return _mm256_set_m128i(_mm_cvttps_epi32(_mm256_extractf128_ps(a, 1)), _mm_cvttps_epi32(_mm256_castps256_ps128(a)));
}

FAASMRUN_X86 __m256 faasmrun_256dp_ps(__m256 a, __m256 b, int mask)
{
	return _mm256_set_m128(_mm_dp_ps(_mm256_extractf128_ps(a, 1), _mm256_extractf128_ps(b, 1), mask),
		_mm_dp_ps(_mm256_castps256_ps128(a), _mm256_castps256_ps128(b), mask));
}

FAASMRUN_X86 int faasmrun_256testnzc_si256(__m256i a, __m256i b)
{
	__m256i both = a & b, rest = ~a & b;
	return (both[0] | both[1] | both[2] | both[3]) && (rest[0] | rest[1] | rest[2] | rest[3]);
}
#undef _mm256_min_pd
#define _mm256_min_pd(a, b) faasmrun_256min_pd(a, b)
#undef _mm256_max_pd
#define _mm256_max_pd(a, b) faasmrun_256max_pd(a, b)
#undef _mm256_cvtpd_epi32
#define _mm256_cvtpd_epi32(a) faasmrun_256cvtpd_epi32(a)
#undef _mm256_cvttpd_epi32
#define _mm256_cvttpd_epi32(a) faasmrun_256cvttpd_epi32(a)
#undef _mm256_cvtps_epi32
#define _mm256_cvtps_epi32(a) faasmrun_256cvtps_epi32(a)
#undef _mm256_cvttps_epi32
#define _mm256_cvttps_epi32(a) faasmrun_256cvttps_epi32(a)
#undef _mm256_testnzc_si256
#define _mm256_testnzc_si256(a, b) faasmrun_256testnzc_si256(a, b)
#undef _mm256_dp_ps
#define _mm256_dp_ps(a, b, mask) faasmrun_256dp_ps(a, b, mask)
#undef _mm256_shuffle_pd
#define _mm256_shuffle_pd(a, b, n) ((__m256d)__builtin_shufflevector((__m256d)(a), (__m256d)(b), (n) & 1, \
	((n) >> 1 & 1) + 4, ((n) >> 2 & 1) + 2, ((n) >> 3 & 1) + 6))
#endif

#if defined SIMDE_X86_AVX2_H && !defined FAASMRUN_AVX2_EXACT && defined FAASMRUN_AVX_EXACT
#define FAASMRUN_AVX2_EXACT

#undef _mm256_extract_epi8
#define _mm256_extract_epi8(a, n) ((int)((unsigned char __attribute__((__vector_size__(32))))(a))[(n) & 31])
#undef _mm256_extract_epi16
#define _mm256_extract_epi16(a, n) ((int)((unsigned short __attribute__((__vector_size__(32))))(a))[(n) & 15])

/* In two halves, which are right. */
#define FAASMRUN_HALVES(name, b, low, high) \
	FAASMRUN_X86 __m256i faasmrun_256##name(__m256i a, b) \
	{ \
		return _mm256_set_m128i(_mm_##name(_mm256_extractf128_si256(a, 1), high), \
			_mm_##name(_mm256_castsi256_si128(a), low)); \
	}
FAASMRUN_HALVES(sign_epi8, __m256i b, _mm256_castsi256_si128(b), _mm256_extractf128_si256(b, 1))
FAASMRUN_HALVES(sign_epi16, __m256i b, _mm256_castsi256_si128(b), _mm256_extractf128_si256(b, 1))
FAASMRUN_HALVES(sll_epi16, __m128i n, n, n)
FAASMRUN_HALVES(srl_epi16, __m128i n, n, n)
FAASMRUN_HALVES(sra_epi16, __m128i n, n, n)
FAASMRUN_HALVES(sll_epi32, __m128i n, n, n)
FAASMRUN_HALVES(srl_epi32, __m128i n, n, n)
FAASMRUN_HALVES(sra_epi32, __m128i n, n, n)
FAASMRUN_HALVES(sll_epi64, __m128i n, n, n)
FAASMRUN_HALVES(srl_epi64, __m128i n, n, n)
#undef FAASMRUN_HALVES
#undef _mm256_sll_epi16
#define _mm256_sll_epi16(a, b) faasmrun_256sll_epi16(a, b)
#undef _mm256_sll_epi32
#define _mm256_sll_epi32(a, b) faasmrun_256sll_epi32(a, b)
#undef _mm256_sra_epi32
#define _mm256_sra_epi32(a, b) faasmrun_256sra_epi32(a, b)
#undef _mm256_sll_epi64
#define _mm256_sll_epi64(a, b) faasmrun_256sll_epi64(a, b)
#undef _mm256_sign_epi8
#define _mm256_sign_epi8(a, b) faasmrun_256sign_epi8(a, b)
#undef _mm256_sign_epi16
#define _mm256_sign_epi16(a, b) faasmrun_256sign_epi16(a, b)
#undef _mm256_sra_epi16
#define _mm256_sra_epi16(a, b) faasmrun_256sra_epi16(a, b)
#undef _mm256_srl_epi16
#define _mm256_srl_epi16(a, b) faasmrun_256srl_epi16(a, b)
#undef _mm256_srl_epi32
#define _mm256_srl_epi32(a, b) faasmrun_256srl_epi32(a, b)
#undef _mm256_srl_epi64
#define _mm256_srl_epi64(a, b) faasmrun_256srl_epi64(a, b)
#endif

#if defined SIMDE_X86_FMA_H && !defined FAASMRUN_FMA_EXACT
#define FAASMRUN_FMA_EXACT

#define FAASMRUN_FUSED(name, vector, lanes, fma, x, z) \
	FAASMRUN_X86 vector faasmrun_##name(vector a, vector b, vector c) \
	{ \
		vector to = a; \
		for (int i = 0; i < lanes; i++) { \
			to[i] = fma(x a[i], b[i], z c[i]); \
		} \
		return to; \
	}
FAASMRUN_FUSED(fmadd_ps, __m128, 4, __builtin_fmaf, +, +)
FAASMRUN_FUSED(fmadd_pd, __m128d, 2, __builtin_fma, +, +)
FAASMRUN_FUSED(256_fmadd_ps, __m256, 8, __builtin_fmaf, +, +)
FAASMRUN_FUSED(256_fmadd_pd, __m256d, 4, __builtin_fma, +, +)
FAASMRUN_FUSED(fmadd_ss, __m128, 1, __builtin_fmaf, +, +)
FAASMRUN_FUSED(fmadd_sd, __m128d, 1, __builtin_fma, +, +)
FAASMRUN_FUSED(fmsub_ps, __m128, 4, __builtin_fmaf, +, -)
FAASMRUN_FUSED(fmsub_pd, __m128d, 2, __builtin_fma, +, -)
FAASMRUN_FUSED(256_fmsub_ps, __m256, 8, __builtin_fmaf, +, -)
FAASMRUN_FUSED(256_fmsub_pd, __m256d, 4, __builtin_fma, +, -)
FAASMRUN_FUSED(fmsub_ss, __m128, 1, __builtin_fmaf, +, -)
FAASMRUN_FUSED(fmsub_sd, __m128d, 1, __builtin_fma, +, -)
FAASMRUN_FUSED(fnmadd_ps, __m128, 4, __builtin_fmaf, -, +)
FAASMRUN_FUSED(fnmadd_pd, __m128d, 2, __builtin_fma, -, +)
FAASMRUN_FUSED(256_fnmadd_ps, __m256, 8, __builtin_fmaf, -, +)
FAASMRUN_FUSED(256_fnmadd_pd, __m256d, 4, __builtin_fma, -, +)
FAASMRUN_FUSED(fnmadd_ss, __m128, 1, __builtin_fmaf, -, +)
FAASMRUN_FUSED(fnmadd_sd, __m128d, 1, __builtin_fma, -, +)
FAASMRUN_FUSED(fnmsub_ps, __m128, 4, __builtin_fmaf, -, -)
FAASMRUN_FUSED(fnmsub_pd, __m128d, 2, __builtin_fma, -, -)
FAASMRUN_FUSED(256_fnmsub_ps, __m256, 8, __builtin_fmaf, -, -)
FAASMRUN_FUSED(256_fnmsub_pd, __m256d, 4, __builtin_fma, -, -)
FAASMRUN_FUSED(fnmsub_ss, __m128, 1, __builtin_fmaf, -, -)
FAASMRUN_FUSED(fnmsub_sd, __m128d, 1, __builtin_fma, -, -)
FAASMRUN_FUSED(fmaddsub_ps, __m128, 4, __builtin_fmaf, +, (i % 2 ? 1 : -1) *)
FAASMRUN_FUSED(fmaddsub_pd, __m128d, 2, __builtin_fma, +, (i % 2 ? 1 : -1) *)
FAASMRUN_FUSED(256_fmaddsub_ps, __m256, 8, __builtin_fmaf, +, (i % 2 ? 1 : -1) *)
FAASMRUN_FUSED(256_fmaddsub_pd, __m256d, 4, __builtin_fma, +, (i % 2 ? 1 : -1) *)
FAASMRUN_FUSED(fmsubadd_ps, __m128, 4, __builtin_fmaf, +, (i % 2 ? -1 : 1) *)
FAASMRUN_FUSED(fmsubadd_pd, __m128d, 2, __builtin_fma, +, (i % 2 ? -1 : 1) *)
FAASMRUN_FUSED(256_fmsubadd_ps, __m256, 8, __builtin_fmaf, +, (i % 2 ? -1 : 1) *)
FAASMRUN_FUSED(256_fmsubadd_pd, __m256d, 4, __builtin_fma, +, (i % 2 ? -1 : 1) *)
#undef FAASMRUN_FUSED
#undef _mm_fmadd_ps
#define _mm_fmadd_ps(a, b, c) faasmrun_fmadd_ps(a, b, c)
#undef _mm_fmadd_pd
#define _mm_fmadd_pd(a, b, c) faasmrun_fmadd_pd(a, b, c)
#undef _mm256_fmadd_ps
#define _mm256_fmadd_ps(a, b, c) faasmrun_256_fmadd_ps(a, b, c)
#undef _mm256_fmadd_pd
#define _mm256_fmadd_pd(a, b, c) faasmrun_256_fmadd_pd(a, b, c)
#undef _mm_fmadd_ss
#define _mm_fmadd_ss(a, b, c) faasmrun_fmadd_ss(a, b, c)
#undef _mm_fmadd_sd
#define _mm_fmadd_sd(a, b, c) faasmrun_fmadd_sd(a, b, c)
#undef _mm_fmsub_ps
#define _mm_fmsub_ps(a, b, c) faasmrun_fmsub_ps(a, b, c)
#undef _mm_fmsub_pd
#define _mm_fmsub_pd(a, b, c) faasmrun_fmsub_pd(a, b, c)
#undef _mm256_fmsub_ps
#define _mm256_fmsub_ps(a, b, c) faasmrun_256_fmsub_ps(a, b, c)
#undef _mm256_fmsub_pd
#define _mm256_fmsub_pd(a, b, c) faasmrun_256_fmsub_pd(a, b, c)
#undef _mm_fmsub_ss
#define _mm_fmsub_ss(a, b, c) faasmrun_fmsub_ss(a, b, c)
#undef _mm_fmsub_sd
#define _mm_fmsub_sd(a, b, c) faasmrun_fmsub_sd(a, b, c)
#undef _mm_fnmadd_ps
#define _mm_fnmadd_ps(a, b, c) faasmrun_fnmadd_ps(a, b, c)
#undef _mm_fnmadd_pd
#define _mm_fnmadd_pd(a, b, c) faasmrun_fnmadd_pd(a, b, c)
#undef _mm256_fnmadd_ps
#define _mm256_fnmadd_ps(a, b, c) faasmrun_256_fnmadd_ps(a, b, c)
#undef _mm256_fnmadd_pd
#define _mm256_fnmadd_pd(a, b, c) faasmrun_256_fnmadd_pd(a, b, c)
#undef _mm_fnmadd_ss
#define _mm_fnmadd_ss(a, b, c) faasmrun_fnmadd_ss(a, b, c)
#undef _mm_fnmadd_sd
#define _mm_fnmadd_sd(a, b, c) faasmrun_fnmadd_sd(a, b, c)
#undef _mm_fnmsub_ps
#define _mm_fnmsub_ps(a, b, c) faasmrun_fnmsub_ps(a, b, c)
#undef _mm_fnmsub_pd
#define _mm_fnmsub_pd(a, b, c) faasmrun_fnmsub_pd(a, b, c)
#undef _mm256_fnmsub_ps
#define _mm256_fnmsub_ps(a, b, c) faasmrun_256_fnmsub_ps(a, b, c)
#undef _mm256_fnmsub_pd
#define _mm256_fnmsub_pd(a, b, c) faasmrun_256_fnmsub_pd(a, b, c)
#undef _mm_fnmsub_ss
#define _mm_fnmsub_ss(a, b, c) faasmrun_fnmsub_ss(a, b, c)
#undef _mm_fnmsub_sd
#define _mm_fnmsub_sd(a, b, c) faasmrun_fnmsub_sd(a, b, c)
#undef _mm_fmaddsub_ps
#define _mm_fmaddsub_ps(a, b, c) faasmrun_fmaddsub_ps(a, b, c)
#undef _mm_fmaddsub_pd
#define _mm_fmaddsub_pd(a, b, c) faasmrun_fmaddsub_pd(a, b, c)
#undef _mm256_fmaddsub_ps
#define _mm256_fmaddsub_ps(a, b, c) faasmrun_256_fmaddsub_ps(a, b, c)
#undef _mm256_fmaddsub_pd
#define _mm256_fmaddsub_pd(a, b, c) faasmrun_256_fmaddsub_pd(a, b, c)
#undef _mm_fmsubadd_ps
#define _mm_fmsubadd_ps(a, b, c) faasmrun_fmsubadd_ps(a, b, c)
#undef _mm_fmsubadd_pd
#define _mm_fmsubadd_pd(a, b, c) faasmrun_fmsubadd_pd(a, b, c)
#undef _mm256_fmsubadd_ps
#define _mm256_fmsubadd_ps(a, b, c) faasmrun_256_fmsubadd_ps(a, b, c)
#undef _mm256_fmsubadd_pd
#define _mm256_fmsubadd_pd(a, b, c) faasmrun_256_fmsubadd_pd(a, b, c)
#endif
