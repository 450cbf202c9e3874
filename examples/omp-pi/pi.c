/* The midpoint rule over 4/(1+x^2) by the threads of one process. */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	long steps = argc > 1 ? atol(argv[1]) : 10000000;
	double width = 1.0 / steps, sum = 0;
	int threads = 0;
#pragma omp parallel
#pragma omp single
	threads = omp_get_num_threads();
#pragma omp parallel for reduction(+ : sum)
	for (long i = 0; i < steps; i++) {
		double x = (i + 0.5) * width;
		sum += 4 / (1 + x * x);
	}
	double pi = sum * width;
	printf("%d threads: pi is about %.10f, error below 1e-10: %s\n", threads, pi, fabs(pi - M_PI) < 1e-10 ? "yes" : "no");
	return 0;
}
