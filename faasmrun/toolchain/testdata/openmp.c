/* Directives of every kind: what clang calls for them must be known to the linker (kmpc.h). */
#include <omp.h>
#include <stddef.h>

static int own;
#pragma omp threadprivate(own)

typedef struct {
	double x, y;
} point;
static void join(point *a, const point *b)
{
	a->x += b->x;
	a->y += b->y;
}
#pragma omp declare reduction(join : point : join(&omp_out, &omp_in)) initializer(omp_priv = (point){ 0, 0 })

static int loops(int n)
{
	int sum = 0;
	long long wide = 0;
	unsigned narrow = 0;
	point p = { 0, 0 };
	long double big = 0;
#pragma omp parallel for schedule(static, 3) reduction(+ : sum) num_threads(2) proc_bind(close) if (n > 2)
	for (int i = 0; i < n; i++)
		sum += i;
#pragma omp parallel for schedule(dynamic) reduction(max : wide)
	for (long long i = 0; i < n; i++)
		wide = i > wide ? i : wide;
#pragma omp parallel for schedule(guided) ordered lastprivate(narrow)
	for (unsigned i = 0; i < (unsigned)n; i++) {
		narrow = i;
#pragma omp ordered
		own += (int)i;
	}
#pragma omp parallel for schedule(runtime) reduction(join : p) collapse(2)
	for (unsigned long long i = 0; i < (unsigned long long)n; i++)
		for (int k = 0; k < 3; k++)
			p.x += k;
#pragma omp parallel for
	for (int i = 0; i < n; i++)
#pragma omp atomic
		big += i;
#pragma omp parallel for ordered(1)
	for (int i = 1; i < n; i++) {
#pragma omp ordered depend(sink : i - 1)
		sum++;
#pragma omp ordered depend(source)
	}
#pragma omp teams distribute parallel for reduction(+ : sum) num_teams(2) thread_limit(2)
	for (int i = 0; i < n; i++)
		sum += i;
#pragma omp target teams distribute parallel for map(tofrom : sum) schedule(dynamic) dist_schedule(static, 2)
	for (int i = 0; i < n; i++)
		sum += i;
	return sum + (int)wide + (int)narrow + (int)p.x + (int)big;
}

static int synchronisation(int n)
{
	int sum = 0;
#pragma omp parallel copyin(own)
	{
		int copied = 0;
#pragma omp master
		sum += own;
#pragma omp masked filter(1)
		sum++;
#pragma omp single copyprivate(copied)
		copied = n;
#pragma omp critical(named)
		sum += copied;
#pragma omp critical(hinted) hint(omp_sync_hint_contended)
		sum++;
#pragma omp barrier
#pragma omp flush
#pragma omp sections
		{
			sum++;
#pragma omp section
			sum--;
		}
#pragma omp for
		for (int i = 0; i < n; i++) {
#pragma omp cancel for if (i > 5)
#pragma omp cancellation point for
		}
	}
	return sum;
}

static int tasks(int n)
{
	int sum = 0, array[4] = { 0 };
	omp_event_handle_t event = 0;
#pragma omp parallel
#pragma omp single
	{
#pragma omp task depend(out : array[0]) shared(sum) priority(2)
		sum++;
#pragma omp task depend(in : array[0]) if (n > 3)
		array[1]++;
#pragma omp taskwait depend(in : array[1])
#pragma omp task detach(event)
		omp_fulfill_event(event);
#pragma omp taskgroup task_reduction(+ : sum)
		{
#pragma omp task in_reduction(+ : sum)
			sum += n;
		}
#pragma omp taskloop grainsize(2) reduction(+ : sum)
		for (int i = 0; i < n; i++)
			sum += i;
#pragma omp taskloop num_tasks(strict : 2)
		for (int i = 0; i < n; i++)
			array[i % 4] = i;
#pragma omp taskwait
#pragma omp taskyield
	}
#pragma omp parallel for reduction(task, + : sum)
	for (int i = 0; i < n; i++)
#pragma omp task in_reduction(+ : sum)
		sum++;
	return sum + array[3];
}

static int routines(int n)
{
	omp_lock_t lock;
	omp_nest_lock_t nest;
	double begin = omp_get_wtime();
	omp_init_lock_with_hint(&lock, omp_sync_hint_none);
	omp_init_nest_lock(&nest);
	if (omp_test_lock(&lock))
		omp_unset_lock(&lock);
	omp_destroy_lock(&lock);
	omp_destroy_nest_lock(&nest);
	omp_alloctrait_t traits[] = { { omp_atk_alignment, 64 } };
	omp_allocator_handle_t allocator = omp_init_allocator(omp_default_mem_space, 1, traits);
	int *memory = omp_alloc(sizeof *memory, allocator), private = 1;
#pragma omp parallel private(private) allocate(omp_thread_mem_alloc : private)
	private = *memory;
	omp_free(memory, allocator);
	omp_destroy_allocator(allocator);
#pragma omp error at(execution) severity(warning) message("said")
	return n + private + omp_get_num_procs() + (int)(omp_get_wtime() - begin);
}

int main(int argc, char **argv)
{
	return loops(argc) + synchronisation(argc) + tasks(argc) + routines(argc);
}
