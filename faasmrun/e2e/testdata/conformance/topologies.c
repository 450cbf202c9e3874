// Topologies: Cartesian grids, graphs, distributed graphs, and the collectives of neighbours.
#include "conformance.h"

static void grid(void)
{
    int dims[2] = {0, 0}, periods[2] = {1, 0}, got[2], wraps[2], at[2], n, r, from, to, kind;
    MPI_Comm c, row;
    MPI_Dims_create(size, 2, dims);
    CHECK(dims[0] * dims[1] == size && dims[0] >= dims[1]);
    MPI_Cart_create(MPI_COMM_WORLD, 2, dims, periods, 0, &c);
    MPI_Topo_test(c, &kind);
    MPI_Cartdim_get(c, &n);
    MPI_Cart_get(c, 2, got, wraps, at);
    CHECK(kind == MPI_CART && n == 2 && got[1] == dims[1] && wraps[0] && !wraps[1]);
    MPI_Cart_rank(c, at, &r);
    CHECK(r == rank);
    MPI_Cart_coords(c, rank, 2, got);
    CHECK(got[0] == at[0] && got[1] == at[1] && at[0] == rank / dims[1]);
    MPI_Cart_shift(c, 0, 1, &from, &to);
    CHECK(to == (rank + dims[1]) % size && from == (rank + size - dims[1]) % size);
    MPI_Cart_shift(c, 1, 1, &from, &to);
    CHECK(to == (at[1] + 1 < dims[1] ? rank + 1 : MPI_PROC_NULL) && from == (at[1] ? rank - 1 : MPI_PROC_NULL));
    MPI_Cart_sub(c, (int[]){0, 1}, &row);
    MPI_Comm_size(row, &n);
    CHECK(n == dims[1]);
    MPI_Comm_free(&row);
    MPI_Cart_map(MPI_COMM_WORLD, 2, dims, periods, &r);
    CHECK(r >= 0 && r < size);

    // Each of the four neighbours' ranks, or what was there where the grid ends.
    int around[4] = {-5, -5, -5, -5}, four[4] = {rank, rank, rank, rank}, expected[4];
    MPI_Cart_shift(c, 0, 1, &expected[0], &expected[1]);
    MPI_Cart_shift(c, 1, 1, &expected[2], &expected[3]);
    for (int i = 0; i < 4; i++)
        expected[i] = expected[i] == MPI_PROC_NULL ? -5 : expected[i];
    MPI_Neighbor_allgather(&rank, 1, MPI_INT, around, 1, MPI_INT, c);
    CHECK(memcmp(around, expected, sizeof around) == 0);
    MPI_Neighbor_alltoall(four, 1, MPI_INT, around, 1, MPI_INT, c);
    CHECK(memcmp(around, expected, sizeof around) == 0);
    MPI_Comm_free(&c);
}

static void graphs(void)
{
    int left = (rank + size - 1) % size, right = (rank + 1) % size, n, edges, kind, in, out, weighted, near[2];
    int *index = malloc(3 * size * sizeof *index), *ends = index + size;
    MPI_Comm c;
    for (int r = 0; r < size; r++)
        index[r] = 2 * (r + 1), ends[2 * r] = (r + size - 1) % size, ends[2 * r + 1] = (r + 1) % size;
    MPI_Graph_create(MPI_COMM_WORLD, size, index, ends, 0, &c);
    MPI_Topo_test(c, &kind);
    MPI_Graphdims_get(c, &n, &edges);
    CHECK(kind == MPI_GRAPH && n == size && edges == 2 * size);
    MPI_Graph_neighbors_count(c, rank, &n);
    MPI_Graph_neighbors(c, rank, 2, near);
    CHECK(n == 2 && near[0] == left && near[1] == right);
    MPI_Graph_map(MPI_COMM_WORLD, size, index, ends, &n);
    CHECK(n >= 0 && n < size);
    memset(index, 0, size * sizeof *index);
    MPI_Graph_get(c, size, 2 * size, index, ends);
    CHECK(index[size - 1] == 2 * size);
    MPI_Comm_free(&c);
    free(index);

    MPI_Dist_graph_create_adjacent(MPI_COMM_WORLD, 1, &left, MPI_UNWEIGHTED, 1, &right, MPI_UNWEIGHTED, MPI_INFO_NULL, 0, &c);
    MPI_Topo_test(c, &kind);
    MPI_Dist_graph_neighbors_count(c, &in, &out, &weighted);
    CHECK(kind == MPI_DIST_GRAPH && in == 1 && out == 1 && !weighted);
    MPI_Dist_graph_neighbors(c, 1, &in, MPI_UNWEIGHTED, 1, &out, MPI_UNWEIGHTED);
    CHECK(in == left && out == right);
    MPI_Request request;
    int got = -1, count = 1, place = 0;
    MPI_Neighbor_allgatherv(&rank, 1, MPI_INT, &got, &count, &place, MPI_INT, c);
    CHECK(got == left);
    got = -1;
    MPI_Neighbor_alltoallv(&rank, &count, &place, MPI_INT, &got, &count, &place, MPI_INT, c);
    CHECK(got == left);
    got = -1;
    MPI_Aint zero = 0;
    MPI_Datatype type = MPI_INT;
    MPI_Neighbor_alltoallw(&rank, &count, &zero, &type, &got, &count, &zero, &type, c);
    CHECK(got == left);
#define NONBLOCKING(name, ...) \
    got = -1; \
    MPI_Ineighbor_##name(__VA_ARGS__, c, &request); \
    MPI_Wait(&request, MPI_STATUS_IGNORE); \
    CHECK(got == left)
    NONBLOCKING(allgather, &rank, 1, MPI_INT, &got, 1, MPI_INT);
    NONBLOCKING(allgatherv, &rank, 1, MPI_INT, &got, &count, &place, MPI_INT);
    NONBLOCKING(alltoall, &rank, 1, MPI_INT, &got, 1, MPI_INT);
    NONBLOCKING(alltoallv, &rank, &count, &place, MPI_INT, &got, &count, &place, MPI_INT);
    NONBLOCKING(alltoallw, &rank, &count, &zero, &type, &got, &count, &zero, &type);
#if MPI_VERSION >= 4
#define PERSISTENT(name, ...) \
    MPI_Neighbor_##name##_init(__VA_ARGS__, c, MPI_INFO_NULL, &request); \
    for (int round = 0; round < 2; round++) { \
        got = -1; \
        MPI_Start(&request); \
        MPI_Wait(&request, MPI_STATUS_IGNORE); \
        CHECK(got == left); \
    } \
    MPI_Request_free(&request)
    PERSISTENT(allgather, &rank, 1, MPI_INT, &got, 1, MPI_INT);
    PERSISTENT(allgatherv, &rank, 1, MPI_INT, &got, &count, &place, MPI_INT);
    PERSISTENT(alltoall, &rank, 1, MPI_INT, &got, 1, MPI_INT);
    PERSISTENT(alltoallv, &rank, &count, &place, MPI_INT, &got, &count, &place, MPI_INT);
    PERSISTENT(alltoallw, &rank, &count, &zero, &type, &got, &count, &zero, &type);
#endif
    MPI_Comm_free(&c);
    MPI_Dist_graph_create(MPI_COMM_WORLD, 1, &rank, &(int){1}, &right, MPI_UNWEIGHTED, MPI_INFO_NULL, 0, &c);
    MPI_Dist_graph_neighbors_count(c, &in, &out, &weighted);
    CHECK(in == 1 && out == 1);
    MPI_Comm_free(&c);
}

void topologies(void)
{
    grid();
    graphs();
}
