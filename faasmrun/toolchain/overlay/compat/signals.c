/*
 * Signals. They come from the program itself (raise, abort, kill of its own number), from its timers, and from outside, by the
 * launcher. What is pending and blocked the host knows; a handler runs in the host call that the program is in, or in its next
 * one, for there is no other place between two instructions where it could. Handlers, masks and what is interrupted are as
 * natively. A handler that leaves by longjmp finds the mask as it was before. A signal without a handler that would end a program
 * ends the rank with 128 plus its number, which is what a shell says of a native one; to be stopped is not possible.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include "host.h"

#define WEAK __attribute__((weak))

static struct sigaction actions[_NSIG];

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

/* pointers.c */
void __call_handler(void (*f)(int), int sig);
void __call_action(void (*f)(int, siginfo_t *, void *), int sig, siginfo_t *info, void *context);

static int dispatch(int sig);

/* Tells the host which signals have handlers and which are ignored. */
static void tell(void)
{
	unsigned long long caught = 0, ignored = 0;
	for (int sig = 1; sig < _NSIG; sig++) {
		if (actions[sig].sa_handler == SIG_IGN) {
			ignored |= bit(sig);
		} else if (actions[sig].sa_handler != SIG_DFL) {
			caught |= bit(sig);
		}
	}
	__faasmrun_host_signal_actions((int)(intptr_t)dispatch, caught, ignored);
}

/* The host calls this within a call of the program's, and sets the mask back afterwards. The result says whether a read goes on. */
static int dispatch(int sig)
{
	struct sigaction action = actions[sig];
	__faasmrun_host_signal_mask(__faasmrun_host_signal_blocked() | action.sa_mask.__bits | (action.sa_flags & SA_NODEFER ? 0 : bit(sig)));
	if (action.sa_flags & SA_RESETHAND) {
		actions[sig].sa_handler = SIG_DFL;
		tell();
	}
	if (action.sa_flags & SA_SIGINFO) {
		siginfo_t info = { .si_signo = sig, .si_code = SI_USER, .si_pid = getpid(), .si_uid = getuid() };
		__call_action(action.sa_sigaction, sig, &info, NULL);
	} else {
		__call_handler(action.sa_handler, sig);
	}
	return (action.sa_flags & SA_RESTART) != 0;
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
	if (sig == SIGABRT && actions[sig].sa_handler == SIG_DFL && !(__faasmrun_host_signal_blocked() & bit(sig))) {
		__faasmrun_on_abort = NULL;
		abort(); /* which shows where */
	}
	int err = __faasmrun_host_signal_raise(sig);
	if (err) {
		errno = err;
	}
	return err ? -1 : 0;
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

/* What abort does first. A handler that calls abort itself ends there. */
static void on_abort(void)
{
	if (actions[SIGABRT].sa_handler == SIG_DFL) {
		return;
	}
	__faasmrun_host_signal_mask(__faasmrun_host_signal_blocked() & ~bit(SIGABRT));
	actions[SIGABRT].sa_flags |= SA_RESETHAND;
	__faasmrun_host_signal_raise(SIGABRT);
}

WEAK int sigaction(int sig, const struct sigaction *restrict action, struct sigaction *restrict old)
{
	if (sig < 1 || sig >= _NSIG || action && (sig == SIGKILL || sig == SIGSTOP)) {
		return invalid();
	}
	struct sigaction before = actions[sig];
	if (action) {
		actions[sig] = *action;
		if (sig == SIGABRT) {
			__faasmrun_on_abort = on_abort;
		}
		tell();
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

WEAK int siginterrupt(int sig, int on)
{
	if (sig < 1 || sig >= _NSIG) {
		return invalid();
	}
	actions[sig].sa_flags = on ? actions[sig].sa_flags & ~SA_RESTART : actions[sig].sa_flags | SA_RESTART;
	return 0;
}

/* The stack for handlers is remembered and not used: they run on the program's own, and an overflow of that ends the rank. */
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
	set->__bits = __faasmrun_host_signal_pending();
	return 0;
}

WEAK int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
	unsigned long long before = __faasmrun_host_signal_blocked(), after = before;
	if (set) {
		switch (how) {
		case SIG_BLOCK:
			after |= set->__bits;
			break;
		case SIG_UNBLOCK:
			after &= ~set->__bits;
			break;
		case SIG_SETMASK:
			after = set->__bits;
			break;
		default:
			return invalid();
		}
	}
	if (old) {
		old->__bits = before;
	}
	if (after != before) {
		__faasmrun_host_signal_mask(after);
	}
	return 0;
}

WEAK int pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
	return sigprocmask(how, set, old) ? errno : 0;
}

/* ---- Waiting for signals ---- */

WEAK int sigsuspend(const sigset_t *set)
{
	__faasmrun_host_signal_mask(__faasmrun_host_signal_suspend(set->__bits));
	errno = EINTR;
	return -1;
}

WEAK int pause(void)
{
	sigset_t same = { __faasmrun_host_signal_blocked() };
	return sigsuspend(&same);
}

static int take(const sigset_t *set, siginfo_t *info, unsigned long long nanoseconds)
{
	int sig = __faasmrun_host_signal_take(set->__bits, nanoseconds);
	if (sig <= 0) {
		errno = sig ? -sig : EAGAIN;
		return -1;
	}
	if (info) {
		*info = (siginfo_t){ .si_signo = sig, .si_code = SI_USER, .si_pid = getpid(), .si_uid = getuid() };
	}
	return sig;
}

WEAK int sigwaitinfo(const sigset_t *restrict set, siginfo_t *restrict info) { return take(set, info, -1ULL); }

WEAK int sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict info, const struct timespec *restrict t)
{
	if (t && (t->tv_sec < 0 || t->tv_nsec < 0 || t->tv_nsec >= 1000000000)) {
		return invalid();
	}
	return take(set, info, t ? t->tv_sec * 1000000000ULL + t->tv_nsec : -1ULL);
}

WEAK int sigwait(const sigset_t *restrict set, int *restrict sig)
{
	int got;
	while ((got = take(set, NULL, -1ULL)) < 0) { /* a handler of another signal has run */
	}
	*sig = got;
	return 0;
}

/* ---- Timers. Those that count processor time are refused. ---- */

#define SECOND 1000000000LL

WEAK unsigned alarm(unsigned seconds)
{
	return (__faasmrun_host_timer_set(seconds * SECOND, 0) + SECOND - 1) / SECOND;
}

WEAK useconds_t ualarm(useconds_t value, useconds_t interval)
{
	return __faasmrun_host_timer_set(value * 1000LL, interval * 1000LL) / 1000;
}

static struct timeval of_nanoseconds(long long t)
{
	t = (t + 999) / 1000; /* a timer that is set never shows zero */
	return (struct timeval){ t / 1000000, t % 1000000 };
}

static int known_timer(int which)
{
	if (which < ITIMER_REAL || which > ITIMER_PROF) {
		return invalid();
	}
	return 0;
}

WEAK int getitimer(int which, struct itimerval *value)
{
	if (known_timer(which)) {
		return -1;
	}
	memset(value, 0, sizeof *value);
	if (which == ITIMER_REAL) {
		value->it_value = of_nanoseconds(__faasmrun_host_timer_left());
		value->it_interval = of_nanoseconds(__faasmrun_host_timer_interval());
	}
	return 0;
}

static int out_of_range(const struct timeval *t) { return t->tv_sec < 0 || t->tv_usec < 0 || t->tv_usec >= 1000000; }

static long long nanoseconds(const struct timeval *t)
{
	return t->tv_sec > 9000000000LL ? 9000000000LL * SECOND : t->tv_sec * SECOND + t->tv_usec * 1000LL;
}

WEAK int setitimer(int which, const struct itimerval *restrict value, struct itimerval *restrict old)
{
	struct itimerval before;
	if (getitimer(which, &before)) {
		return -1;
	}
	if (out_of_range(&value->it_value) || out_of_range(&value->it_interval)) {
		return invalid();
	}
	long long first = nanoseconds(&value->it_value);
	if (which != ITIMER_REAL && first) {
		errno = ENOSYS;
		return -1;
	}
	if (which == ITIMER_REAL) {
		__faasmrun_host_timer_set(first, nanoseconds(&value->it_interval));
	}
	if (old) {
		*old = before;
	}
	return 0;
}
