// setjmp and longjmp, together with C++ exceptions. testdata/longjmp.txt is what a native build prints.
#include <stdio.h>

#ifdef __wasm__
struct Buffer {
	void *words[8];
};
typedef Buffer jmp_buf[1];
extern "C" int setjmp(jmp_buf) __attribute__((returns_twice));
extern "C" void longjmp(jmp_buf, int) __attribute__((noreturn));
#else
#include <setjmp.h>
#endif

static jmp_buf first, second;

[[gnu::noinline]] static void jump(int depth, int value) {
	if (depth == 0) longjmp(first, value);
	jump(depth - 1, value);
}

[[gnu::noinline]] static void raise(int k) {
	if (k & 1) throw k;
	longjmp(second, k);
}

int main() {
	volatile int rounds = 0;
	int got = setjmp(first);
	printf("setjmp gave %d in round %d\n", got, rounds);
	if (rounds < 3) {
		rounds = rounds + 1;
		jump(10 * rounds, rounds + 4);
	}
	if ((got = setjmp(second)) == 0) {
		if (setjmp(first) == 0) jump(3, 0);
		longjmp(second, 9);
	}
	printf("second %d\n", got);
	volatile int jumps = 0;
	for (int i = 0; i < 100; i++) {
		if (setjmp(first))
			jumps = jumps + 1;
		else
			jump(2, 1);
	}
	printf("%d jumps\n", jumps);
	for (volatile int k = 1; k < 5; k = k + 1) {
		int value = setjmp(second);
		if (value) {
			printf("jumped with %d\n", value);
			continue;
		}
		try {
			raise(k);
		} catch (int i) {
			printf("caught %d\n", i);
		}
	}
	return 0;
}
