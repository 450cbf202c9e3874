package toolchain

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// abiPatches tell std::terminate which exception is on its way. Elsewhere that is known because a function that must
// not throw catches what comes (__clang_call_terminate); clang's code for WebAssembly only calls terminate, which would
// know neither the type nor what(). So exceptions that were raised and are not yet caught are kept in a list, through a
// field of the unwinder's header that is free here, and terminate catches the last one.
var abiPatches = []patch{
	{file: "src/cxa_exception.h", old: `    unsigned int        uncaughtExceptions;
`, new: `    unsigned int        uncaughtExceptions;
    _Unwind_Exception * raised;
`},
	{file: "src/cxa_exception.h", old: `__cxa_get_globals_fast ();
`, new: `__cxa_get_globals_fast ();

static inline void __faasmrun_raise(_Unwind_Exception *e) {
    __cxa_eh_globals *globals = __cxa_get_globals();
    e->private_1 = reinterpret_cast<uintptr_t>(globals->raised);
    globals->raised = e;
    _Unwind_RaiseException(e);
}
`},
	{file: "src/cxa_exception.cpp", old: "_Unwind_RaiseException(&", new: "__faasmrun_raise(&", all: true},
	{file: "src/cxa_exception.cpp", old: `        globals->uncaughtExceptions -= 1;`,
		new: `        if (globals->raised == unwind_exception)
            globals->raised = reinterpret_cast<_Unwind_Exception *>(unwind_exception->private_1);
        globals->uncaughtExceptions -= 1;`},
	{file: "src/cxa_handlers.cpp", old: `        __cxa_exception* exception_header = globals->caughtExceptions;`,
		new: `        if (globals->uncaughtExceptions > 0 && globals->raised)
            __cxa_begin_catch(globals->raised);
        __cxa_exception* exception_header = globals->caughtExceptions;`},
}

// cxxPatches make libc++'s headers as generous as libstdc++'s, where programs count on it.
var cxxPatches = []patch{
	// C's headers bring their C++ ones along: std::abs after math.h.
	{file: "include/math.h", old: `} // extern "C++"

#  endif // __cplusplus
`, new: `#    include <cmath>
} // extern "C++"

#  endif // __cplusplus
`},
	// abs of an unsigned number is C's, of an int: here the overloads for all the signed types would make it ambiguous. A
	// function of the program's own comes first, a template too.
	{file: "include/stdlib.h", old: `} // extern "C++"
#  endif   // __cplusplus
`, new: `
#    include <__type_traits/enable_if.h>
template <class _Tp, class... _None,
          std::__enable_if_t<__is_integral(_Tp) && __is_unsigned(_Tp) && sizeof(_Tp) >= sizeof(int) &&
                             sizeof...(_None) == 0, int> = 0>
_LIBCPP_NODISCARD inline _LIBCPP_HIDE_FROM_ABI int abs(_Tp __x, _None...) _NOEXCEPT {
  return __builtin_abs(static_cast<int>(__x));
}

#    include <cstdlib>
} // extern "C++"
#  endif   // __cplusplus
`},
	// libstdc++'s flags of a stream are an enumeration in std, so that these two are found without std::.
	{file: "include/iomanip", old: "_LIBCPP_END_NAMESPACE_STD\n", new: `_LIBCPP_END_NAMESPACE_STD

template <class _Flags, std::__enable_if_t<std::is_same<_Flags, std::ios_base::fmtflags>::value, int> = 0>
inline _LIBCPP_HIDE_FROM_ABI std::__iom_t1 resetiosflags(_Flags __mask) {
  return std::resetiosflags(__mask);
}

template <class _Flags, std::__enable_if_t<std::is_same<_Flags, std::ios_base::fmtflags>::value, int> = 0>
inline _LIBCPP_HIDE_FROM_ABI std::__iom_t2 setiosflags(_Flags __mask) {
  return std::setiosflags(__mask);
}
`},
	// What waits on an atomic has the library's width, also in a program that says it is for Linux.
	{file: "include/__atomic/contention_t.h", old: "defined(__linux__) || ", new: ""},
}

// configSite is libc++'s configuration, which its CMake files would write.
const configSite = `#ifndef _LIBCPP___CONFIG_SITE
#define _LIBCPP___CONFIG_SITE
#define _LIBCPP_ABI_VERSION 2
#define _LIBCPP_ABI_NAMESPACE __2
#define _LIBCPP_HAS_MUSL_LIBC
#define _LIBCPP_HAS_THREAD_API_PTHREAD
#define _LIBCPP_HAS_NO_VENDOR_AVAILABILITY_ANNOTATIONS
#define _LIBCPP_HAS_NO_STD_MODULES
#define _LIBCPP_HAS_NO_TIME_ZONE_DATABASE
#define _LIBCPP_PSTL_BACKEND_SERIAL
#define _LIBCPP_HARDENING_MODE_DEFAULT 2
#endif
`

// abiSources are libc++abi's files for a program with exceptions and threads; unwinding is libunwind's Unwind-wasm.c.
var abiSources = []string{"cxa_aux_runtime", "cxa_default_handlers", "cxa_demangle", "cxa_exception_storage",
	"cxa_guard", "cxa_handlers",
	"cxa_vector", "cxa_virtual", "stdlib_exception", "stdlib_stdexcept", "stdlib_typeinfo", "abort_message",
	"fallback_malloc",
	"private_typeinfo", "stdlib_new_delete", "cxa_thread_atexit", "cxa_exception", "cxa_personality"}

// notOurs are libc++'s files that libc++abi replaces (new) or that compiler-rt has (int128).
var notOurs = map[string]bool{"new.cpp": true, "int128_builtins.cpp": true}

// buildCxx compiles libc++, libc++abi and libunwind by direct clang commands: their CMake files want a CMake, a Python
// and a working compiler for the target to ask questions of.
func (b *builder) buildCxx(ctx context.Context) error {
	llvm := filepath.Join(b.work, "llvm")
	for _, p := range cxxPatches {
		if err := p.apply(filepath.Join(llvm, "libcxx")); err != nil {
			return err
		}
	}
	if err := b.installCxxHeaders(llvm); err != nil {
		return err
	}
	for _, p := range abiPatches {
		if err := p.apply(filepath.Join(llvm, "libcxxabi")); err != nil {
			return err
		}
	}
	cxx := slices.Concat([]string{"--driver-mode=g++"}, b.libraryFlags(), cxxExceptions,
		[]string{"-fvisibility=hidden", "-fvisibility-inlines-hidden",
			"-std=c++23", "-fno-sized-deallocation", "-D_GNU_SOURCE", "-D_LIBCPP_BUILDING_LIBRARY", "-I" + llvm + "/libcxx/src",
			"-I" + llvm + "/libcxxabi/include"})
	var commands [][]string
	objects := map[string]string{}
	for _, lib := range []string{"cxx", "abi"} {
		objects[lib] = filepath.Join(b.work, lib+"-objects")
		if err := os.MkdirAll(objects[lib], 0o755); err != nil {
			return err
		}
	}
	for _, pattern := range []string{"*.cpp", "ryu/*.cpp", "filesystem/*.cpp"} {
		files, err := filepath.Glob(filepath.Join(llvm, "libcxx/src", pattern))
		if err != nil {
			return err
		}
		for _, file := range files {
			base := filepath.Base(file)
			if !notOurs[base] {
				commands = append(commands, slices.Concat(cxx, []string{"-DLIBCXX_BUILDING_LIBCXXABI",
					"-D_LIBCPP_REMOVE_TRANSITIVE_INCLUDES",
					"-c", file, "-o", filepath.Join(objects["cxx"], strings.TrimSuffix(base, ".cpp")+".o")}))
			}
		}
	}
	for _, name := range abiSources {
		commands = append(commands, slices.Concat(cxx, []string{"-D_LIBCXXABI_BUILDING_LIBRARY",
			"-DHAVE___CXA_THREAD_ATEXIT_IMPL", "-I" + llvm + "/libcxxabi/src", "-I" + llvm + "/libunwind/include",
			"-c", filepath.Join(llvm, "libcxxabi/src", name+".cpp"), "-o", filepath.Join(objects["abi"], name+".o")}))
	}
	commands = append(commands, slices.Concat(b.libraryFlags(), cxxExceptions, []string{"-D_LIBUNWIND_HIDE_SYMBOLS",
		"-I" + llvm + "/libunwind/include",
		"-I" + llvm + "/libunwind/src", "-c", filepath.Join(llvm, "libunwind/src/Unwind-wasm.c"), "-o",
		filepath.Join(objects["abi"], "Unwind-wasm.o")}))
	if err := b.compile(ctx, "building the C++ library", commands); err != nil {
		return err
	}
	return errors.Join(b.archive(ctx, filepath.Join(b.out, libDir, "libc++.a"), objects["cxx"]),
		b.archive(ctx, filepath.Join(b.out, libDir, "libc++abi.a"), objects["abi"]))
}

func (b *builder) installCxxHeaders(llvm string) error {
	v1 := filepath.Join(b.out, "include/c++/v1")
	handler, err := os.ReadFile(filepath.Join(llvm, "libcxx/vendor/llvm/default_assertion_handler.in"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(v1, 0o755); err != nil {
		return err
	}
	for from, to := range map[string]string{"libcxx/include": v1, "libcxxabi/include": v1,
		"libunwind/include": filepath.Join(b.out, "include")} {
		if err := copyHeaders(filepath.Join(llvm, from), to); err != nil {
			return err
		}
	}
	return errors.Join(os.WriteFile(filepath.Join(v1, "__assertion_handler"), handler, 0o644),
		os.WriteFile(filepath.Join(v1, "__config_site"), []byte(configSite), 0o644))
}

// copyHeaders copies a tree but for the build system's files.
func copyHeaders(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o755)
		case d.Name() == "CMakeLists.txt", filepath.Ext(path) == ".in":
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o644)
	})
}
