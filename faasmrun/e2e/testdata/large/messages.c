// Messages and collectives of more than 4 GiB between two ranks, whose buffers are the one thing that takes memory:
// 4.25 GiB each. What is in them is looked at about each edge of numbers.
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const MPI_Count gib = 1l << 30, all = (1l << 32) + (1l << 28);
static int rank, bad;
static unsigned char *buffer;

static void check(int right, const char *what, long which) {
  if (!right) {
    printf("rank %d: %s %ld\n", rank, what, which);
    bad++;
  }
}

static MPI_Count places[] = {0,         (1l << 31) - 1, 1l << 31, (1l << 32) - 2, (1l << 32) - 1, 1l << 32, (1l << 32) + 1,
                             4400000000, (1l << 32) + (1l << 28) - 1};
#define PLACES (sizeof(places) / sizeof(*places))

static void mark(int with) {
  for (unsigned i = 0; i < PLACES; i++) buffer[places[i]] = with + i;
}

static void marked(int with, const char *what) {
  for (unsigned i = 0; i < PLACES; i++) check(buffer[places[i]] == (unsigned char)(with + i), what, places[i]);
  check(buffer[places[7] + 1] == 0 && buffer[places[1] - 1] == 0, what, -1);
}

static void messages(void) {
  MPI_Status status;
  MPI_Count count;
  int few;
  if (rank == 0) {
    mark(10);
    MPI_Send_c(buffer, all, MPI_BYTE, 1, 1, MPI_COMM_WORLD);
    MPI_Request request;
    mark(200);
    MPI_Irecv_c(buffer, all / 8, MPI_LONG, 1, 2, MPI_COMM_WORLD, &request);
    MPI_Wait(&request, &status);
    marked(30, "received as long at");
    MPI_Get_count_c(&status, MPI_LONG, &count);
    check(count == all / 8, "count", count);
  } else {
    MPI_Message message;
    MPI_Mprobe(0, 1, MPI_COMM_WORLD, &message, &status);
    MPI_Get_count_c(&status, MPI_BYTE, &count);
    check(count == all, "probed", count);
    MPI_Mrecv_c(buffer, all, MPI_BYTE, &message, &status);
    marked(10, "received at");
    MPI_Get_count_c(&status, MPI_BYTE, &count);
    MPI_Get_count(&status, MPI_BYTE, &few);
    check(count == all, "count", count);
    check(few == MPI_UNDEFINED, "count as an int", few);
    MPI_Get_elements_c(&status, MPI_BYTE, &count);
    check(count == all, "elements", count);
    mark(30);
    MPI_Send_c(buffer, all / 8, MPI_LONG, 0, 2, MPI_COMM_WORLD);
  }
}

// One element of a type that is larger than an int counts; and few bytes that are far from each other.
static void types(void) {
  MPI_Datatype whole, sparse, columns;
  MPI_Count size, least, extent;
  int few;
  MPI_Type_contiguous_c(gib, MPI_INT, &whole);
  MPI_Type_commit(&whole);
  MPI_Type_size_c(whole, &size);
  MPI_Type_size(whole, &few);
  check(size == 4 * gib && few == MPI_UNDEFINED, "size of a type", size);
  if (rank == 0) {
    mark(50);
    MPI_Send(buffer, 1, whole, 1, 3, MPI_COMM_WORLD);
  } else {
    mark(60);
    MPI_Recv(buffer, 1, whole, 0, 3, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    for (unsigned i = 0; i < PLACES; i++)
      check(buffer[places[i]] == i + (places[i] < 4 * gib ? 50 : 60), "of one element of 4 GiB", places[i]);
  }
  MPI_Count lengths[] = {3, 1, 2}, at[] = {0, (1l << 32) - 1, (1l << 32) + 7};
  MPI_Type_create_hindexed_c(3, lengths, at, MPI_BYTE, &sparse);
  MPI_Type_commit(&sparse);
  MPI_Type_get_extent_c(sparse, &least, &extent);
  check(least == 0 && extent == (1l << 32) + 9, "extent", extent);
  MPI_Type_create_hvector_c(5, 8, gib, MPI_BYTE, &columns);
  MPI_Type_commit(&columns);
  char packed[40];
  if (rank == 0) {
    memcpy(buffer, "abc", 3), buffer[at[1]] = 'd', memcpy(buffer + at[2], "ef", 2);
    MPI_Send(buffer, 1, sparse, 1, 4, MPI_COMM_WORLD);
    for (int i = 0; i < 5; i++) memset(buffer + i * gib, 'p' + i, 8);
    MPI_Send(buffer, 1, columns, 1, 5, MPI_COMM_WORLD);
  } else {
    MPI_Recv(packed, 6, MPI_BYTE, 0, 4, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    check(!memcmp(packed, "abcdef", 6), "of blocks far apart", 0);
    for (int i = 0; i < 5; i++) memset(buffer + i * gib, 0, 9);
    MPI_Recv_c(buffer, 1, columns, 0, 5, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    for (int i = 0; i < 5; i++)
      check(buffer[i * gib] == 'p' + i && buffer[i * gib + 7] == 'p' + i && !buffer[i * gib + 8], "of a column", i);
    MPI_Count position = 0;
    MPI_Pack_c(buffer, 1, columns, packed, sizeof packed, &position, MPI_COMM_SELF);
    check(position == 40 && packed[39] == 't', "packed", position);
  }
  MPI_Type_free(&whole), MPI_Type_free(&sparse), MPI_Type_free(&columns);
}

static void clear(void) {
  for (unsigned i = 0; i < PLACES; i++) buffer[places[i]] = 0;
  for (int i = 0; i < 5; i++)
    if (i * gib + 8 < all) memset(buffer + i * gib, 0, 9);
  memset(buffer + (1l << 32) - 16, 0, 64);
}

static void collectives(void) {
  clear();
  if (rank == 1) mark(70);
  MPI_Bcast_c(buffer, all, MPI_BYTE, 1, MPI_COMM_WORLD);
  marked(70, "after a broadcast at");

  mark(rank == 0 ? 3 : 90);
  MPI_Allreduce_c(MPI_IN_PLACE, buffer, all, MPI_UNSIGNED_CHAR, MPI_MAX, MPI_COMM_WORLD);
  marked(90, "after a reduction at");

  // Each rank's half, in place; the second one begins below 4 GiB and ends above.
  clear();
  for (unsigned i = 0; i < PLACES; i++)
    if ((places[i] >= all / 2) == rank) buffer[places[i]] = 110 + i;
  MPI_Allgather_c(MPI_IN_PLACE, 0, MPI_BYTE, buffer, all / 2, MPI_BYTE, MPI_COMM_WORLD);
  marked(110, "after a gathering at");

  // Few elements, far behind.
  MPI_Count counts[] = {2, 3};
  MPI_Aint far[] = {(1l << 32) - 1, (1l << 32) + 100};
  char own[3] = {'x', 'y', 'z'};
  clear();
  MPI_Gatherv_c(own, rank + 2, MPI_BYTE, buffer, counts, far, MPI_BYTE, 0, MPI_COMM_WORLD);
  if (rank == 0) {
    check(!memcmp(buffer + far[0], "xy", 2) && !memcmp(buffer + far[1], "xyz", 3), "gathered far away", 0);
    memcpy(buffer + far[1], "uvw", 3);
  }
  MPI_Scatterv_c(buffer, counts, far, MPI_BYTE, own, rank + 2, MPI_BYTE, 0, MPI_COMM_WORLD);
  check(rank == 0 ? own[1] == 'y' : own[2] == 'w', "scattered from far away", 0);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  buffer = malloc(all);
  check(buffer != 0, "no memory", all);
  MPI_Barrier(MPI_COMM_WORLD);
  if (!buffer) MPI_Abort(MPI_COMM_WORLD, 1);
  messages();
  types();
  collectives();
  int sum;
  MPI_Reduce(&bad, &sum, 1, MPI_INT, MPI_SUM, 0, MPI_COMM_WORLD);
  if (rank == 0) printf("%d wrong\n", sum);
  return MPI_Finalize();
}
