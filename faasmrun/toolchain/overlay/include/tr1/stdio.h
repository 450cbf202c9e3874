#ifndef _FAASMRUN_TR1_STDIO_H
#define _FAASMRUN_TR1_STDIO_H
#include <stdio.h>
#endif
