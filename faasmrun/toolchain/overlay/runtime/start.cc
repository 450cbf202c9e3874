// The entry point of C++ programs, in place of libc's crt1. An exception that nobody catches, in a static constructor, in
// main or in a destructor, ends in std::terminate, which prints its type and what(): it has to be caught first, for
// terminate knows caught exceptions only.
#include <exception>

extern "C" {
void __wasm_call_ctors(void);
int __original_main(void);
void __wasm_call_dtors(void);
[[noreturn]] void __wasi_proc_exit(unsigned code);
extern __attribute__((weak)) int __faasmrun_exit_status; // of on_exit, where it is used
__attribute__((weak)) void __faasmrun_name_program(void); // in libc, where program_invocation_name is needed

void _start(void) noexcept
{
	int status;
	if (__faasmrun_name_program) {
		__faasmrun_name_program();
	}
	try {
		__wasm_call_ctors();
		status = __original_main();
		if (&__faasmrun_exit_status) {
			__faasmrun_exit_status = status;
		}
		__wasm_call_dtors();
	} catch (...) {
		std::terminate();
	}
	if (status != 0) {
		__wasi_proc_exit(status);
	}
}
}
