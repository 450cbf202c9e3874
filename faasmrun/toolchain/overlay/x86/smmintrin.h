/* SSE4.1. */
#include <tmmintrin.h>
#include "faasmrun_simde.h"
#include <simde/x86/sse4.1.h>
#include "faasmrun_simde_end.h"
