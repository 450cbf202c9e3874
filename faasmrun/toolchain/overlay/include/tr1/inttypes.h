#ifndef _FAASMRUN_TR1_INTTYPES_H
#define _FAASMRUN_TR1_INTTYPES_H
#include <inttypes.h>
#endif
