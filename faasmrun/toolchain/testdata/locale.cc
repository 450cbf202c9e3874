// What en_US.UTF-8 says of numbers and money, through C and C++. locale.out is what glibc and libstdc++ print.
#include <clocale>
#include <cstdio>
#include <iomanip>
#include <iostream>
#include <langinfo.h>
#include <locale>
#include <sstream>
#include <string>

static void conventions(const char *what)
{
	const lconv *l = localeconv();
	std::printf("%s: '%s' '%s' %zu, '%s' '%s' '%s' '%s' %zu '%s' '%s', %d %d, %d %d %d %d %d %d, %d %d %d %d %d %d\n",
		what, l->decimal_point, l->thousands_sep, std::string(l->grouping).size(), l->int_curr_symbol,
		l->currency_symbol, l->mon_decimal_point, l->mon_thousands_sep, std::string(l->mon_grouping).size(),
		l->positive_sign, l->negative_sign, l->int_frac_digits, l->frac_digits, l->p_cs_precedes, l->p_sep_by_space,
		l->n_cs_precedes, l->n_sep_by_space, l->p_sign_posn, l->n_sign_posn, l->int_p_cs_precedes,
		l->int_p_sep_by_space, l->int_n_cs_precedes, l->int_n_sep_by_space, l->int_p_sign_posn, l->int_n_sign_posn);
	std::printf("  '%s' '%s' '%s'\n", nl_langinfo(RADIXCHAR), nl_langinfo(THOUSEP), nl_langinfo(CRNCYSTR));
}

int main()
{
	conventions("C");
	std::setlocale(LC_NUMERIC, "en_US.UTF-8");
	conventions("numbers");
	std::setlocale(LC_NUMERIC, "C");
	std::setlocale(LC_MONETARY, "en_US.utf8");
	conventions("money");
	std::setlocale(LC_ALL, "en_US.UTF-8");
	conventions("both");
	std::setlocale(LC_ALL, "C.UTF-8");
	conventions("C.UTF-8");

	std::locale english("en_US.UTF-8");
	std::stringstream s;
	s.imbue(english);
	s << 1234567 << ' ' << std::fixed << 1234567.25 << ' ' << std::put_money("-123456789") << ' ' << std::showbase
	  << std::put_money("-123456789");
	std::cout << s.str() << '\n';
	std::istringstream in("1,234,567 -$1,234,567.89");
	in.imbue(english);
	long n = 0;
	long double cents = 0;
	in >> n >> std::get_money(cents);
	std::cout << n << ' ' << (long)cents << ' ' << !in << '\n';
}
