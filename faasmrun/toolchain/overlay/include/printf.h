#ifndef _FAASMRUN_PRINTF_H
#define _FAASMRUN_PRINTF_H
/* Conversions of the program's own: none can be registered (compat/linux.c). */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#ifdef __cplusplus
extern "C" {
#endif
struct printf_info {
	int prec, width;
	wchar_t spec;
	unsigned is_long_double : 1, is_short : 1, is_long : 1, alt : 1, space : 1, left : 1, showsign : 1, group : 1, extra : 1, is_char : 1,
		wide : 1, i18n : 1, is_binary128 : 1, __pad : 3;
	unsigned short user;
	wchar_t pad;
};
typedef int printf_function(FILE *, const struct printf_info *, const void *const *);
typedef int printf_arginfo_size_function(const struct printf_info *, size_t, int *, int *);
typedef int printf_arginfo_function(const struct printf_info *, size_t, int *);
typedef void printf_va_arg_function(void *, va_list *);
enum {
	PA_INT, PA_CHAR, PA_WCHAR, PA_STRING, PA_WSTRING, PA_POINTER, PA_FLOAT, PA_DOUBLE, PA_LAST
};
#define PA_FLAG_MASK 0xff00
#define PA_FLAG_LONG_LONG 0x100
#define PA_FLAG_LONG_DOUBLE PA_FLAG_LONG_LONG
#define PA_FLAG_LONG 0x200
#define PA_FLAG_SHORT 0x400
#define PA_FLAG_PTR 0x800
int register_printf_function(int, printf_function *, printf_arginfo_function *);
int register_printf_specifier(int, printf_function *, printf_arginfo_size_function *);
int register_printf_modifier(const wchar_t *);
int register_printf_type(printf_va_arg_function *);
#ifdef __cplusplus
}
#endif
#endif
