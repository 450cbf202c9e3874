#ifndef _FAASMRUN_IEEE754_H
#define _FAASMRUN_IEEE754_H
/* The parts of floating-point numbers. long double is IEEE's quad here, as on AArch64. */
#ifdef __cplusplus
extern "C" {
#endif
union ieee754_float {
	float f;
	struct {
		unsigned mantissa : 23, exponent : 8, negative : 1;
	} ieee;
	struct {
		unsigned mantissa : 22, quiet_nan : 1, exponent : 8, negative : 1;
	} ieee_nan;
};
#define IEEE754_FLOAT_BIAS 0x7f
union ieee754_double {
	double d;
	struct {
		unsigned mantissa1 : 32, mantissa0 : 20, exponent : 11, negative : 1;
	} ieee;
	struct {
		unsigned mantissa1 : 32, mantissa0 : 19, quiet_nan : 1, exponent : 11, negative : 1;
	} ieee_nan;
};
#define IEEE754_DOUBLE_BIAS 0x3ff
union ieee854_long_double {
	long double d;
	struct {
		unsigned mantissa3 : 32, mantissa2 : 32, mantissa1 : 32, mantissa0 : 16, exponent : 15, negative : 1;
	} ieee;
	struct {
		unsigned mantissa3 : 32, mantissa2 : 32, mantissa1 : 32, mantissa0 : 15, quiet_nan : 1, exponent : 15, negative : 1;
	} ieee_nan;
};
#define IEEE854_LONG_DOUBLE_BIAS 0x3fff
#ifdef __cplusplus
}
#endif
#endif
