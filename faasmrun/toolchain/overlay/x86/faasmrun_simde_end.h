/* What stands behind a header of SIMDe's. */
#include "faasmrun_exact.h"
#ifdef __cplusplus
}
#endif
