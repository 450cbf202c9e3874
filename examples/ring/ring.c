// A token goes round the ring of ranks; each rank adds its number. With one rank the token is sent to oneself.
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  int rank, size;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  int rounds = argc > 1 ? atoi(argv[1]) : 3;
  int next = (rank + 1) % size, previous = (rank + size - 1) % size;
  long token = 0;
  for (int round = 0; round < rounds; round++) {
    if (rank == 0) {
      MPI_Request sent;
      MPI_Isend(&token, 1, MPI_LONG, next, round, MPI_COMM_WORLD, &sent);
      long back;
      MPI_Recv(&back, 1, MPI_LONG, previous, round, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      MPI_Wait(&sent, MPI_STATUS_IGNORE);
      token = back;
      printf("round %d: the token is back with %ld\n", round, token);
    } else {
      MPI_Recv(&token, 1, MPI_LONG, previous, round, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      token += rank;
      MPI_Send(&token, 1, MPI_LONG, next, round, MPI_COMM_WORLD);
    }
  }
  MPI_Finalize();
  return 0;
}
