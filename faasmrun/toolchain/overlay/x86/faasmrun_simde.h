/*
 * What stands before a header of SIMDe's (github.com/simd-everywhere/simde), which says x86's intrinsics in terms of
 * WebAssembly's vectors: their names are x86's own then. A program may include these headers within extern "C".
 */
#if !__has_include(<simde/x86/sse.h>)
#error "x86's intrinsics are translated by SIMDe, which is not there yet: run faasmrun toolchain install"
#endif
#if !defined __cplusplus && (!defined __STDC_VERSION__ || __STDC_VERSION__ < 199901L)
#error "x86's intrinsics need C99 here: compile with -std=gnu99 or later"
#endif
/* Its stdbool.h is not the program's, whose bool may be a type of its own. */
#if !defined __cplusplus && !defined __bool_true_false_are_defined
#define FAASMRUN_NO_BOOL
#endif
#include <stdbool.h>
#ifndef SIMDE_ENABLE_NATIVE_ALIASES
#define SIMDE_ENABLE_NATIVE_ALIASES
#endif
#ifdef __cplusplus
extern "C++" {
#endif
