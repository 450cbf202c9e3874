/* argp: what it parses and prints, case by case. argp.out is what glibc gives. */
#define _GNU_SOURCE
#include <argp.h>
#include <errno.h>
#include <error.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *refuse; /* what a parser shall not know, or fail with */
static int limit;

static error_t show(const char *who, int key, char *arg, struct argp_state *state)
{
	const char *names[] = { "?", "END", "NO_ARGS", "INIT", "SUCCESS", "ERROR", "ARGS", "FINI" };
	printf("%s(", who);
	if (key >= ARGP_KEY_END && key <= ARGP_KEY_FINI) {
		printf("%s", names[key & 15]);
	} else if (key == ARGP_KEY_ARG) {
		printf("ARG");
	} else if (key > 0 && key < 128) {
		printf("-%c", key);
	} else {
		printf("%d", key);
	}
	printf(", %s) next %d, arg_num %u, quoted %d, input %s\n", arg ? arg : "-", state->next, state->arg_num, state->quoted,
		state->input ? (char *)state->input : "none");
	return 0;
}

static error_t parse_main(int key, char *arg, struct argp_state *state)
{
	show("main", key, arg, state);
	switch (key) {
	case ARGP_KEY_INIT:
		state->err_stream = stdout;
		if (state->root_argp && state->child_inputs) {
			state->child_inputs[0] = (void *)"child 0";
			state->child_inputs[1] = (void *)"child 1";
		}
		break;
	case 'v': case 'o': case 'x': case 'O': case 300: case 301: case 'a': case 'b': case 'n': case 'N': case 'z':
		break;
	case 'E':
		argp_error(state, "bad value '%s'", arg);
		return EINVAL;
	case 'F':
		argp_failure(state, 0, ENOENT, "%s", arg);
		argp_failure(state, 0, 0, "no errno");
		argp_failure(state, 3, ENOENT, NULL);
		break;
	case 'B':
		state->next--; /* once more what follows */
		break;
	case ARGP_KEY_ARG:
		if (refuse && !strcmp(refuse, "arg")) {
			return ARGP_ERR_UNKNOWN;
		}
		if (refuse && !strcmp(refuse, arg)) {
			return 77;
		}
		if (limit && state->arg_num >= (unsigned)limit) {
			return ARGP_ERR_UNKNOWN;
		}
		break;
	case ARGP_KEY_ARGS:
		if (refuse && !strcmp(refuse, "arg")) {
			return 0;
		}
		return ARGP_ERR_UNKNOWN;
	case ARGP_KEY_NO_ARGS:
		if (refuse && !strcmp(refuse, "none")) {
			argp_usage(state);
		}
		break;
	case ARGP_KEY_END: case ARGP_KEY_SUCCESS: case ARGP_KEY_ERROR: case ARGP_KEY_FINI:
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_child(int key, char *arg, struct argp_state *state)
{
	show("child", key, arg, state);
	return key == ARGP_KEY_ARG || key == ARGP_KEY_ARGS ? ARGP_ERR_UNKNOWN : 0;
}

static const struct argp_option options[] = {
	{ "verbose", 'v', 0, 0, "Say more", 0 },
	{ "output", 'o', "FILE", 0, "Write to FILE instead of to the standard output, which is where everything goes that has no other place", 0 },
	{ "destination", 0, 0, OPTION_ALIAS, 0, 0 },
	{ 0, 'O', 0, OPTION_ALIAS, 0, 0 },
	{ "optional", 'x', "LEVEL", OPTION_ARG_OPTIONAL, "An argument that may be left out", 0 },
	{ "only-long", 300, "N", 0, "No short name", 0 },
	{ "only-lonely", 301, 0, 0, 0, 0 },
	{ 0, 'n', 0, 0, "No long name", 0 },
	{ 0, 'N', "ARG", 0, "No long name, with an argument", 0 },
	{ "secret", 'z', 0, OPTION_HIDDEN, "Nobody sees this", 0 },
	{ "not-in-usage", 'b', 0, OPTION_NO_USAGE, "Left out of the usage", 0 },
	{ "about", 'a', 0, 0, "About", 0 },
	{ 0, 0, 0, 0, "A header of a group:", 5 },
	{ "error", 'E', "WORD", 0, "Complain about WORD", 0 },
	{ "failure", 'F', "WORD", 0, "Fail with a name so long that the text behind it begins on a line of its own", 0 },
	{ "a-very-long-name-of-an-option", 'B', 0, 0, "Back", 0 },
	{ 0, 0, 0, 0, "Things to know:", 7 },
	{ "-documentation", 0, 0, OPTION_DOC, "Looks like an option", 0 },
	{ "plain words", 0, 0, OPTION_DOC | OPTION_NO_USAGE, "Are described here", 0 },
	{ 0, 0, 0, 0, 0, 0 },
};
static const struct argp_option child_options[] = {
	{ "child", 'c', 0, 0, "Of the child", 0 },
	{ "verbose", 'v', 0, 0, "Shadowed", 0 },
	{ "apple", 'A', "KIND", OPTION_ARG_OPTIONAL, "An apple", 0 },
	{ 0, 0, 0, 0, "Within the child:", 2 },
	{ "deep", 'd', 0, 0, "Deep", 0 },
	{ 0, 0, 0, 0, 0, 0 },
};
static const struct argp_option late_options[] = { { "late", 'l', 0, 0, "Comes last", 0 }, { 0, 0, 0, 0, 0, 0 } };
static const struct argp child = { child_options, parse_child, "CHILD-ARG", "Text of the child.\vAfter the child.", 0, 0, 0 };
static const struct argp late = { late_options, parse_child, 0, 0, 0, 0, 0 };
static const struct argp_child children[] = { { &child, 0, "The child's options:", 3 }, { &late, 0, 0, -2 }, { 0, 0, 0, 0 } };
static const struct argp_child plain_children[] = { { &child, 0, 0, 0 }, { &late, 0, "", 0 }, { 0, 0, 0, 0 } };
static const struct argp whole = { options, parse_main, "SOURCE DESTINATION\nSOURCE... -- DIRECTORY\n--list",
	"A program for tests, with a text that is longer than one line has room for, so that it is broken between words.\n\n"
	"  Indented    text.\vWhat comes after the options, which has\ntwo lines, and a word that is longer than any line could be: "
	"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz indeed.", children, 0, 0 };
static const struct argp simple = { options, parse_main, "ARG...", "Simple.", 0, 0, 0 };
static const struct argp nested = { late_options, parse_main, "A\nB", 0, plain_children, 0, 0 };
static const struct argp bare = { 0, parse_main, 0, 0, 0, 0, 0 };
static const struct argp parserless = { 0, 0, "X", "Without a parser.", plain_children, 0, 0 };

static char *filter(int key, const char *text, void *input)
{
	(void)input;
	if (key == ARGP_KEY_HELP_EXTRA) {
		return strdup("Extra text.");
	}
	if (key == ARGP_KEY_HELP_DUP_ARGS_NOTE) {
		return NULL;
	}
	if (key == ARGP_KEY_HELP_ARGS_DOC) {
		return strdup("FILTERED");
	}
	if (key == 'v') {
		return strdup("Filtered text of -v");
	}
	return key == ARGP_KEY_HELP_PRE_DOC ? strdup("Before.") : (char *)text;
}
static const struct argp filtering = { options, parse_main, "ARGS", "Doc.", 0, filter, 0 };

static void run(const struct argp *argp, unsigned flags, const char *line)
{
	char words[400], *argv[40] = { (char *)"./dir/prog" };
	int argc = flags & ARGP_PARSE_ARGV0 ? 0 : 1, index = -1;
	printf("== %s (0x%x)\n", line, flags);
	strcpy(words, line);
	for (char *w = strtok(words, " "); w; w = strtok(NULL, " ")) {
		argv[argc++] = w;
	}
	argv[argc] = NULL;
	error_t error = argp_parse(argp, argc, argv, flags | ARGP_NO_EXIT, flags & 0x1000 ? NULL : &index, (void *)"input");
	printf("-> %d, index %d:", error == EINVAL ? -1 : error, index); /* the numbers of errors are WASI's */
	for (int i = 0; i < argc; i++) {
		printf(" %s", argv[i]);
	}
	putchar('\n');
}

static void version(FILE *stream, struct argp_state *state) { fprintf(stream, "version of %s\n", state->name); }

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	dup2(1, 2);
	const unsigned alone = 0x1000;
	run(&whole, 0, "--help");
	run(&whole, 0, "--usage");
	run(&whole, 0, "-?");
	run(&simple, 0, "--help");
	run(&simple, 0, "--usage");
	run(&nested, 0, "--help");
	run(&nested, 0, "--usage");
	run(&bare, 0, "--help");
	run(&bare, ARGP_NO_HELP, "--help");
	run(&parserless, 0, "--help");
	run(&parserless, 0, "-c -l");
	run(&filtering, 0, "--help");
	run(NULL, 0, "--usage");
	run(&simple, 0, "");
	run(&simple, 0, "a b");
	run(&simple, 0, "a -v b --output=c d -o e -of --output g -x -x2 --optional --optional=3 -vn -vofile");
	run(&simple, 0, "a -v -- -b c");
	run(&simple, 0, "-v -- a");
	run(&simple, 0, "--");
	run(&simple, 0, "- -v");
	run(&simple, ARGP_IN_ORDER, "a -v b -- -v");
	run(&simple, ARGP_NO_ARGS, "-v a -n");
	run(&simple, ARGP_NO_ARGS | alone, "-v a -n");
	run(&simple, ARGP_LONG_ONLY, "-verbose -output f -v -op=1 -xyz");
	run(&simple, ARGP_PARSE_ARGV0, "a -v b");
	run(&simple, ARGP_PARSE_ARGV0 | ARGP_NO_ERRS, "a -v b");
	run(&simple, 0, "--verb --out=1 --opt --dest 5 -O 6");
	run(&simple, 0, "--only 1");
	run(&simple, 0, "--o 1");
	run(&simple, 0, "--only-long");
	run(&simple, 0, "--verbose=3");
	run(&simple, 0, "--nonsense");
	run(&simple, 0, "--nonsense=4");
	run(&simple, 0, "-v -y");
	run(&simple, 0, "-o");
	run(&simple, 0, "-vo");
	run(&simple, ARGP_NO_ERRS, "--nonsense");
	run(&simple, ARGP_NO_ERRS, "-E x");
	run(&simple, ARGP_SILENT, "--help");
	run(&simple, 0, "-E word");
	run(&simple, 0, "-F word");
	run(&simple, 0, "--secret -z --sec");
	run(&whole, 0, "a -c -v -A -Ab -d -l b");
	run(&nested, 0, "a -c -v -l b");
	refuse = "x";
	run(&simple, 0, "a x b");
	refuse = "arg";
	run(&simple, 0, "-v a x b -v");
	run(&nested, 0, "-v a x b -v");
	refuse = "none";
	run(&simple, 0, "-v");
	refuse = NULL;
	limit = 1;
	run(&simple, 0, "a b c");
	run(&simple, alone, "a b c");
	run(&whole, alone, "a b c");
	limit = 0;
	run(&simple, 0, "--version");
	argp_program_version = "prog 1.2.3";
	argp_program_bug_address = "<bugs@example.org>";
	run(&simple, 0, "--version -V");
	run(&simple, 0, "--help");
	argp_program_version_hook = version;
	run(&simple, 0, "-V");
	run(&simple, 0, "--program-name=/x/other -E x");
	run(&simple, 0, "--HANG=0");
	setenv("POSIXLY_CORRECT", "1", 1);
	run(&simple, 0, "-v a -v");
	unsetenv("POSIXLY_CORRECT");
	setenv("ARGP_HELP_FMT", "rmargin=50,dup-args,no-dup-args-note,opt-doc-col=20,header-col=4,usage-indent=6,long-opt-col=8", 1);
	run(&whole, 0, "--help");
	run(&whole, 0, "--usage");
	unsetenv("ARGP_HELP_FMT");
	for (unsigned flag = 1; flag <= ARGP_HELP_BUG_ADDR; flag <<= 1) {
		printf("== argp_help 0x%x\n", flag);
		argp_help(&whole, stdout, flag, (char *)"name");
	}
	return 0;
}
