/* Functions of math.h that glibc has and musl has not: old names, and new ones of C23. Rounding is to nearest, always. */
#include <math.h>

#define WEAK __attribute__((weak))
#define CLASSIFY(name, type) \
	WEAK int isnan##name(type x) { return x != x; } \
	WEAK int isinf##name(type x) { return x == HUGE_VAL ? 1 : x == -HUGE_VAL ? -1 : 0; }

CLASSIFY(f, float)
CLASSIFY(l, long double)
WEAK int finitel(long double x) { return isfinite(x); }

WEAK double gamma(double x) { return lgamma(x); }
WEAK float gammaf(float x) { return lgammaf(x); }
WEAK long double gammal(long double x) { return lgammal(x); }
WEAK long double dreml(long double x, long double y) { return remainderl(x, y); }
WEAK long double significandl(long double x) { return !x || x != x || x == x + x ? x : scalbnl(x, -ilogbl(x)); }

#define NEIGHBOURS(name, type) \
	WEAK type roundeven##name(type x) { return rint##name(x); } \
	WEAK type nextup##name(type x) { return nextafter##name(x, (type)HUGE_VAL); } \
	WEAK type nextdown##name(type x) { return nextafter##name(x, -(type)HUGE_VAL); }

NEIGHBOURS(, double)
NEIGHBOURS(f, float)
NEIGHBOURS(l, long double)

/* ilogb's special results are the int's, these are the long's. */
static long exponent(int ilogb, int infinite, int zero, int nan)
{
	return infinite ? __LONG_MAX__ : zero || nan ? -__LONG_MAX__ - 1 : ilogb;
}

WEAK long llogb(double x) { return exponent(ilogb(x), isinf(x), x == 0, isnan(x)); }
WEAK long llogbf(float x) { return exponent(ilogbf(x), isinf(x), x == 0, isnan(x)); }
WEAK long llogbl(long double x) { return exponent(ilogbl(x), isinf(x), x == 0, isnan(x)); }

/* The names are macros in C and std's functions in C++; programs declare them by themselves, and scripts look for them. */
#undef isnan
#undef isinf
int isnan(double);
int isinf(double);
CLASSIFY(, double)
