/*
 * FAILS marks a function that always fails, and says how: the errno that it sets, or what it returns. It must begin a line, and
 * the function's head be on that line. faasmrun cc names those that a program has when it links it, and docs/unsupported.md
 * lists all (faasmrun/toolchain/fails.go). What fails only for some arguments, or has nothing to do, is not marked.
 */
#define FAILS(how) __attribute__((weak)) /* a program may bring its own */
