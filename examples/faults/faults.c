// Fails in the way that its first argument names, on the rank that its second names (by default the last one), so that
// one can see what each failure looks like. The other ranks wait in a barrier.
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile int zero = 0;
static char *volatile wild = (char *)0xfffffff0;
static struct node {
  struct node *next;
  int values[3];
} *volatile list;

static int recurse(volatile int depth) {
  volatile char frame[1000];
  frame[depth % 1000] = (char)depth;
  return recurse(depth + 1) + frame[0];
}

static void fail(const char *how, int rank, int size) {
  int value = 0;
  if (!strcmp(how, "exit")) exit(3);
  if (!strcmp(how, "return")) return;
  if (!strcmp(how, "abort")) abort();
  if (!strcmp(how, "mpi-abort")) MPI_Abort(MPI_COMM_WORLD, 42);
  if (!strcmp(how, "bounds")) *wild = 1;
  if (!strcmp(how, "null")) value = list->values[2];
  if (!strcmp(how, "null-buffer")) MPI_Send(list->values, 3, MPI_INT, 0, 0, MPI_COMM_WORLD);
  if (!strcmp(how, "overflow")) value = recurse(0);
  if (!strcmp(how, "divide")) value = size / zero;
  if (!strcmp(how, "unreachable")) __builtin_trap();
  if (!strcmp(how, "rank")) MPI_Send(&value, 1, MPI_INT, size + 5, 0, MPI_COMM_WORLD);
  if (!strcmp(how, "tag")) MPI_Send(&value, 1, MPI_INT, 0, -7, MPI_COMM_WORLD);
  if (!strcmp(how, "count")) MPI_Send(&value, -1, MPI_INT, 0, 0, MPI_COMM_WORLD);
  if (!strcmp(how, "datatype")) MPI_Send(&value, 1, MPI_DATATYPE_NULL, 0, 0, MPI_COMM_WORLD);
  if (!strcmp(how, "pointer")) MPI_Send((void *)wild, 100, MPI_INT, 0, 0, MPI_COMM_WORLD);
  if (!strcmp(how, "truncate")) {
    int two[2] = {1, 2};
    MPI_Request sent;
    MPI_Isend(two, 2, MPI_INT, rank, 0, MPI_COMM_WORLD, &sent);
    MPI_Recv(&value, 1, MPI_INT, rank, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  }
  if (!strcmp(how, "no-finalize")) exit(0);
  if (!strcmp(how, "hang")) MPI_Recv(&value, 1, MPI_INT, 0, 99, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  if (!strcmp(how, "spin"))
    while (!zero) continue;
  if (!strcmp(how, "memory")) {
    for (size_t total = 0;; total += 1 << 20) {
      char *volatile block = malloc(1 << 20); // volatile: an optimiser may drop a block that nobody reads
      if (!block) {
        fprintf(stderr, "malloc failed after %zu MiB\n", total >> 20);
        exit(12);
      }
      memset(block, 1, 1 << 20);
    }
  }
  fprintf(stderr, "faults: no failure is called %s (%d)\n", how, value);
  exit(2);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  int rank, size;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  const char *how = argc > 1 ? argv[1] : "return";
  int victim = argc > 2 ? atoi(argv[2]) : size - 1;
  if (rank == victim) {
    printf("rank %d fails by %s\n", rank, how);
    fflush(stdout);
    fail(how, rank, size);
  }
  MPI_Barrier(MPI_COMM_WORLD);
  MPI_Finalize();
  return 0;
}
