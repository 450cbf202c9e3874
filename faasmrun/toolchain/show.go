package toolchain

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
)

// answer serves the options that ask something of the compiler: clang answers, for our target.
func (d *driver) answer(ctx context.Context, query string) error {
	switch query {
	case "-dumpmachine":
		// What config.sub and libtool know; wasip1 they do not.
		_, err := fmt.Fprintln(d.env.Stdout, "wasm64-unknown-wasi")
		return err
	case "-dumpfullversion": // gcc's
		query = "-dumpversion"
	case linkerVersion:
		return d.exec(ctx, d.tools.linker, "--version")
	case "-print-sysroot", "--print-sysroot":
		_, err := fmt.Fprintln(d.env.Stdout, d.sys.dir)
		return err
	case "-print-prog-name=ld", "--print-prog-name=ld":
		_, err := fmt.Fprintln(d.env.Stdout, d.tools.linker)
		return err
	case "-print-libgcc-file-name", "--print-libgcc-file-name":
		_, err := fmt.Fprintln(d.env.Stdout, d.tools.builtins)
		return err
	}
	if name, ok := strings.CutPrefix(strings.TrimPrefix(query, "-"), "-print-file-name="); ok ||
		strings.HasPrefix(query, "-print-file-name=") {
		if !ok {
			name = strings.TrimPrefix(query, "-print-file-name=")
		}
		_, err := fmt.Fprintln(d.env.Stdout, d.fileName(name))
		return err
	}
	if err := d.exec(ctx, d.tools.clang, "--target="+triple, "--sysroot="+d.sys.dir, query); err != nil {
		return err
	}
	if query == "--version" {
		_, err := fmt.Fprintf(d.env.Stdout, "Driver: faasmrun %s, MPI 5.0 ABI\n", d.name)
		return err
	}
	return nil
}

// fileName finds a library's file as -print-file-name does: the name itself where there is none.
func (d *driver) fileName(name string) string {
	if path := filepath.Join(d.sys.lib, name); isFile(path) {
		return path
	}
	return name
}

// showme answers Open MPI's and MPICH's questions about a wrapper. They are asked by build systems that want to call
// the compiler behind the wrapper themselves; here that compiler is the wrapper, and needs no options to find MPI.
func (d *driver) showme(what string) error {
	var out string
	switch what {
	case "-showme:compile", "-compile_info", "-compile-info":
		out = "-I" + d.sys.headers
	case "-showme:incdirs":
		out = d.sys.headers
	case "-showme:link", "-link_info", "-link-info", "-showme:libs", "-showme:libdirs":
	case "-showme:command":
		out = "faasmrun " + d.name
	case "-showme:version":
		out = "faasmrun " + d.name + ": MPI 5.0 ABI"
	case "-show", "-showme":
		out = quoteCommand(append([]string{d.tools.clang}, d.compileFlags(d.cmd.cxx)...))
	default:
		return fmt.Errorf("%s: known are -show, -showme:compile, :link, :incdirs, :libdirs, :libs, :command, :version", what)
	}
	_, err := fmt.Fprintln(d.env.Stdout, out)
	return err
}
