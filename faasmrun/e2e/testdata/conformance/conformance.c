// A conformance program: each chapter of MPI uses its functions and checks what they gave. It runs on any number of ranks, and
// prints one line.
#include "conformance.h"

int rank, size;
static int checks, failures;

void check(int holds, const char *what, const char *file, int line)
{
    checks++;
    if (holds)
        return;
    failures++;
    printf("rank %d of %d: %s:%d: %s does not hold\n", rank, size, file, line, what);
}

int main(int argc, char **argv)
{
    int flag, provided, total[2], mine[2];
    MPI_Initialized(&flag);
    CHECK(!flag);
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    CHECK(provided >= MPI_THREAD_SINGLE);

    struct { const char *name; void (*run)(void); } chapters[] = {
        {"environment", environment}, {"point to point", point_to_point}, {"requests", requests}, {"datatypes", datatypes},
        {"collectives", collectives}, {"communicators", communicators}, {"topologies", topologies}, {"earlier and later", earlier_and_later},
    };
    for (size_t i = 0; i < sizeof chapters / sizeof *chapters; i++) {
        chapters[i].run();
        MPI_Barrier(MPI_COMM_WORLD);
    }
    mine[0] = checks, mine[1] = failures;
    MPI_Reduce(mine, total, 2, MPI_INT, MPI_SUM, 0, MPI_COMM_WORLD);
    if (rank == 0)
        printf("%s: %d checks, %d failures\n", total[1] ? "FAILED" : "passed", total[0], total[1]);
    MPI_Finalize();
    MPI_Finalized(&flag);
    return !flag || failures > 0;
}
