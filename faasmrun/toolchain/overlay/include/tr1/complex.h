#ifndef _FAASMRUN_TR1_COMPLEX_H
#define _FAASMRUN_TR1_COMPLEX_H
#include <tr1/complex>
#endif
