#ifndef _FAASMRUN_TR1_STDINT_H
#define _FAASMRUN_TR1_STDINT_H
#include <stdint.h>
#endif
