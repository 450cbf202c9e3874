/* MMX. */
#include "faasmrun_simde.h"
#include <simde/x86/mmx.h>
#include "faasmrun_simde_end.h"
