#ifndef _FAASMRUN_TR1_WCTYPE_H
#define _FAASMRUN_TR1_WCTYPE_H
#include <wctype.h>
#endif
