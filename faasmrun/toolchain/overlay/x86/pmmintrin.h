/* SSE3. */
#include <emmintrin.h>
#include "faasmrun_simde.h"
#include <simde/x86/sse3.h>
#include "faasmrun_simde_end.h"
