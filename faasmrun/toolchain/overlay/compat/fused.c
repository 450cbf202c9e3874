/*
 * fmaf, which rounds once. The C library's adds in double with another direction of rounding where that lies half-way,
 * and there is no other direction here.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

float fmaf(float x, float y, float z)
{
	double product = (double)x * y; /* exact */
	double sum = product + z;
	double back = sum - product;
	double lost = (product - (sum - back)) + (z - back);
	uint64_t bits;
	memcpy(&bits, &sum, sizeof bits);
	if (lost != 0 && isfinite(sum) && !(bits & 1)) {
		/* Rounded to odd, so that the rounding to float sees that this is not exact. */
		bits += (lost > 0) == (sum > 0) ? 1 : -1;
		memcpy(&sum, &bits, sizeof sum);
	}
	return (float)sum;
}
