// Collectives: each blocking, nonblocking and (MPI 4) persistent, with and without MPI_IN_PLACE, from every root; operations.
#include "conformance.h"

static MPI_Request request;

// EACH runs a collective (whose name stands twice, the second time in lower case) in its forms, each followed by a check of
// what it gave. prepare sets its buffers.
#if MPI_VERSION >= 4
#define PERSISTENT(name, prepare, expected, ...) \
    MPI_##name##_init(__VA_ARGS__, MPI_COMM_WORLD, MPI_INFO_NULL, &request); \
    for (int round = 0; round < 2; round++) { \
        prepare; \
        MPI_Start(&request); \
        MPI_Wait(&request, MPI_STATUS_IGNORE); \
        CHECK(expected); \
    } \
    MPI_Request_free(&request)
#else
#define PERSISTENT(name, prepare, expected, ...)
#endif
#define EACH(name, lower, prepare, expected, ...) \
    do { \
        prepare; \
        MPI_##name(__VA_ARGS__, MPI_COMM_WORLD); \
        CHECK(expected); \
        prepare; \
        MPI_I##lower(__VA_ARGS__, MPI_COMM_WORLD, &request); \
        MPI_Wait(&request, MPI_STATUS_IGNORE); \
        CHECK(expected); \
        PERSISTENT(name, prepare, expected, __VA_ARGS__); \
    } while (0)

static int *a, *b, *counts, *places;
static MPI_Datatype *types;
enum { LENGTH = 3 }; // ints a rank contributes, at most

// value is element i of what rank r brings.
static int value(int r, int i) { return r * 100 + i; }

static void bring(int n)
{
    for (int i = 0; i < n; i++)
        a[i] = value(rank, i);
    for (int i = 0; i < size * LENGTH; i++)
        b[i] = -1;
}

// gathered tells whether p holds n elements of each rank, one rank's behind the other's.
static int gathered(const int *p, int n)
{
    for (int r = 0; r < size; r++)
        for (int i = 0; i < n; i++)
            if (p[r * n + i] != value(r, i))
                return 0;
    return 1;
}

// gathered_v does so where rank r brought r % LENGTH elements.
static int gathered_v(const int *p)
{
    for (int r = 0; r < size; r++)
        for (int i = 0; i < counts[r]; i++)
            if (p[places[r] + i] != value(r, i))
                return 0;
    return 1;
}

// exchanged tells whether p holds block rank of each rank's n-element blocks.
static int exchanged(const int *p, int n)
{
    for (int r = 0; r < size; r++)
        for (int i = 0; i < n; i++)
            if (p[r * n + i] != value(r, rank * n + i))
                return 0;
    return 1;
}

static int scattered(const int *p, int n, int root)
{
    for (int i = 0; i < n; i++)
        if (p[i] != value(root, rank * n + i))
            return 0;
    return 1;
}

// sums tells whether p holds n sums over ranks lo to hi, from element at on.
static int sums(const int *p, int n, int at, int lo, int hi)
{
    for (int i = 0; i < n; i++) {
        int sum = 0;
        for (int r = lo; r < hi; r++)
            sum += value(r, at + i);
        if (p[i] != sum)
            return 0;
    }
    return 1;
}

static void in_place(int n)
{
    bring(0);
    for (int i = 0; i < n; i++)
        b[rank * n + i] = value(rank, i);
}

static void bring_to_b(int n)
{
    for (int i = 0; i < n; i++)
        b[i] = value(rank, i);
}

static void rooted(int root)
{
    int own = rank == root, n = LENGTH;
    EACH(Bcast, bcast, (bring(0), own ? bring_to_b(n) : (void)0), b[0] == value(root, 0) && b[n - 1] == value(root, n - 1), b, n, MPI_INT, root);
    EACH(Gather, gather, bring(n), !own || gathered(b, n), a, n, MPI_INT, b, n, MPI_INT, root);
    EACH(Gather, gather, (bring(n), own ? in_place(n) : (void)0), !own || gathered(b, n), own ? MPI_IN_PLACE : a, n, MPI_INT, b, n, MPI_INT, root);
    EACH(Gatherv, gatherv, bring(n), !own || gathered_v(b), a, counts[rank], MPI_INT, b, counts, places, MPI_INT, root);
    EACH(Scatter, scatter, bring(n * size), scattered(b, n, root), a, n, MPI_INT, b, n, MPI_INT, root);
    EACH(Scatterv, scatterv, bring(n * size), counts[rank] == 0 || b[0] == value(root, places[rank]), a, counts, places, MPI_INT, b, counts[rank], MPI_INT, root);
    EACH(Reduce, reduce, bring(n), !own || sums(b, n, 0, 0, size), a, b, n, MPI_INT, MPI_SUM, root);
    EACH(Reduce, reduce, (bring(n), bring_to_b(n)), !own || sums(b, n, 0, 0, size), own ? MPI_IN_PLACE : a, b, n, MPI_INT, MPI_SUM, root);
}

static void all_to_all(void)
{
    int n = LENGTH;
    EACH(Allgather, allgather, bring(n), gathered(b, n), a, n, MPI_INT, b, n, MPI_INT);
    EACH(Allgather, allgather, in_place(n), gathered(b, n), MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, b, n, MPI_INT);
    EACH(Allgatherv, allgatherv, bring(n), gathered_v(b), a, counts[rank], MPI_INT, b, counts, places, MPI_INT);
    EACH(Alltoall, alltoall, bring(n * size), exchanged(b, n), a, n, MPI_INT, b, n, MPI_INT);
    EACH(Alltoall, alltoall, bring_to_b(n * size), exchanged(b, n), MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, b, n, MPI_INT);
    int *same = malloc(3 * size * sizeof *same), *at = same + size, *bytes = at + size;
    for (int r = 0; r < size; r++)
        same[r] = n, at[r] = r * n, bytes[r] = at[r] * (int)sizeof(int), types[r] = MPI_INT;
    EACH(Alltoallv, alltoallv, bring(n * size), exchanged(b, n), a, same, at, MPI_INT, b, same, at, MPI_INT);
    EACH(Alltoallw, alltoallw, bring(n * size), exchanged(b, n), a, same, bytes, types, b, same, bytes, types);
    free(same);
}

static void reductions(void)
{
    int n = LENGTH;
    int *shares = malloc(size * sizeof *shares);
    for (int r = 0; r < size; r++)
        shares[r] = n;
    EACH(Allreduce, allreduce, bring(n), sums(b, n, 0, 0, size), a, b, n, MPI_INT, MPI_SUM);
    EACH(Allreduce, allreduce, bring_to_b(n), sums(b, n, 0, 0, size), MPI_IN_PLACE, b, n, MPI_INT, MPI_SUM);
    EACH(Scan, scan, bring(n), sums(b, n, 0, 0, rank + 1), a, b, n, MPI_INT, MPI_SUM);
    EACH(Scan, scan, bring_to_b(n), sums(b, n, 0, 0, rank + 1), MPI_IN_PLACE, b, n, MPI_INT, MPI_SUM);
    EACH(Exscan, exscan, bring(n), rank == 0 || sums(b, n, 0, 0, rank), a, b, n, MPI_INT, MPI_SUM);
    EACH(Reduce_scatter_block, reduce_scatter_block, bring(n * size), sums(b, n, rank * n, 0, size), a, b, n, MPI_INT, MPI_SUM);
    EACH(Reduce_scatter_block, reduce_scatter_block, bring_to_b(n * size), sums(b, n, rank * n, 0, size), MPI_IN_PLACE, b, n, MPI_INT, MPI_SUM);
    EACH(Reduce_scatter, reduce_scatter, bring(n * size), sums(b, n, rank * n, 0, size), a, b, shares, MPI_INT, MPI_SUM);
    EACH(Reduce_scatter, reduce_scatter, bring_to_b(n * size), sums(b, n, rank * n, 0, size), MPI_IN_PLACE, b, shares, MPI_INT, MPI_SUM);
    free(shares);
}

// operations reduces by each predefined operation, against a loop over the ranks' values.
static void operations(void)
{
    struct { MPI_Op op; unsigned want; } cases[] = {{MPI_MAX}, {MPI_MIN}, {MPI_PROD}, {MPI_LAND}, {MPI_BAND}, {MPI_LOR}, {MPI_BOR}, {MPI_LXOR}, {MPI_BXOR}};
    for (int c = 0; c < 9; c++) {
        unsigned all = 3, got;
        for (int r = 0; r < size; r++) {
            unsigned x = 3 + r % 4;
            if (r == 0)
                all = c == 3 || c == 5 || c == 7 ? !!x : x;
            else
                switch (c) {
                case 0: all = x > all ? x : all; break;
                case 1: all = x < all ? x : all; break;
                case 2: all *= x; break;
                case 3: all = all && x; break;
                case 4: all &= x; break;
                case 5: all = all || x; break;
                case 6: all |= x; break;
                case 7: all = !all != !x; break;
                case 8: all ^= x;
                }
        }
        unsigned mine = 3 + rank % 4;
        MPI_Allreduce(&mine, &got, 1, MPI_UNSIGNED, cases[c].op, MPI_COMM_WORLD);
        CHECK(size == 1 ? got == mine || c == 3 || c == 5 || c == 7 : got == all);
    }
    struct { double value; int where; } mine = {(rank * 7) % 5, rank}, top;
    MPI_Allreduce(&mine, &top, 1, MPI_DOUBLE_INT, MPI_MAXLOC, MPI_COMM_WORLD);
    int best = 0;
    for (int r = 0; r < size; r++)
        if ((r * 7) % 5 > (best * 7) % 5)
            best = r;
    CHECK(top.where == best);
    MPI_Allreduce(&mine, &top, 1, MPI_DOUBLE_INT, MPI_MINLOC, MPI_COMM_WORLD);
    CHECK(top.where == 0 && top.value == 0);
}

// compose makes the map x → inout(in(x)) of two affine maps: associative, and does not commute.
static void compose(void *in, void *inout, int *n, MPI_Datatype *type)
{
    unsigned *f = in, *g = inout;
    for (int i = 0; i < *n; i++, f += 2, g += 2) {
        unsigned slope = f[0] * g[0], offset = f[1] * g[0] + g[1];
        g[0] = slope, g[1] = offset;
    }
}

static void own_operation(void)
{
    MPI_Op op;
    MPI_Datatype map;
    int commutes;
    unsigned mine[2] = {rank + 2, rank + 1}, got[2], want[2] = {1, 0}, local[2] = {5, 1};
    MPI_Op_create(compose, 0, &op);
    MPI_Op_commutative(op, &commutes);
    CHECK(!commutes);
    MPI_Op_commutative(MPI_SUM, &commutes);
    CHECK(commutes);
    MPI_Type_contiguous(2, MPI_UNSIGNED, &map);
    MPI_Type_commit(&map);
    MPI_Allreduce(mine, got, 1, map, op, MPI_COMM_WORLD);
    for (int r = 0; r < size; r++)
        want[1] = want[1] * (r + 2) + r + 1, want[0] *= r + 2;
    CHECK(got[0] == want[0] && got[1] == want[1]);
    MPI_Reduce_local(mine, local, 1, map, op);
    CHECK(local[0] == (rank + 2) * 5u && local[1] == (rank + 1) * 5u + 1);
    MPI_Op_free(&op);
    CHECK(op == MPI_OP_NULL);
    MPI_Type_free(&map);
}

void collectives(void)
{
    a = malloc(5 * size * LENGTH * sizeof *a), b = a + size * LENGTH, counts = b + size * LENGTH, places = counts + size;
    types = malloc(size * sizeof *types);
    for (int r = 0; r < size; r++)
        counts[r] = r % LENGTH, places[r] = r * LENGTH;
    for (int root = 0; root < size; root += 1 + size / 4)
        rooted(root);
    all_to_all();
    reductions();
    operations();
    own_operation();
    MPI_Ibarrier(MPI_COMM_WORLD, &request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
#if MPI_VERSION >= 4
    MPI_Barrier_init(MPI_COMM_WORLD, MPI_INFO_NULL, &request);
    MPI_Start(&request);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    MPI_Request_free(&request);
#endif
    free(a);
    free(types);
}
