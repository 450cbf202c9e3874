/* What it takes to begin and to end. */
#include <mpi.h>
#include <stdio.h>

int main(int argc, char **argv) {
    int me;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &me);
    if (me == 0)
        puts("started");
    MPI_Finalize();
    return 0;
}
