/* SSE2. */
#include <xmmintrin.h>
#include "faasmrun_simde.h"
#include <simde/x86/sse2.h>
#include "faasmrun_simde_end.h"
