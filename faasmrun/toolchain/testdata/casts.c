// Casts of numbers that the integer type can't hold: C leaves them undefined; what gcc makes of them on x86-64 at any
// level of optimization is the output beside this file. Numbers of 2^31 and more are left out for types below 64 bits,
// as are infinities and what is no number. From long double x86-64 converts to 16 bits, so fewer of these.
#include <stdint.h>
#include <stdio.h>

static volatile double numbers[] = {0.5, -0.5, -0.999, -1, -3, -3.7, -127, -128.5, -129, -200, -255, -256, -300.5,
	-32769, -65537, -70000.25, 127, 128, 200.5, 255.9, 256, 300.5, 32767, 32768, 65535.5, 65536, 70000.5, 16777216, 2147483520.0,
	-2147483648.0,
	// of 64 bits only
	2147483648.0, 4294967040.0, 4294967296.0, 3e9, -3e9, 1e15, -1e15, 9223372036854774784.0, 9223372036854775808.0, 1e19,
	-9223372036854775808.0, 18446742974197923840.0};
enum { all = sizeof numbers / sizeof *numbers, small = 30 };

// Each cast alone, as a number that no memory has seen; and in a loop over memory.
#define CASTS(from, to)                                                                                      \
	static __attribute__((noinline)) long long from##_to_##to(from x) { return (to)x; }                      \
	static __attribute__((noinline)) void from##s_to_##to(to *restrict out, const from *restrict in, int n) { \
		for (int i = 0; i < n; i++) out[i] = (to)in[i];                                                      \
	}                                                                                                        \
	static void show_##from##_##to(int n) {                                                                  \
		static from in[64];                                                                                  \
		static to out[64];                                                                                   \
		for (int i = 0; i < n; i++) in[i] = numbers[i];                                                      \
		from##s_to_##to(out, in, 64);                                                                        \
		for (int i = 0; i < n; i++)                                                                          \
			printf(#from " %.17g as " #to ": %lld %lld\n", (double)in[i], from##_to_##to(in[i]), (long long)out[i]); \
	}
#define BOTH(to) CASTS(float, to) CASTS(double, to)
BOTH(uint8_t) BOTH(int8_t) BOTH(uint16_t) BOTH(int16_t) BOTH(uint32_t) BOTH(int32_t) BOTH(uint64_t)

static __attribute__((noinline)) uint8_t long_double_to_uint8_t(long double x) { return (uint8_t)x; }

int main(void) {
#define SHOW(to, n) show_float_##to(n), show_double_##to(n)
	SHOW(uint8_t, small), SHOW(int8_t, small), SHOW(uint16_t, small), SHOW(int16_t, small);
	SHOW(uint32_t, small), SHOW(int32_t, small), SHOW(uint64_t, all);
	for (int i = 0; i < 13 /* down to -300.5 */; i++)
		printf("long double %.17g: %d\n", numbers[i], long_double_to_uint8_t(numbers[i]));
}
