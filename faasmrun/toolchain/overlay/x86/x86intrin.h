/* All of x86's intrinsics that are there. */
#include <immintrin.h>
