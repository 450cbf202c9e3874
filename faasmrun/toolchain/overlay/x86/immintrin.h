/* SSE to AVX2 with FMA, F16C, PCLMULQDQ and the bits' instructions; AVX-512 and AES are not there. */
#ifndef FAASMRUN_IMMINTRIN_H
#define FAASMRUN_IMMINTRIN_H

#include <nmmintrin.h>
#include <wmmintrin.h>
#include "faasmrun_simde.h"
#include <simde/x86/avx2.h>
#include <simde/x86/f16c.h>
#include <simde/x86/fma.h>
#include "faasmrun_simde_end.h"
#include <x86gprintrin.h>

#endif
