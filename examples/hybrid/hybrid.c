/* MPI's ranks that each run a team of OpenMP's threads: heat on a rod that is shared out to the ranks, their parts to
   threads. The first thread exchanges the ends of the parts with the neighbours, while the others begin within. */
#include <math.h>
#include <mpi.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

enum { CELLS = 4096, STEPS = 500 };

static double step(const double *t, long i) { return t[i] + 0.25 * (t[i - 1] - 2 * t[i] + t[i + 1]); }

/* The whole rod on one thread. */
static double alone(void)
{
	static double now[CELLS + 2], next[CELLS + 2];
	double sum = 0;
	now[0] = next[0] = 100;
	for (int s = 0; s < STEPS; s++) {
		for (long i = 1; i <= CELLS; i++)
			next[i] = step(now, i);
		for (long i = 1; i <= CELLS; i++)
			now[i] = next[i];
	}
	for (long i = 1; i <= CELLS; i++)
		sum += now[i];
	return sum;
}

int main(int argc, char **argv)
{
	int given, rank, ranks, threads = 1;
	MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &given);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	if (given < MPI_THREAD_FUNNELED || CELLS / ranks < 3) {
		fprintf(stderr, "no threads beside MPI, or too many ranks\n");
		MPI_Abort(MPI_COMM_WORLD, 2);
	}
	long first = (long)CELLS * rank / ranks, n = (long)CELLS * (rank + 1) / ranks - first;
	int left = rank > 0 ? rank - 1 : MPI_PROC_NULL, right = rank < ranks - 1 ? rank + 1 : MPI_PROC_NULL;
	double *now = calloc(n + 2, sizeof *now), *next = calloc(n + 2, sizeof *next), sum = 0, all;
	if (rank == 0)
		now[0] = 100;
#pragma omp parallel
	{
#pragma omp single
		threads = omp_get_num_threads();
		for (int s = 0; s < STEPS; s++) {
#pragma omp masked
			{
				MPI_Sendrecv(&now[1], 1, MPI_DOUBLE, left, 0, &now[n + 1], 1, MPI_DOUBLE, right, 0, MPI_COMM_WORLD,
					     MPI_STATUS_IGNORE);
				MPI_Sendrecv(&now[n], 1, MPI_DOUBLE, right, 1, &now[0], 1, MPI_DOUBLE, left, 1, MPI_COMM_WORLD,
					     MPI_STATUS_IGNORE);
				next[1] = step(now, 1);
				next[n] = step(now, n);
			}
#pragma omp for schedule(dynamic, 128)
			for (long i = 2; i < n; i++)
				next[i] = step(now, i);
#pragma omp for
			for (long i = 1; i <= n; i++)
				now[i] = next[i];
		}
#pragma omp for reduction(+ : sum)
		for (long i = 1; i <= n; i++)
			sum += now[i];
	}
	MPI_Reduce(&sum, &all, 1, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
	int wrong = 0;
	if (rank == 0) {
		wrong = !(fabs(all - alone()) < 1e-9 * all);
		printf("%d ranks of %d threads: heat %.6f, as on one thread: %s\n", ranks, threads, all, wrong ? "NO" : "yes");
	}
	free(now);
	free(next);
	MPI_Finalize();
	return wrong;
}
