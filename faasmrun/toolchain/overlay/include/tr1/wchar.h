#ifndef _FAASMRUN_TR1_WCHAR_H
#define _FAASMRUN_TR1_WCHAR_H
#include <wchar.h>
#endif
