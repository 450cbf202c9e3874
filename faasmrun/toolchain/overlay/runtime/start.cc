// The entry point of C++ programs, in place of libc's crt1. An exception that nobody catches, in a static constructor, in
// main or in a destructor, ends in std::terminate, which prints its type and what(): it has to be caught first, for
// terminate speaks of caught exceptions only.
#include <exception>

extern "C" {
void __wasm_call_ctors(void);
int __original_main(void);
void __wasm_call_dtors(void);
[[noreturn]] void __wasi_proc_exit(unsigned code);

void _start(void) noexcept
{
	int status;
	try {
		__wasm_call_ctors();
		status = __original_main();
		__wasm_call_dtors();
	} catch (...) {
		std::terminate();
	}
	if (status != 0) {
		__wasi_proc_exit(status);
	}
}
}
