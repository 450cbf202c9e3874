/*
 * Random numbers with glibc's sequences, which programs' recorded results rest on. random(3): additive feedback over a state
 * whose size the program may choose, filled by the minimal standard generator. drand48(3): a linear congruence of 48 bits.
 * The functions with _r keep the state where the caller says, the others each work on one of their own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#define WEAK __attribute__((weak))

void __faasmrun_lock(volatile int *);
void __faasmrun_unlock(volatile int *);

static int refused(void)
{
	errno = EINVAL;
	return -1;
}

/* By how many bytes of state there are: the degree and the separation of the feedback. The first has no feedback. */
static const struct kind {
	size_t bytes;
	int degree, separation;
} kinds[] = { { 8, 0, 0 }, { 32, 7, 3 }, { 64, 15, 1 }, { 128, 31, 3 }, { 256, 63, 1 } };
#define KINDS 5

static int known(const struct random_data *data) { return data && data->rand_type >= 0 && data->rand_type < KINDS; }

/* The state of random: as srandom(1) leaves it until the program says otherwise. */
static int32_t first[32];
static struct random_data own;
static volatile int lock;

static uint32_t step(struct random_data *data)
{
	if (data->rand_type == 0) {
		return data->state[0] = (int32_t)(((uint32_t)data->state[0] * 1103515245 + 12345) & 0x7fffffff);
	}
	uint32_t sum = (uint32_t)*data->fptr + (uint32_t)*data->rptr;
	*data->fptr = (int32_t)sum;
	if (++data->fptr == data->end_ptr) {
		data->fptr = data->state;
	}
	if (++data->rptr == data->end_ptr) {
		data->rptr = data->state;
	}
	return sum >> 1;
}

static void seed(unsigned value, struct random_data *data)
{
	int32_t *state = data->state;
	state[0] = (int32_t)(value ? value : 1);
	for (int i = 1; i < data->rand_deg; i++) {
		long hi = state[i - 1] / 127773, lo = state[i - 1] % 127773, word = 16807 * lo - 2836 * hi;
		state[i] = (int32_t)(word < 0 ? word + 2147483647 : word);
	}
	data->fptr = state + data->rand_sep;
	data->rptr = state;
	for (int i = 0; i < 10 * data->rand_deg; i++) {
		step(data);
	}
}

/* The word before the state says its kind and, while another is in use, how far the rear pointer has come. */
static void park(struct random_data *data)
{
	data->state[-1] = data->rand_type ? (int32_t)(data->rptr - data->state) * KINDS + data->rand_type : 0;
}

/* Takes an array into use, its position as it was parked or where seed will put it. */
static void use(struct random_data *data, int32_t *array, int kind, int rear)
{
	const struct kind *k = &kinds[kind];
	data->state = array + 1;
	data->rand_type = kind;
	data->rand_deg = k->degree;
	data->rand_sep = k->separation;
	data->end_ptr = data->state + k->degree;
	data->rptr = data->state + rear;
	data->fptr = data->state + (kind ? (rear + k->separation) % k->degree : 0);
}

WEAK int random_r(struct random_data *__restrict data, int32_t *__restrict result)
{
	if (!known(data) || !data->state || !result) {
		return refused();
	}
	*result = (int32_t)step(data);
	return 0;
}

WEAK int srandom_r(unsigned value, struct random_data *data)
{
	if (!known(data) || !data->state) {
		return -1;
	}
	seed(value, data);
	return 0;
}

WEAK int initstate_r(unsigned value, char *__restrict array, size_t size, struct random_data *__restrict data)
{
	if (!array || !data || size < kinds[0].bytes) {
		return refused();
	}
	if (data->state) {
		park(data);
	}
	int kind = KINDS - 1;
	while (kinds[kind].bytes > size) {
		kind--;
	}
	use(data, (int32_t *)(void *)array, kind, 0);
	seed(value, data);
	park(data);
	return 0;
}

WEAK int setstate_r(char *__restrict array, struct random_data *__restrict data)
{
	if (!array || !data) {
		return refused();
	}
	if (data->state) {
		park(data); /* it may be the same array */
	}
	int32_t *words = (int32_t *)(void *)array, kind = words[0] % KINDS, rear = words[0] / KINDS;
	if (kind < 0 || (kind && (rear < 0 || rear >= kinds[kind].degree))) {
		return refused();
	}
	use(data, words, kind, kind ? rear : 0);
	return 0;
}

static void enter(void)
{
	__faasmrun_lock(&lock);
	if (!own.state) {
		initstate_r(1, (char *)first, sizeof first, &own);
	}
}

WEAK void srandom(unsigned value)
{
	enter();
	srandom_r(value, &own);
	__faasmrun_unlock(&lock);
}

WEAK long random(void)
{
	enter();
	long result = step(&own);
	__faasmrun_unlock(&lock);
	return result;
}

WEAK char *initstate(unsigned value, char *array, size_t size)
{
	enter();
	int32_t *before = own.state - 1;
	int failed = initstate_r(value, array, size, &own);
	__faasmrun_unlock(&lock);
	return failed ? NULL : (char *)before;
}

WEAK char *setstate(char *array)
{
	enter();
	int32_t *before = own.state - 1;
	int failed = setstate_r(array, &own);
	__faasmrun_unlock(&lock);
	return failed ? NULL : (char *)before;
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

/* The state of drand48 and its kin. erand48 and the others that are given their numbers take the congruence from it. */
static struct drand48_data own48;

/* The congruence is the usual one until lcong48 gives another, and again after srand48 and seed48. */
static void usual(struct drand48_data *data)
{
	data->__a = 0x5deece66dULL;
	data->__c = 0xb;
	data->__init = 1;
}

/* The next 48 bits of x. */
static uint64_t congruence(unsigned short x[3], struct drand48_data *data)
{
	if (!data->__init) {
		usual(data);
	}
	uint64_t next = ((uint64_t)x[2] << 32 | (uint64_t)x[1] << 16 | x[0]) * data->__a + data->__c;
	for (int i = 0; i < 3; i++) {
		x[i] = (unsigned short)(next >> 16 * i);
	}
	return next & 0xffffffffffff;
}

WEAK int erand48_r(unsigned short x[3], struct drand48_data *data, double *result)
{
	*result = (double)congruence(x, data) * 0x1p-48;
	return 0;
}

WEAK int nrand48_r(unsigned short x[3], struct drand48_data *data, long *result)
{
	*result = (long)(congruence(x, data) >> 17);
	return 0;
}

WEAK int jrand48_r(unsigned short x[3], struct drand48_data *data, long *result)
{
	*result = (int32_t)(congruence(x, data) >> 16);
	return 0;
}

WEAK int drand48_r(struct drand48_data *data, double *result) { return erand48_r(data->__x, data, result); }
WEAK int lrand48_r(struct drand48_data *data, long *result) { return nrand48_r(data->__x, data, result); }
WEAK int mrand48_r(struct drand48_data *data, long *result) { return jrand48_r(data->__x, data, result); }

WEAK int srand48_r(long value, struct drand48_data *data)
{
	data->__x[2] = (unsigned short)(value >> 16);
	data->__x[1] = (unsigned short)value;
	data->__x[0] = 0x330e;
	usual(data);
	return 0;
}

WEAK int seed48_r(unsigned short x[3], struct drand48_data *data)
{
	for (int i = 0; i < 3; i++) {
		data->__old_x[i] = data->__x[i];
		data->__x[i] = x[i];
	}
	usual(data);
	return 0;
}

WEAK int lcong48_r(unsigned short words[7], struct drand48_data *data)
{
	for (int i = 0; i < 3; i++) {
		data->__x[i] = words[i];
	}
	data->__a = (unsigned long long)words[5] << 32 | (unsigned long long)words[4] << 16 | words[3];
	data->__c = words[6];
	data->__init = 1;
	return 0;
}

WEAK double erand48(unsigned short x[3])
{
	double result;
	erand48_r(x, &own48, &result);
	return result;
}

WEAK long nrand48(unsigned short x[3])
{
	long result;
	nrand48_r(x, &own48, &result);
	return result;
}

WEAK long jrand48(unsigned short x[3])
{
	long result;
	jrand48_r(x, &own48, &result);
	return result;
}

WEAK double drand48(void) { return erand48(own48.__x); }
WEAK long lrand48(void) { return nrand48(own48.__x); }
WEAK long mrand48(void) { return jrand48(own48.__x); }

WEAK void srand48(long value) { srand48_r(value, &own48); }
WEAK void lcong48(unsigned short words[7]) { lcong48_r(words, &own48); }

WEAK unsigned short *seed48(unsigned short x[3])
{
	seed48_r(x, &own48);
	return own48.__old_x;
}
