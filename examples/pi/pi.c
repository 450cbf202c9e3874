// Pi by the midpoint rule over 4/(1+x^2); the intervals are dealt out to the ranks and summed with one reduction.
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  int rank, size;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  long intervals = rank == 0 && argc > 1 ? atol(argv[1]) : 10000000;
  MPI_Bcast(&intervals, 1, MPI_LONG, 0, MPI_COMM_WORLD);

  double width = 1.0 / intervals, sum = 0.0, pi;
  for (long i = rank; i < intervals; i += size) {
    double x = width * (i + 0.5);
    sum += 4.0 / (1.0 + x * x);
  }
  sum *= width;
  MPI_Reduce(&sum, &pi, 1, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
  if (rank == 0) printf("pi is about %.10f, error below %s\n", pi, fabs(pi - M_PI) < 1e-10 ? "1e-10" : "1e-4");
  MPI_Finalize();
  return 0;
}
