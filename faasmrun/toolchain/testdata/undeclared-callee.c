#include <stdio.h>

long long wider(long long x) { return x * (1LL << 32) / (1LL << 31); }
int fewer(int a) { return a; }
void none(void) { puts("none"); }
int more(int unused) { return 4; }
void lacking(int a, int unused) { printf("lacking %d\n", a); }
int floats(long long a, long long b, double x) { return (int)((double)(a + b) / x); }

double seconds(int of) {
	printf("since %d\n", of);
	return of + 0.5;
}

double half(double x) { return x / 2; }

/* Another file has a static function of this name. */
long long twin(long long x) { return x; }
