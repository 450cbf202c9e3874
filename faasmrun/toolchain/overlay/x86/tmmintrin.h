/* SSSE3. */
#include <pmmintrin.h>
#include "faasmrun_simde.h"
#include <simde/x86/ssse3.h>
#include "faasmrun_simde_end.h"
