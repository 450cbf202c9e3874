/* Functions that are passed to libc as pointers of other types than they have, as many C programs do. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void *plain() { return (void *)7; }
static void nothing(void *p) { printf("nothing %s\n", (char *)p); }
static void neither() { puts("neither"); }
static int narrow(int *p) { return -*p; }
static void *number(int n) { return (void *)(long)(2 * n); }
static void *three(void *a, void *b, void *c) { return b; }
static void handler() { puts("handler"); }
static int answering(int sig) { return printf("answering %d\n", sig == SIGUSR2); }
static void cleanup() { puts("cleanup"); }
static int destructor(void *value) { return printf("destructor %s\n", (char *)value); }

static void action() { puts("action"); }
static int once(void) { return puts("once"); }

static pthread_key_t key;

static void *leaves(void *p)
{
	pthread_setspecific(key, "value");
	pthread_cleanup_push((void (*)(void *))cleanup, NULL);
	pthread_exit(p);
	pthread_cleanup_pop(0);
}

static long run(void *f, void *argument)
{
	pthread_t t;
	void *result = NULL;
	pthread_create(&t, NULL, (void *(*)(void *))f, argument);
	pthread_join(t, &result);
	return (long)result;
}

int main(int argc, char **argv)
{
	int five = 5;
	printf("plain %ld\n", run(plain, NULL));
	run(nothing, "argument");
	run(neither, NULL);
	printf("narrow %d\n", (int)run(narrow, &five));
	printf("number %ld\n", run(number, (void *)21));
	pthread_key_create(&key, (void (*)(void *))destructor);
	printf("leaves %ld\n", run(leaves, (void *)3));
	signal(SIGUSR1, (void (*)(int))handler);
	raise(SIGUSR1);
	signal(SIGUSR2, (void (*)(int))answering);
	raise(SIGUSR2);
	struct sigaction act = {0};
	act.sa_flags = SA_SIGINFO;
	act.sa_sigaction = (void (*)(int, siginfo_t *, void *))action;
	sigaction(SIGUSR1, &act, NULL);
	raise(SIGUSR1);
	pthread_once_t first = PTHREAD_ONCE_INIT;
	pthread_once(&first, (void (*)(void))once);
	fflush(stdout);
	if (argc > 1) {
		run(three, NULL);
	}
	return 0;
}
