/* argz.h and envz.h. A vector without strings is a null pointer of size 0. */
#include <argz.h>
#include <envz.h>
#include <stdlib.h>

#define WEAK __attribute__((weak))

WEAK size_t argz_count(const char *v, size_t size)
{
	size_t count = 0;
	for (; size; count++) {
		size_t part = strlen(v) + 1;
		v += part;
		size -= part;
	}
	return count;
}

WEAK char *argz_next(const char *v, size_t size, const char *entry)
{
	if (!entry) {
		return size ? (char *)v : NULL;
	}
	entry += strlen(entry) + 1;
	return entry < v + size ? (char *)entry : NULL;
}

WEAK error_t argz_append(char **v, size_t *size, const char *text, size_t more)
{
	char *longer = realloc(*v, *size + more);
	if (!longer && *size + more) {
		return ENOMEM;
	}
	memcpy(longer + *size, text, more);
	*v = longer;
	*size += more;
	return 0;
}

WEAK error_t argz_add(char **v, size_t *size, const char *text) { return argz_append(v, size, text, strlen(text) + 1); }

/* Separators that follow one another count as one, and none begins the vector. One at the end leaves an empty string. */
WEAK error_t argz_add_sep(char **v, size_t *size, const char *text, int separator)
{
	size_t length = strlen(text) + 1, n = *size;
	if (length == 1) {
		return 0;
	}
	char *longer = realloc(*v, n + length);
	if (!longer) {
		return ENOMEM;
	}
	for (; *text; text++) {
		if (*text != separator) {
			longer[n++] = *text;
		} else if (n && longer[n - 1]) {
			longer[n++] = 0;
		}
	}
	longer[n++] = 0;
	*v = longer;
	*size = n;
	return 0;
}

WEAK error_t argz_create_sep(const char *text, int separator, char **v, size_t *size)
{
	*v = NULL;
	*size = 0;
	return argz_add_sep(v, size, text, separator);
}

WEAK error_t argz_create(char *const arguments[], char **v, size_t *size)
{
	*v = NULL;
	*size = 0;
	for (; *arguments; arguments++) {
		if (argz_add(v, size, *arguments)) {
			free(*v);
			return ENOMEM;
		}
	}
	return 0;
}

WEAK void argz_extract(const char *v, size_t size, char **arguments)
{
	for (const char *entry = argz_next(v, size, NULL); entry; entry = argz_next(v, size, entry)) {
		*arguments++ = (char *)entry;
	}
	*arguments = NULL;
}

WEAK void argz_stringify(char *v, size_t size, int separator)
{
	for (size_t i = 0; i + 1 < size; i++) {
		if (!v[i]) {
			v[i] = (char)separator;
		}
	}
}

WEAK void argz_delete(char **v, size_t *size, char *entry)
{
	if (!entry) {
		return;
	}
	size_t part = strlen(entry) + 1;
	*size -= part;
	memmove(entry, entry + part, *size - (size_t)(entry - *v));
	if (!*size) {
		free(*v);
		*v = NULL;
	}
}

WEAK error_t argz_insert(char **v, size_t *size, char *before, const char *text)
{
	if (!before) {
		return argz_add(v, size, text);
	}
	if (before < *v || before >= *v + *size) {
		return EINVAL;
	}
	while (before > *v && before[-1]) {
		before--;
	}
	size_t at = (size_t)(before - *v), more = strlen(text) + 1;
	char *longer = realloc(*v, *size + more);
	if (!longer) {
		return ENOMEM;
	}
	memmove(longer + at + more, longer + at, *size - at);
	memcpy(longer + at, text, more);
	*v = longer;
	*size += more;
	return 0;
}

/* Appends to v what text becomes. It returns whether that is another one, or -1. */
static int replaced(char **v, size_t *size, const char *text, const char *old, const char *new)
{
	int changed = 0;
	const char *found;
	while (*old && (found = strstr(text, old))) {
		if (argz_append(v, size, text, (size_t)(found - text)) || argz_append(v, size, new, strlen(new))) {
			return -1;
		}
		text = found + strlen(old);
		changed = 1;
	}
	return argz_add(v, size, text) ? -1 : changed;
}

WEAK error_t argz_replace(char **v, size_t *size, const char *old, const char *new, unsigned *count)
{
	char *other = NULL;
	size_t length = 0;
	for (char *entry = argz_next(*v, *size, NULL); entry; entry = argz_next(*v, *size, entry)) {
		int changed = replaced(&other, &length, entry, old, new);
		if (changed < 0) {
			free(other);
			return ENOMEM;
		}
		if (count) {
			*count += (unsigned)changed; /* of strings */
		}
	}
	free(*v);
	*v = other;
	*size = length;
	return 0;
}

/* ---- envz.h ---- */

WEAK char *envz_entry(const char *v, size_t size, const char *name)
{
	size_t length = strcspn(name, "=");
	for (char *entry = argz_next(v, size, NULL); entry; entry = argz_next(v, size, entry)) {
		if (!strncmp(entry, name, length) && (!entry[length] || entry[length] == '=')) {
			return entry;
		}
	}
	return NULL;
}

WEAK char *envz_get(const char *v, size_t size, const char *name)
{
	char *entry = envz_entry(v, size, name), *equals = entry ? strchr(entry, '=') : NULL;
	return equals ? equals + 1 : NULL;
}

WEAK void envz_remove(char **v, size_t *size, const char *name) { argz_delete(v, size, envz_entry(*v, *size, name)); }

WEAK error_t envz_add(char **v, size_t *size, const char *name, const char *value)
{
	envz_remove(v, size, name);
	if (!value) {
		return argz_add(v, size, name);
	}
	size_t length = strlen(name), whole = length + strlen(value) + 2;
	char *longer = realloc(*v, *size + whole);
	if (!longer) {
		return ENOMEM;
	}
	memcpy(longer + *size, name, length);
	longer[*size + length] = '=';
	strcpy(longer + *size + length + 1, value);
	*v = longer;
	*size += whole;
	return 0;
}

WEAK error_t envz_merge(char **v, size_t *size, const char *other, size_t length, int override)
{
	for (const char *entry = argz_next(other, length, NULL); entry; entry = argz_next(other, length, entry)) {
		char *old = envz_entry(*v, *size, entry);
		if (old && !override) {
			continue;
		}
		argz_delete(v, size, old);
		if (argz_add(v, size, entry)) {
			return ENOMEM;
		}
	}
	return 0;
}

WEAK void envz_strip(char **v, size_t *size)
{
	size_t kept = 0;
	for (size_t at = 0, part; at < *size; at += part) {
		part = strlen(*v + at) + 1;
		if (strchr(*v + at, '=')) {
			memmove(*v + kept, *v + at, part);
			kept += part;
		}
	}
	*size = kept;
	if (!kept) {
		free(*v);
		*v = NULL;
	}
}
