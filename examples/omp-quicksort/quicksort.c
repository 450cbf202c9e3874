/* Quicksort by OpenMP's tasks: each half of a partition is a task, down to a size below which one thread sorts it. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

enum { FEW = 2000 }; /* too few for a task */

static void swap(long *a, long *b)
{
	long t = *a;
	*a = *b;
	*b = t;
}

/* Puts what is at most the pivot in front of what is at least that, and says how many are in front: fewer than n. */
static long partition(long *keys, long n)
{
	long pivot = keys[(n - 1) / 2], i = -1, j = n;
	for (;;) {
		while (keys[++i] < pivot) {
		}
		while (keys[--j] > pivot) {
		}
		if (i >= j)
			return j + 1;
		swap(&keys[i], &keys[j]);
	}
}

static void sort(long *keys, long n)
{
	while (n > 1) {
		long left = partition(keys, n);
#pragma omp task if (left > FEW) final(left <= FEW) firstprivate(keys, left)
		sort(keys, left);
		keys += left;
		n -= left;
	}
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 1000000, sum = 0, after = 0, disorder = 0;
	int threads = 1;
	if (n < 1)
		n = 1;
	long *keys = malloc(n * sizeof *keys);
	unsigned long random = 12345;
	for (long i = 0; i < n; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		keys[i] = random >> 40;
		sum += keys[i];
	}
#pragma omp parallel
#pragma omp single
	{
		threads = omp_get_num_threads();
		sort(keys, n); /* the region's end waits for all tasks */
	}
#pragma omp parallel for reduction(+ : after, disorder)
	for (long i = 0; i < n; i++) {
		after += keys[i];
		disorder += i > 0 && keys[i - 1] > keys[i];
	}
	int sorted = disorder == 0 && after == sum;
	printf("%ld keys by tasks of %d threads: %s\n", n, threads, sorted ? "sorted" : "NOT SORTED");
	free(keys);
	return !sorted;
}
