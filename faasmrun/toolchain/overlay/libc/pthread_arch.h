/* The thread pointer: the address of the thread's own structure (threads.c). */
#include <stdint.h>
uintptr_t __get_tp(void);
