/* Sequences of random numbers, as checksums over a million draws each. random.out is what glibc gives on x86-64. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DRAWS 1000000

static uint64_t sum; /* FNV-1a */
static void begin(void) { sum = 0xcbf29ce484222325; }

static void add(uint64_t value)
{
	for (int i = 0; i < 8; i++) {
		sum = (sum ^ (value >> 8 * i & 0xff)) * 0x100000001b3;
	}
}

static void end(const char *what, unsigned long seed) { printf("%s %lu: %016llx\n", what, seed, (unsigned long long)sum); }

static const unsigned seeds[] = { 1, 0, 2, 42, 1234567890, 0x7fffffff, 0x80000000, 0xffffffff };
#define SEEDS (sizeof seeds / sizeof *seeds)

static void plain(void)
{
	begin();
	for (int i = 0; i < DRAWS; i++) {
		add((uint64_t)random());
	}
	end("random without a seed", 1);
	for (size_t s = 0; s < SEEDS; s++) {
		srand(seeds[s]);
		begin();
		for (int i = 0; i < DRAWS; i++) {
			add((uint64_t)rand());
		}
		end("rand", seeds[s]);
		srandom(seeds[s]);
		begin();
		for (int i = 0; i < DRAWS; i++) {
			add((uint64_t)(i % 3 ? random() : rand())); /* they share their state */
		}
		end("random", seeds[s]);
		unsigned state = seeds[s];
		begin();
		for (int i = 0; i < DRAWS; i++) {
			add((uint64_t)rand_r(&state));
		}
		add(state);
		end("rand_r", seeds[s]);
	}
}

/* One array a kind of state, and sizes between two kinds. */
static const size_t sizes[] = { 8, 31, 32, 63, 64, 127, 128, 255, 256, 300 };
#define SIZES (sizeof sizes / sizeof *sizes)

static int first_word(const char *array)
{
	int word;
	memcpy(&word, array, sizeof word);
	return word;
}

static void states(void)
{
	static int arrays[SIZES][75];
	char small[8], *before = NULL, *initial = NULL;
	for (size_t i = 0; i < SIZES; i++) {
		char *array = (char *)arrays[i], *last = initstate(17 + (unsigned)i, array, sizes[i]);
		if (i == 0) {
			initial = last;
		} else {
			printf("the one before: %d, its word %d\n", last == before, first_word(last));
		}
		before = array;
		begin();
		for (int j = 0; j < DRAWS; j++) {
			add((uint64_t)random());
		}
		end("initstate", sizes[i]);
	}
	errno = 0;
	char *refused = initstate(1, small, 7);
	printf("too small: %d, EINVAL %d\n", refused == NULL, errno == EINVAL);
	/* Back and forth, a number more each time, so that each is parked at other positions. */
	begin();
	for (int round = 0; round < 2000; round++) {
		char *array = (char *)arrays[round * 7 % SIZES];
		setstate(array);
		for (int j = 0; j <= round % 70; j++) {
			add((uint64_t)random());
		}
		add((uint64_t)first_word(array));
	}
	end("setstate", SIZES);
	/* A state that was saved goes on elsewhere. */
	int copy[75];
	setstate((char *)arrays[8]);
	random();
	setstate((char *)arrays[6]);
	memcpy(copy, arrays[8], sizeof copy);
	setstate((char *)copy);
	begin();
	for (int j = 0; j < 1000; j++) {
		add((uint64_t)random());
	}
	setstate((char *)copy); /* the one in use */
	for (int j = 0; j < 1000; j++) {
		add((uint64_t)random());
	}
	end("saved", 256);
	arrays[3][0] = -4;
	errno = 0;
	refused = setstate((char *)arrays[3]);
	printf("no state: %d, EINVAL %d\n", refused == NULL, errno == EINVAL);
	setstate(initial);
	srandom(5);
	begin();
	for (int j = 0; j < 1000; j++) {
		add((uint64_t)random());
	}
	end("the initial one again", 5);
}

static void callers(void)
{
	static int array[64];
	struct random_data data;
	int32_t value;
	memset(&data, 0, sizeof data);
	for (size_t i = 0; i < SIZES - 1; i++) {
		if (initstate_r(99, (char *)array, sizes[i] < sizeof array ? sizes[i] : sizeof array, &data)) {
			puts("initstate_r fails");
		}
		for (size_t s = 0; s < 2; s++) {
			begin();
			for (int j = 0; j < DRAWS; j++) {
				random_r(&data, &value);
				add((uint64_t)value);
			}
			if (data.rand_type) {
				add((uint64_t)(data.rptr - data.state));
				add((uint64_t)(data.fptr - data.state));
			}
			end("random_r", sizes[i]);
			srandom_r(4711, &data);
		}
	}
	printf("%d %d %d, %d %d\n", data.rand_type, data.rand_deg, data.rand_sep, (int)(data.end_ptr - data.state), setstate_r((char *)array, &data));
	errno = 0;
	int refused = initstate_r(1, (char *)array, 7, &data);
	printf("refused: %d, EINVAL %d\n", refused, errno == EINVAL);
	printf("sizes %zu %zu\n", sizeof data, sizeof(struct drand48_data));
}

static void add_double(double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof bits);
	add(bits);
}

static void congruences(const char *what, unsigned long seed)
{
	unsigned short x[3] = { 1, 2, (unsigned short)(seed >> 3) };
	begin();
	for (int i = 0; i < DRAWS / 6; i++) {
		add_double(drand48());
		add((uint64_t)lrand48());
		add((uint64_t)mrand48());
		add_double(erand48(x));
		add((uint64_t)nrand48(x));
		add((uint64_t)jrand48(x));
	}
	end(what, seed);
}

static void congruences_r(const char *what, unsigned long seed, struct drand48_data *data)
{
	unsigned short x[3] = { 1, 2, (unsigned short)(seed >> 3) };
	double real;
	long number;
	begin();
	for (int i = 0; i < DRAWS / 6; i++) {
		drand48_r(data, &real), add_double(real);
		lrand48_r(data, &number), add((uint64_t)number);
		mrand48_r(data, &number), add((uint64_t)number);
		erand48_r(x, data, &real), add_double(real);
		nrand48_r(x, data, &number), add((uint64_t)number);
		jrand48_r(x, data, &number), add((uint64_t)number);
	}
	end(what, seed);
}

int main(void)
{
	plain();
	states();
	callers();
	congruences("drand48 without a seed", 0);
	unsigned short other[7] = { 3, 5, 7, 0x1235, 0xabcd, 0x12, 12 }, seed16[3] = { 11, 22, 33 };
	struct drand48_data data;
	memset(&data, 0, sizeof data);
	congruences_r("drand48_r without a seed", 0, &data);
	for (size_t s = 0; s < SEEDS; s++) {
		lcong48(other);
		congruences("lcong48", 7);
		srand48((long)(int)seeds[s] * (s % 2 ? 1 : 3));
		congruences("srand48", seeds[s]);
		lcong48_r(other, &data);
		congruences_r("lcong48_r", 7, &data);
		srand48_r(seeds[s], &data);
		congruences_r("srand48_r", seeds[s], &data);
	}
	lcong48(other);
	drand48();
	unsigned short *old = seed48(seed16);
	printf("before: %d %d %d\n", old[0], old[1], old[2]);
	congruences("seed48", 11);
	lcong48_r(other, &data);
	printf("seed48_r %d\n", seed48_r(seed16, &data));
	congruences_r("seed48_r", 11, &data);
	return 0;
}
