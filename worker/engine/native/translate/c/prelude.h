/* What every file of C that a module becomes begins with: types, the instance, and what the instructions mean that C
   has no operator for. Behind it stand the functions themselves, each of which says where it is by lines: the line is
   the offset of an instruction in the function's body plus one, the file is the function's index. The text is right
   with the flags that translate.Flags lists and no others. */

typedef unsigned char u8;
typedef signed char i8;
typedef unsigned short u16;
typedef short i16;
typedef unsigned int u32;
typedef int i32;
typedef unsigned long u64;
typedef long i64;
typedef float f32;
typedef double f64;
typedef u64 v128 __attribute__((vector_size(16)));

/* In memory a value may stand anywhere and be seen as anything. */
#define IN_MEMORY(T) typedef T T##_at __attribute__((aligned(1), may_alias))
IN_MEMORY(u8); IN_MEMORY(i8); IN_MEMORY(u16); IN_MEMORY(i16); IN_MEMORY(u32); IN_MEMORY(i32); IN_MEMORY(u64);
IN_MEMORY(i64); IN_MEMORY(f32); IN_MEMORY(f64); IN_MEMORY(v128);

typedef struct Instance Instance;
struct Entry { void *code; u64 type; };
struct Table { struct Entry *elements; u64 size; };
struct Instance {
	void (*host)(Instance *, u64 number, u64 *args);
	void (*trap)(Instance *, u64 kind, u64 location) __attribute__((noreturn));
	u8 *memory;
	u64 *memory_bytes;
	struct Table *tables;
	u64 engine[27];
	u64 globals[][2];
};

/* Two calls of one function stay two: where clang made one of them, it would have no line, and a caller's frame would be
   another function's. */
#define HIDDEN __attribute__((visibility("hidden"), nomerge))
#define INLINE static inline __attribute__((always_inline))
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* These stand in a file of their own. They take the memory although they need not, so that the compiler, to which
   nothing else leads there, lets no access pass them. */
HIDDEN __attribute__((noreturn, cold)) void trap(Instance *I, u8 *M, u64 kind, u64 location);
HIDDEN __attribute__((noreturn, cold)) void trap_call(Instance *I, u8 *M, u64 type, u64 location);
HIDDEN void serve(Instance *I, u8 *M, u64 number, u64 *args);
HIDDEN void *memmove(void *to, const void *from, u64 n);
HIDDEN void *memcpy(void *restrict to, const void *restrict from, u64 n);
HIDDEN void *memset(void *to, int value, u64 n);
extern const struct Entry entries[] HIDDEN;
extern void (*const tails[])(Instance *, u8 *, u64 *) HIDDEN;

/* FUNCTION is a constant of each function, its index in the upper half. */
#define TRAP(kind) do { trap(I, M, kind, FUNCTION | __LINE__); __builtin_unreachable(); } while (0)
#define BYTES __atomic_load_n(I->memory_bytes, __ATOMIC_RELAXED)

/* An address. One of 32 bits and its offset stay within what is reserved. One of 64 bits is held against what is
   reserved; an offset below 2^32 ends in the guard behind, a larger one is looked at with the address. Each function
   has the bound in a variable that clang does not know the value of: a comparison with a register is one instruction,
   where with the number it is a copy and a shift in front of each jump. */
#ifdef MEMORY64
#define RESERVED (1ul << 36)
#define BOUND u64 bound = RESERVED; __asm__("" : "+r"(bound))
#define CHECK(difference, a) do { if (UNLIKELY((a) + (difference) >= bound)) TRAP(OutOfBounds); } while (0)
#define A_SAFE(a, o) (M + (a) + (o))
#define A_FAR(a, o) ({ u64 a_ = (a), o_ = (o); \
	if (UNLIKELY(o_ >= RESERVED || a_ >= RESERVED - o_)) TRAP(OutOfBounds); M + a_ + o_; })
#else
#define BOUND
#define A(a, o) (M + (u64)(a) + (o))
#endif
#define LOAD(T, address) (*(const T##_at *)(address))
#define STORE(T, address, value) (*(T##_at *)(address) = (T)(value))
/* One that no round of a loop may take from the round before, for another thread may have changed it. */
#define LOAD_ANEW(T, address) (*(const volatile T##_at *)(address))
/* A load of which nobody wants the result traps all the same. */
#define TOUCH(T, address) ((void)*(const volatile T##_at *)(address))

INLINE f32 f32_bits(u32 b) { return __builtin_bit_cast(f32, b); }
INLINE f64 f64_bits(u64 b) { return __builtin_bit_cast(f64, b); }
INLINE u32 bits_f32(f32 x) { return __builtin_bit_cast(u32, x); }
INLINE u64 bits_f64(f64 x) { return __builtin_bit_cast(u64, x); }

/* Keeps the compiler from computing with a constant where it would leave a signalling NaN as it is. */
#ifdef __x86_64__
#define OPAQUE(x) ({ __typeof__(x) x_ = (x); __asm__("" : "+x"(x_)); x_; })
#else
#define OPAQUE(x) ({ __typeof__(x) x_ = (x); __asm__("" : "+w"(x_)); x_; })
#endif

#define DIV_S(S, U, a, b, LEAST) ({ S a_ = (S)(a), b_ = (S)(b); \
	if (UNLIKELY(b_ == 0)) TRAP(DivideByZero); \
	if (UNLIKELY(a_ == LEAST && b_ == -1)) TRAP(IntegerOverflow); (U)(a_ / b_); })
#define REM_S(S, U, a, b) ({ S a_ = (S)(a), b_ = (S)(b); \
	if (UNLIKELY(b_ == 0)) TRAP(DivideByZero); (U)(b_ == -1 ? 0 : a_ % b_); })
#define DIV_U(U, a, b) ({ U a_ = (a), b_ = (b); if (UNLIKELY(b_ == 0)) TRAP(DivideByZero); a_ / b_; })
#define REM_U(U, a, b) ({ U a_ = (a), b_ = (b); if (UNLIKELY(b_ == 0)) TRAP(DivideByZero); a_ % b_; })

INLINE u32 i32_clz(u32 x) { return x ? __builtin_clz(x) : 32; }
INLINE u32 i32_ctz(u32 x) { return x ? __builtin_ctz(x) : 32; }
INLINE u64 i64_clz(u64 x) { return x ? __builtin_clzl(x) : 64; }
INLINE u64 i64_ctz(u64 x) { return x ? __builtin_ctzl(x) : 64; }

/* A NaN comes out quiet, -0 is less than 0: where the two are equal, their bits are joined. */
INLINE f32 f32_min(f32 a, f32 b)
{
	if (UNLIKELY(a != a || b != b)) return a + b;
	return f32_bits(bits_f32(a < b ? a : b) | bits_f32(b < a ? b : a));
}
INLINE f32 f32_max(f32 a, f32 b)
{
	if (UNLIKELY(a != a || b != b)) return a + b;
	return f32_bits(bits_f32(a > b ? a : b) & bits_f32(b > a ? b : a));
}
INLINE f64 f64_min(f64 a, f64 b)
{
	if (UNLIKELY(a != a || b != b)) return a + b;
	return f64_bits(bits_f64(a < b ? a : b) | bits_f64(b < a ? b : a));
}
INLINE f64 f64_max(f64 a, f64 b)
{
	if (UNLIKELY(a != a || b != b)) return a + b;
	return f64_bits(bits_f64(a > b ? a : b) & bits_f64(b > a ? b : a));
}

/* Conversions to integers. What fits is asked first: C has no result for the rest. */
#define TRUNC(T, x, fits) ({ __typeof__(x) x_ = (x); \
	if (UNLIKELY(!(fits))) { if (x_ != x_) TRAP(InvalidConversion); TRAP(IntegerOverflow); } (T)x_; })
#define FITS_I32_F32 (x_ >= -2147483648.0f && x_ < 2147483648.0f)
#define FITS_U32_F32 (x_ > -1.0f && x_ < 4294967296.0f)
#define FITS_I32_F64 (x_ > -2147483649.0 && x_ < 2147483648.0)
#define FITS_U32_F64 (x_ > -1.0 && x_ < 4294967296.0)
#define FITS_I64_F32 (x_ >= -9223372036854775808.0f && x_ < 9223372036854775808.0f)
#define FITS_U64_F32 (x_ > -1.0f && x_ < 18446744073709551616.0f)
#define FITS_I64_F64 (x_ >= -9223372036854775808.0 && x_ < 9223372036854775808.0)
#define FITS_U64_F64 (x_ > -1.0 && x_ < 18446744073709551616.0)

#define TRUNC_SAT(name, F, T, U, fits, LEAST, MOST) INLINE U name(F x_) \
	{ if (__builtin_expect((fits), 1)) return (U)(T)x_; return x_ != x_ ? 0 : x_ < 0 ? (U)(LEAST) : (U)(MOST); }
TRUNC_SAT(i32_trunc_sat_f32_s, f32, i32, u32, FITS_I32_F32, -2147483647 - 1, 2147483647)
TRUNC_SAT(i32_trunc_sat_f32_u, f32, u32, u32, FITS_U32_F32, 0, ~0u)
TRUNC_SAT(i32_trunc_sat_f64_s, f64, i32, u32, FITS_I32_F64, -2147483647 - 1, 2147483647)
TRUNC_SAT(i32_trunc_sat_f64_u, f64, u32, u32, FITS_U32_F64, 0, ~0u)
TRUNC_SAT(i64_trunc_sat_f32_s, f32, i64, u64, FITS_I64_F32, -9223372036854775807 - 1, 9223372036854775807)
TRUNC_SAT(i64_trunc_sat_f32_u, f32, u64, u64, FITS_U64_F32, 0, ~0ul)
TRUNC_SAT(i64_trunc_sat_f64_s, f64, i64, u64, FITS_I64_F64, -9223372036854775807 - 1, 9223372036854775807)
TRUNC_SAT(i64_trunc_sat_f64_u, f64, u64, u64, FITS_U64_F64, 0, ~0ul)

/* Both ends are looked at before anything is written. */
#define WITHIN(a, n) do { u64 a_ = (a), n_ = (n), b_ = BYTES; \
	if (UNLIKELY(a_ > b_ || n_ > b_ - a_)) TRAP(OutOfBounds); } while (0)
#define MEMORY_COPY(d, s, n) do { u64 d_ = (d), s_ = (s), l_ = (n); \
	WITHIN(d_, l_); WITHIN(s_, l_); __builtin_memmove(M + d_, M + s_, l_); } while (0)
#define MEMORY_FILL(d, v, n) do { u64 d_ = (d), l_ = (n); WITHIN(d_, l_); __builtin_memset(M + d_, (v), l_); } while (0)

/* An element of a table. */
#define ELEMENT(t, i) ({ u64 i_ = (i); struct Table *t_ = &I->tables[t]; \
	if (UNLIKELY(i_ >= t_->size)) TRAP(InvalidTableAccess); &t_->elements[i_]; })
#define CHECKED(t, i, id) ({ struct Entry *e_ = ELEMENT(t, i); \
	if (UNLIKELY((u32)e_->type != (id))) { trap_call(I, M, e_->type, FUNCTION | __LINE__); __builtin_unreachable(); } \
	e_; })
#define CALLEE(t, i, id) (CHECKED(t, i, id)->code)
#define TAIL(t, i, id) (tails[(CHECKED(t, i, id)->type >> 32) - 1])
#define ENTRY(function) ({ u64 f_ = (function); f_ ? entries[f_ - 1] : (struct Entry){0, 0}; })

/* Atomic accesses. The barriers keep the plain ones on their side, which LLVM sees no other reason for. Volatile, they
   are made whatever comes of them: one that changes nothing, as x | 0, would be left out, and its trap with it. */
#define BARRIER __asm__ volatile("" : : "r"(M) : "memory")
#define ALIGNED(T, address) ({ u8 *p_ = (address); \
	if (UNLIKELY((u64)p_ & (sizeof(T) - 1))) TRAP(UnalignedAtomic); (volatile T *)p_; })
#define ATOMIC_LOAD(T, address) ({ volatile T *p_ = ALIGNED(T, address); BARRIER; \
	T r_ = __atomic_load_n(p_, __ATOMIC_SEQ_CST); BARRIER; r_; })
#define ATOMIC_STORE(T, address, v) do { volatile T *p_ = ALIGNED(T, address); BARRIER; \
	__atomic_store_n(p_, (T)(v), __ATOMIC_SEQ_CST); BARRIER; } while (0)
#define ATOMIC_RMW(T, f, address, v) ({ volatile T *p_ = ALIGNED(T, address); BARRIER; \
	T r_ = __atomic_##f(p_, (T)(v), __ATOMIC_SEQ_CST); BARRIER; r_; })
#define ATOMIC_CMPXCHG(T, address, e, v) ({ volatile T *p_ = ALIGNED(T, address); T e_ = (T)(e); BARRIER; \
	__atomic_compare_exchange_n(p_, &e_, (T)(v), 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); BARRIER; e_; })
