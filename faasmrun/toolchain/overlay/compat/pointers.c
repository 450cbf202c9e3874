/*
 * Calls of functions that a program has passed as pointers of another type than they are of: void *f(), void f(void *), int f(void *)
 * for pthread_create, void f() for signal and sigaction, int f(void) for pthread_once. C programs do it everywhere, and natively it works; a WebAssembly call by pointer compares
 * types. The link (faasmrun/toolchain/pointers.go) puts bodies in place of these that know the types of the program's functions.
 */
#include <signal.h>

void *__call_start_routine(void *(*f)(void *), void *argument) { return f(argument); }
void __call_cleanup(void (*f)(void *), void *argument) { f(argument); }
void __call_handler(void (*f)(int), int sig) { f(sig); }
void __call_action(void (*f)(int, siginfo_t *, void *), int sig, siginfo_t *info, void *context) { f(sig, info, context); }
void __call_once(void (*f)(void)) { f(); }
