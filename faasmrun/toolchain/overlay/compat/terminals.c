/*
 * Terminals, of which a rank has none: its standard streams go through the launcher. What asks a descriptor for its terminal
 * fails as it does for a file. ioctl does the little that is about any descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wasi/api.h>

#define WEAK __attribute__((weak))

static int wrong(int error)
{
	errno = error;
	return -1;
}

/* ENOTTY, or EBADF where the descriptor is none. */
static int no_terminal(int fd) { return fcntl(fd, F_GETFL) == -1 ? -1 : wrong(ENOTTY); }

WEAK int tcgetattr(int fd, struct termios *t) { return no_terminal(fd); }
WEAK int tcsendbreak(int fd, int duration) { return no_terminal(fd); }
WEAK int tcdrain(int fd) { return no_terminal(fd); }
WEAK pid_t tcgetsid(int fd) { return no_terminal(fd); }
WEAK pid_t tcgetpgrp(int fd) { return no_terminal(fd); }
WEAK int tcsetpgrp(int fd, pid_t group) { return no_terminal(fd); }

WEAK int tcsetattr(int fd, int when, const struct termios *t)
{
	return when < TCSANOW || when > TCSAFLUSH ? wrong(EINVAL) : no_terminal(fd);
}

WEAK int tcflush(int fd, int queue) { return no_terminal(fd); }
WEAK int tcflow(int fd, int action) { return no_terminal(fd); }

WEAK char *ttyname(int fd)
{
	no_terminal(fd);
	return NULL;
}

WEAK int ttyname_r(int fd, char *name, size_t size)
{
	no_terminal(fd);
	return errno;
}

WEAK char *ctermid(char *name)
{
	static char own[L_ctermid];
	return strcpy(name ? name : own, "/dev/tty");
}

/* ---- A struct termios by itself, for which Linux keeps both speeds in c_cflag. ---- */

#define SPEED (CBAUD | CBAUDEX)
#define INPUT_IS_ZERO 020000000000

static const struct { speed_t code; unsigned baud; } speeds[] = { { B0, 0 }, { B50, 50 }, { B75, 75 }, { B110, 110 }, { B134, 134 },
	{ B150, 150 }, { B200, 200 }, { B300, 300 }, { B600, 600 }, { B1200, 1200 }, { B1800, 1800 }, { B2400, 2400 }, { B4800, 4800 },
	{ B9600, 9600 }, { B19200, 19200 }, { B38400, 38400 }, { B57600, 57600 }, { B115200, 115200 }, { B230400, 230400 },
	{ B460800, 460800 }, { B500000, 500000 }, { B576000, 576000 }, { B921600, 921600 }, { B1000000, 1000000 }, { B1152000, 1152000 },
	{ B1500000, 1500000 }, { B2000000, 2000000 }, { B2500000, 2500000 }, { B3000000, 3000000 }, { B3500000, 3500000 },
	{ B4000000, 4000000 } };

static int is_code(speed_t speed) { return !(speed & ~(speed_t)CBAUD) || (speed >= B57600 && speed <= __MAX_BAUD); }

WEAK speed_t cfgetospeed(const struct termios *t) { return t->c_cflag & SPEED; }
WEAK speed_t cfgetispeed(const struct termios *t) { return t->c_iflag & INPUT_IS_ZERO ? 0 : t->c_cflag & SPEED; }

WEAK int cfsetospeed(struct termios *t, speed_t speed)
{
	if (!is_code(speed)) {
		return wrong(EINVAL);
	}
	t->c_ospeed = speed;
	t->c_cflag = (t->c_cflag & ~(tcflag_t)SPEED) | speed;
	return 0;
}

WEAK int cfsetispeed(struct termios *t, speed_t speed)
{
	if (!is_code(speed)) {
		return wrong(EINVAL);
	}
	t->c_ispeed = speed;
	if (speed == B0) {
		t->c_iflag |= INPUT_IS_ZERO;
		return 0;
	}
	t->c_iflag &= ~(tcflag_t)INPUT_IS_ZERO;
	t->c_cflag = (t->c_cflag & ~(tcflag_t)SPEED) | speed;
	return 0;
}

/* Takes a code or bauds. */
WEAK int cfsetspeed(struct termios *t, speed_t speed)
{
	for (size_t i = 0; i < sizeof speeds / sizeof *speeds; i++) {
		if (speed == speeds[i].code || speed == speeds[i].baud) {
			cfsetispeed(t, speeds[i].code);
			cfsetospeed(t, speeds[i].code);
			return 0;
		}
	}
	return wrong(EINVAL);
}

WEAK void cfmakeraw(struct termios *t)
{
	t->c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	t->c_oflag &= ~(tcflag_t)OPOST;
	t->c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	t->c_cflag = (t->c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
	t->c_cc[VMIN] = 1;
	t->c_cc[VTIME] = 0;
}

/* ---- ioctl ---- */

/* What can be read without waiting: the rest of a file, or what the host says. */
static int readable(int fd, int *count)
{
	__wasi_filestat_t file;
	__wasi_errno_t error = __wasi_fd_filestat_get(fd, &file);
	if (error) {
		return wrong(error);
	}
	if (file.filetype == __WASI_FILETYPE_REGULAR_FILE) {
		off_t at = lseek(fd, 0, SEEK_CUR);
		if (at < 0) {
			return -1;
		}
		*count = (off_t)file.size > at ? (int)((off_t)file.size - at) : 0;
		return 0;
	}
	if (file.filetype == __WASI_FILETYPE_DIRECTORY) {
		return wrong(ENOTTY);
	}
	__wasi_subscription_t ask[2] = { { .u.tag = __WASI_EVENTTYPE_FD_READ, .u.u.fd_read.file_descriptor = fd },
		{ .u.tag = __WASI_EVENTTYPE_CLOCK, .u.u.clock.id = __WASI_CLOCKID_MONOTONIC } };
	__wasi_event_t events[2];
	__wasi_size_t said = 0;
	if ((error = __wasi_poll_oneoff(ask, events, 2, &said))) {
		return wrong(error);
	}
	*count = 0;
	for (__wasi_size_t i = 0; i < said; i++) {
		if (events[i].error) {
			return wrong(events[i].error);
		}
		if (events[i].type == __WASI_EVENTTYPE_FD_READ) {
			*count = (int)events[i].fd_readwrite.nbytes;
		}
	}
	return 0;
}

WEAK int __faasmrun_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	va_start(args, request);
	void *argument = request == FIONREAD || request == FIONBIO ? va_arg(args, void *) : NULL;
	va_end(args);
	int flags = fcntl(fd, F_GETFL);
	if (flags == -1) {
		return -1;
	}
	switch (request) {
	case FIONREAD:
		return readable(fd, argument);
	case FIONBIO:
		return fcntl(fd, F_SETFL, *(int *)argument ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
	case FIOCLEX:
		return fcntl(fd, F_SETFD, FD_CLOEXEC);
	case FIONCLEX:
		return fcntl(fd, F_SETFD, 0);
	}
	return wrong(ENOTTY);
}
