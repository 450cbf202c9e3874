/* Heat on a square plate by Jacobi iteration, by threads of one process: one parallel region around all steps. */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 128 };
static double now[N][N], next[N][N];

int main(int argc, char **argv)
{
	int steps = argc > 1 ? atoi(argv[1]) : 1000;
	double change = 0, sum = 0;
	for (int j = 0; j < N; j++)
		now[0][j] = next[0][j] = 100;
#pragma omp parallel
	for (int step = 1; step <= steps; step++) {
#pragma omp barrier /* before the largest change is set back, all have seen it */
#pragma omp single
		change = 0;
#pragma omp for reduction(max : change)
		for (int i = 1; i < N - 1; i++)
			for (int j = 1; j < N - 1; j++) {
				next[i][j] = 0.25 * (now[i - 1][j] + now[i + 1][j] + now[i][j - 1] + now[i][j + 1]);
				change = fmax(change, fabs(next[i][j] - now[i][j]));
			}
#pragma omp for
		for (int i = 1; i < N - 1; i++)
			memcpy(now[i], next[i], sizeof now[i]);
#pragma omp master
		if (step % 250 == 0)
			printf("step %d: largest change %.3e\n", step, change);
	}
#pragma omp parallel for reduction(+ : sum) schedule(static, 8)
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++)
			sum += now[i][j];
	printf("mean temperature %.9f\n", sum / (N * N));
	return 0;
}
