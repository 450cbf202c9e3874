/*
 * The floating-point environment of WebAssembly: rounding to nearest, no flags and no traps. What would need another fails, so
 * that a program that relies on it knows; musl's functions claim success.
 */
#include <fenv.h>

#define WEAK __attribute__((weak))

WEAK int feclearexcept(int exceptions) { return 0; }
WEAK int feraiseexcept(int exceptions) { return (exceptions & FE_ALL_EXCEPT) != 0; }
WEAK int fetestexcept(int exceptions) { return 0; }

WEAK int fegetexceptflag(fexcept_t *flags, int exceptions)
{
	*flags = 0;
	return 0;
}

WEAK int fesetexceptflag(const fexcept_t *flags, int exceptions) { return feraiseexcept(*flags & exceptions); }

WEAK int fegetround(void) { return FE_TONEAREST; }
WEAK int fesetround(int mode) { return mode != FE_TONEAREST; }

WEAK int fegetenv(fenv_t *environment)
{
	*environment = (fenv_t){ { 0 } };
	return 0;
}

WEAK int feholdexcept(fenv_t *environment) { return fegetenv(environment); }
WEAK int fesetenv(const fenv_t *environment) { return environment == FE_NOMASK_ENV; }
WEAK int feupdateenv(const fenv_t *environment) { return fesetenv(environment); }

WEAK int feenableexcept(int exceptions) { return exceptions & FE_ALL_EXCEPT ? -1 : 0; }
WEAK int fedisableexcept(int exceptions) { return 0; }
WEAK int fegetexcept(void) { return 0; }
