/* libintl.h without catalogues: every message is its own translation, and the plural is English's, as in glibc's C locale. */
#include <libintl.h>
#include <stdlib.h>
#include <string.h>

#define WEAK __attribute__((weak))

WEAK char *dcngettext(const char *domain, const char *one, const char *more, unsigned long n, int category)
{
	return (char *)(n == 1 ? one : more);
}

WEAK char *gettext(const char *text) { return (char *)text; }
WEAK char *dgettext(const char *domain, const char *text) { return (char *)text; }
WEAK char *dcgettext(const char *domain, const char *text, int category) { return (char *)text; }
WEAK char *ngettext(const char *one, const char *more, unsigned long n) { return dcngettext(NULL, one, more, n, 0); }

WEAK char *dngettext(const char *domain, const char *one, const char *more, unsigned long n)
{
	return dcngettext(domain, one, more, n, 0);
}

/* A name that the program sets, and which it may ask for: the last one, or what it is before. */
struct name {
	struct name *next;
	char *value, domain[];
};

static char *keep(struct name **names, const char *domain, const char *value, const char *unset)
{
	struct name *n = *names;
	while (n && strcmp(n->domain, domain)) {
		n = n->next;
	}
	if (!value) {
		return (char *)(n ? n->value : unset);
	}
	char *copy = strdup(value);
	if (copy && !n && (n = malloc(sizeof *n + strlen(domain) + 1))) {
		*n = (struct name){ .next = *names };
		strcpy(n->domain, domain);
		*names = n;
	}
	if (!copy || !n) {
		free(copy);
		return NULL;
	}
	return n->value = copy; /* the one before may still be in use */
}

static struct name *domains, *directories, *codesets;

WEAK char *textdomain(const char *domain) { return keep(&domains, "", domain && !*domain ? "messages" : domain, "messages"); }

WEAK char *bindtextdomain(const char *domain, const char *directory)
{
	return domain && *domain ? keep(&directories, domain, directory, "/usr/share/locale") : NULL;
}

WEAK char *bind_textdomain_codeset(const char *domain, const char *codeset)
{
	return domain && *domain ? keep(&codesets, domain, codeset, NULL) : NULL;
}
