/*
 * Functions of long double, of 113 bits here, that libc has in the precision of double alone: exponentials and logarithms, powers,
 * hyperbolic and error functions, gamma, and the complex ones that rest on them. Arithmetic of long double is slow (the compiler's
 * library does it), and this is made to be right: plain series on reduced arguments, and pairs of numbers where a result would lose
 * bits. Errors stay within a few units in the last place, but near the zeros of lgamma.
 */
#define _GNU_SOURCE
#include <complex.h>
#include <errno.h>
#include <float.h>
#include <math.h>

#define WEAK __attribute__((weak))

typedef long double quad;
typedef complex long double complex_quad;

/* ln 2 in two parts, of which a product of the first with an exponent is exact; and other constants. */
static const quad ln2_high = 0x1.62e42fefa39ef35793c7673p-1L, ln2_low = 0x1.f97b57a079a193394c5b16c5068cp-103L;
static const quad pi = 0x1.921fb54442d18469898cc51701b8p1L, two_over_sqrt_pi = 0x1.20dd750429b6d11ae3a914fed7fep0L;
static const quad sqrt_2pi = 0x1.40d931ff627059657ca41fae722dp1L, half_log_2pi = 0x1.d67f1c864beb4a69297920028832p-1L;

#define TOO_LARGE 11357.0L /* for exp */
#define TOO_SMALL -11434.0L

/* ---- A number as the sum of two. ---- */

struct pair {
	quad high, low;
};

static struct pair sum(quad a, quad b)
{
	quad s = a + b, t = s - a;
	return (struct pair){ s, (a - (s - t)) + (b - t) };
}

static struct pair product(quad a, quad b)
{
	const quad split = 0x1p57L + 1;
	quad p = a * b, ah = a * split, bh = b * split;
	ah -= ah - a;
	bh -= bh - b;
	quad al = a - ah, bl = b - bh;
	return (struct pair){ p, ((ah * bh - p) + ah * bl + al * bh) + al * bl };
}

static struct pair add(struct pair a, struct pair b)
{
	struct pair s = sum(a.high, b.high);
	return sum(s.high, s.low + a.low + b.low);
}

static struct pair multiply(struct pair a, struct pair b)
{
	struct pair p = product(a.high, b.high);
	return sum(p.high, p.low + a.high * b.low + a.low * b.high);
}

static struct pair divide(struct pair a, struct pair b)
{
	quad q = a.high / b.high;
	struct pair p = multiply((struct pair){ q, 0 }, b);
	return sum(q, ((a.high - p.high) + (a.low - p.low)) / b.high);
}

/* ---- Exponentials ---- */

/* exp(high + low) - 1 = 2^k (1 + m) - 1, with m from the series of the rest. low is small beside high. */
static quad reduced(quad high, quad low, int *k)
{
	quad n = rintl(high * 1.442695040888963L);
	quad a = high - n * ln2_high, b = n * ln2_low - low, r = a - b, rest = (a - r) - b;
	quad tail = 0;
	for (int i = 28; i >= 2; i--) {
		tail = (tail + 1) * (r / i);
	}
	*k = (int)n;
	return r + (r * tail + rest * (1 + r));
}

static quad exponential(quad high, quad low)
{
	if (high > TOO_LARGE || high < TOO_SMALL) {
		errno = ERANGE;
		return high > 0 ? HUGE_VALL : 0;
	}
	int k;
	quad m = reduced(high, low, &k);
	return scalbnl(1 + m, k);
}

WEAK quad expl(quad x) { return isfinite(x) ? exponential(x, 0) : x < 0 ? 0 : x + x; }

WEAK quad expm1l(quad x)
{
	if (!isfinite(x)) {
		return x < 0 ? -1 : x + x;
	}
	if (fabsl(x) < 0x1p-114L) {
		return x;
	}
	if (x < -90) {
		return -1;
	}
	if (x > TOO_LARGE) {
		return exponential(x, 0);
	}
	int k;
	quad m = reduced(x, 0, &k);
	return k > 113 ? scalbnl(1 + m, k) - 1 : scalbnl(m, k) + (scalbnl(1, k) - 1);
}

/* ---- Logarithms ---- */

/* log(2^k (1 + f) (1 + c)), f between -0.3 and 0.42, c tiny. */
static quad logarithm(int k, quad f, quad c)
{
	quad s = f / (2 + f), w = s * s, r = 0, half = f * f / 2;
	for (int n = 51; n >= 3; n -= 2) {
		r = w * (r + 2.0L / n);
	}
	return k * ln2_high - ((half - (s * (half + r) + (k * ln2_low + c))) - f);
}

/* Brings x to 2^k (1 + f). */
static quad fraction(quad x, int *k)
{
	quad m = frexpl(x, k);
	if (m < 0.70710678118654752440L) {
		m *= 2;
		--*k;
	}
	return m - 1;
}

/* The answers for what has no logarithm; zero for what has. */
static int no_logarithm(quad x, quad *answer)
{
	if (x > 0 && isfinite(x)) {
		return 0;
	}
	*answer = isnan(x) || x > 0 ? x + x : x == 0 ? -HUGE_VALL : (x - x) / (x - x);
	if (!isnan(x) && x <= 0) {
		errno = x == 0 ? ERANGE : EDOM;
	}
	return 1;
}

WEAK quad logl(quad x)
{
	quad answer;
	int k;
	if (no_logarithm(x, &answer)) {
		return answer;
	}
	quad f = fraction(x, &k);
	return logarithm(k, f, 0);
}

WEAK quad log1pl(quad x)
{
	quad answer;
	int k;
	if (fabsl(x) < 0x1p-114L) {
		return x;
	}
	if (x > -0.29L && x < 0.41L) {
		return logarithm(0, x, 0);
	}
	quad u = 1 + x;
	if (no_logarithm(u, &answer)) {
		return answer;
	}
	quad c = x < 1 ? x - (u - 1) : 1 - (u - x);
	quad f = fraction(u, &k);
	return logarithm(k, f, c / u);
}

/* log(x) as a pair. */
static struct pair long_logarithm(quad x)
{
	int k;
	quad f = fraction(x, &k);
	struct pair s = divide((struct pair){ f, 0 }, sum(2, f)), w = multiply(s, s), r = { 0, 0 };
	quad inner = 0;
	for (int n = 91; n >= 21; n -= 2) {
		inner = w.high * inner + 2.0L / n;
	}
	r.high = inner;
	for (int n = 19; n >= 1; n -= 2) {
		r = add(multiply(r, w), divide((struct pair){ 2, 0 }, (struct pair){ n, 0 }));
	}
	r = multiply(r, s);
	return add(add((struct pair){ k * ln2_high, 0 }, product(k, ln2_low)), r);
}

static quad scaled_logarithm(quad x, struct pair by)
{
	quad answer;
	if (no_logarithm(x, &answer)) {
		return answer;
	}
	struct pair l = multiply(long_logarithm(x), by);
	return l.high + l.low;
}

WEAK quad log10l(quad x)
{
	return scaled_logarithm(x, (struct pair){ 0x1.bcb7b1526e50e32a6ab7555f5a68p-2L, -0x1.1e6e08e5cfedd1b2efee2e0695d8p-116L });
}

WEAK quad log2l(quad x)
{
	int k;
	if (isfinite(x) && x > 0 && frexpl(x, &k) == 0.5L) {
		return k - 1;
	}
	return scaled_logarithm(x, (struct pair){ 0x1.71547652b82fe1777d0ffda0d23ap0L, 0x1.f4475abbd546eb4ad2c45928b367p-114L });
}

/* ---- Powers ---- */

static int odd(quad y) { return fabsl(y) < 0x1p113L && fmodl(y, 2) != 0; }

/* A double that pow treats as it would this one, where only the sort of number counts. */
static double sort_of_base(quad x)
{
	quad a = fabsl(x);
	return isnan(x) ? NAN : copysign(isinf(x) ? INFINITY : a == 0 ? 0 : a < 1 ? 0.5 : a == 1 ? 1 : 2, signbit(x) ? -1 : 1);
}

static double sort_of_exponent(quad y)
{
	if (isnan(y) || isinf(y) || y == 0) {
		return (double)y;
	}
	return copysign(truncl(y) != y ? 0.5 : odd(y) ? 1 : 2, y < 0 ? -1 : 1);
}

WEAK quad powl(quad x, quad y)
{
	int whole = truncl(y) == y;
	if (!isfinite(x) || !isfinite(y) || x == 0 || y == 0 || x == 1 || x < 0 && !whole || x == -1) {
		return pow(sort_of_base(x), sort_of_exponent(y));
	}
	quad sign = x < 0 && odd(y) ? -1 : 1;
	x = fabsl(x);
	int e;
	frexpl(x, &e);
	if (whole && fabsl(y) <= 1024 && (fabsl(y) + 1) * (e < 0 ? 2 - e : e + 1) < 16000) { /* exact where it can be */
		struct pair p = { 1, 0 }, square = { x, 0 };
		for (int n = (int)fabsl(y); n; n >>= 1) {
			if (n & 1) {
				p = multiply(p, square);
			}
			if (n > 1) {
				square = multiply(square, square);
			}
		}
		if (y < 0) {
			p = divide((struct pair){ 1, 0 }, p);
		}
		return sign * (p.high + p.low);
	}
	struct pair l = long_logarithm(x);
	if (fabsl(y) > 0x1p130L || fabsl(l.high * y) > 20000) {
		return sign * exponential(l.high * y > 0 ? 20000 : -20000, 0);
	}
	l = multiply(l, (struct pair){ y, 0 });
	return sign * exponential(l.high, l.low);
}

/* ---- Hyperbolic functions and their inverses ---- */

WEAK quad sinhl(quad x)
{
	quad a = fabsl(x), t;
	if (!isfinite(x) || a < 0x1p-60L) {
		return x;
	}
	if (a > 100) {
		t = expl(a / 2);
		return copysignl(t / 2 * t, x);
	}
	t = expm1l(a);
	return copysignl((t + t / (t + 1)) / 2, x);
}

WEAK quad coshl(quad x)
{
	quad a = fabsl(x), t;
	if (!isfinite(x)) {
		return x * x;
	}
	if (a > 100) {
		t = expl(a / 2);
		return t / 2 * t;
	}
	if (a < 0.3L) {
		t = expm1l(a);
		return 1 + t * t / (2 * (1 + t));
	}
	t = expl(a);
	return (t + 1 / t) / 2;
}

WEAK quad tanhl(quad x)
{
	quad a = fabsl(x), t;
	if (isnan(x) || a < 0x1p-60L) {
		return x;
	}
	if (a > 60) {
		return copysignl(1, x);
	}
	t = expm1l(2 * a);
	return copysignl(t / (t + 2), x);
}

static const quad ln2 = 0x1.62e42fefa39ef35793c7673007e6p-1L;

WEAK quad asinhl(quad x)
{
	quad a = fabsl(x);
	if (!isfinite(x) || a < 0x1p-60L) {
		return x;
	}
	return copysignl(a > 0x1p60L ? logl(a) + ln2 : log1pl(a + a * a / (1 + sqrtl(1 + a * a))), x);
}

WEAK quad acoshl(quad x)
{
	if (x < 1) {
		errno = EDOM;
		return (x - x) / (x - x);
	}
	return x > 0x1p60L ? logl(x) + ln2 : log1pl((x - 1) + sqrtl((x - 1) * (x + 1)));
}

/* ---- Error functions ---- */

static quad minus_square(quad x)
{
	struct pair s = product(x, x);
	return exponential(-s.high, -s.low);
}

/* All terms have one sign. */
static quad error_series(quad x)
{
	quad term = x, total = x;
	for (int n = 1; fabsl(term) > fabsl(total) * 0x1p-118L; n++) {
		term *= 2 * x * x / (2 * n + 1);
		total += term;
	}
	return two_over_sqrt_pi * minus_square(x) * total;
}

/* The continued fraction, for x of at least 1. */
static quad error_fraction(quad x)
{
	if (x > 108) {
		return 0;
	}
	quad f = 0;
	for (int n = (int)(1000 / (x * x)) + 60; n >= 1; n--) {
		f = n / 2.0L / (x + f);
	}
	return minus_square(x) * two_over_sqrt_pi / 2 / (x + f);
}

WEAK quad erfl(quad x)
{
	quad a = fabsl(x);
	if (isnan(x) || a < 0x1p-4000L) {
		return isnan(x) ? x : x * two_over_sqrt_pi;
	}
	return a < 2 ? error_series(x) : copysignl(a > 10 ? 1 : 1 - error_fraction(a), x);
}

WEAK quad erfcl(quad x)
{
	if (isnan(x)) {
		return x;
	}
	return x < -10 ? 2 : x < -2 ? 2 - error_fraction(-x) : x < 1 ? 1 - erfl(x) : error_fraction(x);
}

/* ---- Gamma ---- */

/* B(2n) / (2n (2n-1)), as fractions. */
static const quad stirling[][2] = { { 1, 12 }, { -1, 360 }, { 1, 1260 }, { -1, 1680 }, { 1, 1188 }, { -691, 360360 }, { 1, 156 }, { -3617, 122400 },
	{ 43867, 244188 }, { -174611, 125400 }, { 77683, 5796 }, { -236364091, 1506960 }, { 657931, 300 }, { -3392780147.0L, 93960 },
	{ 1723168255201.0L, 2492028 }, { -7709321041217.0L, 505920 }, { 151628697551.0L, 396 }, { -26315271553053477373.0L, 2418179400.0L } };

static quad stirling_series(quad z)
{
	quad w = 1 / (z * z), s = 0;
	for (int n = sizeof stirling / sizeof *stirling - 1; n >= 0; n--) {
		s = s * w + stirling[n][0] / stirling[n][1];
	}
	return s / z;
}

/* Gamma of x from 0.5 on, by Stirling's series behind a product. */
static quad gamma_of(quad x)
{
	if (x > 1756) {
		errno = ERANGE;
		return HUGE_VALL;
	}
	struct pair p = { 1, 0 }, z = { x, 0 }; /* a pair: what x loses when 40 is added would be missed */
	while (z.high < 40) {
		p = multiply(p, z);
		z = add(z, (struct pair){ 1, 0 });
	}
	if (truncl(x) == x && x <= 40) { /* a factorial: exact as far as there are bits */
		struct pair f = { 1, 0 };
		for (quad i = 2; i < x; i++) {
			f = multiply(f, (struct pair){ i, 0 });
		}
		return f.high + f.low;
	}
	struct pair l = add(long_logarithm(z.high), (struct pair){ z.low / z.high, 0 });
	l = multiply(l, add(z, (struct pair){ -0.5L, 0 }));
	l = add(l, (struct pair){ -z.high, stirling_series(z.high) - z.low });
	l = multiply(l, (struct pair){ 0.5L, 0 });
	quad half = exponential(l.high, l.low);
	return half * (sqrt_2pi / p.high) * half;
}

WEAK quad tgammal(quad x)
{
	if (isnan(x) || isinf(x) && x > 0) {
		return x;
	}
	if (x == 0) {
		errno = ERANGE;
		return 1 / x;
	}
	if (x < 0 && truncl(x) == x) {
		errno = EDOM;
		return NAN;
	}
	if (x >= 0.5L) {
		return gamma_of(x);
	}
	quad s = sinl(pi * (x - 2 * rintl(x / 2)));
	if (x < -1770) {
		return copysignl(0, s);
	}
	return x < -1700 ? pi / s / gamma_of(1 - x - 100) / powl(1 - x, 100) : pi / (s * gamma_of(1 - x));
}

WEAK quad __lgammal_r(quad x, int *sign)
{
	*sign = 1;
	if (!isfinite(x)) {
		return x * x;
	}
	if (x <= 0 && truncl(x) == x) {
		*sign = signbit(x) && x == 0 ? -1 : 1;
		errno = ERANGE;
		return HUGE_VALL;
	}
	if (x < 0) {
		quad s = sinl(pi * (x - 2 * rintl(x / 2)));
		*sign = s < 0 ? -1 : 1;
		int ignored;
		return logl(pi / fabsl(s)) - __lgammal_r(1 - x, &ignored);
	}
	if (x < 0.5L) {
		return logl(pi / sinl(pi * x)) - logl(gamma_of(1 - x));
	}
	if (x < 1000) {
		return logl(gamma_of(x));
	}
	return (x - 0.5L) * (logl(x) - 1) + (half_log_2pi - 0.5L) + stirling_series(x);
}

WEAK quad lgammal_r(quad x, int *sign) { return __lgammal_r(x, sign); }
WEAK quad lgammal(quad x) { return __lgammal_r(x, &signgam); }

/* ---- Complex functions. Where a part is not finite, double has the same answers. ---- */

static int plain(complex_quad z) { return isfinite(creall(z)) && isfinite(cimagl(z)); }

WEAK complex_quad cexpl(complex_quad z)
{
	if (!plain(z)) {
		return cexp(z);
	}
	quad m = expl(creall(z) / 2); /* twice: a small sine may bring back what would overflow */
	return CMPLXL(m * cosl(cimagl(z)) * m, cimagl(z) == 0 ? cimagl(z) : m * sinl(cimagl(z)) * m);
}

WEAK complex_quad clogl(complex_quad z)
{
	return plain(z) ? CMPLXL(logl(cabsl(z)), cargl(z)) : clog(z);
}

WEAK complex_quad csinhl(complex_quad z)
{
	if (!plain(z)) {
		return csinh(z);
	}
	quad x = creall(z), y = cimagl(z);
	return CMPLXL(sinhl(x) * cosl(y), y == 0 ? y : coshl(x) * sinl(y));
}

WEAK complex_quad ccoshl(complex_quad z)
{
	if (!plain(z)) {
		return ccosh(z);
	}
	quad x = creall(z), y = cimagl(z);
	return CMPLXL(coshl(x) * cosl(y), x == 0 || y == 0 ? x * y : sinhl(x) * sinl(y));
}

WEAK complex_quad ctanhl(complex_quad z)
{
	quad x = creall(z), y = cimagl(z);
	if (!plain(z) || fabsl(x) > 100) {
		return plain(z) ? CMPLXL(copysignl(1, x), copysignl(0, sinl(2 * y))) : ctanh(z);
	}
	quad s = sinhl(x), c = cosl(y), d = c * c + s * s;
	return CMPLXL(s * coshl(x) / d, sinl(y) * c / d);
}

WEAK complex_quad csqrtl(complex_quad z)
{
	quad x = creall(z), y = cimagl(z);
	if (!plain(z)) {
		return csqrt(z);
	}
	if (x == 0 && y == 0) {
		return CMPLXL(0, y);
	}
	quad t = sqrtl((fabsl(x) / 2) + hypotl(x / 2, y / 2));
	return x >= 0 ? CMPLXL(t, y / (2 * t)) : CMPLXL(fabsl(y) / (2 * t), copysignl(t, y));
}

WEAK complex_quad casinl(complex_quad z)
{
	complex_quad root = csqrtl(CMPLXL(1 - (creall(z) - cimagl(z)) * (creall(z) + cimagl(z)), -2 * creall(z) * cimagl(z)));
	complex_quad l = clogl(CMPLXL(creall(root) - cimagl(z), cimagl(root) + creall(z)));
	return plain(z) ? CMPLXL(cimagl(l), -creall(l)) : casin(z);
}

WEAK complex_quad cacosl(complex_quad z)
{
	complex_quad s = casinl(z);
	return plain(z) ? CMPLXL(pi / 2 - creall(s), -cimagl(s)) : cacos(z);
}
