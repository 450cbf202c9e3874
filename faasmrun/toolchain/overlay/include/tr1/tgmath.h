#ifndef _FAASMRUN_TR1_TGMATH_H
#define _FAASMRUN_TR1_TGMATH_H
#include <tr1/cmath>
#include <tr1/complex>
#endif
