#ifndef _FAASMRUN_TR1_FENV_H
#define _FAASMRUN_TR1_FENV_H
#include <fenv.h>
#endif
