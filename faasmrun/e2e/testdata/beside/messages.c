/* Times of messages and collectives: messages TEST MILLISECONDS BYTES... prints "BYTES MICROSECONDS" for each size, on rank 0:
   the median over batches of the mean of a batch. A ping-pong's time is one way, a rate's that of one message. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { batches = 11, window = 64 };

static int me, n;
static char *out, *in;

static void pingpong(int bytes) {
    if (me == 0) {
        MPI_Send(out, bytes, MPI_BYTE, 1, 1, MPI_COMM_WORLD);
        MPI_Recv(in, bytes, MPI_BYTE, 1, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    } else if (me == 1) {
        MPI_Recv(in, bytes, MPI_BYTE, 0, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        MPI_Send(out, bytes, MPI_BYTE, 0, 1, MPI_COMM_WORLD);
    }
}

static void rate(int bytes) {
    MPI_Request requests[window];
    if (me > 1)
        return;
    for (int i = 0; i < window; i++)
        if (me == 0)
            MPI_Isend(out, bytes, MPI_BYTE, 1, 1, MPI_COMM_WORLD, &requests[i]);
        else
            MPI_Irecv(in, bytes, MPI_BYTE, 0, 1, MPI_COMM_WORLD, &requests[i]);
    MPI_Waitall(window, requests, MPI_STATUSES_IGNORE);
    if (me == 0)
        MPI_Recv(in, 0, MPI_BYTE, 1, 2, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    else
        MPI_Send(out, 0, MPI_BYTE, 0, 2, MPI_COMM_WORLD);
}

static void barrier(int bytes) { MPI_Barrier(MPI_COMM_WORLD); }
static void bcast(int bytes) { MPI_Bcast(out, bytes, MPI_BYTE, 0, MPI_COMM_WORLD); }
static void allreduce(int bytes) { MPI_Allreduce(out, in, bytes / 8, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD); }
static void alltoall(int bytes) { MPI_Alltoall(out, bytes, MPI_BYTE, in, bytes, MPI_BYTE, MPI_COMM_WORLD); }

static const struct test {
    const char *name;
    void (*run)(int bytes);
    double per; /* what one run is counted as */
} tests[] = {{"pingpong", pingpong, 2}, {"rate", rate, window}, {"barrier", barrier, 1},
             {"bcast", bcast, 1}, {"allreduce", allreduce, 1}, {"alltoall", alltoall, 1}};

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double batch(const struct test *t, int bytes, int runs) {
    MPI_Barrier(MPI_COMM_WORLD);
    double begin = MPI_Wtime();
    for (int i = 0; i < runs; i++)
        t->run(bytes);
    return (MPI_Wtime() - begin) * 1e6;
}

/* as many runs as a batch has time for, the same on every rank */
static int calibrate(const struct test *t, int bytes, double microseconds) {
    int runs = 2;
    for (;;) {
        double took = batch(t, bytes, runs);
        int more = took < microseconds / 2 ? 2 * runs : 0;
        MPI_Bcast(&more, 1, MPI_INT, 0, MPI_COMM_WORLD);
        if (more == 0)
            return runs;
        runs = more;
    }
}

int main(int argc, char **argv) {
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &me);
    MPI_Comm_size(MPI_COMM_WORLD, &n);
    const struct test *t = tests;
    while (argc < 4 || strcmp(t->name, argv[1]) != 0)
        if (argc < 4 || ++t == tests + sizeof tests / sizeof *tests) {
            fprintf(stderr, "usage: messages pingpong|rate|barrier|bcast|allreduce|alltoall MILLISECONDS BYTES...\n");
            MPI_Abort(MPI_COMM_WORLD, 2);
        }
    for (int i = 3; i < argc; i++) {
        int bytes = atoi(argv[i]);
        size_t room = (size_t)(bytes ? bytes : 1) * (t->run == alltoall ? n : 1);
        out = calloc(room, 1);
        in = calloc(room, 1);
        if (!out || !in)
            MPI_Abort(MPI_COMM_WORLD, 3);
        int runs = calibrate(t, bytes, atof(argv[2]) * 1000 / batches);
        double times[batches];
        for (int b = 0; b < batches; b++)
            times[b] = batch(t, bytes, runs) / runs / t->per;
        qsort(times, batches, sizeof *times, ascending);
        if (me == 0)
            printf("%d %.4f\n", bytes, times[batches / 2]);
        free(out);
        free(in);
    }
    MPI_Finalize();
    return 0;
}
