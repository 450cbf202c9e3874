/* PCLMULQDQ, without AES. */
#include <emmintrin.h>
#include "faasmrun_simde.h"
#include <simde/x86/clmul.h>
#include "faasmrun_simde_end.h"
