# A module with a memory of its own has one thread, whose thread-local variables lie where the linker put them. wasm-ld 19
# would add their base twice; with the base at zero it adds it once.
	.globaltype	__tls_base, i64
	.globl	__tls_base
__tls_base:
