/*
 * The call of main where the compiler has not renamed it for its parameters: neither main(void) nor main(int, char **).
 * Most such have the environment behind the arguments, as all systems have it. What the linker makes of others it says.
 */
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv, char **envp);

int __main_argc_argv(int argc, char **argv) { return main(argc, argv, environ); }
