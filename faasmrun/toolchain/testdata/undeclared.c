/* Calls of functions that are not declared, as old programs make them; undeclared-callee.c defines them. */
#include <stdio.h>

int main(int argc, char **argv) {
	printf("wider %d\n", wider(-3));
	printf("fewer %d\n", fewer(1, 2));
	none(7);
	printf("more %d\n", more());
	lacking(8);
	printf("floats %d\n", floats(2, 0.5, 3));
	printf("static %d\n", twin(5));
	int (*pointer)() = wider;
	printf("pointer %d\n", pointer(-4));
	printf("seconds %d\n", seconds(11));
	if (argc > 1) {
		printf("half %d\n", half(4));
	}
	return 0;
}
