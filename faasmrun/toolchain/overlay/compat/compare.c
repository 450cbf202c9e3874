/*
 * Comparisons of long double. compiler-rt 19 defines them with results of type long on LP64, and LLVM calls them as int: a
 * link with those would hold stubs that convert, called for every comparison. NaN compares as the caller wants to have it:
 * each of these functions serves certain operators alone.
 */
typedef unsigned __int128 word;

typedef union {
	long double value;
	word bits;
} number;

#define SIGN ((word)1 << 127)
#define INFINITE ((word)0x7fff << 112)

static int is_nan(word bits) { return (bits & ~SIGN) > INFINITE; }

/* -1, 0, 1, or otherwise where one is a NaN. */
static inline int compare(long double x, long double y, int otherwise)
{
	number a = { x }, b = { y };
	if (is_nan(a.bits) || is_nan(b.bits)) {
		return otherwise;
	}
	if (((a.bits | b.bits) & ~SIGN) == 0) { /* both zero */
		return 0;
	}
	if (a.bits == b.bits) {
		return 0;
	}
	int negative = (a.bits & SIGN) != 0;
	if (negative != ((b.bits & SIGN) != 0)) {
		return negative ? -1 : 1;
	}
	return (a.bits < b.bits) != negative ? -1 : 1;
}

int __letf2(long double x, long double y) { return compare(x, y, 1); }
int __eqtf2(long double x, long double y) { return compare(x, y, 1); }
int __lttf2(long double x, long double y) { return compare(x, y, 1); }
int __netf2(long double x, long double y) { return compare(x, y, 1); }
int __cmptf2(long double x, long double y) { return compare(x, y, 1); }
int __getf2(long double x, long double y) { return compare(x, y, -1); }
int __gttf2(long double x, long double y) { return compare(x, y, -1); }

int __unordtf2(long double x, long double y)
{
	number a = { x }, b = { y };
	return is_nan(a.bits) || is_nan(b.bits);
}
