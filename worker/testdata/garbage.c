// Rank 0 computes for a few seconds without a call; the others open files, which leaves garbage on the host's heap, and
// look at the clock. Prints the longest that any of them was held up, and how long rank 0 computed.
#include <fcntl.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int rank;
  long opened = 0, total;
  double longest = 0, worst, computed = 0;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  long rounds = atol(argv[1]);
  double seconds = atof(argv[2]);
  MPI_Barrier(MPI_COMM_WORLD);
  double began = MPI_Wtime();
  if (rank == 0) {
    volatile double x = 0;
    for (long i = 0; i < rounds; i++) x += i;
    computed = MPI_Wtime() - began;
  } else {
    for (double last = began, now; last - began < seconds; last = now) {
      close(open("file", O_RDWR | O_CREAT, 0600));
      opened++;
      now = MPI_Wtime();
      if (now - last > longest) longest = now - last;
    }
  }
  MPI_Reduce(&longest, &worst, 1, MPI_DOUBLE, MPI_MAX, 0, MPI_COMM_WORLD);
  MPI_Reduce(&opened, &total, 1, MPI_LONG, MPI_SUM, 0, MPI_COMM_WORLD);
  if (rank == 0) printf("%f %f %ld\n", worst, computed, total);
  MPI_Finalize();
  return 0;
}
