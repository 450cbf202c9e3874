/* aio.h: what is asked for is done at once, in the call that asks. So nothing is ever in progress, and nothing can be cancelled. */
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#define WEAK __attribute__((weak))

static int wrong(int error)
{
	errno = error;
	return -1;
}

/* A thread to tell the program can't be had. */
static int tellable(const struct sigevent *event) { return event->sigev_notify == SIGEV_NONE || event->sigev_notify == SIGEV_SIGNAL; }

static void tell(const struct sigevent *event)
{
	if (event->sigev_notify == SIGEV_SIGNAL && event->sigev_signo) {
		raise(event->sigev_signo);
	}
}

static int done(struct aiocb *cb, ssize_t result)
{
	cb->__ret = result;
	cb->__err = result < 0 ? errno : 0;
	tell(&cb->aio_sigevent);
	return 0;
}

WEAK int aio_read(struct aiocb *cb)
{
	return tellable(&cb->aio_sigevent) ? done(cb, pread(cb->aio_fildes, (void *)cb->aio_buf, cb->aio_nbytes, cb->aio_offset)) : wrong(EAGAIN);
}

WEAK int aio_write(struct aiocb *cb)
{
	return tellable(&cb->aio_sigevent) ? done(cb, pwrite(cb->aio_fildes, (void *)cb->aio_buf, cb->aio_nbytes, cb->aio_offset)) : wrong(EAGAIN);
}

WEAK int aio_fsync(int how, struct aiocb *cb)
{
	return tellable(&cb->aio_sigevent) ? done(cb, fsync(cb->aio_fildes)) : wrong(EAGAIN);
}

WEAK int aio_error(const struct aiocb *cb) { return cb->__err; }
WEAK ssize_t aio_return(struct aiocb *cb) { return cb->__ret; }
WEAK int aio_suspend(const struct aiocb *const list[], int count, const struct timespec *timeout) { return 0; }

WEAK int aio_cancel(int fd, struct aiocb *cb)
{
	if (fcntl(fd, F_GETFL) < 0) {
		return -1;
	}
	return cb && cb->aio_fildes != fd ? wrong(EINVAL) : AIO_ALLDONE;
}

WEAK int lio_listio(int mode, struct aiocb *restrict const *restrict list, int count, struct sigevent *restrict event)
{
	int failed = 0;
	if ((mode != LIO_WAIT && mode != LIO_NOWAIT) || count < 0 || (mode == LIO_NOWAIT && event && !tellable(event))) {
		return wrong(EINVAL);
	}
	for (int i = 0; i < count; i++) {
		struct aiocb *cb = list[i];
		if (!cb || cb->aio_lio_opcode == LIO_NOP) {
			continue;
		}
		int result = cb->aio_lio_opcode == LIO_READ ? aio_read(cb) : cb->aio_lio_opcode == LIO_WRITE ? aio_write(cb) : wrong(EINVAL);
		failed |= result || cb->__err;
	}
	if (mode == LIO_NOWAIT && event) {
		tell(event);
	}
	return failed && mode == LIO_WAIT ? wrong(EIO) : 0;
}
