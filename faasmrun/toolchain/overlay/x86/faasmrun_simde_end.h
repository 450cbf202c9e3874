/* What stands behind a header of SIMDe's. */
#include "faasmrun_exact.h"
#ifdef __cplusplus
}
#endif
#ifdef FAASMRUN_NO_BOOL
#undef FAASMRUN_NO_BOOL
#undef bool
#undef true
#undef false
#undef __bool_true_false_are_defined
#undef __STDBOOL_H
#endif
