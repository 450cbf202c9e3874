package toolchain

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
)

// compatSources are the files of overlay/compat.
var compatSources = []string{"abort", "atomics", "compare", "random", "process", "signals", "identity", "files",
	"locale", "pointers", "sockets", "threads", "attributes", "mutex", "condition", "rwlock", "barrier", "semaphore",
	"keys",
	"c11threads", "system", "main", "locks",
	"clocks", "mman", "longmath", "fenv", "terminals", "ipc", "contexts", "timers", "ftw",
	"argp", "argphelp", "fused", "gettext", "obstack", "addresses", "transfer", "oldsignals", "calls", "spawn",
	"glibcmath",
	"argz", "glob", "wordexp", "fts", "names", "onexit", "aio", "linux", "glibc"}

// buildRuntime compiles our own additions to libc and the start of C++ programs into dir.
func (b *builder) buildRuntime(ctx context.Context, sysroot, dir string) error {
	b.out = sysroot
	var err error
	if b.work, err = os.MkdirTemp(b.root, ".build-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.work)
	src, objects, lib := filepath.Join(b.work, "src"), filepath.Join(b.work, "objects"), filepath.Join(b.work, "lib")
	if err := errors.Join(copyOverlay("compat", src), copyOverlay("runtime", src), os.Mkdir(objects, 0o755),
		os.Mkdir(lib, 0o755)); err != nil {
		return err
	}
	flags := slices.Concat(b.libraryFlags(), emulation, []string{"-D_GNU_SOURCE"})
	unit := func(flags []string, source, object string) []string {
		return slices.Concat(flags, []string{"-c", filepath.Join(src, source), "-o", object})
	}
	var commands [][]string
	for _, name := range compatSources {
		commands = append(commands, unit(flags, name+".c", filepath.Join(objects, name+".o")))
	}
	commands = append(commands,
		unit(slices.Concat(flags, sjljFlags), "setjmp.c", filepath.Join(objects, "setjmp.o")),
		unit(slices.Concat([]string{"--driver-mode=g++"}, b.libraryFlags(), cxxExceptions), "start.cc",
			filepath.Join(lib, "crt1-c++.o")),
		unit([]string{"--target=" + triple}, "tls.s", filepath.Join(lib, "tls.o")))
	if err := b.compile(ctx, "building the runtime", commands); err != nil {
		return err
	}
	if err := b.archive(ctx, filepath.Join(lib, ownLibrary), objects); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(lib, manifestName), []byte("{}\n"), 0o644); err != nil {
		return err
	}
	b.progress("", 0, 0)
	return os.Rename(lib, dir)
}
