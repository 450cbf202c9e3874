/* SSE4.2. */
#include <smmintrin.h>
#include <popcntintrin.h>
#include "faasmrun_simde.h"
#include <simde/x86/sse4.2.h>
#include "faasmrun_simde_end.h"
