// A program that the C compiler takes long for, in one function: limits_test.go gives it less time, memory or room.
#include <stdio.h>

#define STEP(k)                                                         \
	a[(i + k) & 1023] += a[(i * k + 7) & 1023] ^ (a[i & 1023] >> (k & 31)); \
	if (a[i & 1023] & k) i += a[k & 1023];
#define TEN(k) STEP(k) STEP(k + 1) STEP(k + 2) STEP(k + 3) STEP(k + 4) \
	STEP(k + 5) STEP(k + 6) STEP(k + 7) STEP(k + 8) STEP(k + 9)
#define HUNDRED(k) TEN(k) TEN(k + 10) TEN(k + 20) TEN(k + 30) TEN(k + 40) \
	TEN(k + 50) TEN(k + 60) TEN(k + 70) TEN(k + 80) TEN(k + 90)

static unsigned a[1024];

static __attribute__((noinline, optnone)) unsigned steps(unsigned i) {
	HUNDRED(1) HUNDRED(101) HUNDRED(201) HUNDRED(301) HUNDRED(401) HUNDRED(501) HUNDRED(601) HUNDRED(701)
	return i;
}

int main(int argc, char **argv) {
	(void)argv;
	printf("%u\n", argc > 5 ? steps(argc) : 0);
}
