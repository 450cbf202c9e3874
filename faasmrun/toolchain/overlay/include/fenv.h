#include_next <fenv.h>
#if !defined(_FAASMRUN_FENV_H) && defined(_GNU_SOURCE)
#define _FAASMRUN_FENV_H
#define FE_NOMASK_ENV ((const fenv_t *)-2)
#ifdef __cplusplus
extern "C" {
#endif
/* No operation traps: the first fails, the others say that none is enabled. */
int feenableexcept(int);
int fedisableexcept(int);
int fegetexcept(void);
#ifdef __cplusplus
}
#endif
#endif
