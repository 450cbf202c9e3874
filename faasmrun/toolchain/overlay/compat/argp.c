/*
 * argp_parse as glibc's manual describes it, with glibc's messages. Each argp that has options or a parser is a group; a parent
 * comes before its children. Options are found as getopt_long does (abbreviations, operands moved behind them), and each goes to
 * the first group that knows it. Operands are offered to the groups in turn. What is printed as help is in argphelp.c.
 */
#include <argp.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WEAK __attribute__((weak))

extern char *program_invocation_name, *program_invocation_short_name;

WEAK const char *argp_program_version;
WEAK void (*argp_program_version_hook)(FILE *__restrict, struct argp_state *__restrict);
WEAK error_t argp_err_exit_status = 64;

#define UNKNOWN ARGP_ERR_UNKNOWN

struct group {
	const struct argp *argp;
	struct group *parent;
	int index; /* among the parent's children */
	unsigned operands;
	void *input, **child_inputs, *hook;
};

/* An option's name; both kinds in the order of the groups, so the first that fits counts. */
struct name {
	const char *text; /* NULL: the character of key */
	int key;
	const struct argp_option *real; /* whose argument it takes; not the alias */
	struct group *group;
};

struct parse {
	struct argp_state state;
	struct group *groups, *end;
	struct name *names, *names_end;
	void **inputs;
	int options;                 /* more are looked for */
	int first, last;             /* operands that stand before the option at state.next, to be moved behind it */
	char *rest;                  /* of an argument with several short options */
	enum { PERMUTE, IN_ORDER, FIRST } order;
	char *program;               /* the name in messages about options */
};

/* ---- What there is ---- */

static void count(const struct argp *argp, size_t *groups, size_t *names, size_t *children)
{
	++*groups;
	for (const struct argp_option *o = argp->options; o && !_option_is_end(o); o++) {
		*names += 2;
	}
	for (const struct argp_child *c = argp->children; c && c->argp; c++) {
		++*children;
		count(c->argp, groups, names, children);
	}
}

static void add_name(struct parse *p, const struct argp_option *o, const struct argp_option *real, int is_short)
{
	for (struct name *n = p->names; n < p->names_end; n++) {
		if (is_short ? !n->text && n->key == o->key : n->text && !strcmp(n->text, o->name)) {
			return;
		}
	}
	*p->names_end++ = (struct name){ is_short ? NULL : o->name, o->key ? o->key : real->key, real, p->end };
}

static void add_group(struct parse *p, const struct argp *argp, struct group *parent, int index, void ***inputs)
{
	struct group *group = p->end;
	*group = (struct group){ .argp = argp, .parent = parent, .index = index, .child_inputs = argp->children ? *inputs : NULL };
	const struct argp_option *real = argp->options;
	for (const struct argp_option *o = argp->options; o && !_option_is_end(o); o++) {
		if (!(o->flags & OPTION_ALIAS)) {
			real = o;
		}
		if (real->flags & OPTION_DOC) {
			continue;
		}
		if (_option_is_short(o)) {
			add_name(p, o, real, 1);
		}
		if (o->name) {
			add_name(p, o, real, 0);
		}
	}
	p->end++;
	int children = 0;
	while (argp->children && argp->children[children].argp) {
		children++;
	}
	*inputs += children;
	for (int i = 0; i < children; i++) {
		add_group(p, argp->children[i].argp, group, i, inputs);
	}
}

/* ---- The options that each program has ---- */

#define KEY_NAME -2
#define KEY_USAGE -3
#define KEY_HANG -4

static error_t parse_default(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case '?':
		argp_state_help(state, state->out_stream, ARGP_HELP_STD_HELP);
		return 0;
	case KEY_USAGE:
		argp_state_help(state, state->out_stream, ARGP_HELP_USAGE | ARGP_HELP_EXIT_OK);
		return 0;
	case KEY_NAME: {
		program_invocation_name = arg;
		char *slash = strrchr(arg, '/');
		state->name = program_invocation_short_name = slash ? slash + 1 : arg;
		return 0;
	}
	case KEY_HANG:
		for (int left = arg ? atoi(arg) : 3600; left > 0; left--) {
			sleep(1);
		}
		return 0;
	}
	return UNKNOWN;
}

static const struct argp_option default_options[] = {
	{ "help", '?', NULL, 0, "Give this help list", -1 },
	{ "program-name", KEY_NAME, "NAME", OPTION_HIDDEN, "Set the program name", 0 },
	{ "usage", KEY_USAGE, NULL, 0, "Give a short usage message", 0 },
	{ "HANG", KEY_HANG, "SECS", OPTION_ARG_OPTIONAL | OPTION_HIDDEN, "Hang for SECS seconds (default 3600)", 0 },
	{ 0 },
};
static const struct argp default_argp = { .options = default_options, .parser = parse_default };

static error_t parse_version(int key, char *arg, struct argp_state *state)
{
	if (key != 'V') {
		return UNKNOWN;
	}
	if (argp_program_version_hook) {
		argp_program_version_hook(state->out_stream, state);
	} else {
		fprintf(state->out_stream, "%s\n", argp_program_version);
	}
	if (!(state->flags & ARGP_NO_EXIT)) {
		exit(0);
	}
	return 0;
}

static const struct argp_option version_options[] = { { "version", 'V', NULL, 0, "Print program version", -1 }, { 0 } };
static const struct argp version_argp = { .options = version_options, .parser = parse_version };

/* ---- Calling parsers ---- */

static error_t call(struct parse *p, struct group *g, int key, char *arg)
{
	if (!g->argp->parser) {
		return UNKNOWN;
	}
	p->state.hook = g->hook;
	p->state.input = g->input;
	p->state.child_inputs = g->child_inputs;
	p->state.arg_num = g->operands;
	error_t error = g->argp->parser(key, arg, &p->state);
	g->hook = p->state.hook;
	return error;
}

static int goes_on(error_t error) { return !error || error == UNKNOWN; }
static error_t known(error_t error) { return error == UNKNOWN ? 0 : error; }

static error_t begin(struct parse *p, void *input)
{
	error_t error = 0;
	for (struct group *g = p->groups; g < p->end && goes_on(error); g++) {
		g->input = g->parent ? g->parent->child_inputs[g->index] : input;
		if (!g->argp->parser && g->argp->children && g->argp->children->argp) {
			g->child_inputs[0] = g->input;
		}
		error = call(p, g, ARGP_KEY_INIT, NULL);
	}
	return known(error);
}

/* An operand, which state.next is just past: as one, or with all that follow. */
static error_t operand(struct parse *p, char *arg)
{
	int index = --p->state.next;
	for (struct group *g = p->groups; g < p->end; g++) {
		p->state.next++;
		error_t error = call(p, g, ARGP_KEY_ARG, arg);
		if (error == UNKNOWN) {
			p->state.next--;
			error = call(p, g, ARGP_KEY_ARGS, NULL);
			if (!error) {
				p->state.next = p->state.argc;
			}
		}
		if (error == UNKNOWN) {
			continue;
		}
		if (!error && p->state.next > index) {
			g->operands += (unsigned)(p->state.next - index);
		} else if (!error) {
			p->options = 1; /* the parser went back */
		}
		return error;
	}
	return UNKNOWN;
}

static error_t option(struct parse *p, const struct name *n, char *arg)
{
	error_t error = call(p, n->group, n->key, arg);
	if (error == UNKNOWN) {
		static const char bug[] = "(PROGRAM ERROR) Option should have been recognized!?";
		if (n->text) {
			argp_error(&p->state, "--%s: %s", n->text, bug);
		} else {
			argp_error(&p->state, "-%c: %s", n->key, bug);
		}
	}
	return error;
}

/* ---- Finding options ---- */

enum found { OPTION, OPERAND, END, WRONG };

static int is_operand(const char *arg) { return arg[0] != '-' || !arg[1]; }

/* Moves the operands between first and last behind the options between last and next. */
static void exchange(struct parse *p)
{
	char **argv = p->state.argv;
	int next = p->state.next;
	for (int operands = p->last - p->first; p->last < next; p->first++, p->last++) {
		char *one = argv[p->last];
		memmove(&argv[p->first + 1], &argv[p->first], (size_t)operands * sizeof *argv);
		argv[p->first] = one;
	}
}

static void complain(struct parse *p, const char *format, ...)
{
	if (p->state.flags & ARGP_NO_ERRS) {
		return;
	}
	va_list args;
	va_start(args, format);
	fprintf(stderr, "%s: ", p->program);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

static int same(const struct name *a, const struct name *b) { return a->group == b->group && a->key == b->key && a->real == b->real; }

/* The option that text begins with or abbreviates, NULL where there is none or where there are several. */
static const struct name *long_option(struct parse *p, const char *text, const char *dashes, int *several)
{
	size_t length = strcspn(text, "=");
	const struct name *fits = NULL;
	*several = 0;
	for (struct name *n = p->names; n < p->names_end; n++) {
		if (!n->text || strncmp(n->text, text, length)) {
			continue;
		}
		if (strlen(n->text) == length) {
			*several = 0;
			return n;
		}
		if (!fits) {
			fits = n;
		} else if (!same(fits, n)) {
			*several = 1;
		}
	}
	return *several ? NULL : fits;
}

static void tell_several(struct parse *p, const char *text, const char *dashes)
{
	if (p->state.flags & ARGP_NO_ERRS) {
		return;
	}
	size_t length = strcspn(text, "=");
	fprintf(stderr, "%s: option '%s%s' is ambiguous; possibilities:", p->program, dashes, text);
	for (struct name *n = p->names; n < p->names_end; n++) {
		if (n->text && !strncmp(n->text, text, length)) {
			fprintf(stderr, " '%s%s'", dashes, n->text);
		}
	}
	fputc('\n', stderr);
}

static int takes_argument(const struct name *n) { return n->real->arg != NULL; }
static int may_lack_it(const struct name *n) { return (n->real->flags & OPTION_ARG_OPTIONAL) != 0; }

/* What text, behind the dashes, says of n; state.next is past it. */
static enum found with_long(struct parse *p, const struct name *n, char *text, const char *dashes, char **arg)
{
	char *equals = strchr(text, '=');
	*arg = NULL;
	if (equals) {
		if (!takes_argument(n)) {
			complain(p, "option '%s%s' doesn't allow an argument", dashes, n->text);
			return WRONG;
		}
		*arg = equals + 1;
	} else if (takes_argument(n) && !may_lack_it(n)) {
		if (p->state.next >= p->state.argc) {
			complain(p, "option '%s%s' requires an argument", dashes, n->text);
			return WRONG;
		}
		*arg = p->state.argv[p->state.next++];
	}
	return OPTION;
}

static const struct name *short_option(struct parse *p, int key)
{
	for (struct name *n = p->names; n < p->names_end; n++) {
		if (!n->text && n->key == key) {
			return n;
		}
	}
	return NULL;
}

static enum found next_short(struct parse *p, const struct name **n, char **arg)
{
	int key = (unsigned char)*p->rest++;
	if (!*p->rest) {
		p->state.next++;
	}
	*arg = NULL;
	if (!(*n = short_option(p, key))) {
		complain(p, "invalid option -- '%c'", key);
		return WRONG;
	}
	if (!takes_argument(*n)) {
		return OPTION;
	}
	if (*p->rest) {
		*arg = p->rest;
		p->state.next++;
	} else if (!may_lack_it(*n)) {
		if (p->state.next >= p->state.argc) {
			complain(p, "option requires an argument -- '%c'", key);
			p->rest = NULL;
			return WRONG;
		}
		*arg = p->state.argv[p->state.next++];
	}
	p->rest = NULL;
	return OPTION;
}

static enum found next_option(struct parse *p, const struct name **n, char **arg)
{
	if (p->rest && *p->rest) {
		return next_short(p, n, arg);
	}
	struct argp_state *s = &p->state;
	p->last = p->last > s->next ? s->next : p->last;
	p->first = p->first > s->next ? s->next : p->first;
	if (p->order == PERMUTE) {
		if (p->first != p->last && p->last != s->next) {
			exchange(p);
		} else if (p->last != s->next) {
			p->first = s->next;
		}
		while (s->next < s->argc && is_operand(s->argv[s->next])) {
			s->next++;
		}
		p->last = s->next;
	}
	if (s->next < s->argc && !strcmp(s->argv[s->next], "--")) {
		s->next++;
		if (p->first != p->last && p->last != s->next) {
			exchange(p);
		} else if (p->first == p->last) {
			p->first = s->next;
		}
		p->last = s->next = s->argc;
	}
	if (s->next >= s->argc) {
		if (p->first != p->last) {
			s->next = p->first;
		}
		return END;
	}
	char *word = s->argv[s->next];
	if (is_operand(word)) {
		if (p->order == FIRST) {
			return END;
		}
		*arg = word;
		s->next++;
		return OPERAND;
	}
	int two = word[1] == '-', several;
	if (two || (s->flags & ARGP_LONG_ONLY && (word[2] || !short_option(p, (unsigned char)word[1])))) {
		const char *dashes = two ? "--" : "-";
		char *text = word + 1 + two;
		*n = long_option(p, text, dashes, &several);
		if (*n) {
			s->next++;
			return with_long(p, *n, text, dashes, arg);
		}
		if (several) {
			tell_several(p, text, dashes);
			s->next++;
			return WRONG;
		}
		if (two || !short_option(p, (unsigned char)word[1])) {
			complain(p, "unrecognized option '%s%s'", dashes, text);
			s->next++;
			return WRONG;
		}
	}
	p->rest = word + 1;
	return next_short(p, n, arg);
}

/* One option or operand. UNKNOWN with *over ends the parse where it stands. */
static error_t step(struct parse *p, int *over)
{
	struct argp_state *s = &p->state;
	const struct name *n = NULL;
	char *arg = NULL;
	enum found what = END;
	*over = 0;
	if (s->quoted && s->next < s->quoted) {
		s->quoted = 0;
	}
	if (p->options && !s->quoted) {
		what = next_option(p, &n, &arg);
		if (what == WRONG) {
			return UNKNOWN;
		}
		if (what == END) {
			p->options = 0;
			if (s->next > 1 && !strcmp(s->argv[s->next - 1], "--")) {
				s->quoted = s->next;
			}
		}
	}
	if (what == OPTION) {
		return option(p, n, arg);
	}
	if (what == END) {
		if (s->next >= s->argc || s->flags & ARGP_NO_ARGS) {
			*over = 1;
			return UNKNOWN;
		}
		arg = s->argv[s->next++];
	}
	error_t error = operand(p, arg);
	*over = error == UNKNOWN;
	return error;
}

static error_t finish(struct parse *p, error_t error, int over, int *index)
{
	if (error == UNKNOWN && over) {
		error = 0;
	}
	if (!error && p->state.next >= p->state.argc) {
		for (struct group *g = p->groups; g < p->end && goes_on(error); g++) {
			if (!g->operands) {
				error = call(p, g, ARGP_KEY_NO_ARGS, NULL);
			}
		}
		for (struct group *g = p->end; g > p->groups && goes_on(error); g--) {
			error = call(p, g - 1, ARGP_KEY_END, NULL);
		}
		error = known(error);
		if (index) {
			*index = p->state.next;
		}
	} else if (!error && index) {
		*index = p->state.next;
	} else if (!error) {
		if (!(p->state.flags & ARGP_NO_ERRS) && p->state.err_stream) {
			fprintf(p->state.err_stream, "%s: Too many arguments\n", p->state.name);
		}
		error = UNKNOWN;
	}
	if (error) {
		if (error == UNKNOWN) {
			argp_state_help(&p->state, p->state.err_stream, ARGP_HELP_STD_ERR);
		}
		for (struct group *g = p->groups; g < p->end; g++) {
			call(p, g, ARGP_KEY_ERROR, NULL);
		}
	} else {
		for (struct group *g = p->end; g > p->groups && goes_on(error); g--) {
			error = call(p, g - 1, ARGP_KEY_SUCCESS, NULL);
		}
		error = known(error);
	}
	for (struct group *g = p->end; g > p->groups; g--) {
		call(p, g - 1, ARGP_KEY_FINI, NULL);
	}
	return error == UNKNOWN ? EINVAL : error;
}

static error_t parse(const struct argp *root, int argc, char **argv, unsigned flags, int *index, void *input)
{
	struct parse p = { .options = 1 };
	p.state = (struct argp_state){ .root_argp = root, .argc = argc, .argv = argv, .flags = flags, .err_stream = stderr,
		.out_stream = stdout, .pstate = &p };
	p.order = flags & ARGP_IN_ORDER ? IN_ORDER : flags & ARGP_NO_ARGS || getenv("POSIXLY_CORRECT") ? FIRST : PERMUTE;
	p.program = argc > 0 && argv[0] ? argv[0] : program_invocation_name;
	/* Only where nothing is said of errors is the first word no name. */
	int words = (flags & ARGP_PARSE_ARGV0 && flags & ARGP_NO_ERRS) != 0;
	if (words) {
		p.state.argv--; /* glibc counts so: the first word is number 1 */
		p.state.argc++;
	}
	if (!words && argc > 0 && argv[0]) {
		char *slash = strrchr(argv[0], '/');
		p.state.name = slash ? slash + 1 : argv[0];
	} else {
		p.state.name = program_invocation_short_name;
	}
	size_t groups = 0, names = 0, children = 0;
	count(root, &groups, &names, &children);
	p.groups = p.end = calloc(groups, sizeof *p.groups);
	p.names = p.names_end = calloc(names + 1, sizeof *p.names);
	void **inputs = p.inputs = calloc(children + 1, sizeof *p.inputs);
	error_t error = ENOMEM;
	if (p.groups && p.names && inputs) {
		int over = 0;
		add_group(&p, root, NULL, 0, &inputs);
		error = begin(&p, input); /* state.next is still 0 */
		p.first = p.last = p.state.next = p.state.next ? p.state.next : 1;
		while (!error) {
			error = step(&p, &over);
		}
		error = finish(&p, error, over, index);
	}
	free(p.groups);
	free(p.names);
	free(p.inputs);
	return error;
}

WEAK error_t argp_parse(const struct argp *argp, int argc, char **argv, unsigned flags, int *index, void *input)
{
	if (flags & ARGP_NO_HELP) {
		static const struct argp nothing;
		return parse(argp ? argp : &nothing, argc, argv, flags, index, input);
	}
	struct argp_child children[4] = { { 0 } }, *child = children;
	if (argp) {
		child++->argp = argp;
	}
	child++->argp = &default_argp;
	if (argp_program_version || argp_program_version_hook) {
		child++->argp = &version_argp;
	}
	struct argp all = { .children = children };
	return parse(&all, argc, argv, flags, index, input);
}

WEAK void *_argp_input(const struct argp *argp, const struct argp_state *state)
{
	const struct parse *p = state ? state->pstate : NULL;
	for (struct group *g = p ? p->groups : NULL; p && g < p->end; g++) {
		if (g->argp == argp) {
			return g->input;
		}
	}
	return NULL;
}

WEAK int _option_is_short(const struct argp_option *o)
{
	return !(o->flags & OPTION_DOC) && o->key > 0 && o->key <= UCHAR_MAX && isprint(o->key);
}

WEAK int _option_is_end(const struct argp_option *o) { return !o->key && !o->name && !o->doc && !o->group; }
