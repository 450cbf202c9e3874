#ifndef _FAASMRUN_TR1_STDLIB_H
#define _FAASMRUN_TR1_STDLIB_H
#include <stdlib.h>
#endif
