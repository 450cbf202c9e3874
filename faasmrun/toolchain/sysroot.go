package toolchain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/faasmrun/faasmrun/mpi"
	mpih "github.com/faasmrun/faasmrun/mpi/guest"
	omp "github.com/faasmrun/faasmrun/omp/guest"
)

// sysroot is what a module is compiled and linked against. Everything clang searches lies in it: clang gets it by
// --sysroot, without which it falls back to the host's /usr/include.
type sysroot struct {
	dir     string // for --sysroot
	headers string // faasmrun's own headers: mpi.h
	lib     string // the libraries and libc's start files
	runtime string // our own additions to them
	simde   string // SIMDe's headers, "" when they are not there
}

// openSysroot finds the sysroot, or builds it the first time.
func openSysroot(ctx context.Context, env Env, t *tools, progress Progress) (*sysroot, error) {
	cache, err := CacheDir(env)
	if err != nil {
		return nil, err
	}
	root := filepath.Join(cache, "sysroot")
	s := &sysroot{}
	if s.dir, err = install(ctx, env, t, root, progress); err != nil {
		return nil, err
	}
	if s.headers, err = unpackHeaders(root); err != nil {
		return nil, err
	}
	s.lib, s.runtime = filepath.Join(s.dir, libDir), runtimeDir(root, t)
	if dir := intrinsicsDir(root); complete(dir) {
		s.simde = dir
	}
	return s, nil
}

// CacheDir is where compiled modules and sysroots are kept: $FAASMRUN_HOME/cache, or faasmrun in the XDG cache
// directory.
func CacheDir(env Env) (string, error) {
	if home := env.getenv("FAASMRUN_HOME"); home != "" {
		return filepath.Abs(filepath.Join(home, "cache"))
	}
	if xdg := env.getenv("XDG_CACHE_HOME"); filepath.IsAbs(xdg) {
		return filepath.Join(xdg, "faasmrun"), nil
	}
	if home := env.getenv("HOME"); home != "" {
		return filepath.Abs(filepath.Join(home, ".cache", "faasmrun"))
	}
	return "", errors.New("no directory for the cache: set FAASMRUN_HOME or HOME")
}

// unpackHeaders writes the embedded headers to a directory named by their content, so that two versions of faasmrun
// share a cache.
func unpackHeaders(root string) (string, error) {
	bound, openMP := strings.Join(probedFunctions(), "\n")+"\n", strings.Join(ompFunctions(), "\n")+"\n"
	dir := filepath.Join(root, "headers-3-"+digest(mpih.Header+mpih.CxxHeader+omp.Header+bound+openMP, "overlay/x86"))
	return dir, ensureTree(dir, func(tmp string) error {
		return errors.Join(copyOverlay("x86", tmp), writeFiles(tmp, map[string]string{"mpi.h": mpih.Header,
			"mpicxx.h": mpih.CxxHeader, "omp.h": omp.Header, mpiSymbols: bound, ompSymbols: openMP}))
	})
}

func writeFiles(dir string, files map[string]string) error {
	var errs []error
	for name, text := range files {
		errs = append(errs, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	return errors.Join(errs...)
}

// mpiSymbols is the list of functions that a link may leave undefined. mpi.h makes them imports by itself; the list is
// for those that call without it, as a configure script does that looks for MPI_Init in a library. It holds the
// probedFunctions, fewer than mpi.h declares.
const mpiSymbols = "mpi.symbols"

// mpiFunctions are those that are there.
func mpiFunctions() []string {
	var names []string
	for _, call := range mpi.Calls() {
		if !call.Absent {
			names = append(names, call.Name)
		}
	}
	return names
}

// probedFunctions are those that a script finds which looks for functions: a script that found one of the others would
// build a program that calls what fails. Among them is the large-count form of a function of which neither form is
// there: to find it changes nothing but that the program does not define it by the other one, beside mpi.h, as IOR
// does.
func probedFunctions() []string {
	names := mpiFunctions()
	var large []string
	for _, call := range mpi.Calls() {
		if small, ok := strings.CutSuffix(call.Name, "_c"); ok && call.Absent && !slices.Contains(names, small) {
			large = append(large, call.Name)
		}
	}
	return append(names, large...)
}

// ompSymbols is the list for programs with -fopenmp: clang's code for directives calls without a header.
const ompSymbols = "omp.symbols"

var (
	ompCall  = regexp.MustCompile(`(?m)^OMP_CALL\([^,]+, (\w+),`)
	kmpcCall = regexp.MustCompile(`(?m)^KMPC_CALL\([^,]+, (\w+),`)
)

func ompFunctions() []string {
	var names []string
	for _, match := range ompCall.FindAllStringSubmatch(omp.Header, -1) {
		names = append(names, "omp_"+match[1])
	}
	for _, match := range kmpcCall.FindAllStringSubmatch(omp.Runtime, -1) {
		names = append(names, "__kmpc_"+match[1])
	}
	return names
}

// ensureTree makes dir by fill unless it is there. It appears at once and whole: fill works in a directory beside it,
// and where two make it at the same time one of them wins and the other's is thrown away.
func ensureTree(dir string, fill func(tmp string) error) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	tmp, err := os.MkdirTemp(parent, ".new-")
	if err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	if err := fill(tmp); err != nil {
		return fmt.Errorf("cache: %w", err)
	}
	if err := os.Rename(tmp, dir); err != nil {
		if _, there := os.Stat(dir); there == nil {
			return nil
		}
		return fmt.Errorf("cache: %w", err)
	}
	return nil
}
