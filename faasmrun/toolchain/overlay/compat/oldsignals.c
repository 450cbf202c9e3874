/* Signals by System V's names, and sets combined. */
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#define WEAK __attribute__((weak))

static int mask(int how, int sig)
{
	sigset_t set;
	return sigemptyset(&set) || sigaddset(&set, sig) ? -1 : sigprocmask(how, &set, NULL);
}

WEAK int sighold(int sig) { return mask(SIG_BLOCK, sig); }
WEAK int sigrelse(int sig) { return mask(SIG_UNBLOCK, sig); }
WEAK int sigignore(int sig) { return signal(sig, SIG_IGN) == SIG_ERR ? -1 : 0; }

WEAK int sigpause(int sig)
{
	sigset_t set;
	return sigprocmask(SIG_BLOCK, NULL, &set) || sigdelset(&set, sig) ? -1 : sigsuspend(&set);
}

WEAK void (*sigset(int sig, void (*handler)(int)))(int)
{
	sigset_t set, before;
	struct sigaction action = { .sa_handler = handler }, old;
	if (sigemptyset(&set) || sigaddset(&set, sig)) {
		return SIG_ERR;
	}
	int failed = handler == SIG_HOLD ? sigaction(sig, NULL, &old) || sigprocmask(SIG_BLOCK, &set, &before)
		: sigaction(sig, &action, &old) || sigprocmask(SIG_UNBLOCK, &set, &before);
	return failed ? SIG_ERR : sigismember(&before, sig) ? SIG_HOLD : old.sa_handler;
}

/* A value can't come with the signal. */
WEAK int sigqueue(pid_t process, int sig, const union sigval value)
{
	if (sig && process == getpid()) {
		errno = ENOSYS;
		return -1;
	}
	return kill(process, sig);
}

WEAK int sigisemptyset(const sigset_t *set) { return !set->__bits; }

WEAK int sigandset(sigset_t *result, const sigset_t *a, const sigset_t *b)
{
	result->__bits = a->__bits & b->__bits;
	return 0;
}

WEAK int sigorset(sigset_t *result, const sigset_t *a, const sigset_t *b)
{
	result->__bits = a->__bits | b->__bits;
	return 0;
}
