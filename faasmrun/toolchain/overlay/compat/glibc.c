/* Small functions of glibc's stdio.h, stdlib.h, wchar.h, search.h and time.h that musl has not. */
#include <locale.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#define WEAK __attribute__((weak))

/* Gone from C since 2011, and still in programs. */
char *gets(char *);

WEAK char *gets(char *line)
{
	size_t n = 0;
	int c;
	while ((c = getchar()) != EOF && c != '\n') {
		line[n++] = (char)c;
	}
	line[n] = 0;
	return (c == EOF && n == 0) || ferror(stdin) ? NULL : line;
}

WEAK wchar_t *wmempcpy(wchar_t *restrict to, const wchar_t *restrict from, size_t count) { return wmemcpy(to, from, count) + count; }

WEAK wchar_t *wcschrnul(const wchar_t *text, wchar_t c)
{
	wchar_t *found = wcschr(text, c);
	return found ? found : (wchar_t *)text + wcslen(text);
}

/* Numbers have one form in every locale. */
WEAK long strtol_l(const char *restrict text, char **restrict end, int base, locale_t l) { return strtol(text, end, base); }
WEAK long long strtoll_l(const char *restrict text, char **restrict end, int base, locale_t l) { return strtoll(text, end, base); }
WEAK unsigned long strtoul_l(const char *restrict text, char **restrict end, int base, locale_t l) { return strtoul(text, end, base); }

WEAK unsigned long long strtoull_l(const char *restrict text, char **restrict end, int base, locale_t l)
{
	return strtoull(text, end, base);
}

WEAK long wcstol_l(const wchar_t *restrict text, wchar_t **restrict end, int base, locale_t l) { return wcstol(text, end, base); }
WEAK unsigned long wcstoul_l(const wchar_t *restrict text, wchar_t **restrict end, int base, locale_t l) { return wcstoul(text, end, base); }
WEAK double wcstod_l(const wchar_t *restrict text, wchar_t **restrict end, locale_t l) { return wcstod(text, end); }
WEAK float wcstof_l(const wchar_t *restrict text, wchar_t **restrict end, locale_t l) { return wcstof(text, end); }
WEAK long double wcstold_l(const wchar_t *restrict text, wchar_t **restrict end, locale_t l) { return wcstold(text, end); }

/* One conversion of a floating-point number: %, a precision or none, and a letter. */
#define STRFROM(name, type, length) \
	WEAK int name(char *restrict to, size_t size, const char *restrict format, type x) \
	{ \
		char longer[32]; \
		size_t n = strlen(format); \
		if (n < 2 || n > 20) { \
			return -1; \
		} \
		memcpy(longer, format, n - 1); \
		strcpy(stpcpy(longer + n - 1, length), format + n - 1); \
		return snprintf(to, size, longer, x); \
	}

#pragma clang diagnostic ignored "-Wformat-nonliteral"
STRFROM(strfromd, double, "")
STRFROM(strfromf, float, "")
STRFROM(strfroml, long double, "L")

/* ---- search.h: a node begins as libc's own does (src/search/tsearch.h). ---- */

struct node {
	const void *key;
	struct node *below[2];
};

static void walk(const struct node *n, void (*f)(const void *, VISIT, void *), void *argument)
{
	if (!n->below[0] && !n->below[1]) {
		f(n, leaf, argument);
		return;
	}
	f(n, preorder, argument);
	if (n->below[0]) {
		walk(n->below[0], f, argument);
	}
	f(n, postorder, argument);
	if (n->below[1]) {
		walk(n->below[1], f, argument);
	}
	f(n, endorder, argument);
}

WEAK void twalk_r(const void *root, void (*f)(const void *, VISIT, void *), void *argument)
{
	if (root && f) {
		walk(root, f, argument);
	}
}

WEAK int timespec_getres(struct timespec *t, int base) { return base == TIME_UTC && !clock_getres(CLOCK_REALTIME, t) ? base : 0; }
