/* What GNU adds to glob, around libc's own: braces, patterns without magic, directories alone. */
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define WEAK __attribute__((weak))

int __faasmrun_glob(const char *restrict, int, int (*)(const char *, int), glob_t *restrict); /* libc's */

/* Reports whether a pattern, which may have backslashes unless quoted is false, matches other names than its own. */
WEAK int glob_pattern_p(const char *pattern, int quoted)
{
	int open = 0;
	for (; *pattern; pattern++) {
		switch (*pattern) {
		case '?':
		case '*':
			return 1;
		case '\\':
			if (quoted && pattern[1]) {
				pattern++;
			}
			break;
		case '[':
			open = 1;
			break;
		case ']':
			if (open) {
				return 1;
			}
		}
	}
	return 0;
}

/* The comma or brace that ends an alternative, NULL where there is none. */
static const char *alternative(const char *at, int flags)
{
	size_t depth = 0;
	while (*at) {
		if (*at == '\\' && !(flags & GLOB_NOESCAPE)) {
			if (!*++at) {
				return NULL;
			}
			at++;
			continue;
		}
		if (depth == 0 && (*at == ',' || *at == '}')) {
			return at;
		}
		depth += *at == '{';
		depth -= *at == '}';
		at++;
	}
	return NULL;
}

/* The first brace, if all of it is there; *rest is what follows it. */
static const char *braces(const char *pattern, int flags, const char **rest)
{
	for (; *pattern && *pattern != '{'; pattern++) {
		if (*pattern == '\\' && pattern[1] && !(flags & GLOB_NOESCAPE)) {
			pattern++;
		}
	}
	if (!*pattern) {
		return NULL;
	}
	for (*rest = pattern; **rest != '}';) {
		*rest = alternative(*rest + 1, flags);
		if (!*rest) {
			return NULL;
		}
	}
	++*rest;
	return pattern;
}

static void only_directories(glob_t *g, size_t from)
{
	size_t kept = from;
	for (size_t i = from; i < g->gl_pathc; i++) {
		struct stat st;
		char **name = g->gl_pathv + g->gl_offs + i;
		if (stat(*name, &st) == 0 && S_ISDIR(st.st_mode)) {
			char *is = *name;
			*name = g->gl_pathv[g->gl_offs + kept];
			g->gl_pathv[g->gl_offs + kept++] = is;
		}
	}
	if (kept < g->gl_pathc) {
		/* globfree frees as many as it counts: the others go now. */
		glob_t others = { g->gl_pathc - kept, malloc((g->gl_pathc - kept) * sizeof(char *)), 0 };
		if (others.gl_pathv) {
			memcpy(others.gl_pathv, g->gl_pathv + g->gl_offs + kept, others.gl_pathc * sizeof(char *));
			globfree(&others);
		}
		g->gl_pathv[g->gl_offs + kept] = NULL;
		g->gl_pathc = kept;
	}
}

/* One pattern without braces, or whose braces are to be taken as they stand. */
static int expand(const char *pattern, int flags, int (*failed)(const char *, int), glob_t *g)
{
	const char *slash = strrchr(pattern, '/');
	int magic = strpbrk(slash ? slash + 1 : pattern, flags & GLOB_NOESCAPE ? "*?[" : "*?[\\") != NULL;
	size_t before = flags & GLOB_APPEND ? g->gl_pathc : 0;
	int plain = flags & ~(GLOB_BRACE | GLOB_NOMAGIC | GLOB_ONLYDIR | GLOB_MAGCHAR);
	if (flags & GLOB_NOMAGIC && !glob_pattern_p(pattern, !(flags & GLOB_NOESCAPE))) {
		plain |= GLOB_NOCHECK;
	}
	int result = __faasmrun_glob(pattern, plain, failed, g);
	if (result == 0 && flags & GLOB_ONLYDIR && strcmp(g->gl_pathv[g->gl_offs + before], pattern)) {
		only_directories(g, before);
		result = g->gl_pathc == before ? GLOB_NOMATCH : 0;
	}
	g->gl_flags = flags | (magic ? GLOB_MAGCHAR : 0);
	return result;
}

WEAK int glob(const char *restrict pattern, int flags, int (*failed)(const char *, int), glob_t *restrict g)
{
	const char *rest, *brace = flags & GLOB_BRACE ? braces(pattern, flags, &rest) : NULL;
	if (!brace) {
		return expand(pattern, flags, failed, g);
	}
	if (!(flags & GLOB_APPEND)) {
		g->gl_pathc = 0;
		g->gl_offs = flags & GLOB_DOOFFS ? g->gl_offs : 0;
		g->gl_pathv = calloc(g->gl_offs + 1, sizeof(char *));
	}
	size_t before = g->gl_pathc, prefix = (size_t)(brace - pattern);
	char *one = malloc(strlen(pattern) + 1);
	if (!one) {
		return GLOB_NOSPACE;
	}
	memcpy(one, pattern, prefix);
	int result = 0, magic = 0;
	for (const char *from = brace + 1, *end;; from = end + 1) {
		end = alternative(from, flags);
		memcpy(one + prefix, from, (size_t)(end - from));
		strcpy(one + prefix + (end - from), rest);
		result = glob(one, (flags & ~(GLOB_NOCHECK | GLOB_NOMAGIC)) | GLOB_APPEND, failed, g);
		magic |= g->gl_flags & GLOB_MAGCHAR;
		if ((result && result != GLOB_NOMATCH) || *end == '}') {
			break;
		}
	}
	free(one);
	if (result && result != GLOB_NOMATCH) {
		return result;
	}
	if (g->gl_pathc == before && flags & (GLOB_NOCHECK | GLOB_NOMAGIC)) {
		return expand(pattern, flags | GLOB_APPEND, failed, g);
	}
	g->gl_flags = flags | magic;
	return g->gl_pathc == before ? GLOB_NOMATCH : 0;
}
