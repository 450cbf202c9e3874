/*
 * wordexp: tildes, parameters, arithmetic, fields, names of files and quotes, in this order as a shell does it. A word grows as a
 * pattern for glob: what was quoted has a backslash before it where that matters, and loses it when the word is done.
 */
#include <ctype.h>
#include <fnmatch.h>
#include <glob.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wordexp.h>

#define WEAK __attribute__((weak))

struct expansion {
	const char *at; /* what is left of the text */
	int flags;
	char *word; /* NULL where there is none yet */
	size_t size, room;
	wordexp_t *result;
};

static int expand(struct expansion *e, int quoted, const char *end);

/* A zero makes a word, be it an empty one. */
static int put(struct expansion *e, char c, int quoted)
{
	if (!e->word || e->size + 1 >= e->room) {
		char *longer = realloc(e->word, 2 * e->size + 16);
		if (!longer) {
			return WRDE_NOSPACE;
		}
		e->word = longer;
		e->room = 2 * e->size + 16;
	}
	if (c && quoted && strchr("\\*?[]", c)) {
		int error = put(e, '\\', 0);
		if (error) {
			return error;
		}
	}
	e->word[e->size] = c;
	e->size += c != 0;
	e->word[e->size] = 0;
	return 0;
}

static int put_all(struct expansion *e, const char *text, int quoted)
{
	int error = put(e, 0, 0);
	for (; !error && *text; text++) {
		error = put(e, *text, quoted);
	}
	return error;
}

static int append(wordexp_t *w, char *word)
{
	char **longer = word ? realloc(w->we_wordv, (w->we_offs + w->we_wordc + 2) * sizeof(char *)) : NULL;
	if (!longer) {
		free(word);
		return WRDE_NOSPACE;
	}
	w->we_wordv = longer;
	longer[w->we_offs + w->we_wordc++] = word;
	longer[w->we_offs + w->we_wordc] = NULL;
	return 0;
}

static void unquote(char *word)
{
	char *to = word;
	for (; *word; word++) {
		if (*word == '\\' && word[1]) {
			word++;
		}
		*to++ = *word;
	}
	*to = 0;
}

/* Ends the word, if there is one: the names that it matches, or itself. */
static int finish(struct expansion *e)
{
	char *word = e->word;
	e->word = NULL;
	e->size = 0;
	if (!word) {
		return 0;
	}
	glob_t found = { 0 };
	int error = glob_pattern_p(word, 1) ? glob(word, 0, NULL, &found) : GLOB_NOMATCH;
	if (error) {
		unquote(word);
		return error == GLOB_NOSPACE ? free(word), WRDE_NOSPACE : append(e->result, word);
	}
	free(word);
	for (size_t i = 0; !error && i < found.gl_pathc; i++) {
		error = append(e->result, strdup(found.gl_pathv[i]));
	}
	globfree(&found);
	return error;
}

/*
 * A value outside of quotes is split at IFS' letters: those that are space end a word, each other one does with space around it. Its
 * letters are no pattern: a shell takes them for one, glibc does not.
 */
static int split(struct expansion *e, const char *text)
{
	const char *ifs = getenv("IFS");
	ifs = ifs ? ifs : " \t\n";
	int error = 0;
	while (!error && *text) {
		if (!strchr(ifs, *text)) {
			error = put(e, *text, 1);
			text++;
			continue;
		}
		int others = 0;
		for (; *text && strchr(ifs, *text) && (isspace((unsigned char)*text) || !others); text++) {
			others |= !isspace((unsigned char)*text);
		}
		if (others && !e->word) {
			error = put(e, 0, 0);
		}
		error = error ? error : finish(e);
	}
	return error;
}

/* ---- Arithmetic: + - * / and parentheses, of long ---- */

static int sum(const char **at, long *value);

static void skip(const char **at)
{
	*at += strspn(*at, " \t\n");
}

static int factor(const char **at, long *value)
{
	skip(at);
	if (**at == '(') {
		++*at;
		if (sum(at, value)) {
			return WRDE_SYNTAX;
		}
		skip(at);
		return *(*at)++ == ')' ? 0 : WRDE_SYNTAX;
	}
	char *end;
	*value = strtol(*at, &end, 0);
	int error = end == *at ? WRDE_SYNTAX : 0;
	*at = end;
	return error;
}

static int product(const char **at, long *value)
{
	int error = factor(at, value);
	for (skip(at); !error && (**at == '*' || **at == '/'); skip(at)) {
		long other, divides = *(*at)++ == '/';
		error = factor(at, &other);
		if (!error && divides && (other == 0 || (other == -1 && *value == -*value))) {
			return WRDE_SYNTAX;
		}
		if (!error) {
			*value = divides ? *value / other : (long)((unsigned long)*value * (unsigned long)other);
		}
	}
	return error;
}

static int sum(const char **at, long *value)
{
	int error = product(at, value);
	for (skip(at); !error && (**at == '+' || **at == '-'); skip(at)) {
		long other;
		int minus = *(*at)++ == '-';
		error = product(at, &other);
		*value = (long)((unsigned long)*value + (minus ? -(unsigned long)other : (unsigned long)other));
	}
	return error;
}

/* ---- $ ---- */

/* Expands a part by itself, up to an end that is not quoted: what it becomes stays in *text. */
static int apart(struct expansion *e, const char *end, int quoted, int keep, char **text)
{
	struct expansion part = { e->at, e->flags, NULL, 0, 0, e->result };
	int error = put(&part, 0, 0);
	if (!error) {
		error = expand(&part, quoted | 2, end);
	}
	e->at = part.at;
	if (error || (*end && !*e->at)) {
		free(part.word);
		return error ? error : WRDE_SYNTAX;
	}
	if (!keep) {
		unquote(part.word);
	}
	*text = part.word;
	return 0;
}

/* $((...)), whose parentheses are even. */
static int arithmetic(struct expansion *e, int quoted)
{
	const char *end = e->at;
	for (int depth = 0; depth > 0 || *end != ')'; end++) {
		if (!*end) {
			return WRDE_SYNTAX;
		}
		depth += *end == '(';
		depth -= *end == ')';
	}
	if (end[1] != ')') {
		return WRDE_CMDSUB; /* a command in a subshell */
	}
	char *text, number[32];
	struct expansion part = *e;
	part.at = strndup(e->at, (size_t)(end - e->at));
	const char *begin = part.at;
	int error = begin ? apart(&part, "", 1, 0, &text) : WRDE_NOSPACE;
	free((char *)begin);
	if (error) {
		return error;
	}
	long value = 0;
	const char *at = text;
	skip(&at);
	error = *at ? sum(&at, &value) : 0;
	error = error || *at ? WRDE_SYNTAX : 0;
	free(text);
	if (error) {
		return error;
	}
	e->at = end + 2;
	snprintf(number, sizeof number, "%ld", value);
	return put_all(e, number, quoted);
}

/* Cuts from the value what a pattern matches at its begin or end: as little as it can, or as much. */
static void cut(char *value, const char *pattern, int at_end, int much)
{
	size_t length = strlen(value);
	for (size_t n = 0; n <= length; n++) {
		size_t part = much ? length - n : n;
		char *from = at_end ? value + length - part : value, saved = value[part];
		if (!at_end) {
			value[part] = 0;
		}
		int found = fnmatch(pattern, from, 0) == 0;
		value[part] = at_end ? value[part] : saved;
		if (found) {
			if (at_end) {
				*from = 0;
			} else {
				memmove(value, value + part, length - part + 1);
			}
			return;
		}
	}
}

static int letter(char c) { return c == '_' || isalnum((unsigned char)c); }

/* A parameter's value, in memory of its own; NULL where it has none. */
static char *value_of(const char *name)
{
	char number[32];
	const char *value = getenv(name);
	if (!strcmp(name, "$") || !strcmp(name, "#")) {
		snprintf(number, sizeof number, "%ld", *name == '$' ? (long)getpid() : 0);
		value = number;
	}
	return value ? strdup(value) : NULL;
}

/* What follows a name within braces: one of - = ? + with or without a colon, or a cut. */
static int operate(struct expansion *e, const char *name, char **value)
{
	int colon = *e->at == ':' && e->at[1] && strchr("-=?+", e->at[1]), much;
	e->at += colon;
	char operation = *e->at, *text;
	if (operation == '}') {
		e->at++;
		return 0;
	}
	if (!operation || !strchr("-=?+%#", operation)) {
		return WRDE_SYNTAX;
	}
	much = (operation == '%' || operation == '#') && e->at[1] == operation;
	e->at += 1 + much;
	int error = apart(e, "}", 0, operation == '%' || operation == '#', &text), is = *value && !(colon && !**value);
	if (error) {
		return error;
	}
	e->at++;
	switch (operation) {
	case '%':
	case '#':
		if (*value) {
			cut(*value, text, operation == '%', much);
		}
		free(text);
		return 0;
	case '?':
		if (!is) {
			if (*text) {
				fprintf(stderr, "%s: %s\n", name, text);
			} else {
				fprintf(stderr, "%s: parameter null or not set\n", name);
			}
			free(text);
			return WRDE_BADVAL;
		}
		free(text);
		return 0;
	}
	if (operation == '=' && !is) {
		setenv(name, text, 1);
	}
	if ((operation == '+') == is) {
		free(*value);
		*value = text;
	} else {
		free(text);
		if (operation == '+') {
			free(*value);
			*value = strdup("");
		}
	}
	return 0;
}

static int parameter(struct expansion *e, int quoted)
{
	int brace = *e->at == '{', length;
	e->at += brace;
	length = brace && *e->at == '#' && e->at[1] != '}';
	e->at += length;
	size_t n = 0;
	if (letter(*e->at) && !isdigit((unsigned char)*e->at)) {
		while (letter(e->at[n])) {
			n++;
		}
	} else if (isdigit((unsigned char)*e->at)) {
		do {
			n++;
		} while (brace && isdigit((unsigned char)e->at[n]));
	} else if (*e->at && strchr("$#*@", *e->at)) {
		n = 1;
	}
	if (n == 0) {
		return brace ? WRDE_SYNTAX : put_all(e, "$", 1);
	}
	char *name = strndup(e->at, n), *value = name ? value_of(name) : NULL;
	e->at += n;
	int error = name ? 0 : WRDE_NOSPACE;
	if (!error && brace && length) {
		char number[32];
		snprintf(number, sizeof number, "%zu", value ? strlen(value) : 0);
		free(value);
		value = strdup(number);
		error = *e->at++ == '}' ? 0 : WRDE_SYNTAX;
	} else if (!error && brace) {
		error = operate(e, name, &value);
	}
	free(name);
	if (!error && !value && e->flags & WRDE_UNDEF) {
		error = WRDE_BADVAL;
	}
	if (!error && (quoted || value)) {
		error = quoted ? put_all(e, value ? value : "", 1) : split(e, value);
	}
	free(value);
	return error;
}

/* ---- The text ---- */

static int tilde(struct expansion *e)
{
	size_t n = strcspn(e->at, "/: \t\n\\'\"$`");
	if (e->at[n] && !strchr("/: \t\n", e->at[n])) {
		return put(e, '~', 0);
	}
	char *name = strndup(e->at, n);
	const char *home = n ? NULL : getenv("HOME");
	if (!home) {
		struct passwd *user = !name ? NULL : n ? getpwnam(name) : getpwuid(getuid());
		home = user ? user->pw_dir : NULL;
	}
	free(name);
	if (!home) {
		return put(e, '~', 0);
	}
	e->at += n;
	return put_all(e, home, 1);
}

static int single(struct expansion *e)
{
	const char *end = strchr(e->at, '\'');
	int error = end ? put(e, 0, 0) : WRDE_SYNTAX;
	while (!error && e->at < end) {
		error = put(e, *e->at++, 1);
	}
	e->at++;
	return error;
}

/* A dollar is behind us. */
static int dollar(struct expansion *e, int quoted)
{
	if (e->at[0] == '(') {
		if (e->at[1] != '(') {
			return WRDE_CMDSUB;
		}
		e->at += 2;
		return arithmetic(e, quoted);
	}
	return parameter(e, quoted);
}

/* A backslash is behind us. Within double quotes it quotes few letters. */
static int escaped(struct expansion *e, int quoted)
{
	if (!*e->at) {
		return WRDE_SYNTAX;
	}
	char c = *e->at++;
	if (c == '\n') {
		return 0;
	}
	int error = quoted && !strchr("$`\"\\", c) ? put(e, '\\', 1) : 0;
	return error ? error : put(e, c, 1);
}

/* Up to one of end's letters or the text's end. quoted: 1 within double quotes; 2 within braces, where space and others stand. */
static int expand(struct expansion *e, int quoted, const char *end)
{
	int error = 0, begins = 1, inside = quoted & 1;
	while (!error && *e->at && !strchr(end, *e->at)) {
		char c = *e->at++;
		int begun = begins;
		begins = 0;
		switch (c) {
		case '$':
			error = dollar(e, quoted);
			break;
		case '`':
			return WRDE_CMDSUB;
		case '\\':
			error = escaped(e, inside);
			break;
		case '\'':
			error = inside ? put(e, c, 0) : single(e);
			break;
		case '"':
			if (inside) {
				error = put(e, c, 0);
				break;
			}
			error = put(e, 0, 0);
			error = error ? error : expand(e, 1, "\"");
			error = error ? error : *e->at++ == '"' ? 0 : WRDE_SYNTAX;
			break;
		case '~':
			error = begun && !inside ? tilde(e) : put(e, c, inside);
			break;
		case ' ':
		case '\t':
			if (quoted) {
				error = put(e, c, 1);
				break;
			}
			error = finish(e);
			begins = 1;
			break;
		case '\n':
		case '|':
		case '&':
		case ';':
		case '<':
		case '>':
		case '(':
		case ')':
		case '{':
		case '}':
			error = quoted ? put(e, c, 1) : WRDE_BADCHAR;
			break;
		default:
			error = put(e, c, inside);
		}
	}
	return error;
}

WEAK int wordexp(const char *restrict text, wordexp_t *restrict w, int flags)
{
	if (flags & WRDE_REUSE) {
		wordfree(w);
	}
	wordexp_t before = *w, fresh = { 0, NULL, flags & WRDE_DOOFFS ? w->we_offs : 0 };
	if (flags & WRDE_APPEND) {
		fresh.we_wordc = 0;
	}
	fresh.we_wordv = calloc(fresh.we_offs + 1, sizeof(char *));
	struct expansion e = { text, flags, NULL, 0, 0, &fresh };
	int error = fresh.we_wordv ? expand(&e, 0, "") : WRDE_NOSPACE;
	error = error ? error : finish(&e);
	free(e.word);
	if (flags & WRDE_APPEND) {
		for (size_t i = 0; !error && i < fresh.we_wordc; i++) {
			error = append(&before, fresh.we_wordv[fresh.we_offs + i]);
		}
		if (!error || error == WRDE_NOSPACE) {
			*w = before;
		}
		free(fresh.we_wordv);
		return error;
	}
	if (error && error != WRDE_NOSPACE) {
		wordfree(&fresh);
		if (!(flags & WRDE_REUSE)) {
			*w = before;
		}
		return error;
	}
	*w = fresh;
	return error;
}

WEAK void wordfree(wordexp_t *w)
{
	for (size_t i = 0; w->we_wordv && i < w->we_wordc; i++) {
		free(w->we_wordv[w->we_offs + i]);
	}
	free(w->we_wordv);
	w->we_wordv = NULL;
	w->we_wordc = 0;
}
