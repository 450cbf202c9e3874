package toolchain

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Names of the target in paths: as wasi-libc's makefile and we call it, below a sysroot.
const (
	multiarch = "wasm64-wasi"
	libDir    = "lib/" + multiarch
)

// libraryFlags compile what goes into the sysroot: for both kinds of module, without debug information, and without a
// trace of where it was built.
func (b *builder) libraryFlags() []string {
	return []string{"--no-default-config", "--target=" + triple, "--sysroot=" + b.out, "-pthread", "-O2", "-DNDEBUG", "-w",
		"-msimd128", "-mbulk-memory", "-mnontrapping-fptoint", "-ffile-prefix-map=" + b.work + "=."}
}

// archive packs a directory's objects. Names are sorted and times left out, so the same objects give the same archive.
func (b *builder) archive(ctx context.Context, name string, dirs ...string) error {
	args := []string{"crsD", name}
	for _, dir := range dirs {
		objects, err := filepath.Glob(filepath.Join(dir, "*.o"))
		if err != nil {
			return err
		}
		args = append(args, objects...)
	}
	ar, err := hostArchiver(b.env)
	if err != nil {
		return err
	}
	return b.run(ctx, b.work, ar, args...)
}

func copyOverlay(from, to string) error {
	root := "overlay/" + from
	return fs.WalkDir(overlay, root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, root))
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		data, err := overlay.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o644)
	})
}
