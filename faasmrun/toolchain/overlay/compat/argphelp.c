/*
 * What argp prints: usage, lists of options, errors; text and its breaks are as glibc prints them. The options of all argps are
 * gathered to entries, one for an option with its aliases, and sorted; a child with a header or a group is a cluster of its own.
 */
#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WEAK __attribute__((weak))

extern char *program_invocation_short_name;

WEAK const char *argp_program_bug_address;

/* ---- Text that is broken between words ---- */

struct text {
	FILE *stream;
	char *pending; /* written, and not yet broken into lines */
	size_t used, size;
	int column;
	int left, wrapped, right; /* where lines begin, where the rest of a broken one does, and before which column they end */
};

static void spaces(struct text *t, int count)
{
	while (count-- > 0) {
		fputc(' ', t->stream);
	}
}

/* The pending text as lines. What was written before stays where it is, so a break is within this text or at its begin. */
static void settle(struct text *t)
{
	char *at = t->pending, *end = t->pending + t->used;
	while (at < end) {
		if (t->column == 0 && t->left) {
			spaces(t, t->left);
			t->column = t->left;
		}
		if (t->column < 0) {
			t->column = 0;
		}
		char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end;
		if (t->column + (stop - at) < t->right) {
			fwrite(at, 1, (size_t)(stop - at), t->stream);
			t->column = newline ? 0 : t->column + (int)(stop - at);
			if (newline) {
				fputc('\n', t->stream);
			}
			at = newline ? newline + 1 : end;
			continue;
		}
		/* Too long: the word at the right edge begins the next line. */
		char *edge = at + (t->right > t->column ? t->right - t->column : 0), *word = edge < stop ? edge : stop, *next;
		while (word >= at && (word == end || !isblank((unsigned char)*word))) {
			word--;
		}
		next = word + 1;
		char *cut;
		if (next > at) {
			while (word >= at && isblank((unsigned char)*word)) {
				word--;
			}
			cut = word + 1;
		} else {
			/* One word longer than a line gets a line. */
			for (cut = edge < stop ? edge : stop; cut < stop && !isblank((unsigned char)*cut); cut++) {
			}
			if (cut == stop) {
				fwrite(at, 1, (size_t)(stop - at), t->stream);
				if (newline) {
					fputc('\n', t->stream);
				}
				t->column = 0; /* as if the line ended here, and so in glibc */
				at = newline ? newline + 1 : end;
				continue;
			}
			for (next = cut; next < stop && isblank((unsigned char)*next); next++) {
			}
		}
		fwrite(at, 1, (size_t)(cut - at), t->stream);
		fputc('\n', t->stream);
		spaces(t, t->wrapped);
		t->column = t->wrapped ? t->wrapped : -1;
		at = next;
	}
	t->used = 0;
}

static void put(struct text *t, const char *s, size_t length)
{
	if (t->used + length > t->size) {
		char *more = realloc(t->pending, 2 * (t->used + length));
		if (!more) {
			return;
		}
		t->pending = more;
		t->size = 2 * (t->used + length);
	}
	memcpy(t->pending + t->used, s, length);
	t->used += length;
}

static void puts_to(struct text *t, const char *s) { put(t, s, strlen(s)); }
static void newline(struct text *t) { put(t, "\n", 1); }

/* Writes the strings up to a NULL. */
static void say(struct text *t, ...)
{
	va_list args;
	va_start(args, t);
	for (const char *s; (s = va_arg(args, const char *));) {
		puts_to(t, s);
	}
	va_end(args);
}

static int column(struct text *t)
{
	settle(t);
	return t->column < 0 ? 0 : t->column;
}

static int margin(struct text *t, int *which, int to)
{
	settle(t);
	int before = *which;
	*which = to;
	return before;
}

static void indent(struct text *t, int to)
{
	for (int needed = to - column(t); needed > 0; needed--) {
		put(t, " ", 1);
	}
}

/* A space, or a new line where what comes would not fit behind it. */
static void space(struct text *t, size_t coming) { put(t, column(t) + (int)coming >= t->right ? "\n" : " ", 1); }

/* ---- The layout, which ARGP_HELP_FMT changes ---- */

static struct layout {
	int dup_args, dup_args_note, short_opt_col, long_opt_col, doc_opt_col, opt_doc_col, header_col, usage_indent, rmargin;
} layout = { 0, 1, 2, 6, 2, 29, 1, 12, 79 };
static const struct { const char *name; int *value; int is_switch; } settings[] = { { "dup-args", &layout.dup_args, 1 },
	{ "dup-args-note", &layout.dup_args_note, 1 }, { "short-opt-col", &layout.short_opt_col, 0 },
	{ "long-opt-col", &layout.long_opt_col, 0 }, { "doc-opt-col", &layout.doc_opt_col, 0 },
	{ "opt-doc-col", &layout.opt_doc_col, 0 }, { "header-col", &layout.header_col, 0 },
	{ "usage-indent", &layout.usage_indent, 0 }, { "rmargin", &layout.rmargin, 0 } };

static void read_layout(void)
{
	struct layout before = layout;
	const char *s = getenv("ARGP_HELP_FMT");
	while (s && *s) {
		s += strspn(s, " \t\n,");
		const char *name = s;
		s += strcspn(s, "=, \t\n");
		size_t length = (size_t)(s - name);
		int value = 1;
		if (length > 3 && !strncmp(name, "no-", 3)) {
			name += 3;
			length -= 3;
			value = 0;
		}
		const char *digits = s + strspn(s, " \t\n=");
		if (isdigit((unsigned char)*digits)) {
			value = atoi(digits);
			s = digits + strspn(digits, "0123456789");
		}
		for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
			if (strlen(settings[i].name) == length && !strncmp(settings[i].name, name, length)) {
				*settings[i].value = settings[i].is_switch ? value != 0 : value;
			}
		}
		s += strcspn(s, ",");
	}
	for (size_t i = 2; i < sizeof settings / sizeof *settings - 1; i++) {
		if (*settings[i].value >= layout.rmargin) {
			layout = before; /* no room for a word */
		}
	}
}

/* ---- Entries ---- */

struct cluster {
	struct cluster *parent;
	const char *header;
	const struct argp *argp; /* whose child it is, for its filter */
	int group, index, depth;
};

struct entry {
	const struct argp_option *options; /* the first is the real one */
	int count, group, order;
	char *shorts; /* those of its short options that no entry before has */
	size_t short_count;
	struct cluster *cluster;
	const struct argp *argp;
};

struct list {
	struct entry *entries;
	struct cluster *clusters;
	char *shorts;
	int count, cluster_count;
	size_t short_count;
};

static int visible(const struct argp_option *o) { return !(o->flags & OPTION_HIDDEN); }

static void measure(const struct argp *argp, size_t *options, size_t *children)
{
	for (const struct argp_option *o = argp->options; o && !_option_is_end(o); o++) {
		++*options;
	}
	for (const struct argp_child *c = argp->children; c && c->argp; c++) {
		++*children;
		measure(c->argp, options, children);
	}
}

static void gather(struct list *l, const struct argp *argp, struct cluster *cluster)
{
	int group = 0;
	for (const struct argp_option *o = argp->options; o && !_option_is_end(o);) {
		struct entry *e = &l->entries[l->count];
		if (o->group) {
			group = o->group;
		} else if (!o->name && !o->key) {
			group++;
		}
		*e = (struct entry){ .options = o, .group = group, .order = l->count++, .shorts = l->shorts + l->short_count, .cluster = cluster,
			.argp = argp };
		do {
			if (_option_is_short(o) && !memchr(l->shorts, o->key, l->short_count)) {
				l->shorts[l->short_count++] = (char)o->key;
				e->short_count++;
			}
			e->count++;
			o++;
		} while (!_option_is_end(o) && o->flags & OPTION_ALIAS);
	}
	for (const struct argp_child *c = argp->children; c && c->argp; c++) {
		struct cluster *inner = cluster;
		if (c->group || c->header) {
			inner = &l->clusters[l->cluster_count++];
			*inner = (struct cluster){ cluster, c->header, argp, c->group, (int)(c - argp->children), cluster ? cluster->depth + 1 : 0 };
		}
		gather(l, c->argp, inner);
	}
}

/* Whether the entry is the one by whose key the option is shown. */
static int shows(const struct entry *e, const struct argp_option *o)
{
	return _option_is_short(o) && memchr(e->shorts, o->key, e->short_count);
}

static int compare_groups(int a, int b) { return (a < 0) == (b < 0) ? (a > b) - (a < b) : (a < b) - (a > b); }

static int compare_clusters(const struct cluster *a, const struct cluster *b)
{
	int deeper = (a->depth > b->depth) - (a->depth < b->depth);
	while (a->depth > b->depth) {
		a = a->parent;
	}
	while (b->depth > a->depth) {
		b = b->parent;
	}
	if (a == b) {
		return deeper;
	}
	while (a->parent != b->parent) {
		a = a->parent;
		b = b->parent;
	}
	int groups = compare_groups(a->group, b->group);
	return groups ? groups : b->index - a->index;
}

static int base_group(const struct entry *e)
{
	const struct cluster *c = e->cluster;
	while (c && c->parent) {
		c = c->parent;
	}
	return c ? c->group : e->group;
}

static const char *first_long(const struct entry *e)
{
	for (int i = 0; i < e->count; i++) {
		if (e->options[i].name && visible(&e->options[i])) {
			return e->options[i].name;
		}
	}
	return NULL;
}

static int first_short(const struct entry *e)
{
	for (int i = 0; i < e->count; i++) {
		if (visible(&e->options[i]) && shows(e, &e->options[i])) {
			return e->options[i].key;
		}
	}
	return 0;
}

/* Skips what a documentation option has before its letters. Those without a dash come after all options. */
static int is_text(const char **name)
{
	const char *s = *name + strspn(*name, " \t\n");
	int text = *s != '-';
	while (*s && !isalnum((unsigned char)*s)) {
		s++;
	}
	*name = s;
	return text;
}

static int compare(const struct entry *a, const struct entry *b)
{
	int order = compare_groups(base_group(a), base_group(b));
	if (!order && a->cluster != b->cluster) {
		order = !a->cluster ? -1 : !b->cluster ? 1 : compare_clusters(a->cluster, b->cluster);
	}
	if (!order) {
		order = compare_groups(a->group, b->group);
	}
	if (order) {
		return order;
	}
	const char *la = first_long(a), *lb = first_long(b);
	int sa = first_short(a), sb = first_short(b);
	int ta = a->options->flags & OPTION_DOC && la && is_text(&la), tb = b->options->flags & OPTION_DOC && lb && is_text(&lb);
	if (ta != tb) {
		return ta - tb;
	}
	/* By the first letter, a small one before a capital; of those that share it, names without a short option come first. */
	int fa = sa ? sa : la ? (unsigned char)*la : 0, fb = sb ? sb : lb ? (unsigned char)*lb : 0;
	if (fa != fb) {
		return tolower(fa) != tolower(fb) ? tolower(fa) - tolower(fb) : fb - fa;
	}
	return !sa && !sb && la && lb ? strcasecmp(la, lb) : (sa != 0) - (sb != 0);
}

/* Entries that are equal keep their order. */
static void sort(struct list *l)
{
	for (int i = 1; i < l->count; i++) {
		struct entry e = l->entries[i];
		int j = i;
		for (; j > 0 && compare(&l->entries[j - 1], &e) > 0; j--) {
			l->entries[j] = l->entries[j - 1];
		}
		l->entries[j] = e;
	}
}

/* Options that come last, wherever the program has put them. */
static void put_last(struct list *l, const char *name)
{
	for (int i = 0; i < l->count; i++) {
		for (int j = 0; j < l->entries[i].count; j++) {
			const struct argp_option *o = &l->entries[i].options[j];
			if (o->name && !(l->entries[i].options->flags & OPTION_DOC) && visible(o) && !strcmp(o->name, name)) {
				l->entries[i].group = -1;
				return;
			}
		}
	}
}

/* ---- The list of options ---- */

struct help {
	const struct list *list;
	const struct argp_state *state;
	struct text *text;
	const struct entry *before; /* the one that was printed last */
	int separate;               /* groups have a line between them, once there was a header */
	int dropped;                /* an argument was printed for a long option alone */
	int first;                  /* nothing of this entry is printed yet */
};

static const char *filtered(const char *doc, int key, const struct argp *argp, const struct argp_state *state)
{
	return argp && argp->help_filter ? argp->help_filter(key, doc, _argp_input(argp, state)) : doc;
}

static void drop(const char *text, const char *doc)
{
	if (text != doc) {
		free((char *)text);
	}
}

static void header(struct help *h, const char *doc, const struct argp *argp)
{
	const char *text = filtered(doc, ARGP_KEY_HELP_HEADER, argp, h->state);
	if (text) {
		struct text *t = h->text;
		if (*text) {
			if (h->before) {
				newline(t);
			}
			indent(t, layout.header_col);
			margin(t, &t->left, layout.header_col);
			margin(t, &t->wrapped, layout.header_col);
			puts_to(t, text);
			margin(t, &t->left, 0);
			newline(t);
		}
		h->separate = 1;
	}
	drop(text, doc);
}

static int within(const struct cluster *inner, const struct cluster *outer)
{
	while (inner && inner != outer) {
		inner = inner->parent;
	}
	return inner == outer;
}

static void comma(struct help *h, const struct entry *e, int to)
{
	struct text *t = h->text;
	if (h->first) {
		const struct cluster *c = e->cluster;
		if (h->separate && h->before && e->group != h->before->group) {
			newline(t);
		}
		if (c && c->header && *c->header && (!h->before || (h->before->cluster != c && !within(h->before->cluster, c)))) {
			int before = t->wrapped;
			header(h, c->header, c->argp);
			margin(t, &t->wrapped, before);
		}
		h->first = 0;
	} else {
		puts_to(t, ", ");
	}
	indent(t, to);
}

static void argument(struct text *t, const struct argp_option *o, const char *before)
{
	if (o->arg && o->flags & OPTION_ARG_OPTIONAL) {
		say(t, *before == ' ' ? "[" : "[=", o->arg, "]", (char *)NULL);
	} else if (o->arg) {
		say(t, before, o->arg, (char *)NULL);
	}
}

static void names(struct help *h, const struct entry *e)
{
	struct text *t = h->text;
	const struct argp_option *real = e->options;
	int has_long = 0;
	for (int i = 0; i < e->count; i++) {
		has_long |= real[i].name && visible(&real[i]);
	}
	margin(t, &t->wrapped, layout.short_opt_col);
	for (int i = 0; i < e->count; i++) {
		if (!visible(&real[i]) || !shows(e, &real[i])) {
			continue;
		}
		char name[] = { '-', (char)real[i].key, 0 };
		comma(h, e, layout.short_opt_col);
		puts_to(t, name);
		if (!has_long || layout.dup_args) {
			argument(t, real, " ");
		} else if (real->arg) {
			h->dropped = 1;
		}
	}
	int doc = real->flags & OPTION_DOC, to = doc ? layout.doc_opt_col : layout.long_opt_col;
	margin(t, &t->wrapped, to);
	for (int i = 0; i < e->count; i++) {
		if (!real[i].name || !visible(&real[i]) || (doc && !*real[i].name)) {
			continue;
		}
		comma(h, e, to);
		say(t, doc ? "" : "--", real[i].name, (char *)NULL);
		if (!doc) {
			argument(t, real, "=");
		}
	}
}

static void print_entry(struct help *h, const struct entry *e)
{
	struct text *t = h->text;
	const struct argp_option *real = e->options;
	int left = margin(t, &t->left, 0), wrapped = t->wrapped;
	h->first = 1;
	names(h, e);
	margin(t, &t->left, 0);
	if (h->first) {
		if (_option_is_short(real) || real->name) {
			margin(t, &t->left, left);
			margin(t, &t->wrapped, wrapped);
			return; /* hidden */
		}
		header(h, real->doc, e->argp);
	} else {
		const char *text = filtered(real->doc, real->key, e->argp, h->state);
		if (text && *text) {
			int at = column(t);
			margin(t, &t->left, layout.opt_doc_col);
			margin(t, &t->wrapped, layout.opt_doc_col);
			if (at > layout.opt_doc_col + 3) {
				newline(t);
			} else if (at >= layout.opt_doc_col) {
				puts_to(t, "   ");
			} else {
				indent(t, layout.opt_doc_col);
			}
			puts_to(t, text);
		}
		drop(text, real->doc);
		margin(t, &t->left, 0);
		newline(t);
	}
	h->before = e;
	margin(t, &t->left, left);
	margin(t, &t->wrapped, wrapped);
}

static void print_options(struct help *h)
{
	for (int i = 0; i < h->list->count; i++) {
		print_entry(h, &h->list->entries[i]);
	}
	if (h->dropped && layout.dup_args_note) {
		static const char note[] = "Mandatory or optional arguments to long options are also mandatory or optional for any corresponding "
			"short options.";
		const char *text = filtered(note, ARGP_KEY_HELP_DUP_ARGS_NOTE, h->state ? h->state->root_argp : NULL, h->state);
		if (text && *text) {
			newline(h->text);
			puts_to(h->text, text);
			newline(h->text);
		}
		drop(text, note);
	}
}

/* ---- Usage ---- */

static void usage_options(const struct list *l, struct text *t)
{
	int any = 0;
	for (int pass = 0; pass < 3; pass++) { /* short ones without an argument, those with one, long ones */
		for (int i = 0; i < l->count; i++) {
			const struct entry *e = &l->entries[i];
			const struct argp_option *real = e->options;
			for (int j = 0; j < e->count; j++) {
				const struct argp_option *o = &real[j];
				const char *arg = o->arg ? o->arg : real->arg;
				int flags = o->flags | real->flags;
				char name[] = { (char)o->key, 0 };
				if (!visible(o) || flags & OPTION_NO_USAGE || (pass < 2 ? !shows(e, o) : !o->name)) {
					continue;
				}
				if (pass == 0 && !arg) {
					say(t, any++ ? "" : " [-", name, (char *)NULL);
				} else if (pass == 1 && arg && flags & OPTION_ARG_OPTIONAL) {
					say(t, " [-", name, "[", arg, "]]", (char *)NULL);
				} else if (pass == 1 && arg) {
					space(t, 6 + strlen(arg));
					say(t, "[-", name, " ", arg, "]", (char *)NULL);
				} else if (pass == 2 && arg) {
					say(t, " [--", o->name, flags & OPTION_ARG_OPTIONAL ? "[=" : "=", arg, flags & OPTION_ARG_OPTIONAL ? "]]" : "]", (char *)NULL);
				} else if (pass == 2) {
					say(t, " [--", o->name, "]", (char *)NULL);
				}
			}
		}
		if (pass == 0 && any) {
			puts_to(t, "]");
		}
	}
}

/* The operands of an argp and its children; where one has several patterns, that of its level. Tells whether there are more. */
static int usage_operands(const struct argp *argp, const struct argp_state *state, char **levels, int advance, struct text *t)
{
	char *level = *levels;
	int several = 0;
	const char *doc = filtered(argp->args_doc, ARGP_KEY_HELP_ARGS_DOC, argp, state), *end = NULL;
	if (doc) {
		const char *from = doc;
		end = from + strcspn(from, "\n");
		if (*end) {
			several = 1;
			for (int i = 0; i < *level; i++) {
				from = end + 1;
				end = from + strcspn(from, "\n");
			}
			++*levels;
		}
		space(t, 1 + (size_t)(end - from));
		put(t, from, (size_t)(end - from));
	}
	for (const struct argp_child *c = argp->children; c && c->argp; c++) {
		advance = !usage_operands(c->argp, state, levels, advance, t);
	}
	if (advance && several) {
		if (*end) {
			++*level;
			advance = 0;
		} else if (*level > 0) {
			*level = 0;
		}
	}
	drop(doc, argp->args_doc);
	return !advance;
}

static size_t patterns(const struct argp *argp)
{
	size_t count = argp->args_doc || argp->help_filter ? 1 : 0;
	for (const struct argp_child *c = argp->children; c && c->argp; c++) {
		count += patterns(c->argp);
	}
	return count;
}

/* ---- What the program says of itself: before the options up to a vertical tab, behind them what comes after it. ---- */

static void end_line(struct text *t)
{
	if (column(t) > t->left) {
		newline(t);
	}
}

static int print_doc(const struct argp *argp, const struct argp_state *state, int post, int blank, int one, struct text *t)
{
	const char *tab = argp->doc ? strchr(argp->doc, '\v') : NULL, *doc = post ? (tab ? tab + 1 : NULL) : argp->doc, *text;
	char *head = NULL;
	int any = 0;
	if (!post && tab) {
		doc = head = strndup(argp->doc, (size_t)(tab - argp->doc));
	}
	text = filtered(doc, post ? ARGP_KEY_HELP_POST_DOC : ARGP_KEY_HELP_PRE_DOC, argp, state);
	if (text) {
		if (blank) {
			newline(t);
		}
		puts_to(t, text);
		end_line(t);
		any = 1;
	}
	drop(text, doc);
	free(head);
	const char *extra = post && argp->help_filter ? filtered(NULL, ARGP_KEY_HELP_EXTRA, argp, state) : NULL;
	if (extra) {
		if (any || blank) {
			newline(t);
		}
		puts_to(t, extra);
		end_line(t);
		any = 1;
		drop(extra, NULL);
	}
	for (const struct argp_child *c = argp->children; c && c->argp && !(one && any); c++) {
		any |= print_doc(c->argp, state, post, any || blank, one, t);
	}
	return any;
}

static void print(const struct argp *argp, const struct argp_state *state, unsigned flags, const char *name, const struct list *l,
	char *levels, struct text *t)
{
	int any = 0;
	if (flags & (ARGP_HELP_USAGE | ARGP_HELP_SHORT_USAGE)) {
		for (int more = 1, first = 1; more; first = 0) {
			char *level = levels;
			int left = t->left, wrapped = margin(t, &t->wrapped, layout.usage_indent);
			say(t, first ? "Usage:" : "  or: ", " ", name, (char *)NULL);
			left = margin(t, &t->left, layout.usage_indent);
			if (flags & ARGP_HELP_SHORT_USAGE) {
				if (l->count) {
					puts_to(t, " [OPTION...]");
				}
			} else {
				usage_options(l, t);
				flags |= ARGP_HELP_SHORT_USAGE;
			}
			more = usage_operands(argp, state, &level, 1, t);
			margin(t, &t->wrapped, wrapped);
			margin(t, &t->left, left);
			newline(t);
			any = 1;
		}
	}
	if (flags & ARGP_HELP_PRE_DOC) {
		any |= print_doc(argp, state, 0, 0, 1, t);
	}
	if (flags & ARGP_HELP_SEE) {
		say(t, "Try `", name, " --help' or `", name, " --usage' for more information.\n", (char *)NULL);
		any = 1;
	}
	if (flags & ARGP_HELP_LONG && l->count) {
		struct help h = { .list = l, .state = state, .text = t };
		if (any) {
			newline(t);
		}
		print_options(&h);
		any = 1;
	}
	if (flags & ARGP_HELP_POST_DOC) {
		any |= print_doc(argp, state, 1, any, 0, t);
	}
	if (flags & ARGP_HELP_BUG_ADDR && argp_program_bug_address) {
		say(t, any ? "\n" : "", "Report bugs to ", argp_program_bug_address, ".\n", (char *)NULL);
	}
}

static void help(const struct argp *argp, const struct argp_state *state, FILE *stream, unsigned flags, const char *name)
{
	static const struct argp nothing;
	if (!stream) {
		return;
	}
	argp = argp ? argp : &nothing;
	read_layout();
	size_t options = 0, children = 0;
	measure(argp, &options, &children);
	struct list l = { .entries = calloc(options + 1, sizeof *l.entries), .clusters = calloc(children + 1, sizeof *l.clusters),
		.shorts = calloc(options + 1, 1) };
	struct text t = { .stream = stream, .right = layout.rmargin, .pending = malloc(1000), .size = 1000 };
	char *levels = calloc(patterns(argp) + 1, 1);
	if (l.entries && l.clusters && l.shorts && levels && t.pending) {
		gather(&l, argp, NULL);
		put_last(&l, "help");
		put_last(&l, "version");
		sort(&l);
		flockfile(stream);
		print(argp, state, flags, name, &l, levels, &t);
		settle(&t);
		funlockfile(stream);
	}
	free(l.entries);
	free(l.clusters);
	free(l.shorts);
	free(levels);
	free(t.pending);
}

static const char *named(const struct argp_state *state)
{
	return state ? state->name : program_invocation_short_name;
}

WEAK void argp_help(const struct argp *argp, FILE *stream, unsigned flags, char *name)
{
	struct argp_state none = { .root_argp = argp };
	help(argp, &none, stream, flags, name);
}

WEAK void argp_state_help(const struct argp_state *state, FILE *stream, unsigned flags)
{
	if ((state && state->flags & ARGP_NO_ERRS) || !stream) {
		return;
	}
	if (state && state->flags & ARGP_LONG_ONLY) {
		flags |= ARGP_HELP_LONG_ONLY;
	}
	help(state ? state->root_argp : NULL, state, stream, flags, named(state));
	if (!state || !(state->flags & ARGP_NO_EXIT)) {
		if (flags & ARGP_HELP_EXIT_ERR) {
			exit(argp_err_exit_status);
		}
		if (flags & ARGP_HELP_EXIT_OK) {
			exit(0);
		}
	}
}

WEAK void argp_usage(const struct argp_state *state) { argp_state_help(state, stderr, ARGP_HELP_STD_USAGE); }

WEAK void argp_error(const struct argp_state *state, const char *format, ...)
{
	FILE *stream = state ? state->err_stream : stderr;
	if ((state && state->flags & ARGP_NO_ERRS) || !stream) {
		return;
	}
	va_list args;
	va_start(args, format);
	fprintf(stream, "%s: ", named(state));
	vfprintf(stream, format, args);
	fputc('\n', stream);
	va_end(args);
	argp_state_help(state, stream, ARGP_HELP_STD_ERR);
}

WEAK void argp_failure(const struct argp_state *state, int status, int error, const char *format, ...)
{
	FILE *stream = state ? state->err_stream : stderr;
	if ((state && state->flags & ARGP_NO_ERRS) || !stream) {
		return;
	}
	fputs(named(state), stream);
	if (format) {
		va_list args;
		va_start(args, format);
		fputs(": ", stream);
		vfprintf(stream, format, args);
		va_end(args);
	}
	if (error) {
		fprintf(stream, ": %s", strerror(error));
	}
	fputc('\n', stream);
	if (status && (!state || !(state->flags & ARGP_NO_EXIT))) {
		exit(status);
	}
}
