/*
 * How numbers and money are written: as in C, and in en_US.UTF-8 as glibc's locale of that name has it. musl keeps no
 * more of a locale than its name, and answers for C whatever the name is. Either category is chosen for itself, so there
 * are four answers, which threads with locales of their own may read at once.
 */
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <string.h>

#define WEAK __attribute__((weak))

#define C_NUMBERS .decimal_point = ".", .thousands_sep = "", .grouping = ""
#define ENGLISH_NUMBERS .decimal_point = ".", .thousands_sep = ",", .grouping = "\3\3"
#define C_MONEY \
	.int_curr_symbol = "", .currency_symbol = "", .mon_decimal_point = "", .mon_thousands_sep = "", \
	.mon_grouping = "", .positive_sign = "", .negative_sign = "", .int_frac_digits = CHAR_MAX, \
	.frac_digits = CHAR_MAX, .p_cs_precedes = CHAR_MAX, .p_sep_by_space = CHAR_MAX, .n_cs_precedes = CHAR_MAX, \
	.n_sep_by_space = CHAR_MAX, .p_sign_posn = CHAR_MAX, .n_sign_posn = CHAR_MAX, .int_p_cs_precedes = CHAR_MAX, \
	.int_p_sep_by_space = CHAR_MAX, .int_n_cs_precedes = CHAR_MAX, .int_n_sep_by_space = CHAR_MAX, \
	.int_p_sign_posn = CHAR_MAX, .int_n_sign_posn = CHAR_MAX
#define ENGLISH_MONEY \
	.int_curr_symbol = "USD ", .currency_symbol = "$", .mon_decimal_point = ".", .mon_thousands_sep = ",", \
	.mon_grouping = "\3\3", .positive_sign = "", .negative_sign = "-", .int_frac_digits = 2, .frac_digits = 2, \
	.p_cs_precedes = 1, .p_sep_by_space = 0, .n_cs_precedes = 1, .n_sep_by_space = 0, .p_sign_posn = 1, \
	.n_sign_posn = 1, .int_p_cs_precedes = 1, .int_p_sep_by_space = 1, .int_n_cs_precedes = 1, \
	.int_n_sep_by_space = 1, .int_p_sign_posn = 1, .int_n_sign_posn = 1

/* By whether numbers are English, then whether money is. */
static const struct lconv conventions[2][2] = {
	{ { C_NUMBERS, C_MONEY }, { C_NUMBERS, ENGLISH_MONEY } },
	{ { ENGLISH_NUMBERS, C_MONEY }, { ENGLISH_NUMBERS, ENGLISH_MONEY } },
};

/* musl's own, which also tell the name of a category. */
char *__nl_langinfo(nl_item item);
char *__nl_langinfo_l(nl_item item, locale_t locale);

#define NAME(category) ((category) << 16 | 0xffff)

static int english(const char *name) { return !strcmp(name, "en_US.UTF-8") || !strcmp(name, "en_US.utf8"); }

WEAK struct lconv *localeconv(void)
{
	int numbers = english(__nl_langinfo(NAME(LC_NUMERIC))), money = english(__nl_langinfo(NAME(LC_MONETARY)));
	return (struct lconv *)&conventions[numbers][money];
}

WEAK char *nl_langinfo_l(nl_item item, locale_t locale)
{
	switch (item) {
	case THOUSEP: return english(__nl_langinfo_l(NAME(LC_NUMERIC), locale)) ? "," : "";
	case CRNCYSTR: return english(__nl_langinfo_l(NAME(LC_MONETARY), locale)) ? "-$" : "-";
	}
	return __nl_langinfo_l(item, locale);
}

WEAK char *nl_langinfo(nl_item item)
{
	switch (item) {
	case THOUSEP: return english(__nl_langinfo(NAME(LC_NUMERIC))) ? "," : "";
	case CRNCYSTR: return english(__nl_langinfo(NAME(LC_MONETARY))) ? "-$" : "-";
	}
	return __nl_langinfo(item);
}
