#include_next <search.h>
#if !defined(_FAASMRUN_SEARCH_H) && defined(_GNU_SOURCE)
#define _FAASMRUN_SEARCH_H
#ifdef __cplusplus
extern "C" {
#endif
void twalk_r(const void *, void (*)(const void *, VISIT, void *), void *);
#ifdef __cplusplus
}
#endif
#endif
