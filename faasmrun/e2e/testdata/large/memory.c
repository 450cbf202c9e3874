// A rank with 12 GiB, of which it touches little.
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  const long gib = 1l << 30, step = 1l << 28;
  unsigned char *all = malloc(12 * gib);
  int wrong = 0;
  if (!all) return puts("no memory"), 1;
  for (long i = 0; i < 12 * gib; i += step) all[i] = 1 + i / step, all[i + step - 1] = 101 + i / step;
  for (long i = 0; i < 12 * gib; i += step)
    wrong += all[i] != 1 + i / step || all[i + step - 1] != 101 + i / step || all[i + step / 2] != 0;
  unsigned char *volatile more = malloc(2 * gib), *volatile none = malloc(4 * gib);
  wrong += !more || none; // 18 GiB are more than the rank may have
  if (more) more[2 * gib - 1] = 1;
  printf("%d wrong\n", wrong);
}
