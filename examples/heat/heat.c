// Heat conduction on a square plate by Jacobi iteration. The plate is cut into strips of rows, one a rank; after each
// step neighbours exchange their border rows. Rank 0 gathers the plate and writes it as a picture, heat.png.
#include <math.h>
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N 192

static int rank, size, first, rows; // this rank's strip: rows first .. first+rows-1 of the inner N rows
static double *now, *next;          // (rows+2) x (N+2), with a border on every side

static double *at(double *plate, int row, int column) { return &plate[row * (N + 2) + column]; }

static void hold_sources(double *plate) {
  for (int row = 0; row < rows; row++) {
    int y = first + row;
    for (int x = 0; x < N; x++) {
      double dx = x - N / 3.0, dy = y - N / 4.0;
      if (dx * dx + dy * dy < 12 * 12) *at(plate, row + 1, x + 1) = 1.0; // a hot disc
      if (x > N / 2 && x < N - 20 && y > 2 * N / 3 && y < 2 * N / 3 + 6) *at(plate, row + 1, x + 1) = 0.7; // a warm bar
    }
  }
}

static void exchange_borders(void) {
  int up = rank > 0 ? rank - 1 : MPI_PROC_NULL, down = rank < size - 1 ? rank + 1 : MPI_PROC_NULL;
  MPI_Sendrecv(at(now, 1, 0), N + 2, MPI_DOUBLE, up, 1, at(now, rows + 1, 0), N + 2, MPI_DOUBLE, down, 1, MPI_COMM_WORLD,
               MPI_STATUS_IGNORE);
  MPI_Sendrecv(at(now, rows, 0), N + 2, MPI_DOUBLE, down, 2, at(now, 0, 0), N + 2, MPI_DOUBLE, up, 2, MPI_COMM_WORLD,
               MPI_STATUS_IGNORE);
}

static double step(void) {
  for (int row = 1; row <= rows; row++)
    for (int column = 1; column <= N; column++)
      *at(next, row, column) = 0.25 * (*at(now, row - 1, column) + *at(now, row + 1, column) + *at(now, row, column - 1) +
                                       *at(now, row, column + 1));
  hold_sources(next);
  double change = 0;
  for (int row = 1; row <= rows; row++)
    for (int column = 1; column <= N; column++)
      change = fmax(change, fabs(*at(next, row, column) - *at(now, row, column)));
  double *swap = now;
  now = next;
  next = swap;
  return change;
}

// A PNG needs two checksums; its data may be stored without compression.
static uint32_t crc32(uint32_t crc, const uint8_t *data, size_t length) {
  crc = ~crc;
  while (length--) {
    crc ^= *data++;
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
  }
  return ~crc;
}

static void put32(uint8_t *to, uint32_t value) {
  for (int i = 0; i < 4; i++) to[i] = value >> (24 - 8 * i);
}

static void chunk(FILE *file, const char *type, const uint8_t *data, uint32_t length) {
  uint8_t head[8], tail[4];
  put32(head, length);
  memcpy(head + 4, type, 4);
  put32(tail, crc32(crc32(0, head + 4, 4), data, length));
  fwrite(head, 1, 8, file);
  fwrite(data, 1, length, file);
  fwrite(tail, 1, 4, file);
}

static int write_png(const char *path, const double *plate) {
  FILE *file = fopen(path, "wb");
  if (!file) return -1;
  fwrite("\x89PNG\r\n\x1a\n", 1, 8, file);
  uint8_t header[13] = {0};
  put32(header, N);
  put32(header + 4, N);
  header[8] = 8; // bits a sample
  header[9] = 3; // palette
  chunk(file, "IHDR", header, 13);
  uint8_t palette[768];
  for (int i = 0; i < 256; i++) { // black, red, yellow, white
    palette[3 * i] = i < 85 ? 3 * i : 255;
    palette[3 * i + 1] = i < 85 ? 0 : i < 170 ? 3 * (i - 85) : 255;
    palette[3 * i + 2] = i < 170 ? 0 : 3 * (i - 170);
  }
  chunk(file, "PLTE", palette, 768);
  static uint8_t data[2 + N * (5 + N + 1) + 4];
  uint8_t *out = data;
  uint32_t a = 1, b = 0;
  *out++ = 0x78, *out++ = 0x01;
  for (int row = 0; row < N; row++) { // one stored block a row: filter 0, then the pixels
    *out++ = row == N - 1;
    *out++ = (N + 1) & 255, *out++ = (N + 1) >> 8, *out++ = ~(N + 1) & 255, *out++ = (~(N + 1) >> 8) & 255;
    for (int column = -1; column < N; column++) {
      *out = column < 0 ? 0 : (uint8_t)(255 * plate[row * N + column] + 0.5);
      a = (a + *out) % 65521, b = (b + a) % 65521;
      out++;
    }
  }
  put32(out, b << 16 | a);
  chunk(file, "IDAT", data, out + 4 - data);
  chunk(file, "IEND", NULL, 0);
  return fclose(file);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (N % size != 0) {
    if (rank == 0) {
      fprintf(stderr, "heat: %d rows can't be cut into %d strips\n", N, size);
      MPI_Abort(MPI_COMM_WORLD, 2);
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }
  int steps = argc > 1 ? atoi(argv[1]) : 4000;
  rows = N / size;
  first = rank * rows;
  now = calloc((rows + 2) * (N + 2), sizeof *now);
  next = calloc((rows + 2) * (N + 2), sizeof *next);
  hold_sources(now);

  for (int i = 1; i <= steps; i++) {
    exchange_borders();
    double change = step(), largest;
    if (i % 1000 == 0) {
      MPI_Allreduce(&change, &largest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
      if (rank == 0) printf("step %d: largest change %.3e\n", i, largest);
    }
  }

  double *strip = malloc(sizeof(double) * rows * N), *plate = rank == 0 ? malloc(sizeof(double) * N * N) : NULL;
  for (int row = 0; row < rows; row++) memcpy(&strip[row * N], at(now, row + 1, 1), N * sizeof(double));
  MPI_Gather(strip, rows * N, MPI_DOUBLE, plate, rows * N, MPI_DOUBLE, 0, MPI_COMM_WORLD);
  if (rank == 0) {
    double mean = 0;
    for (int i = 0; i < N * N; i++) mean += plate[i] / (N * N);
    printf("mean temperature %.9f\n", mean);
    if (write_png("heat.png", plate) != 0) {
      perror("heat.png");
      MPI_Abort(MPI_COMM_WORLD, 1);
    }
  }
  MPI_Finalize();
  return 0;
}
