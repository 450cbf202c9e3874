#include_next <wchar.h>
#if !defined(_FAASMRUN_WCHAR_H) && defined(_GNU_SOURCE)
#define _FAASMRUN_WCHAR_H
#include <locale.h>
#ifdef __cplusplus
extern "C" {
#endif
wchar_t *wmempcpy(wchar_t *__restrict, const wchar_t *__restrict, size_t);
wchar_t *wcschrnul(const wchar_t *, wchar_t);
long wcstol_l(const wchar_t *__restrict, wchar_t **__restrict, int, locale_t);
unsigned long wcstoul_l(const wchar_t *__restrict, wchar_t **__restrict, int, locale_t);
double wcstod_l(const wchar_t *__restrict, wchar_t **__restrict, locale_t);
float wcstof_l(const wchar_t *__restrict, wchar_t **__restrict, locale_t);
long double wcstold_l(const wchar_t *__restrict, wchar_t **__restrict, locale_t);
#ifdef __cplusplus
}
#endif
#endif
