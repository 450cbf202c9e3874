/* Two small applications: kernels stencil|dgemm N STEPS prints "N MICROSECONDS", the time of one step on rank 0, the median of all,
   and checks its result. The stencil averages the four neighbours of each point of an N x N grid that is cut into strips of
   rows; the product of two N x N matrices broadcasts the second one's rows, a panel at a time. */
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int me, ranks;

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double *grid(size_t rows, size_t columns) {
    double *g = calloc(rows * columns, sizeof *g);
    if (!g)
        MPI_Abort(MPI_COMM_WORLD, 3);
    return g;
}

/* the grid is x + 2y, whose averages are itself: a stencil that errs shows */
static int stencil(int n, int steps, double *times) {
    int rows = n / ranks, up = me ? me - 1 : MPI_PROC_NULL, down = me < ranks - 1 ? me + 1 : MPI_PROC_NULL;
    double *a = grid(rows + 2, n), *b = grid(rows + 2, n);
    for (int i = 0; i < rows + 2; i++)
        for (int j = 0; j < n; j++)
            a[(size_t)i * n + j] = b[(size_t)i * n + j] = j + 2.0 * (me * rows + i);
    for (int s = 0; s < steps; s++) {
        double begin = MPI_Wtime();
        MPI_Sendrecv(a + n, n, MPI_DOUBLE, up, 0, a + (size_t)(rows + 1) * n, n, MPI_DOUBLE, down, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        MPI_Sendrecv(a + (size_t)rows * n, n, MPI_DOUBLE, down, 1, a, n, MPI_DOUBLE, up, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        for (int i = 1; i <= rows; i++) {
            const double *restrict above = a + (size_t)(i - 1) * n, *restrict here = above + n, *restrict below = here + n;
            double *restrict to = b + (size_t)i * n;
            for (int j = 1; j < n - 1; j++)
                to[j] = 0.25 * (above[j] + here[j - 1] + here[j + 1] + below[j]);
        }
        double *c = a;
        a = b;
        b = c;
        times[s] = (MPI_Wtime() - begin) * 1e6;
    }
    int wrong = 0;
    for (int i = 1; i <= rows; i++)
        for (int j = 1; j < n - 1; j++)
            wrong += fabs(a[(size_t)i * n + j] - (j + 2.0 * (me * rows + i))) > 1e-9;
    return wrong;
}

/* row i of the first is i + 1 everywhere, and so each element of the product (i + 1) * sum of a column */
static int dgemm(int n, int steps, double *times) {
    enum { panel = 32 };
    int rows = n / ranks;
    double *a = grid(rows, n), *c = grid(rows, n), *mine = grid(rows, n), *b = grid(panel, n);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < n; j++) {
            a[(size_t)i * n + j] = me * rows + i + 1;
            mine[(size_t)i * n + j] = j + 1;
        }
    for (int s = 0; s < steps; s++) {
        double begin = MPI_Wtime();
        memset(c, 0, (size_t)rows * n * sizeof *c);
        for (int k = 0; k < n; k += panel) {
            int owner = k / rows;
            if (owner == me)
                memcpy(b, mine + (size_t)(k - me * rows) * n, panel * n * sizeof *b);
            MPI_Bcast(b, panel * n, MPI_DOUBLE, owner, MPI_COMM_WORLD);
            for (int i = 0; i < rows; i++)
                for (int l = 0; l < panel; l++) {
                    double x = a[(size_t)i * n + k + l];
                    const double *restrict from = b + (size_t)l * n;
                    double *restrict to = c + (size_t)i * n;
                    for (int j = 0; j < n; j++)
                        to[j] += x * from[j];
                }
        }
        times[s] = (MPI_Wtime() - begin) * 1e6;
    }
    int wrong = 0;
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < n; j++)
            wrong += c[(size_t)i * n + j] != (double)(me * rows + i + 1) * n * (j + 1);
    return wrong;
}

int main(int argc, char **argv) {
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &me);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    int n = argc == 4 ? atoi(argv[2]) : 0, steps = argc == 4 ? atoi(argv[3]) : 0;
    double *times = malloc(sizeof *times * (steps > 0 ? steps : 1));
    if (n < 1 || steps < 1 || n % (32 * ranks) || !times) {
        fprintf(stderr, "usage: kernels stencil|dgemm N STEPS, N a multiple of 32 times the ranks\n");
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    int wrong = strcmp(argv[1], "dgemm") ? stencil(n, steps, times) : dgemm(n, steps, times), all;
    MPI_Reduce(&wrong, &all, 1, MPI_INT, MPI_SUM, 0, MPI_COMM_WORLD);
    qsort(times, steps, sizeof *times, ascending);
    if (me == 0) {
        if (all)
            fprintf(stderr, "%d wrong elements\n", all);
        else
            printf("%d %.1f\n", n, times[steps / 2]);
    }
    MPI_Finalize();
    return 0;
}
