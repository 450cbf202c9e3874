// Package toolchain turns C and C++ sources into WebAssembly modules: a compiler driver that stands in for mpicc in a
// makefile, and the sysroot that it compiles against. It owns the command line, the flags, the search paths and the
// link; it leaves mpi.h to mpi/guest, code generation to clang, and running a module to everybody else.
package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Env is what a compiler run gets from its surroundings.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Environ        []string // as os.Environ
}

// System is the Env of this process.
func System() Env {
	return Env{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Environ: os.Environ()}
}

// Main behaves as a compiler driver: name is "cc" or "c++", args the command line without the program's name. It
// returns the exit status: clang's or the linker's where they ran, 1 for what the driver itself refuses.
func Main(name string, args []string, env Env) int {
	return report(name, env, func(ctx context.Context) error { return drive(ctx, name, args, env) })
}

// report runs a verb until it ends or a signal ends it, says what went wrong and returns the exit status.
func report(name string, env Env, f func(context.Context) error) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := f(ctx)
	var status *statusError
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		return 128 + int(syscall.SIGINT)
	case errors.As(err, &status):
		return status.code
	}
	fmt.Fprintf(env.Stderr, "faasmrun %s: %v\n", name, err)
	return 1
}

func drive(ctx context.Context, name string, args []string, env Env) error {
	args, err := expandResponseFiles(args)
	if err != nil {
		return err
	}
	cmd, err := parse(name == "c++", args)
	if err != nil {
		return err
	}
	tools, err := findTools(env)
	if err != nil {
		return err
	}
	sys, err := openSysroot(ctx, env, tools, PrintProgress(env.Stderr, name))
	if err != nil {
		return err
	}
	d := &driver{name: name, cmd: cmd, env: env, tools: tools, sys: sys}
	return d.run(ctx)
}

// statusError carries the exit status of a tool that has already said on stderr what is wrong.
type statusError struct{ code int }

func (e *statusError) Error() string { return fmt.Sprintf("exit status %d", e.code) }
