#ifndef _FAASMRUN_TR1_LIMITS_H
#define _FAASMRUN_TR1_LIMITS_H
#include <limits.h>
#endif
