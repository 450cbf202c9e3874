
volatile int zero;
static inline int divide(int n) {
	return n / zero;
}
static inline int twice(int n) {
	return 3 +
		divide(n);
}
void _start(void) {
	zero = twice(
		zero);
}
