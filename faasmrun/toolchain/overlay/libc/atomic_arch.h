/* musl's internal atomics in terms of the compiler's. */
#define a_cas(p, expected, desired) (__sync_val_compare_and_swap((p), (expected), (desired)))
#define a_cas_p(p, expected, desired) (__sync_val_compare_and_swap((void *volatile *)(p), (void *)(expected), (void *)(desired)))
#define a_barrier() (__sync_synchronize())
#define a_crash() (__builtin_trap())
#define a_clz_32 __builtin_clz
#define a_clz_64 __builtin_clzll
#define a_ctz_32 __builtin_ctz
#define a_ctz_64 __builtin_ctzll
