/* Prints what the data model decides: sizes, limits, formats, arithmetic, and MPI's types of long. Native x86-64 Linux is right. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <limits.h>
#include <mpi.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#define SIZE(type) printf("%-16s %zu %zu\n", #type, sizeof(type), _Alignof(type))
#define KIND(x) _Generic((x), int: "int", unsigned: "unsigned", long: "long", unsigned long: "unsigned long", \
	long long: "long long", unsigned long long: "unsigned long long", default: "another type")

static void sizes(void)
{
	SIZE(char); SIZE(short); SIZE(int); SIZE(long); SIZE(long long); SIZE(float); SIZE(double); SIZE(long double); SIZE(void *);
	SIZE(size_t); SIZE(ptrdiff_t); SIZE(intptr_t); SIZE(intmax_t); SIZE(int64_t); SIZE(wchar_t); SIZE(time_t); SIZE(off_t);
	SIZE(clock_t); SIZE(ssize_t); SIZE(ino_t); SIZE(struct timespec); SIZE(max_align_t); SIZE(MPI_Aint); SIZE(MPI_Count); SIZE(MPI_Offset);
	struct { char c; long l; char d; void *p; int i; } s;
	printf("struct %zu, offsets %td %td\n", sizeof s, (char *)&s.l - (char *)&s, (char *)&s.p - (char *)&s);
	printf("int64_t is %s, size_t %s, time_t %s, off_t %s, ptrdiff_t %s, uint64_t %s, intptr_t %s\n", KIND((int64_t)0), KIND((size_t)0),
		KIND((time_t)0), KIND((off_t)0), KIND((ptrdiff_t)0), KIND((uint64_t)0), KIND((intptr_t)0));
}

static void limits(void)
{
	printf("%ld %ld %lu %lld %llu\n", LONG_MIN, LONG_MAX, ULONG_MAX, LLONG_MAX, ULLONG_MAX);
	printf("%zu %td %td %" PRIdPTR " %" PRIuMAX "\n", SIZE_MAX, PTRDIFF_MIN, PTRDIFF_MAX, INTPTR_MAX, UINTMAX_MAX);
#ifdef __LP64__
	printf("__LP64__, %d bits a long, %d bytes a pointer\n", (int)(CHAR_BIT * __SIZEOF_LONG__), __SIZEOF_POINTER__);
#endif
#if LONG_MAX > 2147483647
	puts("the preprocessor knows");
#endif
}

static void formats(void)
{
	long l = -1234567890123456789;
	unsigned long u = 0xfedcba9876543210;
	printf("%ld %lx %lo %lu %li\n", l, l, u, u, l);
	printf("%zu %zx %zd %jd %td %hhd %hd %lld %" PRId64 " %" PRIx64 "\n", (size_t)u, (size_t)u, (ssize_t)l, (intmax_t)l, (ptrdiff_t)l, (signed char)l,
		(short)l, (long long)l, (int64_t)l, (uint64_t)u);
	long a = 0;
	size_t z = 0;
	int64_t q = 0;
	intmax_t j = 0;
	int n = sscanf("-9223372036854775808 18446744073709551615 -77 deadbeefcafe", "%ld %zu %" SCNd64 " %jx", &a, &z, &q, &j);
	printf("%d: %ld %zu %" PRId64 " %jx\n", n, a, z, q, j);
	printf("%ld %lu %ld\n", strtol("99999999999", NULL, 10), strtoul("0xffffffffffffffffff", NULL, 0), atol("-5000000000"));
	time_t far = 5000000000;
	struct tm when = *gmtime(&far);
	printf("%d-%02d-%02d %ld\n", when.tm_year + 1900, when.tm_mon + 1, when.tm_mday, (long)mktime(&(struct tm){ .tm_year = 200, .tm_mday = 1 }));
}

/* The fast types, whose widths are the library's choice, and what programs take to be as it is on Linux. */
static void choices(void)
{
	SIZE(int_fast8_t); SIZE(int_fast16_t); SIZE(int_fast32_t); SIZE(int_fast64_t); SIZE(uint_fast16_t); SIZE(uint_fast32_t);
	printf("%" PRIdFAST16 " %" PRIdFAST32 " %" PRIuFAST16 " %" PRIxFAST32 " %" PRIdFAST8 "\n", INT_FAST16_MIN, INT_FAST32_MAX, UINT_FAST16_MAX,
		UINT_FAST32_MAX, INT_FAST8_MIN);
	uint_fast32_t seed = 1, read = 0;
	for (int i = 0; i < 100; i++) {
		seed = seed * 69069 + 1; /* as wide as the type */
	}
	sscanf("18446744073709551615", "%" SCNuFAST32, &read);
	printf("%" PRIuFAST32 " %" PRIuFAST32 "\n", seed, read);
	struct tm when = { 0 };
	printf("tm_gmtoff is %s, a clock has %ld a second, BUFSIZ %d\n", KIND(when.tm_gmtoff), (long)CLOCKS_PER_SEC, BUFSIZ);
}

static unsigned long hash(const char *text)
{
	unsigned long h = 5381;
	while (*text) {
		h = h * 33 + (unsigned char)*text++;
	}
	return h;
}

static void arithmetic(void)
{
	printf("%lu %lu\n", hash("the quick brown fox jumps over the lazy dog"), hash("faasmrun") << 7 ^ hash("mpi") >> 3);
	long sum = 0;
	for (int i = 0; i < 100000; i++) {
		sum += (long)i * i * i;
	}
	printf("%ld %ld\n", sum, sum * 31 % 1000000007);
	char text[100];
	long *p = (long *)(uintptr_t)0x123456789abcdef0;
	printf("%td %" PRIxPTR " %zu\n", &text[70] - &text[3], (uintptr_t)(p + 1), (size_t)-1 / sizeof(long));
	printf("%ld %d\n", 1L << 40, (int)(((1L << 40) + 7) >> 38));
	srandom(42);
	long r = random();
	printf("%ld %ld\n", r, random());
	int x = 1 << 20;
	printf("%zu\n", sizeof(double) * x * 4096);
}

static void messages(int rank, int size)
{
	long in[3] = { (1L << 40) + rank, -(1L << 50) * (rank + 1), rank }, out[3];
	unsigned long u = ULONG_MAX - rank, least;
	MPI_Allreduce(in, out, 3, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
	MPI_Allreduce(&u, &least, 1, MPI_UNSIGNED_LONG, MPI_MIN, MPI_COMM_WORLD);
	struct { long value; int at; } mine = { (long)(rank * 7 % 5) << 35, rank }, best;
	MPI_Allreduce(&mine, &best, 1, MPI_LONG_INT, MPI_MAXLOC, MPI_COMM_WORLD);
	MPI_Aint where = (MPI_Aint)1 << 41 | rank, most;
	MPI_Allreduce(&where, &most, 1, MPI_AINT, MPI_MAX, MPI_COMM_WORLD);
	if (rank == 0) {
		printf("%ld %ld %ld %lu %ld %d %ld\n", out[0], out[1], out[2], least, best.value, best.at, (long)most);
	}
	struct particle { char kind; long id; double x[3]; } a = { 'p', in[0], { 1, 2, 3 } }, b;
	MPI_Datatype type, sized;
	int lengths[] = { 1, 1, 3 };
	MPI_Aint displacements[] = { offsetof(struct particle, kind), offsetof(struct particle, id), offsetof(struct particle, x) };
	MPI_Datatype types[] = { MPI_CHAR, MPI_LONG, MPI_DOUBLE };
	MPI_Type_create_struct(3, lengths, displacements, types, &type);
	MPI_Type_create_resized(type, 0, sizeof a, &sized);
	MPI_Type_commit(&sized);
	MPI_Sendrecv(&a, 1, sized, (rank + 1) % size, 0, &b, 1, sized, (rank + size - 1) % size, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
	MPI_Aint bottom, field, lb, extent;
	MPI_Get_address(&a, &bottom);
	MPI_Get_address(&a.x[1], &field);
	MPI_Type_get_extent(sized, &lb, &extent);
	int longs, pairs;
	MPI_Type_size(MPI_LONG, &longs);
	MPI_Type_size(MPI_LONG_INT, &pairs);
	if (rank == 0) {
		printf("%c %ld %g, %ld %ld %ld, %d %d\n", b.kind, b.id, b.x[2], (long)(field - bottom), (long)lb, (long)extent, longs, pairs);
	}
	MPI_Type_free(&type);
	MPI_Type_free(&sized);
}

int main(int argc, char **argv)
{
	int rank, size;
	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	if (rank == 0) {
		sizes();
		limits();
		formats();
		choices();
		arithmetic();
	}
	messages(rank, size);
	MPI_Finalize();
	return 0;
}
