/* wasi-libc's dirent.h, with the kinds of files it leaves out. */
#include_next <dirent.h>
#ifndef DT_FIFO
#define DT_FIFO 21
#endif
#ifndef DT_SOCK
#define DT_SOCK 20
#endif
