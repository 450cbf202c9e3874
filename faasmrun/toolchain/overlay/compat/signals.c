/*
 * Signals reach only the program itself, by raise, abort and kill of its own number. Handlers, masks and what is pending
 * are as natively, but that nothing is blocked while a handler runs: one that leaves by longjmp need not restore a mask. A
 * signal without a handler that would end a program ends the rank with 128 plus its number, which is what a shell says of a
 * native one; to be stopped is not possible.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include <wasi/api.h>

#define WEAK __attribute__((weak))

static struct sigaction actions[_NSIG];
static _Thread_local unsigned long long blocked, pending; /* bit n-1 is signal n */

extern void (*__faasmrun_on_abort)(void); /* abort.c */

static unsigned long long bit(int sig) { return 1ULL << (sig - 1); }

static int invalid(void)
{
	errno = EINVAL;
	return -1;
}

/* The values of SIG_IGN and SIG_ERR. */
WEAK void __SIG_IGN(int sig) {}
WEAK void __SIG_ERR(int sig) { __builtin_trap(); }

static int ignored(int sig)
{
	void (*handler)(int) = actions[sig].sa_handler;
	return handler == SIG_IGN || handler == SIG_DFL && (sig == SIGCHLD || sig == SIGCONT || sig == SIGURG || sig == SIGWINCH);
}

static void deliver(int sig)
{
	struct sigaction action = actions[sig];
	if (ignored(sig)) {
		return;
	}
	if (action.sa_handler == SIG_DFL) {
		if (sig == SIGABRT) {
			__faasmrun_on_abort = NULL;
			abort();
		}
		__wasi_proc_exit(128 + sig);
	}
	if (action.sa_flags & SA_RESETHAND) {
		actions[sig].sa_handler = SIG_DFL;
	}
	if (action.sa_flags & SA_SIGINFO) {
		siginfo_t info = { .si_signo = sig, .si_code = SI_TKILL, .si_pid = getpid(), .si_uid = getuid() };
		action.sa_sigaction(sig, &info, NULL);
	} else {
		action.sa_handler(sig);
	}
}

WEAK int raise(int sig)
{
	if (sig < 0 || sig >= _NSIG) {
		return invalid();
	}
	if (sig == 0) {
		return 0;
	}
	if (sig == SIGSTOP || actions[sig].sa_handler == SIG_DFL && sig >= SIGTSTP && sig <= SIGTTOU) {
		errno = ENOSYS;
		return -1;
	}
	if (blocked & bit(sig)) {
		pending |= ignored(sig) ? 0 : bit(sig);
	} else {
		deliver(sig);
	}
	return 0;
}

WEAK int kill(pid_t pid, int sig)
{
	if (sig < 0 || sig >= _NSIG) {
		return invalid();
	}
	if (pid != getpid() && pid != 0) {
		errno = ESRCH;
		return -1;
	}
	return raise(sig);
}

WEAK int killpg(pid_t group, int sig) { return kill(group, sig); }
WEAK int pthread_kill(pthread_t t, int sig) { return t != pthread_self() ? ENOSYS : raise(sig) ? errno : 0; }

/* ---- Handlers ---- */

/* A handler that calls abort itself ends there. */
static void on_abort(void)
{
	blocked &= ~bit(SIGABRT);
	actions[SIGABRT].sa_flags |= SA_RESETHAND;
	deliver(SIGABRT);
}

WEAK int sigaction(int sig, const struct sigaction *restrict action, struct sigaction *restrict old)
{
	if (sig < 1 || sig >= _NSIG || action && (sig == SIGKILL || sig == SIGSTOP)) {
		return invalid();
	}
	struct sigaction before = actions[sig];
	if (action) {
		actions[sig] = *action;
		if (ignored(sig)) {
			pending &= ~bit(sig);
		}
		if (sig == SIGABRT) {
			__faasmrun_on_abort = on_abort;
		}
	}
	if (old) {
		*old = before;
	}
	return 0;
}

WEAK void (*signal(int sig, void (*handler)(int)))(int)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART }, old;
	return sigaction(sig, &action, &old) ? SIG_ERR : old.sa_handler;
}

WEAK void (*bsd_signal(int sig, void (*handler)(int)))(int) { return signal(sig, handler); }
WEAK int siginterrupt(int sig, int on) { return sig < 1 || sig >= _NSIG ? invalid() : 0; }

/* The stack for handlers is remembered and not used: they run on the program's own. */
static _Thread_local stack_t handlers = { .ss_flags = SS_DISABLE };

WEAK int sigaltstack(const stack_t *restrict stack, stack_t *restrict old)
{
	if (stack && stack->ss_flags & ~SS_DISABLE) {
		errno = EINVAL;
		return -1;
	}
	if (stack && !stack->ss_flags && stack->ss_size < MINSIGSTKSZ) {
		errno = ENOMEM;
		return -1;
	}
	stack_t before = handlers;
	if (stack) {
		handlers = *stack;
	}
	if (old) {
		*old = before;
	}
	return 0;
}

/* ---- Sets and masks ---- */

static int member(int sig) { return sig < 1 || sig >= _NSIG ? invalid() : 1; }

WEAK int sigemptyset(sigset_t *set) { memset(set, 0, sizeof *set); return 0; }
WEAK int sigfillset(sigset_t *set) { memset(set, 0xff, sizeof *set); return 0; }
WEAK int sigismember(const sigset_t *set, int sig) { return member(sig) < 0 ? -1 : (set->__bits & bit(sig)) != 0; }

WEAK int sigaddset(sigset_t *set, int sig)
{
	if (member(sig) < 0) {
		return -1;
	}
	set->__bits |= bit(sig);
	return 0;
}

WEAK int sigdelset(sigset_t *set, int sig)
{
	if (member(sig) < 0) {
		return -1;
	}
	set->__bits &= ~bit(sig);
	return 0;
}

WEAK int sigpending(sigset_t *set)
{
	set->__bits = pending;
	return 0;
}

WEAK int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
	unsigned long long before = blocked;
	if (set) {
		switch (how) {
		case SIG_BLOCK:
			blocked |= set->__bits;
			break;
		case SIG_UNBLOCK:
			blocked &= ~set->__bits;
			break;
		case SIG_SETMASK:
			blocked = set->__bits;
			break;
		default:
			return invalid();
		}
		blocked &= ~(bit(SIGKILL) | bit(SIGSTOP));
	}
	if (old) {
		old->__bits = before;
	}
	while (pending & ~blocked) {
		int sig = __builtin_ctzll(pending & ~blocked) + 1;
		pending &= ~bit(sig);
		deliver(sig);
	}
	return 0;
}

WEAK int pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
	return sigprocmask(how, set, old) ? errno : 0;
}

/* ---- Alarms: none was ever set, and none will be. A timer that never expires is refused where that can be said. ---- */

WEAK unsigned alarm(unsigned seconds) { return 0; }

WEAK int getitimer(int which, struct itimerval *value)
{
	if (which < ITIMER_REAL || which > ITIMER_PROF) {
		return invalid();
	}
	memset(value, 0, sizeof *value);
	return 0;
}

WEAK int setitimer(int which, const struct itimerval *restrict value, struct itimerval *restrict old)
{
	struct itimerval before;
	if (getitimer(which, &before)) {
		return -1;
	}
	if (value->it_value.tv_sec || value->it_value.tv_usec) {
		errno = ENOSYS;
		return -1;
	}
	if (old) {
		*old = before;
	}
	return 0;
}
