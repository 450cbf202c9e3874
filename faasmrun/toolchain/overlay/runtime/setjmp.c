/*
 * setjmp and longjmp by exceptions: what clang's -wasm-enable-sjlj calls. The compiler turns each function with a setjmp
 * into a try around everything; longjmp throws, and the function that finds its own invocation in the buffer goes on at
 * the label that was noted there. The layout is the compiler's (LLVM 19).
 */
struct buffer {
	void *invocation;
	unsigned label;
	struct thrown {
		struct buffer *env;
		int value;
	} thrown;
};

void __wasm_setjmp(struct buffer *env, unsigned label, void *invocation)
{
	env->invocation = invocation;
	env->label = label;
}

unsigned __wasm_setjmp_test(struct buffer *env, void *invocation)
{
	return env->invocation == invocation ? env->label : 0;
}

#define TAG_LONGJMP 1

void __wasm_longjmp(struct buffer *env, int value)
{
	env->thrown.env = env;
	env->thrown.value = value ? value : 1;
	__builtin_wasm_throw(TAG_LONGJMP, &env->thrown);
}
