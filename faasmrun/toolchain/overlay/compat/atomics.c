/*
 * What clang calls for atomic objects that no instruction covers: long double, structures. An object's address chooses one
 * of a few locks. Every access to such an object comes here, so the locks see all of them.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WEAK __attribute__((weak))

void __faasmrun_lock(volatile int *);
void __faasmrun_unlock(volatile int *);

#define LOCKS 64
static volatile int locks[LOCKS];

static volatile int *lock_of(const volatile void *object)
{
	volatile int *lock = &locks[((uintptr_t)object >> 4) % LOCKS];
	__faasmrun_lock(lock);
	return lock;
}

/* The names are the compiler's own and can't be declared otherwise. */
WEAK void load(size_t size, const void *object, void *value, int order) __asm__("__atomic_load");
WEAK void store(size_t size, void *object, const void *value, int order) __asm__("__atomic_store");
WEAK void exchange(size_t size, void *object, const void *value, void *old, int order) __asm__("__atomic_exchange");
WEAK bool compare(size_t size, void *object, void *expected, const void *desired, int order, int otherwise)
	__asm__("__atomic_compare_exchange");
WEAK bool lock_free(size_t size, const void *object) __asm__("__atomic_is_lock_free");

void load(size_t size, const void *object, void *value, int order)
{
	volatile int *lock = lock_of(object);
	memcpy(value, object, size);
	__faasmrun_unlock(lock);
}

void store(size_t size, void *object, const void *value, int order)
{
	volatile int *lock = lock_of(object);
	memcpy(object, value, size);
	__faasmrun_unlock(lock);
}

void exchange(size_t size, void *object, const void *value, void *old, int order)
{
	volatile int *lock = lock_of(object);
	memcpy(old, object, size);
	memcpy(object, value, size);
	__faasmrun_unlock(lock);
}

bool compare(size_t size, void *object, void *expected, const void *desired, int order, int otherwise)
{
	volatile int *lock = lock_of(object);
	bool same = memcmp(object, expected, size) == 0;
	if (same) {
		memcpy(object, desired, size);
	} else {
		memcpy(expected, object, size);
	}
	__faasmrun_unlock(lock);
	return same;
}

bool lock_free(size_t size, const void *object)
{
	return (size == 1 || size == 2 || size == 4 || size == 8) && (uintptr_t)object % size == 0;
}
