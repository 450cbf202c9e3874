/*
 * random and rand with glibc's numbers, which programs' recorded results rest on: additive feedback over a state whose size
 * the program may choose, filled by the minimal standard generator (random(3), initstate(3)).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#define WEAK __attribute__((weak))

void __faasmrun_lock(volatile int *);
void __faasmrun_unlock(volatile int *);

/* By how many words of state there are: the degree and the separation of the feedback. The first has no feedback. */
static const struct kind { size_t bytes; int degree, separation; } kinds[] = { { 8, 0, 0 }, { 32, 7, 3 }, { 64, 15, 1 }, { 128, 31, 3 }, { 256, 63, 1 } };
#define KINDS 5

/* A state: in the first word its kind and how far it has come, as the array that the program gave keeps them. */
static int32_t first[32];
static int32_t *state = first + 1;
static int kind = 3, front, begun;
static volatile int lock;

static uint32_t step(void)
{
	const struct kind *k = &kinds[kind];
	if (k->degree == 0) {
		return state[0] = (int32_t)(((uint32_t)state[0] * 1103515245 + 12345) & 0x7fffffff);
	}
	int rear = front - k->separation;
	if (rear < 0) {
		rear += k->degree;
	}
	uint32_t sum = (uint32_t)state[front] + (uint32_t)state[rear];
	state[front] = (int32_t)sum;
	if (++front == k->degree) {
		front = 0;
	}
	return sum >> 1;
}

static void seed(unsigned value)
{
	const struct kind *k = &kinds[kind];
	begun = 1;
	state[0] = (int32_t)(value ? value : 1);
	front = k->separation;
	for (int i = 1; i < k->degree; i++) {
		long hi = state[i - 1] / 127773, lo = state[i - 1] % 127773, word = 16807 * lo - 2836 * hi;
		state[i] = (int32_t)(word < 0 ? word + 2147483647 : word);
	}
	for (int i = 0; i < 10 * k->degree; i++) {
		step();
	}
}

/* What the array's first word says of it while another is in use. */
static void park(void) { state[-1] = KINDS * front + kind; }

WEAK void srandom(unsigned value)
{
	__faasmrun_lock(&lock);
	seed(value);
	__faasmrun_unlock(&lock);
}

WEAK long random(void)
{
	__faasmrun_lock(&lock);
	if (!begun) {
		seed(1);
	}
	long result = step();
	__faasmrun_unlock(&lock);
	return result;
}

WEAK char *initstate(unsigned value, char *array, size_t size)
{
	if (size < kinds[0].bytes) {
		errno = EINVAL;
		return NULL;
	}
	__faasmrun_lock(&lock);
	if (!begun) {
		seed(1);
	}
	park();
	char *before = (char *)(state - 1);
	for (kind = KINDS - 1; kinds[kind].bytes > size; kind--) {
	}
	state = (int32_t *)(void *)array + 1;
	seed(value);
	park();
	__faasmrun_unlock(&lock);
	return before;
}

WEAK char *setstate(char *array)
{
	int32_t *other = (int32_t *)(void *)array;
	int32_t said = other[0], chosen = said % KINDS;
	if (said < 0 || said / KINDS > kinds[chosen].degree) {
		errno = EINVAL;
		return NULL;
	}
	__faasmrun_lock(&lock);
	if (!begun) {
		seed(1);
	}
	park();
	char *before = (char *)(state - 1);
	said = other[0]; /* it may be the one in use */
	state = other + 1, kind = said % KINDS, front = said / KINDS;
	__faasmrun_unlock(&lock);
	return before;
}

WEAK void srand(unsigned value) { srandom(value); }
WEAK int rand(void) { return (int)random(); }

WEAK int rand_r(unsigned *value)
{
	unsigned next = *value, result = 0;
	static const unsigned parts[] = { 2048, 1024, 1024 };
	for (int i = 0; i < 3; i++) {
		next = next * 1103515245 + 12345;
		result = (i ? result << 10 : 0) ^ (next / 65536) % parts[i];
	}
	*value = next;
	return (int)result;
}
