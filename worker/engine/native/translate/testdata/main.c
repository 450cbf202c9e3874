/* Runs what translate makes of modules, for its tests, in place of the engine. Objects come from a library; lines of
   standard input say what to do, each is answered by one of standard output: see harness_test.go. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

typedef unsigned char u8;
typedef unsigned long u64;
typedef struct Instance Instance;
struct Entry { void *code; u64 type; };
struct Table { struct Entry *elements; u64 size; };
struct Object { u64 abi, functions; const struct Entry *entries; u64 exports;
	void (*const *enter)(Instance *, u8 *M, u64 *args); };
typedef struct { Instance *to; u64 entered; } Import;
typedef struct { u64 size; void *bytes; } Segment;
struct Instance {
	void (*host)(Instance *, u64 number, u64 *args);
	void (*trap)(Instance *, u64 kind, u64 location);
	u8 *memory;
	u64 *memory_bytes;
	struct Table *tables;
	/* The harness's own. */
	const struct Object *object;
	u64 most, bytes, before, reservation;
	u64 *most_elements;
	int *functions;
	Import *imports;
	char rest[152];
	u64 globals[][2];
};
_Static_assert(sizeof(Instance) == 256, "where globals begin");

/* What is behind a table or a segment without any. */
static Segment *data, *elements;
static sigjmp_buf out;
static u64 kind, location;
static u8 *reserved;
static u64 reservation;

/* What of both sides of a memory of 64 bits is reserved, and never open. */
#define SPREAD (1ul << 34)

enum { OutOfBounds = 2, StackOverflow = 3, DivideByZero = 4, InvalidTableAccess = 7 };

static void trap(Instance *I, u64 k, u64 l) { kind = k; location = l; siglongjmp(out, 1); }

static void fault(int signal, siginfo_t *info, void *context)
{
	u8 *at = info->si_addr;
	kind = at >= reserved && at < reserved + reservation ? OutOfBounds : StackOverflow;
	if (signal != SIGSEGV) kind = 1000 + signal;
	location = 0;
	siglongjmp(out, 1);
}

static void within(Instance *I, u64 at, u64 n, u64 size, u64 k) { if (at > size || n > size - at) trap(I, k, 0); }

static struct Entry entry(Instance *I, u64 table, u64 value)
{
	if (!I->functions[table]) return (struct Entry){(void *)value, 0};
	return value ? I->object->entries[value - 1] : (struct Entry){0, 0};
}

static u64 grow_table(Instance *I, u64 value, u64 n, u64 t)
{
	struct Table *table = &I->tables[t];
	u64 old = table->size;
	if (n > I->most_elements[t] || old + n > I->most_elements[t] || old + n > 1 << 24) return -1;
	table->elements = realloc(table->elements, (old + n + 1) * sizeof(struct Entry));
	for (; table->size < old + n; table->size++) table->elements[table->size] = entry(I, t, value);
	return old;
}

static u64 grow_memory(Instance *I, u64 n)
{
	u64 old = *I->memory_bytes >> 16;
	if (n > I->most || old + n > I->most) return -1;
	if (n && mprotect(I->memory + (old << 16), n << 16, PROT_READ | PROT_WRITE)) return -1;
	*I->memory_bytes += n << 16;
	return old;
}

static void serve(Instance *I, u64 number, u64 *a)
{
	struct Table *t = I->tables;
	switch (number) {
	case 0: a[0] = grow_memory(I, a[0]); break;
	case 1:
		within(I, a[0], a[2], *I->memory_bytes, OutOfBounds);
		within(I, a[1], a[2], data[a[3]].size, OutOfBounds);
		memcpy(I->memory + a[0], (u8 *)data[a[3]].bytes + a[1], a[2]);
		break;
	case 2: data[a[0]].size = 0; break;
	case 3: a[0] = grow_table(I, a[0], a[1], a[2]); break;
	case 4:
		within(I, a[0], a[2], t[a[3]].size, InvalidTableAccess);
		for (u64 i = 0; i < a[2]; i++) t[a[3]].elements[a[0] + i] = entry(I, a[3], a[1]);
		break;
	case 5:
		within(I, a[0], a[2], t[a[3]].size, InvalidTableAccess);
		within(I, a[1], a[2], t[a[4]].size, InvalidTableAccess);
		memmove(t[a[3]].elements + a[0], t[a[4]].elements + a[1], a[2] * sizeof(struct Entry));
		break;
	case 6:
		within(I, a[0], a[2], t[a[4]].size, InvalidTableAccess);
		within(I, a[1], a[2], elements[a[3]].size, InvalidTableAccess);
		for (u64 i = 0; i < a[2]; i++)
			t[a[4]].elements[a[0] + i] = entry(I, a[4], ((u64 *)elements[a[3]].bytes)[a[1] + i]);
		break;
	case 7: elements[a[0]].size = 0; break;
	}
}

/* Segments are the running instance's: an import that is another's function switches. */
typedef struct { Instance *I; Segment *data, *elements; } Home;
static Home homes[4096];

static void host(Instance *I, u64 number, u64 *args)
{
	if (number >> 32) {
		serve(I, (unsigned)number, args);
		return;
	}
	Import *import = &I->imports[number];
	if (!import->to) return; /* spectest's, which print */
	Segment *d = data, *e = elements;
	for (Home *h = homes; h->I; h++)
		if (h->I == import->to) { data = h->data; elements = h->elements; }
	import->to->object->enter[import->entered](import->to, import->to->memory, args);
	data = d;
	elements = e;
}

static u64 number(void) { u64 x = 0; if (scanf("%lx", &x) != 1) exit(1); return x; }

static void *bytes(u64 *size)
{
	*size = number();
	u8 *b = malloc(*size + 1);
	unsigned x;
	for (u64 i = 0; i < *size; i++) { if (scanf("%2x", &x) != 1) exit(1); b[i] = x; }
	return b;
}

static void *library;

static Instance *create(void)
{
	char name[64];
	u64 home = number(), module = number();
	snprintf(name, sizeof name, "M%lu_native_object", module);
	const struct Object *object = dlsym(library, name);
	if (!object) { puts("no object"); exit(1); }
	u64 pages = number(), most = number(), wide = number(), globals = number(), tables = number(), imports = number();
	Instance *I = aligned_alloc(64, (sizeof(Instance) + 16 * globals + 63) & ~63ul);
	memset(I, 0, sizeof *I + 16 * globals);
	I->host = host;
	I->trap = trap;
	I->object = object;
	I->most = most;
	u64 size = wide ? SPREAD + (1ul << 36) + (1ul << 32) + SPREAD + 4096 : (1ul << 33) + 4096;
	I->memory = mmap(0, size, PROT_NONE, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
	if (I->memory == MAP_FAILED) { perror("mmap"); exit(1); }
	I->before = wide ? SPREAD : 0;
	I->memory += I->before;
	I->reservation = size;
	I->memory_bytes = &I->bytes;
	I->bytes = pages << 16;
	if (pages) mprotect(I->memory, I->bytes, PROT_READ | PROT_WRITE);
	I->tables = calloc(tables + 1, sizeof(struct Table));
	I->most_elements = calloc(tables + 1, sizeof(u64));
	I->functions = calloc(tables + 1, sizeof(int));
	I->imports = calloc(imports + 1, sizeof(Import));
	homes[home] = (Home){I, calloc(4096, sizeof(Segment)), calloc(4096, sizeof(Segment))};
	return I;
}

static void enter(Instance *I)
{
	u64 e = number(), n = number(), results = number(), args[2100] = {0};
	for (u64 i = 0; i < n; i++) args[i] = number();
	reserved = I->memory - I->before;
	reservation = I->reservation;
	if (sigsetjmp(out, 1)) {
		printf("trap %lx %lx\n", kind, location);
		return;
	}
	I->object->enter[e](I, I->memory, args);
	printf("ok");
	for (u64 i = 0; i < results; i++) printf(" %lx", args[i]);
	puts("");
}

/* time calls a function that takes an i32 until it takes 8 ms, then that often rounds times; the median in ns. */
static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	double x = *(double *)a, y = *(double *)b;
	return x < y ? -1 : x > y;
}

static void measure(Instance *I)
{
	u64 e = number(), rounds = number(), repeats = number(), args[4];
	double times[64], t = 0;
	for (u64 fixed = repeats, n = fixed ? fixed : 1;; n *= 2) {
		t = now();
		args[0] = n;
		I->object->enter[e](I, I->memory, args);
		repeats = n;
		if (fixed || now() - t > 8e6) break;
	}
	for (u64 r = 0; r < rounds && r < 64; r++) {
		t = now();
		args[0] = repeats;
		I->object->enter[e](I, I->memory, args);
		times[r] = (now() - t) / repeats;
	}
	qsort(times, rounds, sizeof *times, ascending);
	printf("%lx %.1f %lx\n", repeats, times[rounds / 2], args[0]);
}

int main(int argc, char **argv)
{
	static u8 signals[1 << 16];
	sigaltstack(&(stack_t){.ss_sp = signals, .ss_size = sizeof signals}, 0);
	struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
	for (int *s = (int[]){SIGSEGV, SIGBUS, SIGFPE, SIGILL, 0}; *s; s++) sigaction(*s, &action, 0);
	library = dlopen(argv[1], RTLD_NOW);
	if (!library) { puts(dlerror()); return 1; }
	char word[32];
	while (scanf("%31s", word) == 1) {
		if (!strcmp(word, "new")) {
			create();
			puts("ok");
			fflush(stdout);
			continue;
		}
		Home *h = &homes[number()];
		Instance *I = h->I;
		data = h->data;
		elements = h->elements;
		if (!strcmp(word, "global")) {
			u64 i = number();
			I->globals[i][0] = number();
			I->globals[i][1] = number();
		} else if (!strcmp(word, "table")) {
			u64 t = number(), size = number();
			I->most_elements[t] = number();
			I->functions[t] = number();
			I->tables[t] = (struct Table){calloc(size + 1, sizeof(struct Entry)), size};
		} else if (!strcmp(word, "set")) {
			u64 t = number(), i = number();
			I->tables[t].elements[i] = entry(I, t, number());
		} else if (!strcmp(word, "write")) {
			u64 at = number(), size;
			void *b = bytes(&size);
			memcpy(I->memory + at, b, size);
		} else if (!strcmp(word, "data")) {
			u64 i = number();
			data[i].bytes = bytes(&data[i].size);
		} else if (!strcmp(word, "elements")) {
			u64 i = number(), n = number(), *v = calloc(n + 1, 8);
			for (u64 k = 0; k < n; k++) v[k] = number();
			elements[i] = (Segment){n, v};
		} else if (!strcmp(word, "import")) {
			u64 i = number(), to = number();
			I->imports[i] = (Import){homes[to].I, number()};
		} else if (!strcmp(word, "share")) {
			Instance *from = homes[number()].I;
			I->memory = from->memory;
			I->memory_bytes = from->memory_bytes;
			I->most = from->most;
		} else if (!strcmp(word, "enter")) {
			enter(I);
			fflush(stdout);
			continue;
		} else if (!strcmp(word, "read")) {
			u64 i = number();
			printf("ok %lx %lx\n", I->globals[i][0], I->globals[i][1]);
			fflush(stdout);
			continue;
		} else if (!strcmp(word, "memory")) {
			u64 sum = 14695981039346656037ul;
			for (u64 i = 0; i < *I->memory_bytes; i++) sum = (sum ^ I->memory[i]) * 1099511628211ul;
			printf("ok %lx %lx\n", *I->memory_bytes, sum);
			fflush(stdout);
			continue;
		} else if (!strcmp(word, "measure")) {
			measure(I);
			fflush(stdout);
			continue;
		}
		puts("ok");
		fflush(stdout);
	}
}
