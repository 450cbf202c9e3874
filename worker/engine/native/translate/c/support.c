/* Traps and services leave from here. The functions' files are compiled apart from this one, so that to them these
   calls may do anything to the memory. */

void trap(Instance *I, u8 *M, u64 kind, u64 location) { I->trap(I, kind, location); }

void trap_call(Instance *I, u8 *M, u64 type, u64 location)
{
	I->trap(I, (u32)type == 0 ? InvalidTableAccess : IndirectCallType, location);
}

void serve(Instance *I, u8 *M, u64 number, u64 *args) { I->host(I, 1ul << 32 | number, args); }

/* What the compiler calls for copies and fills, in pieces of which the last overlaps the one before it. */

typedef u64 v256 __attribute__((vector_size(32)));
IN_MEMORY(v256);
#define GET(T, p) LOAD(T, p)
#define PUT(T, p, value) (*(T##_at *)(p) = (value))
#define ENDS(T) do { T x_ = GET(T, s), y_ = GET(T, s + n - sizeof(T)); \
	PUT(T, d, x_); PUT(T, d + n - sizeof(T), y_); return to; } while (0)

/* From this size on the processor's own copying is faster than a loop. */
#define MANY 2048

void *memmove(void *to, const void *from, u64 n)
{
	u8 *d = to;
	const u8 *s = from;
	if (n <= 16) {
		if (n >= 8) ENDS(u64);
		if (n >= 4) ENDS(u32);
		if (n >= 2) ENDS(u16);
		if (n) *d = *s;
		return to;
	}
	if (n <= 32) ENDS(v128);
	if (n <= 64) ENDS(v256);
	if ((u64)(d - s) >= n) {
#ifdef __x86_64__
		if (n >= MANY && (u64)(d - s) >= 64) {
			__asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
			return to;
		}
#endif
		u8 *end = d + n;
		v256 last = GET(v256, s + n - 32), before = GET(v256, s + n - 64);
		for (; n > 64; n -= 64, s += 64, d += 64) {
			v256 x = GET(v256, s), y = GET(v256, s + 32);
			PUT(v256, d, x);
			PUT(v256, d + 32, y);
		}
		PUT(v256, end - 64, before);
		PUT(v256, end - 32, last);
		return to;
	}
	v256 first = GET(v256, s), second = GET(v256, s + 32);
	for (s += n, d += n; n > 64; n -= 64) {
		s -= 64, d -= 64;
		v256 x = GET(v256, s), y = GET(v256, s + 32);
		PUT(v256, d, x);
		PUT(v256, d + 32, y);
	}
	PUT(v256, (u8 *)to, first);
	PUT(v256, (u8 *)to + 32, second);
	return to;
}

void *memcpy(void *restrict to, const void *restrict from, u64 n) { return memmove(to, from, n); }

void *memset(void *to, int value, u64 n)
{
	u8 *d = to;
	u64 x = (u8)value * 0x0101010101010101ul;
	if (n < 16) {
		if (n >= 8) {
			PUT(u64, d, x);
			PUT(u64, d + n - 8, x);
		} else if (n >= 4) {
			PUT(u32, d, (u32)x);
			PUT(u32, d + n - 4, (u32)x);
		} else {
			for (u64 i = 0; i < n; i++) ((volatile u8 *)d)[i] = value;
		}
		return to;
	}
	v128 half = {x, x};
	if (n <= 32) {
		PUT(v128, d, half);
		PUT(v128, d + n - 16, half);
		return to;
	}
#ifdef __x86_64__
	if (n >= MANY) {
		__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(value) : "memory");
		return to;
	}
#endif
	v256 all = {x, x, x, x};
	u8 *end = d + n;
	for (; d + 32 <= end; d += 32) PUT(v256, d, all);
	PUT(v256, end - 32, all);
	return to;
}
