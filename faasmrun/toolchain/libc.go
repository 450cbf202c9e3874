package toolchain

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// withoutErrors are files that refuse a threaded build; what they do at start is done before any thread exists.
var withoutErrors = []string{"chdir", "getcwd", "preopens", "getentropy"}

// buildLibc builds wasi-libc by its own makefile.
func (b *builder) buildLibc(ctx context.Context) error {
	src := filepath.Join(b.work, "libc")
	if err := b.patchLibc(src); err != nil {
		return err
	}
	b.progress("building the C library", 0, 0)
	ar, err := hostArchiver(b.env)
	if err != nil {
		return err
	}
	err = b.run(ctx, src, "make", "-s", fmt.Sprintf("-j%d", runtime.NumCPU()), "CC="+b.tools.clang, "AR="+ar, "NM=true",
		"THREAD_MODEL=posix",
		"TARGET_TRIPLE="+triple, "MULTIARCH_TRIPLE="+multiarch,
		"SYSROOT="+b.out, "OBJDIR="+filepath.Join(b.work, "libc-objects"), "EXTRA_CFLAGS=-O2 -DNDEBUG -w --sysroot="+b.out,
		"startup_files", "libc")
	if err != nil {
		return err
	}
	return copyOverlay("include", filepath.Join(b.out, "include", triple))
}

func (b *builder) patchLibc(src string) error {
	musl := filepath.Join(src, "libc-top-half/musl")
	for file, to := range map[string]string{"atomic_arch.h": "arch/wasm32", "pthread_arch.h": "arch/wasm32",
		"pthread_impl.h": "src/internal", "threads.c": "src/internal"} {
		data, err := overlay.ReadFile("overlay/libc/" + file)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(musl, to, file), data, 0o644); err != nil {
			return err
		}
	}
	for _, p := range libcPatches {
		if err := p.apply(src); err != nil {
			return err
		}
	}
	if err := widenCalls(filepath.Join(src, wasiCalls)); err != nil {
		return err
	}
	for _, name := range withoutErrors {
		if err := removeErrors(filepath.Join(src, "libc-bottom-half/sources", name+".c")); err != nil {
			return err
		}
	}
	return nil
}

func removeErrors(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	lines := slices.DeleteFunc(strings.Split(string(text), "\n"),
		func(line string) bool { return strings.HasPrefix(line, "#error") })
	return os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o644)
}
