#ifndef _FAASMRUN_TR1_STDBOOL_H
#define _FAASMRUN_TR1_STDBOOL_H
#include <stdbool.h>
#endif
