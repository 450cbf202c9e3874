/* SSE. */
#include <mm_malloc.h>
#include "faasmrun_simde.h"
#include <simde/x86/sse.h>
#include "faasmrun_simde_end.h"
