#include_next <poll.h>
/* Kinds of data that no descriptor of a rank has. */
#ifndef POLLPRI
#define POLLPRI 0x004
#define POLLRDBAND 0x008
#define POLLWRBAND 0x010
#endif
