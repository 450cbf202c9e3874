/* A product of two matrices, rows dealt out to threads, held against what it must be. */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 200;
	size_t size = (size_t)n * n * sizeof(double);
	double *a = malloc(size), *b = malloc(size), *c = malloc(size);
	if (n < 1 || !a || !b || !c) {
		fprintf(stderr, "matmul: no room for matrices of %d rows\n", n);
		return 1;
	}
	int wrong = 0;
#pragma omp parallel
	{
#pragma omp for collapse(2)
		for (int i = 0; i < n; i++)
			for (int j = 0; j < n; j++) {
				a[i * n + j] = i + j;
				b[i * n + j] = i - j;
			}
#pragma omp for schedule(runtime)
		for (int i = 0; i < n; i++)
			for (int j = 0; j < n; j++) {
				double sum = 0;
				for (int k = 0; k < n; k++)
					sum += a[i * n + k] * b[k * n + j];
				c[i * n + j] = sum;
			}
		/* The sum over k of (i + k) * (k - j). */
		double k1 = (double)n * (n - 1) / 2, k2 = (double)(n - 1) * n * (2 * n - 1) / 6;
#pragma omp for reduction(+ : wrong) schedule(guided)
		for (int i = 0; i < n; i++)
			for (int j = 0; j < n; j++)
				wrong += c[i * n + j] != k2 + (i - j) * k1 - (double)n * i * j;
	}
	printf("%d rows, %d wrong\n", n, wrong);
	free(a);
	free(b);
	free(c);
	return wrong > 0;
}
