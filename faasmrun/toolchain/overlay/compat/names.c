/* Names of errors and signals, as glibc tells them. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define WEAK __attribute__((weak))

static const struct {
	int number;
	const char *name;
} errors[] = {
#define NAME(e) { e, #e },
	{ 0, "0" },
	NAME(E2BIG) NAME(EACCES) NAME(EADDRINUSE) NAME(EADDRNOTAVAIL) NAME(EAFNOSUPPORT) NAME(EAGAIN) NAME(EALREADY) NAME(EBADF)
	NAME(EBADMSG) NAME(EBUSY) NAME(ECANCELED) NAME(ECHILD) NAME(ECONNABORTED) NAME(ECONNREFUSED) NAME(ECONNRESET) NAME(EDEADLK)
	NAME(EDESTADDRREQ) NAME(EDOM) NAME(EDQUOT) NAME(EEXIST) NAME(EFAULT) NAME(EFBIG) NAME(EHOSTUNREACH) NAME(EIDRM)
	NAME(EILSEQ) NAME(EINPROGRESS) NAME(EINTR) NAME(EINVAL) NAME(EIO) NAME(EISCONN) NAME(EISDIR) NAME(ELOOP)
	NAME(EMFILE) NAME(EMLINK) NAME(EMSGSIZE) NAME(EMULTIHOP) NAME(ENAMETOOLONG) NAME(ENETDOWN) NAME(ENETRESET) NAME(ENETUNREACH)
	NAME(ENFILE) NAME(ENOBUFS) NAME(ENODEV) NAME(ENOENT) NAME(ENOEXEC) NAME(ENOLCK) NAME(ENOLINK) NAME(ENOMEM)
	NAME(ENOMSG) NAME(ENOPROTOOPT) NAME(ENOSPC) NAME(ENOSYS) NAME(ENOTCONN) NAME(ENOTDIR) NAME(ENOTEMPTY) NAME(ENOTRECOVERABLE)
	NAME(ENOTSOCK) NAME(ENOTSUP) NAME(ENOTTY) NAME(ENXIO) NAME(EOVERFLOW) NAME(EOWNERDEAD) NAME(EPERM) NAME(EPIPE)
	NAME(EPROTO) NAME(EPROTONOSUPPORT) NAME(EPROTOTYPE) NAME(ERANGE) NAME(EROFS) NAME(ESPIPE) NAME(ESRCH) NAME(ESTALE)
	NAME(ETIMEDOUT) NAME(ETXTBSY) NAME(EXDEV)
	NAME(ENOTBLK) NAME(ECHRNG) NAME(EL2NSYNC) NAME(EL3HLT) NAME(EL3RST) NAME(ELNRNG) NAME(EUNATCH) NAME(ENOCSI)
	NAME(EL2HLT) NAME(EBADE) NAME(EBADR) NAME(EXFULL) NAME(ENOANO) NAME(EBADRQC) NAME(EBADSLT) NAME(EBFONT)
	NAME(ENOSTR) NAME(ENODATA) NAME(ETIME) NAME(ENOSR) NAME(ENONET) NAME(ENOPKG) NAME(EREMOTE) NAME(EADV)
	NAME(ESRMNT) NAME(ECOMM) NAME(EDOTDOT) NAME(ENOTUNIQ) NAME(EBADFD) NAME(EREMCHG) NAME(ELIBACC) NAME(ELIBBAD)
	NAME(ELIBSCN) NAME(ELIBMAX) NAME(ELIBEXEC) NAME(ERESTART) NAME(ESTRPIPE) NAME(EUSERS) NAME(ESOCKTNOSUPPORT) NAME(EPFNOSUPPORT)
	NAME(ESHUTDOWN) NAME(ETOOMANYREFS) NAME(EHOSTDOWN) NAME(EUCLEAN) NAME(ENOTNAM) NAME(ENAVAIL) NAME(EISNAM) NAME(EREMOTEIO)
	NAME(ENOMEDIUM) NAME(EMEDIUMTYPE) NAME(ENOKEY) NAME(EKEYEXPIRED) NAME(EKEYREVOKED) NAME(EKEYREJECTED) NAME(ERFKILL) NAME(EHWPOISON)
#undef NAME
};

WEAK const char *strerrorname_np(int error)
{
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		if (errors[i].number == error) {
			return errors[i].name;
		}
	}
	return NULL;
}

WEAK const char *strerrordesc_np(int error) { return !error ? "Success" : strerrorname_np(error) ? strerror(error) : NULL; }

static const struct {
	const char *name, *text;
} signals[] = {
#define NAME(sig, text) [SIG##sig] = { #sig, text },
	NAME(HUP, "Hangup")
	NAME(INT, "Interrupt")
	NAME(QUIT, "Quit")
	NAME(ILL, "Illegal instruction")
	NAME(TRAP, "Trace/breakpoint trap")
	NAME(ABRT, "Aborted")
	NAME(BUS, "Bus error")
	NAME(FPE, "Floating point exception")
	NAME(KILL, "Killed")
	NAME(USR1, "User defined signal 1")
	NAME(SEGV, "Segmentation fault")
	NAME(USR2, "User defined signal 2")
	NAME(PIPE, "Broken pipe")
	NAME(ALRM, "Alarm clock")
	NAME(TERM, "Terminated")
	NAME(STKFLT, "Stack fault")
	NAME(CHLD, "Child exited")
	NAME(CONT, "Continued")
	NAME(STOP, "Stopped (signal)")
	NAME(TSTP, "Stopped")
	NAME(TTIN, "Stopped (tty input)")
	NAME(TTOU, "Stopped (tty output)")
	NAME(URG, "Urgent I/O condition")
	NAME(XCPU, "CPU time limit exceeded")
	NAME(XFSZ, "File size limit exceeded")
	NAME(VTALRM, "Virtual timer expired")
	NAME(PROF, "Profiling timer expired")
	NAME(WINCH, "Window changed")
	NAME(IO, "I/O possible")
	NAME(PWR, "Power failure")
	NAME(SYS, "Bad system call")
#undef NAME
};

WEAK const char *sigabbrev_np(int sig) { return sig > 0 && sig < (int)(sizeof signals / sizeof *signals) ? signals[sig].name : NULL; }
WEAK const char *sigdescr_np(int sig) { return sigabbrev_np(sig) ? signals[sig].text : NULL; }
