// Datatypes: every constructor's size, bounds and place of data, packing, decoding.
#include "conformance.h"

// moved sends one element of type to ourselves and tells whether exactly the ints listed (ended by -1) arrived.
static int moved(MPI_Datatype type, const int *which)
{
    int out[64], in[64], expected[64];
    for (int i = 0; i < 64; i++)
        out[i] = i + 1, in[i] = expected[i] = 0;
    for (; *which >= 0; which++)
        expected[*which] = *which + 1;
    MPI_Sendrecv(out, 1, type, 0, 0, in, 1, type, 0, 0, MPI_COMM_SELF, MPI_STATUS_IGNORE);
    return memcmp(in, expected, sizeof in) == 0;
}

// is commits a type, checks its size and bounds in ints and which ints it moves, and that it says how it was made; frees it.
static void is(MPI_Datatype type, int combiner, int ints, int lower, int extent, const int *which)
{
    MPI_Aint lb, width, true_lb, true_extent;
    MPI_Count large, large_lb, large_extent;
    MPI_Datatype copy;
    int bytes, n[3], made;
    MPI_Type_commit(&type);
    MPI_Type_size(type, &bytes);
    MPI_Type_size_x(type, &large);
    CHECK(bytes == ints * 4 && large == bytes);
    MPI_Type_get_extent(type, &lb, &width);
    CHECK(lb == lower * 4 && width == extent * 4);
    MPI_Type_get_extent_x(type, &large_lb, &large_extent);
    CHECK(large_lb == lb && large_extent == width);
    MPI_Type_get_true_extent(type, &true_lb, &true_extent);
    CHECK(true_lb == which[0] * 4);
    MPI_Type_get_true_extent_x(type, &large_lb, &large_extent);
    CHECK(large_lb == true_lb && large_extent == true_extent);
    CHECK(moved(type, which));
    MPI_Type_get_envelope(type, &n[0], &n[1], &n[2], &made);
    CHECK(made == combiner);
    int integers[16];
    MPI_Aint addresses[16];
    MPI_Datatype types[16];
    if (n[0] <= 16 && n[1] <= 16 && n[2] <= 16) {
        MPI_Type_get_contents(type, n[0], n[1], n[2], integers, addresses, types);
        CHECK(types[0] == MPI_INT);
    }
    MPI_Type_dup(type, &copy);
    MPI_Type_free(&type);
    CHECK(type == MPI_DATATYPE_NULL);
    CHECK(moved(copy, which));
    MPI_Type_free(&copy);
}

#define INTS(...) (const int[]){__VA_ARGS__, -1}

static void constructors(void)
{
    MPI_Datatype t;
    MPI_Aint at[] = {8, 24}, far[] = {4, 16};
    int lengths[] = {2, 1}, places[] = {1, 5};
    MPI_Type_contiguous(3, MPI_INT, &t);
    is(t, MPI_COMBINER_CONTIGUOUS, 3, 0, 3, INTS(0, 1, 2));
    MPI_Type_vector(3, 1, 2, MPI_INT, &t);
    is(t, MPI_COMBINER_VECTOR, 3, 0, 5, INTS(0, 2, 4));
    MPI_Type_create_hvector(2, 2, 16, MPI_INT, &t);
    is(t, MPI_COMBINER_HVECTOR, 4, 0, 6, INTS(0, 1, 4, 5));
    MPI_Type_indexed(2, lengths, places, MPI_INT, &t);
    is(t, MPI_COMBINER_INDEXED, 3, 1, 5, INTS(1, 2, 5));
    MPI_Type_create_hindexed(2, lengths, at, MPI_INT, &t);
    is(t, MPI_COMBINER_HINDEXED, 3, 2, 5, INTS(2, 3, 6));
    MPI_Type_create_indexed_block(2, 2, places, MPI_INT, &t);
    is(t, MPI_COMBINER_INDEXED_BLOCK, 4, 1, 6, INTS(1, 2, 5, 6));
    MPI_Type_create_hindexed_block(2, 1, far, MPI_INT, &t);
    is(t, MPI_COMBINER_HINDEXED_BLOCK, 2, 1, 4, INTS(1, 4));
    MPI_Type_create_struct(2, lengths, at, (MPI_Datatype[]){MPI_INT, MPI_FLOAT}, &t);
    is(t, MPI_COMBINER_STRUCT, 3, 2, 5, INTS(2, 3, 6));
    MPI_Type_create_resized(MPI_INT, -4, 12, &t);
    is(t, MPI_COMBINER_RESIZED, 1, -1, 3, INTS(0));
    MPI_Type_create_subarray(2, (int[]){4, 4}, (int[]){2, 2}, (int[]){1, 2}, MPI_ORDER_C, MPI_INT, &t);
    is(t, MPI_COMBINER_SUBARRAY, 4, 0, 16, INTS(6, 7, 10, 11));
    MPI_Type_create_subarray(2, (int[]){4, 4}, (int[]){2, 2}, (int[]){1, 2}, MPI_ORDER_FORTRAN, MPI_INT, &t);
    is(t, MPI_COMBINER_SUBARRAY, 4, 0, 16, INTS(9, 10, 13, 14));
    MPI_Type_create_darray(4, 1, 2, (int[]){4, 4}, (int[]){MPI_DISTRIBUTE_BLOCK, MPI_DISTRIBUTE_CYCLIC},
        (int[]){MPI_DISTRIBUTE_DFLT_DARG, 1}, (int[]){2, 2}, MPI_ORDER_C, MPI_INT, &t);
    is(t, MPI_COMBINER_DARRAY, 4, 0, 16, INTS(1, 3, 5, 7));
}

static void packing(void)
{
    char buffer[256];
    int position = 0, room, bytes, in[3] = {0}, out[3] = {7, 8, 9};
    double pi = 3.25, back = 0;
    MPI_Datatype t;
    MPI_Pack_size(3, MPI_INT, MPI_COMM_WORLD, &room);
    CHECK(room >= 12);
    MPI_Pack(out, 3, MPI_INT, buffer, sizeof buffer, &position, MPI_COMM_WORLD);
    MPI_Pack(&pi, 1, MPI_DOUBLE, buffer, sizeof buffer, &position, MPI_COMM_WORLD);
    bytes = position, position = 0;
    MPI_Unpack(buffer, bytes, &position, in, 3, MPI_INT, MPI_COMM_WORLD);
    MPI_Unpack(buffer, bytes, &position, &back, 1, MPI_DOUBLE, MPI_COMM_WORLD);
    CHECK(position == bytes && in[2] == 9 && back == pi);

    MPI_Aint size, from = 0;
    MPI_Pack_external_size("external32", 3, MPI_INT, &size);
    CHECK(size == 12);
    MPI_Pack_external("external32", out, 3, MPI_INT, buffer, size, &from);
    CHECK(buffer[3] == 7 && buffer[0] == 0); // big-endian
    from = 0, in[2] = 0;
    MPI_Unpack_external("external32", buffer, size, &from, in, 3, MPI_INT);
    CHECK(from == 12 && in[2] == 9);

    char name[MPI_MAX_OBJECT_NAME];
    int length;
    MPI_Type_get_name(MPI_DOUBLE, name, &length);
    CHECK(strcmp(name, "MPI_DOUBLE") == 0 && length == 10);
    MPI_Type_contiguous(2, MPI_INT, &t);
    MPI_Type_set_name(t, "pair");
    MPI_Type_get_name(t, name, &length);
    CHECK(strcmp(name, "pair") == 0);
    MPI_Type_free(&t);
    MPI_Type_match_size(MPI_TYPECLASS_REAL, 8, &t);
    MPI_Type_size(t, &length);
    CHECK(length == 8);
    MPI_Type_create_f90_real(12, MPI_UNDEFINED, &t);
    MPI_Type_size(t, &length);
    CHECK(length == 8);
    MPI_Type_create_f90_complex(6, 30, &t);
    MPI_Type_size(t, &length);
    CHECK(length == 8);
    MPI_Type_create_f90_integer(9, &t);
    MPI_Type_size(t, &length);
    CHECK(length == 4);

    MPI_Aint first, third;
    MPI_Get_address(&out[0], &first);
    MPI_Get_address(&out[2], &third);
    CHECK(MPI_Aint_diff(third, first) == 8 && MPI_Aint_add(first, 8) == third);
    in[0] = 0;
    MPI_Type_create_hindexed(1, (int[]){1}, &third, MPI_INT, &t);
    MPI_Type_commit(&t);
    MPI_Sendrecv(MPI_BOTTOM, 1, t, 0, 0, in, 1, MPI_INT, 0, 0, MPI_COMM_SELF, MPI_STATUS_IGNORE);
    CHECK(in[0] == 9);
    MPI_Type_free(&t);
}

static void elements(void)
{
    MPI_Datatype pair;
    MPI_Status status;
    MPI_Count large;
    int out[3] = {0}, in[4], count;
    MPI_Type_contiguous(2, MPI_INT, &pair);
    MPI_Type_commit(&pair);
    MPI_Sendrecv(out, 3, MPI_INT, 0, 0, in, 2, pair, 0, 0, MPI_COMM_SELF, &status);
    MPI_Get_count(&status, pair, &count);
    CHECK(count == MPI_UNDEFINED);
    MPI_Get_elements(&status, pair, &count);
    MPI_Get_elements_x(&status, pair, &large);
    CHECK(count == 3 && large == 3);
    MPI_Status_set_elements_x(&status, MPI_BYTE, 1LL << 40);
    MPI_Get_elements_x(&status, MPI_BYTE, &large);
    CHECK(large == 1LL << 40);
    MPI_Type_free(&pair);
}

void datatypes(void)
{
    constructors();
    packing();
    elements();
}
