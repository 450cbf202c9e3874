#ifndef _FAASMRUN_TR1_FLOAT_H
#define _FAASMRUN_TR1_FLOAT_H
#include <float.h>
#endif
