// Integer sort: every rank draws keys, the ranks agree on equal slices of the key range by a histogram, send each key to
// the owner of its slice, and sort what they got. Rank 0 checks order across ranks and that no key was lost.
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define BUCKETS 1024
#define KEY_BITS 20

static uint64_t state;
static uint32_t draw(void) { // xorshift64*: the same keys on every machine
  state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
  return (uint32_t)((state * 2685821657736338717ull) >> (64 - KEY_BITS));
}

static int by_value(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  int rank, size;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  int keys = argc > 1 ? atoi(argv[1]) : 1 << 16; // a rank
  uint32_t *mine = malloc(keys * sizeof *mine);
  state = 88172645463325252ull + 7919 * rank;
  uint64_t sum[2] = {0, keys}, total[2], after[2], sorted[2] = {0, 0};
  int histogram[BUCKETS] = {0}, all[BUCKETS];
  for (int i = 0; i < keys; i++) {
    mine[i] = draw();
    sum[0] += mine[i];
    histogram[mine[i] >> (KEY_BITS - 10)]++;
  }
  MPI_Allreduce(sum, total, 2, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
  MPI_Allreduce(histogram, all, BUCKETS, MPI_INT, MPI_SUM, MPI_COMM_WORLD);

  int owner[BUCKETS]; // buckets are dealt out in order so that each rank gets about as many keys
  uint64_t seen = 0;
  for (int b = 0; b < BUCKETS; b++) {
    owner[b] = (int)(seen * size / total[1]);
    seen += all[b];
  }
  int *counts = calloc(size, sizeof *counts), *incoming = malloc(size * sizeof *incoming);
  for (int i = 0; i < keys; i++) counts[owner[mine[i] >> (KEY_BITS - 10)]]++;
  MPI_Alltoall(counts, 1, MPI_INT, incoming, 1, MPI_INT, MPI_COMM_WORLD);

  uint32_t *grouped = malloc(keys * sizeof *grouped);
  int *start = malloc((size + 1) * sizeof *start), *fill = malloc(size * sizeof *fill), got = 0;
  start[0] = 0;
  for (int r = 0; r < size; r++) start[r + 1] = start[r] + counts[r], fill[r] = start[r], got += incoming[r];
  for (int i = 0; i < keys; i++) grouped[fill[owner[mine[i] >> (KEY_BITS - 10)]]++] = mine[i];
  uint32_t *slice = malloc((got + 1) * sizeof *slice);
  MPI_Request *requests = malloc(2 * size * sizeof *requests);
  for (int r = 0, offset = 0; r < size; offset += incoming[r], r++)
    MPI_Irecv(slice + offset, incoming[r], MPI_UINT32_T, r, 0, MPI_COMM_WORLD, &requests[r]);
  for (int r = 0; r < size; r++)
    MPI_Isend(grouped + start[r], counts[r], MPI_UINT32_T, r, 0, MPI_COMM_WORLD, &requests[size + r]);
  MPI_Waitall(2 * size, requests, MPI_STATUSES_IGNORE);
  qsort(slice, got, sizeof *slice, by_value);

  uint32_t bounds[2] = {got ? slice[0] : 0, got ? slice[got - 1] : 0};
  uint32_t *ends = malloc(2 * size * sizeof *ends);
  sorted[1] = got;
  for (int i = 0; i < got; i++) sorted[0] += slice[i];
  MPI_Reduce(sorted, after, 2, MPI_UINT64_T, MPI_SUM, 0, MPI_COMM_WORLD);
  MPI_Gather(bounds, 2, MPI_UINT32_T, ends, 2, MPI_UINT32_T, 0, MPI_COMM_WORLD);
  int failed = 0;
  if (rank == 0) {
    for (int r = 1; r < size; r++) failed |= ends[2 * r] < ends[2 * r - 1];
    failed |= after[0] != total[0] || after[1] != total[1];
    printf("%llu keys on %d ranks: %s\n", (unsigned long long)after[1], size, failed ? "NOT SORTED" : "sorted");
  }
  MPI_Finalize();
  return failed;
}
