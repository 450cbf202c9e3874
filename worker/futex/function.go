package futex

// functions are the functions of pthread.h in which a program may wait, by the numbers that its library has for them
// (faasmrun/toolchain/overlay/compat/thread.h).
var functions = [...]string{
	1:  "pthread_mutex_lock",
	2:  "pthread_cond_wait",
	3:  "pthread_join",
	4:  "pthread_rwlock_rdlock",
	5:  "pthread_rwlock_wrlock",
	6:  "pthread_barrier_wait",
	7:  "sem_wait",
	8:  "pthread_once",
	9:  "pthread_spin_lock",
	10: "pthread_cond_destroy",
	11: "pthread_barrier_destroy",
	12: "exit",
}

// Function is the one in which the thread waits, as far as its program has said; "": it has not. Any goroutine may
// call it.
func (t *Thread) Function() string {
	if n := t.function.Load(); n > 0 && int(n) < len(functions) {
		return functions[n]
	}
	return ""
}
