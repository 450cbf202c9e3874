/*
 * Keys, and functions that are called once. A key that is deleted and made again is another one: a thread's value counts for the
 * generation that it was set in.
 */
#include "thread.h"

static struct {
	volatile int generation; /* even: free */
	void (*destructor)(void *);
} keys[PTHREAD_KEYS_MAX];

static _Thread_local struct {
	int generation;
	void *value;
} values[PTHREAD_KEYS_MAX];

WEAK int pthread_key_create(pthread_key_t *key, void (*destructor)(void *))
{
	for (int i = 1; i < PTHREAD_KEYS_MAX; i++) { /* 0 stays free: programs take it for "no key" */
		int generation = keys[i].generation;
		if (generation % 2 == 0 && cas(&keys[i].generation, generation, generation + 1) == generation) {
			keys[i].destructor = destructor;
			*key = i;
			return 0;
		}
	}
	return EAGAIN;
}

static int valid(pthread_key_t key) { return key < PTHREAD_KEYS_MAX && keys[key].generation % 2; }

WEAK int pthread_key_delete(pthread_key_t key)
{
	if (!valid(key)) {
		return EINVAL;
	}
	keys[key].destructor = NULL;
	__sync_fetch_and_add(&keys[key].generation, 1);
	return 0;
}

WEAK void *pthread_getspecific(pthread_key_t key)
{
	return key < PTHREAD_KEYS_MAX && values[key].generation == keys[key].generation ? values[key].value : NULL;
}

WEAK int pthread_setspecific(pthread_key_t key, const void *value)
{
	if (!valid(key)) {
		return EINVAL;
	}
	values[key].generation = keys[key].generation;
	values[key].value = (void *)value;
	return 0;
}

/* A thread that ends calls the destructors of what it has, and again of what these have set. */
void __faasmrun_end_keys(void)
{
	int found = 1;
	for (int round = 0; round < PTHREAD_DESTRUCTOR_ITERATIONS && found; round++) {
		found = 0;
		for (int i = 1; i < PTHREAD_KEYS_MAX; i++) {
			void *value = pthread_getspecific(i);
			values[i].value = NULL;
			void (*destructor)(void *) = keys[i].destructor;
			if (value && destructor) {
				found = 1;
				__call_cleanup(destructor, value);
			}
		}
	}
}

/* ---- Once: 0 not yet, 1 running, 2 done. ---- */

WEAK int pthread_once(pthread_once_t *once, void (*f)(void))
{
	volatile int *state = (volatile int *)once;
	while (load(state) != 2) {
		if (cas(state, 0, 1) == 0) {
			__call_once(f);
			store(state, 2);
			wake(state, INT_MAX);
		} else {
			wait_for(state, 1, FOREVER, IN_ONCE);
		}
	}
	return 0;
}
