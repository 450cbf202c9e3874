// Every rank says who and where it is.
#include <mpi.h>
#include <stdio.h>

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  int rank, size, length;
  char name[MPI_MAX_PROCESSOR_NAME];
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MPI_Get_processor_name(name, &length);
  printf("hello from rank %d of %d\n", rank, size);
  if (rank == 0) fprintf(stderr, "rank 0 runs on %s\n", name);
  MPI_Finalize();
  return 0;
}
