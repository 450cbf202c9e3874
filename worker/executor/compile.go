package executor

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/worker/child"
	"github.com/faasmrun/faasmrun/worker/confine"
	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/engine/native/maker"
	"github.com/faasmrun/faasmrun/worker/program"
	"github.com/faasmrun/faasmrun/worker/rank"
)

// CompileMain is the compile child's process: it makes one module ready to run and writes down what is known of it.
// For the native engine it writes the program as C, of which the maker (ObjectMain) makes machine code. Its standard
// input is its agent watch. It returns the exit status: 1 with a message for the user on stderr when something is
// wrong with the module, control.ExitOwnFault when something else is. In a process of its own its garbage ends with
// it, and a module that makes the compiler crash or grow harms nobody else.
func CompileMain(args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("prepare", flag.ContinueOnError)
	flags.SetOutput(stderr)
	cache := flags.String("cache", "", "the cache's directory")
	module := flags.String("module", "", "the module's file")
	sha := flags.String("sha256", "", "the module's SHA-256")
	key := flags.String("key", "", "what the program that asks calls itself")
	variant := flags.String("for", "", "checked: make accesses to addresses of 2^32 and more trap; native: for that "+
		"engine")
	text := flags.String("c-dir", "", "where C is written")
	memory := flags.Int64("memory", compileMemory, "how many bytes it may take")
	if flags.Parse(args) != nil {
		return 2
	}
	if err := child.ArmWatch(0); err != nil {
		fmt.Fprintln(stderr, "faasmrun prepare: only a worker starts this verb:", err)
		return control.ExitOwnFault
	}
	bounds := &memoryBudget{limit: *memory}
	if err := errors.Join(bounds.enforce(stderr, os.Exit), confine.Guests()); err != nil {
		fmt.Fprintln(stderr, "faasmrun prepare:", err)
		return control.ExitOwnFault
	}
	if err := prepare(*cache, *module, *sha, *key, control.Variant(*variant), *text, bounds); err != nil {
		fmt.Fprintln(stderr, err)
		if errors.As(err, new(machineFault)) || maker.OfDisk(err) || errors.Is(err, unix.ENOSPC) ||
			errors.Is(err, unix.EIO) || errors.Is(err, unix.EDQUOT) {
			return control.ExitOwnFault
		}
		return 1
	}
	return 0
}

// nativeDir is the engine's part of the cache.
func nativeDir(cache string) string { return filepath.Join(cache, "native") }

func prepare(cache, module, sha, key string, v control.Variant, text string, bounds *memoryBudget) error {
	bounds.begin("checking it")
	file, err := os.ReadFile(module)
	if err != nil {
		return machineFault{err}
	}
	origin := program.Origin{Hash: sha256.Sum256(file)}
	if origin.Hash.String() != sha {
		os.Remove(module) // the next one gets it anew
		return machineFault{errors.New("the cached copy of the module was damaged and has been removed")}
	}
	options := engine.Options{CacheDir: nativeDir(cache), Workers: runtime.NumCPU(), Prove: true}
	e, err := newEngine(options, v == control.ForNative, nil)
	if err != nil {
		return machineFault{err}
	}
	if err := e.Link(rank.Imports()); err != nil {
		return err
	}
	f, err := program.Read(file)
	if err != nil {
		return err
	}
	largest := f.LargestFunction()
	bounds.largest.Store(&largest)
	unbound, err := e.Check(f)
	if err == nil {
		err = missing(unbound)
	}
	if err != nil {
		return err
	}
	bounds.begin("rewriting it")
	target := e.Target()
	target.CheckAddresses = v == control.ForChecked
	prepared, err := f.Prepare(origin.Hash, target)
	if err != nil {
		return err
	}
	p, err := program.Open(prepared, origin, target) // as executors will
	if err != nil {
		return machineFault{err}
	}
	least, most := uint64(0), uint64(0)
	if v != control.ForNative {
		bounds.begin("compiling it to machine code")
		m, err := e.Compile(p)
		if err != nil {
			return err
		}
		if err := missing(m.Unbound()); err != nil {
			return err
		}
		least, most = m.Memory()
	} else {
		least, most = p.Memory(target.Reach)
		least, most = least<<16, most<<16
	}
	dir := filepath.Dir(module)
	name, err := prepared.Save(dir, origin.Hash)
	if err != nil {
		return machineFault{err}
	}
	err = control.WritePrepared(control.PreparedPath(dir, sha, v),
		&control.Prepared{Key: key, Module: name, MinMemory: least, MaxMemory: most})
	if err != nil {
		return machineFault{err}
	}
	if v == control.ForNative {
		bounds.begin("writing it as C")
		return maker.Write(p, text)
	}
	return nil
}

// machineFault is an error that is not the module's fault.
type machineFault struct{ error }

func (f machineFault) Unwrap() error { return f.error }

// missing says which functions a module needs that this version doesn't have, and what to do about it; nil if there are
// none.
func missing(unbound []string) error {
	var openMP, others []string
	for _, name := range unbound {
		if strings.HasPrefix(name, "mpi.") && strings.HasSuffix(name, engine.OnlyWide) {
			return errors.New("was compiled for wasm32, as faasmrun 0.1.0 did: build it again with `faasmrun cc`")
		}
		short, inEnv := strings.CutPrefix(name, "env.")
		if inEnv && (strings.HasPrefix(short, "omp_") || strings.HasPrefix(short, "__kmpc_")) {
			openMP = append(openMP, short)
		} else {
			others = append(others, strings.TrimPrefix(name, "mpi.")) // MPI's names say where they are from
		}
	}
	var errs []string
	if len(others) > 0 {
		errs = append(errs, fmt.Sprintf("needs %s: not in this version of faasmrun", strings.Join(others, ", ")))
	}
	if len(openMP) > 0 {
		errs = append(errs, fmt.Sprintf("needs %s of OpenMP, which this version of faasmrun does not have yet: compile "+
			"and link without -fopenmp (or with -fno-openmp behind it), and each rank runs as one thread",
			strings.Join(openMP, ", ")))
	}
	if errs == nil {
		return nil
	}
	return errors.New(strings.Join(errs, "; it also "))
}
