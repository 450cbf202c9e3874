static __attribute__((noinline)) int twin(void) { return 6; }

int (*volatile keep)(void) = twin;
