#ifndef _FAASMRUN_TR1_STDARG_H
#define _FAASMRUN_TR1_STDARG_H
#include <stdarg.h>
#endif
