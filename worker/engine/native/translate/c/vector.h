/* Vectors: each instruction is a function of its name, of 128 bits of any shape. */

#define SHAPE(T, E, bytes) typedef E T __attribute__((vector_size(bytes)))
SHAPE(i8x16, i8, 16); SHAPE(i16x8, i16, 16); SHAPE(i32x4, i32, 16); SHAPE(i64x2, i64, 16);
SHAPE(u8x16, u8, 16); SHAPE(u16x8, u16, 16); SHAPE(u32x4, u32, 16); SHAPE(u64x2, u64, 16);
SHAPE(f32x4, f32, 16); SHAPE(f64x2, f64, 16);
SHAPE(i8x8, i8, 8); SHAPE(i16x4, i16, 8); SHAPE(i32x2, i32, 8); SHAPE(f32x2, f32, 8);
SHAPE(u8x8, u8, 8); SHAPE(u16x4, u16, 8); SHAPE(u32x2, u32, 8);
SHAPE(i16x16, i16, 32); SHAPE(i32x8, i32, 32); SHAPE(u16x16, u16, 32); SHAPE(u32x8, u32, 32);
IN_MEMORY(i8x8); IN_MEMORY(i16x4); IN_MEMORY(i32x2); IN_MEMORY(u8x8); IN_MEMORY(u16x4); IN_MEMORY(u32x2);
typedef _Bool bits2 __attribute__((ext_vector_type(2)));
typedef _Bool bits4 __attribute__((ext_vector_type(4)));
typedef _Bool bits8 __attribute__((ext_vector_type(8)));
typedef _Bool bits16 __attribute__((ext_vector_type(16)));

#define UNARY(name, T, e) INLINE v128 name(v128 x) { T a = (T)x; return (v128)(e); }
#define BINARY(name, T, e) INLINE v128 name(v128 x, v128 y) { T a = (T)x, b = (T)y; return (v128)(e); }
#define SELECT(mask, x, y) (((v128)(mask) & (v128)(x)) | (~(v128)(mask) & (v128)(y)))
#define ALL(T, x) ((T){} + (x))
#define CONVERT(x, T) __builtin_convertvector(x, T)
#define ELEMENTWISE(f) __builtin_elementwise_##f

#define COMPARE_SIGNED(S) \
	BINARY(S##_eq, S, a == b) BINARY(S##_ne, S, a != b) BINARY(S##_lt_s, S, a < b) BINARY(S##_gt_s, S, a > b) \
	BINARY(S##_le_s, S, a <= b) BINARY(S##_ge_s, S, a >= b)
#define COMPARE_UNSIGNED(S, U) \
	BINARY(S##_lt_u, U, a < b) BINARY(S##_gt_u, U, a > b) BINARY(S##_le_u, U, a <= b) BINARY(S##_ge_u, U, a >= b)
#define COMPARE_FLOAT(T) \
	BINARY(T##_eq, T, a == b) BINARY(T##_ne, T, a != b) BINARY(T##_lt, T, a < b) BINARY(T##_gt, T, a > b) \
	BINARY(T##_le, T, a <= b) BINARY(T##_ge, T, a >= b)
/* Of every shape of integers: E is a lane's type, W what an instruction takes or gives for one. */
#define INTEGERS(S, U, E, W, bits, B) COMPARE_SIGNED(S) COMPARE_UNSIGNED(S, U) \
	BINARY(S##_add, U, a + b) BINARY(S##_sub, U, a - b) BINARY(S##_mul, U, a * b) \
	UNARY(S##_neg, U, -a) UNARY(S##_abs, S, ELEMENTWISE(abs)(a)) \
	BINARY(S##_min_s, S, ELEMENTWISE(min)(a, b)) BINARY(S##_max_s, S, ELEMENTWISE(max)(a, b)) \
	BINARY(S##_min_u, U, ELEMENTWISE(min)(a, b)) BINARY(S##_max_u, U, ELEMENTWISE(max)(a, b)) \
	INLINE v128 S##_splat(W x) { return (v128)ALL(U, (E)x); } \
	INLINE v128 S##_shl(v128 x, u32 n) { return (v128)((U)x << ALL(U, (E)(n & (bits - 1)))); } \
	INLINE v128 S##_shr_u(v128 x, u32 n) { return (v128)((U)x >> ALL(U, (E)(n & (bits - 1)))); } \
	INLINE v128 S##_shr_s(v128 x, u32 n) { return (v128)((S)x >> (S)ALL(U, (E)(n & (bits - 1)))); } \
	INLINE v128 S##_replace_lane(v128 x, u32 lane, W y) { U a = (U)x; a[lane] = (E)y; return (v128)a; } \
	INLINE u32 S##_all_true(v128 x) { return __builtin_reduce_and((S)((S)x != 0)) != 0; } \
	INLINE u32 S##_bitmask(v128 x) \
	{ B m = CONVERT((S)x < 0, B); u32 r = 0; __builtin_memcpy(&r, &m, sizeof m); return r & ((1u << 128 / bits) - 1); }
INTEGERS(i8x16, u8x16, u8, u32, 8, bits16)
INTEGERS(i16x8, u16x8, u16, u32, 16, bits8)
INTEGERS(i32x4, u32x4, u32, u32, 32, bits4)
INTEGERS(i64x2, u64x2, u64, u64, 64, bits2)

#define SATURATING(S, U) \
	BINARY(S##_add_sat_s, S, ELEMENTWISE(add_sat)(a, b)) BINARY(S##_add_sat_u, U, ELEMENTWISE(add_sat)(a, b)) \
	BINARY(S##_sub_sat_s, S, ELEMENTWISE(sub_sat)(a, b)) BINARY(S##_sub_sat_u, U, ELEMENTWISE(sub_sat)(a, b))
SATURATING(i8x16, u8x16)
SATURATING(i16x8, u16x8)

/* A NaN comes out quiet, -0 is less than 0: where the two are equal, their bits are joined. */
#define FLOATS(T, E, W) COMPARE_FLOAT(T) \
	BINARY(T##_add, T, a + b) BINARY(T##_sub, T, a - b) BINARY(T##_mul, T, a * b) BINARY(T##_div, T, a / b) \
	UNARY(T##_abs, T, ELEMENTWISE(abs)(a)) UNARY(T##_neg, T, -a) UNARY(T##_sqrt, T, ELEMENTWISE(sqrt)(a)) \
	UNARY(T##_ceil, T, ELEMENTWISE(ceil)(a)) UNARY(T##_floor, T, ELEMENTWISE(floor)(a)) \
	UNARY(T##_trunc, T, ELEMENTWISE(trunc)(a)) UNARY(T##_nearest, T, ELEMENTWISE(roundeven)(a)) \
	BINARY(T##_pmin, T, SELECT(b < a, b, a)) BINARY(T##_pmax, T, SELECT(a < b, b, a)) \
	BINARY(T##_min, T, SELECT((a != a) | (b != b), a + b, SELECT(a < b, a, b) | SELECT(b < a, b, a))) \
	BINARY(T##_max, T, SELECT((a != a) | (b != b), a + b, SELECT(a > b, a, b) & SELECT(b > a, b, a))) \
	INLINE v128 T##_splat(E x) { return (v128)(T)W; } \
	INLINE v128 T##_replace_lane(v128 x, u32 lane, E y) { T a = (T)x; a[lane] = y; return (v128)a; }
#define FOUR {x, x, x, x}
#define TWO {x, x}
FLOATS(f32x4, f32, FOUR)
FLOATS(f64x2, f64, TWO)

INLINE v128 v128_not(v128 x) { return ~x; }
INLINE v128 v128_and(v128 x, v128 y) { return x & y; }
INLINE v128 v128_andnot(v128 x, v128 y) { return x & ~y; }
INLINE v128 v128_or(v128 x, v128 y) { return x | y; }
INLINE v128 v128_xor(v128 x, v128 y) { return x ^ y; }
INLINE v128 v128_bitselect(v128 x, v128 y, v128 mask) { return (x & mask) | (y & ~mask); }
INLINE u32 v128_any_true(v128 x) { return (x[0] | x[1]) != 0; }

#if defined(__SSSE3__)
INLINE v128 i8x16_swizzle(v128 x, v128 lanes)
{
	typedef char char16 __attribute__((vector_size(16)));
	u8x16 past = ELEMENTWISE(add_sat)((u8x16)lanes, ALL(u8x16, 0x70)); /* those of 16 and more have their upper bit set */
	return (v128)__builtin_ia32_pshufb128((char16)x, (char16)past);
}
#else
INLINE v128 i8x16_swizzle(v128 x, v128 lanes)
{
	u8x16 a = (u8x16)x, b = (u8x16)lanes, r = {};
	for (int i = 0; i < 16; i++) r[i] = b[i] < 16 ? a[b[i]] : 0;
	return (v128)r;
}
#endif

#define LOW8 0, 1, 2, 3, 4, 5, 6, 7
#define HIGH8 8, 9, 10, 11, 12, 13, 14, 15
#define LOW4 0, 1, 2, 3
#define HIGH4 4, 5, 6, 7
#define LOW2 0, 1
#define HIGH2 2, 3
#define EVEN8 0, 2, 4, 6, 8, 10, 12, 14
#define ODD8 1, 3, 5, 7, 9, 11, 13, 15
#define EVEN4 0, 2, 4, 6
#define ODD4 1, 3, 5, 7
#define LANES(x, ...) __builtin_shufflevector(x, x, __VA_ARGS__)
#define BOTH8(T, x, y) __builtin_shufflevector((T)x, (T)y, LOW8, HIGH8)
#define BOTH4(T, x, y) __builtin_shufflevector((T)x, (T)y, LOW4, HIGH4)
#define CLAMP(x, T, low, high) ELEMENTWISE(max)(ELEMENTWISE(min)(x, ALL(T, high)), ALL(T, low))

/* From lanes of half the size; n is how many there are in each half. */
#define EXTEND(TO, FROM, sign, S, D, n) \
	UNARY(TO##_extend_low_##FROM##_##sign, S, CONVERT(LANES(a, LOW##n), D)) \
	UNARY(TO##_extend_high_##FROM##_##sign, S, CONVERT(LANES(a, HIGH##n), D)) \
	BINARY(TO##_extmul_low_##FROM##_##sign, S, CONVERT(LANES(a, LOW##n), D) * CONVERT(LANES(b, LOW##n), D)) \
	BINARY(TO##_extmul_high_##FROM##_##sign, S, CONVERT(LANES(a, HIGH##n), D) * CONVERT(LANES(b, HIGH##n), D))
EXTEND(i16x8, i8x16, s, i8x16, i16x8, 8)
EXTEND(i16x8, i8x16, u, u8x16, u16x8, 8)
EXTEND(i32x4, i16x8, s, i16x8, i32x4, 4)
EXTEND(i32x4, i16x8, u, u16x8, u32x4, 4)
EXTEND(i64x2, i32x4, s, i32x4, i64x2, 2)
EXTEND(i64x2, i32x4, u, u32x4, u64x2, 2)

#define PAIRWISE(name, S, D, n) UNARY(name, S, CONVERT(LANES(a, EVEN##n), D) + CONVERT(LANES(a, ODD##n), D))
PAIRWISE(i16x8_extadd_pairwise_i8x16_s, i8x16, i16x8, 8)
PAIRWISE(i16x8_extadd_pairwise_i8x16_u, u8x16, u16x8, 8)
PAIRWISE(i32x4_extadd_pairwise_i16x8_s, i16x8, i32x4, 4)
PAIRWISE(i32x4_extadd_pairwise_i16x8_u, u16x8, u32x4, 4)

INLINE v128 i8x16_narrow_i16x8_s(v128 x, v128 y)
{ return (v128)CONVERT(CLAMP(BOTH8(i16x8, x, y), i16x16, -128, 127), i8x16); }
INLINE v128 i8x16_narrow_i16x8_u(v128 x, v128 y)
{ return (v128)CONVERT(CLAMP(BOTH8(i16x8, x, y), i16x16, 0, 255), u8x16); }
INLINE v128 i16x8_narrow_i32x4_s(v128 x, v128 y)
{ return (v128)CONVERT(CLAMP(BOTH4(i32x4, x, y), i32x8, -32768, 32767), i16x8); }
INLINE v128 i16x8_narrow_i32x4_u(v128 x, v128 y)
{ return (v128)CONVERT(CLAMP(BOTH4(i32x4, x, y), i32x8, 0, 65535), u16x8); }

UNARY(i8x16_popcnt, u8x16, ({ a -= (a >> 1) & 0x55; a = (a & 0x33) + ((a >> 2) & 0x33); (a + (a >> 4)) & 0x0f; }))
BINARY(i8x16_avgr_u, u8x16, CONVERT((CONVERT(a, u16x16) + CONVERT(b, u16x16) + 1) >> 1, u8x16))
BINARY(i16x8_avgr_u, u16x8, CONVERT((CONVERT(a, u32x8) + CONVERT(b, u32x8) + 1) >> 1, u16x8))
BINARY(i16x8_q15mulr_sat_s, i16x8, CONVERT(ELEMENTWISE(min)((CONVERT(a, i32x8) * CONVERT(b, i32x8) + 0x4000) >> 15,
	ALL(i32x8, 32767)), i16x8))
BINARY(i32x4_dot_i16x8_s, i16x8, ({ i32x8 p = CONVERT(a, i32x8) * CONVERT(b, i32x8);
	(u32x4)LANES(p, EVEN4) + (u32x4)LANES(p, ODD4); }))

/* Conversions. What does not fit is put right before, where C has no result for it, and behind. */
UNARY(f32x4_convert_i32x4_s, i32x4, CONVERT(a, f32x4))
UNARY(f32x4_convert_i32x4_u, u32x4, CONVERT(a, f32x4))
UNARY(f64x2_convert_low_i32x4_s, i32x4, CONVERT(LANES(a, LOW2), f64x2))
UNARY(f64x2_convert_low_i32x4_u, u32x4, CONVERT(LANES(a, LOW2), f64x2))
UNARY(f64x2_promote_low_f32x4, f32x4, CONVERT(LANES(a, LOW2), f64x2))
UNARY(f32x4_demote_f64x2_zero, f64x2, __builtin_shufflevector(CONVERT(a, f32x2), (f32x2){}, 0, 1, 2, 3))
UNARY(i32x4_trunc_sat_f32x4_s, f32x4, ({ f32x4 low = ALL(f32x4, -2147483648.0f); i32x4 over = a >= 2147483648.0f;
	i32x4 r = CONVERT((f32x4)SELECT((a >= low) & ~over, a, SELECT(a < low, low, (f32x4){})), i32x4);
	SELECT(over, ALL(i32x4, 2147483647), r); }))
UNARY(i32x4_trunc_sat_f32x4_u, f32x4, ({ i32x4 over = a >= 4294967296.0f;
	u32x4 r = CONVERT((f32x4)((v128)a & (v128)((a > 0) & ~over)), u32x4); r | (u32x4)over; }))
UNARY(i32x4_trunc_sat_f64x2_s_zero, f64x2, ({
	f64x2 low = ALL(f64x2, -2147483648.0), high = ALL(f64x2, 2147483647.0);
	f64x2 x_ = (f64x2)((v128)a & (v128)(a == a));
	x_ = (f64x2)SELECT(x_ < low, low, x_);
	__builtin_shufflevector(CONVERT((f64x2)SELECT(x_ > high, high, x_), i32x2), (i32x2){}, 0, 1, 2, 3); }))
UNARY(i32x4_trunc_sat_f64x2_u_zero, f64x2, ({
	f64x2 high = ALL(f64x2, 4294967295.0), x_ = (f64x2)((v128)a & (v128)(a > 0));
	__builtin_shufflevector(CONVERT((f64x2)SELECT(x_ > high, high, x_), u32x2), (u32x2){}, 0, 1, 2, 3); }))
