// x86's intrinsics, SSE to AVX2 with FMA and bits: a hash of the results over numbers among which are NaN, infinities,
// zeros of both signs, what does not fit an integer, and shifts by more than there is. The golden is a processor's.
#ifdef __x86_64__
#pragma GCC target("avx2,fma,f16c,pclmul,bmi,bmi2,lzcnt")
#endif
#include <immintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint64_t state;
static uint64_t next(void)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	uint64_t x = (state ^ state >> 29) * 0xbf58476d1ce4e5b9u;
	return x ^ x >> 32;
}

static const double special[] = { 0.0, -0.0, 1.0, -1.5, 2.5, -2.5, 2147483647.5, -2147483648.5, 4294967296.0, 1e300, -1e300, 9.3e18,
	__builtin_inf(), -__builtin_inf(), __builtin_nan("") };
static double number(void)
{
	uint64_t n = next();
	return n % 3 ? ((int64_t)next() >> 30) / 1024.0 : special[(n >> 8) % (sizeof special / sizeof *special)];
}

static uint64_t hash;
static void add(uint64_t x) { hash = (hash ^ x) * 0x100000001b3u; }
static void bytes(const void *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		add(((const unsigned char *)p)[i]);
	}
}

// One NaN is as good as the other.
static void floats(const void *p, size_t n)
{
	for (size_t i = 0; i < n / sizeof(float); i++) {
		float x;
		memcpy(&x, (const float *)p + i, sizeof x);
		x == x ? bytes(&x, sizeof x) : add(1);
	}
}

static void doubles(const void *p, size_t n)
{
	for (size_t i = 0; i < n / sizeof(double); i++) {
		double x;
		memcpy(&x, (const double *)p + i, sizeof x);
		x == x ? bytes(&x, sizeof x) : add(1);
	}
}

static float fs[3][8];
static double ds[3][4];
static uint64_t is[3][4];
static void draw(void)
{
	for (int v = 0; v < 3; v++) {
		for (int i = 0; i < 8; i++) {
			fs[v][i] = number();
		}
		uint64_t kind = next() % 4;
		for (int i = 0; i < 4; i++) {
			ds[v][i] = number();
			is[v][i] = kind == 0 ? next() % 70 : kind == 1 ? next() & 0x8000007f80ff017f : next();
		}
	}
}

#define EACH(name, kind, expression) \
	do { \
		hash = state = 14695981039346656037u; \
		for (int round = 0; round < 100; round++) { \
			draw(); \
			__m128 a = _mm_loadu_ps(fs[0]), b = _mm_loadu_ps(fs[1]), c = _mm_loadu_ps(fs[2]); \
			__m128d d = _mm_loadu_pd(ds[0]), e = _mm_loadu_pd(ds[1]), f = _mm_loadu_pd(ds[2]); \
			__m128i i = _mm_loadu_si128((void *)is[0]), j = _mm_loadu_si128((void *)is[1]), k = _mm_loadu_si128((void *)is[2]); \
			__m256 A = _mm256_loadu_ps(fs[0]), B = _mm256_loadu_ps(fs[1]), C = _mm256_loadu_ps(fs[2]); \
			__m256d D = _mm256_loadu_pd(ds[0]), E = _mm256_loadu_pd(ds[1]), F = _mm256_loadu_pd(ds[2]); \
			__m256i I = _mm256_loadu_si256((void *)is[0]), J = _mm256_loadu_si256((void *)is[1]), K = _mm256_loadu_si256((void *)is[2]); \
			uint64_t x = is[0][0], y = is[1][0]; \
			__typeof__(expression) result = expression; \
			kind(&result, sizeof result); \
			(void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)i, (void)j, (void)k, (void)x, (void)y; \
			(void)A, (void)B, (void)C, (void)D, (void)E, (void)F, (void)I, (void)J, (void)K; \
		} \
		printf("%-24s %016llx\n", name, (unsigned long long)hash); \
	} while (0)
#define F(name, ...) EACH(#name, floats, name(__VA_ARGS__))
#define D(name, ...) EACH(#name, doubles, name(__VA_ARGS__))
#define I(name, ...) EACH(#name, bytes, name(__VA_ARGS__))

static void sse(void)
{
	EACH("operators", floats, a * b - c / 2.0f);
	F(_mm_add_ps, a, b); F(_mm_sub_ss, a, b); F(_mm_mul_ps, a, b); F(_mm_div_ps, a, b); F(_mm_sqrt_ps, a);
	F(_mm_min_ps, a, b); F(_mm_max_ps, a, b); F(_mm_min_ss, a, b);
	I(_mm_cmplt_ps, a, b); I(_mm_cmpnlt_ps, a, b); I(_mm_cmpnge_ps, a, b); I(_mm_cmpunord_ps, a, b); F(_mm_cmpngt_ss, a, b);
	I(_mm_movemask_ps, a); F(_mm_shuffle_ps, a, b, 0x1b); F(_mm_unpacklo_ps, a, b); F(_mm_movehl_ps, a, b);
	I(_mm_cvtps_epi32, a); I(_mm_cvttps_epi32, a); I(_mm_cvtss_si32, a); I(_mm_cvtss_si64, a); I(_mm_cvttss_si64, a);
	EACH("operators pd", doubles, d * e - f / 2.0);
	D(_mm_add_pd, d, e); D(_mm_div_pd, d, e); D(_mm_sqrt_pd, d); D(_mm_min_pd, d, e); D(_mm_max_pd, d, e); D(_mm_max_sd, d, e);
	I(_mm_cmpnle_pd, d, e); D(_mm_cmpngt_sd, d, e); D(_mm_shuffle_pd, d, e, 1); I(_mm_movemask_pd, d);
	I(_mm_cvtpd_epi32, d); I(_mm_cvttpd_epi32, d); I(_mm_cvtsd_si32, d); I(_mm_cvttsd_si64, d); F(_mm_cvtpd_ps, d); D(_mm_cvtps_pd, a);
	I(_mm_adds_epi8, i, j); I(_mm_subs_epu16, i, j); I(_mm_mulhi_epi16, i, j); I(_mm_mul_epu32, i, j); I(_mm_madd_epi16, i, j);
	I(_mm_sad_epu8, i, j); I(_mm_avg_epu8, i, j); I(_mm_packs_epi32, i, j); I(_mm_packus_epi16, i, j); I(_mm_movemask_epi8, i);
	I(_mm_cmpgt_epi16, i, j); I(_mm_andnot_si128, i, j); I(_mm_unpackhi_epi8, i, j); I(_mm_shuffle_epi32, i, 0x4e);
	I(_mm_sll_epi16, i, j); I(_mm_srl_epi32, i, j); I(_mm_srl_epi64, i, j); I(_mm_sra_epi16, i, j); I(_mm_sra_epi32, i, j);
	I(_mm_slli_epi32, i, 7); I(_mm_srai_epi16, i, 31); I(_mm_slli_si128, i, 5);
	D(_mm_hadd_pd, d, e); F(_mm_addsub_ps, a, b); I(_mm_shuffle_epi8, i, j); I(_mm_maddubs_epi16, i, j); I(_mm_abs_epi8, i);
	I(_mm_alignr_epi8, i, j, 3); I(_mm_sign_epi16, i, j); I(_mm_mulhrs_epi16, i, j);
	F(_mm_dp_ps, a, b, 0x7b); D(_mm_dp_pd, d, e, 0x31); F(_mm_blendv_ps, a, b, c); D(_mm_round_pd, d, 9); F(_mm_ceil_ps, a);
	I(_mm_mullo_epi32, i, j); I(_mm_minpos_epu16, i); I(_mm_mpsadbw_epu8, i, j, 5); I(_mm_cvtepi8_epi32, i); I(_mm_packus_epi32, i, j);
	I(_mm_testz_si128, i, j); I(_mm_testc_si128, i, j); I(_mm_extract_epi8, i, 3); I(_mm_insert_epi32, i, 77, 2); I(_mm_extract_epi16, i, 5);
	I(_mm_crc32_u32, (unsigned)x, (unsigned)y); I(_mm_cmpgt_epi64, i, j); I(_mm_clmulepi64_si128, i, j, 16);
}

static void avx(void)
{
	EACH("operators 256", doubles, D * E - F);
	F(_mm256_add_ps, A, B); D(_mm256_min_pd, D, E); D(_mm256_max_pd, D, E); D(_mm256_hadd_pd, D, E); F(_mm256_dp_ps, A, B, 0xf1);
	I(_mm256_cmp_ps, A, B, _CMP_NGE_UQ); I(_mm256_cmp_pd, D, E, _CMP_LE_OQ); F(_mm_cmp_ss, a, b, _CMP_NLT_US); I(_mm256_movemask_pd, D);
	D(_mm256_shuffle_pd, D, E, 9); F(_mm256_permute_ps, A, 0x2d); F(_mm256_permute2f128_ps, A, B, 0x21); D(_mm256_blend_pd, D, E, 5);
	I(_mm256_cvtps_epi32, A); I(_mm256_cvttps_epi32, A); I(_mm256_cvtpd_epi32, D); I(_mm256_cvttpd_epi32, D); D(_mm256_round_pd, D, 0);
	I(_mm256_testnzc_si256, I, J); D(_mm256_unpackhi_pd, D, E); F(_mm256_blendv_ps, A, B, C); F(_mm256_extractf128_ps, A, 1);
	I(_mm256_add_epi32, I, J); I(_mm256_mullo_epi16, I, J); I(_mm256_sign_epi8, I, J); I(_mm256_srl_epi16, I, j); I(_mm256_sra_epi32, I, j);
	I(_mm256_sllv_epi32, I, J); I(_mm256_srav_epi32, I, J); I(_mm256_permutevar8x32_epi32, I, J); I(_mm256_permute4x64_epi64, I, 0x4b);
	I(_mm256_shuffle_epi8, I, J); I(_mm256_extract_epi8, I, 17); I(_mm256_extract_epi16, I, 9); I(_mm256_packs_epi32, I, J);
	I(_mm256_cvtepu8_epi16, i); I(_mm256_sad_epu8, I, J); I(_mm256_maddubs_epi16, I, J); I(_mm256_cmpgt_epi64, I, J);
	D(_mm_fmadd_pd, d, e, f); F(_mm256_fmsub_ps, A, B, C); D(_mm256_fnmadd_pd, D, E, F); F(_mm_fnmsub_ss, a, b, c);
	F(_mm_fmadd_ps, a, b, c); D(_mm256_fmaddsub_pd, D, E, F); F(_mm_fmsubadd_ps, a, b, c); D(_mm_fmadd_sd, d, e, f);
	F(_mm256_cvtph_ps, i);
}

static void bits(void)
{
	I(_lzcnt_u32, (unsigned)x); I(_tzcnt_u64, x); I(_mm_popcnt_u64, x); I(_bextr_u64, x, 9, 70); I(_bextr_u32, (unsigned)x, y & 63, 7);
	I(_blsr_u64, x); I(_blsi_u32, (unsigned)x); I(_andn_u64, x, y); I(_bzhi_u64, x, y & 255); I(_pdep_u64, x, y); I(_pext_u64, x, y);
	I(_pext_u32, (unsigned)x, (unsigned)y); I(_rotl, (unsigned)x, (int)(y & 63)); I(_bswap64, (long long)x);
}

int main(void)
{
	sse();
	avx();
	bits();
}
