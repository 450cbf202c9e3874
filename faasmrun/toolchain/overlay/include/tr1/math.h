#ifndef _FAASMRUN_TR1_MATH_H
#define _FAASMRUN_TR1_MATH_H
#include <math.h>
#endif
