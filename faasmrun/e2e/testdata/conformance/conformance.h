// What the chapters of the conformance program share. It is ordinary MPI: what came with MPI 4 is left out where mpi.h is older.
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern int rank, size;

// check counts, and says what does not hold.
void check(int holds, const char *what, const char *file, int line);
#define CHECK(condition) check(!!(condition), #condition, __FILE__, __LINE__)

void point_to_point(void);
void requests(void);
void collectives(void);
void datatypes(void);
void communicators(void);
void topologies(void);
void environment(void);
void earlier_and_later(void);
