#ifndef _FAASMRUN_TR1_CTYPE_H
#define _FAASMRUN_TR1_CTYPE_H
#include <ctype.h>
#endif
