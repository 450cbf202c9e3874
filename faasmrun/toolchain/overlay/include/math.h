#include_next <math.h>
#if !defined(_FAASMRUN_MATH_H) && defined(_GNU_SOURCE)
#define _FAASMRUN_MATH_H
#ifdef __cplusplus
extern "C" {
#endif
int isnanf(float);
int isinff(float);
int isnanl(long double);
int isinfl(long double);
int finitel(long double);
double gamma(double);
float gammaf(float);
long double significandl(long double);
long double dreml(long double, long double);
long double gammal(long double);
double roundeven(double);
float roundevenf(float);
long double roundevenl(long double);
double nextup(double);
float nextupf(float);
long double nextupl(long double);
double nextdown(double);
float nextdownf(float);
long double nextdownl(long double);
long llogb(double);
long llogbf(float);
long llogbl(long double);
#ifdef __cplusplus
}
#endif
#endif
