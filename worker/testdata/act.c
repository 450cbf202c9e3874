// Does what its first argument says, for the tests of the worker. Most acts are done by the rank of the second argument,
// while the others wait in a barrier.
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int rank, size, zero;

static void divide_by(int n) { printf("%d\n", size / n); }

static void by_one(const char *act) {
  if (!strcmp(act, "exit")) exit(3);
  if (!strcmp(act, "trap")) divide_by(zero);
  if (!strcmp(act, "abort")) MPI_Abort(MPI_COMM_WORLD, 42);
  if (!strcmp(act, "bad-rank")) MPI_Send(&zero, 1, MPI_INT, 99, 0, MPI_COMM_WORLD);
  if (!strcmp(act, "no-finalize")) exit(0);
  if (!strcmp(act, "deadlock")) MPI_Recv(&zero, 1, MPI_INT, 0, 7, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  if (!strcmp(act, "spin")) {
    printf("spinning\n");
    for (volatile int i = 0;; i++) continue;
  }
}

static void flood(long megabytes) {
  char line[80];
  for (long i = 0; i < megabytes << 14; i++) {
    snprintf(line, sizeof line, "%02d %060ld\n", rank, i);
    fwrite(line, 64, 1, stdout);
  }
}

static int without_init(const char *act) {
  const char *number = getenv("OMPI_COMM_WORLD_RANK");
  rank = atoi(number);
  if (!strcmp(act, "no-init") && rank == 1) return 1;
  if (!strcmp(act, "environment")) {
    for (int i = 0; i < 5; i++) {
      static const char *names[] = {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "PMI_RANK", "SLURM_JOB_ID", "MINE"};
      printf("%s=%s\n", names[i], getenv(names[i]));
    }
    return 1;
  }
  if (!strcmp(act, "cat")) { // what is typed, and where it ends
    char line[1000];
    printf("name? ");
    fflush(stdout);
    long total = 0;
    while (fgets(line, sizeof line, stdin)) {
      total += strlen(line);
      if (total < 100) printf("got %s", line);
    }
    printf("end after %ld\n", total);
    return 1;
  }
  if (!strcmp(act, "own-status")) {
    if (rank == 1) exit(11);
    for (volatile int i = 0;; i++) sleep(1);
  }
  if (!strcmp(act, "devour")) { // memory, and touches it
    for (;;) {
      volatile char *p = malloc(16 << 20);
      if (!p) exit(5);
      for (long at = 0; at < 16 << 20; at += 4096) p[at] = 1;
    }
  }
  if (!strcmp(act, "work")) { // takes time and memory, and leaves files open
    long size = 96 << 20;
    volatile char *p = malloc(size);
    for (int i = 0; i < 4; i++)
      for (long at = 0; at < size; at++) p[at] += i;
    for (int i = 0; i < 20; i++) fprintf(fopen("left-open", "w"), "%d", p[i]);
    return 1;
  }
  if (!strcmp(act, "look")) { // what memory holds that nobody has written to, and the number of a file
    long found = 0, size = 96 << 20;
    volatile char *p = malloc(size);
    for (long i = 0; i < size; i++) found += p[i] != 0;
    printf("%ld bytes, file %d, MINE=%s\n", found, fileno(fopen("looked", "w")), getenv("MINE"));
    return 1;
  }
  if (!strcmp(act, "memory")) {
    void *volatile p = malloc(100 << 20);
    printf("%s\n", p ? "got it" : "no memory");
    return 1;
  }
  return 0;
}

int main(int argc, char **argv) {
  const char *act = argc > 1 ? argv[1] : "";
  int actor = argc > 2 ? atoi(argv[2]) : 0;
  if (without_init(act)) return 0;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (!strcmp(act, "flood")) flood(actor);
  else if (!strcmp(act, "linger")) { // until there is a file
    printf("waiting\n");
    while (access("go", F_OK)) usleep(10000);
    printf("linger ends\n");
  } else if (!strcmp(act, "all-spin")) {
    MPI_Barrier(MPI_COMM_WORLD);
    by_one("spin");
  } else if (rank == actor) by_one(act);
  MPI_Barrier(MPI_COMM_WORLD);
  MPI_Finalize();
  return strcmp(act, "status") ? 0 : actor;
}
