package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/home"
	"github.com/faasmrun/faasmrun/internal/bytesize"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker"
	"github.com/faasmrun/faasmrun/worker/executor"
)

// cacheFlags are what compile and inspect have in common.
type cacheFlags struct {
	engine, cache string
	lax           bool
}

func (f *cacheFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.cache, "cache", "", "the directory of compiled modules (below FAASMRUN_HOME)")
	c.Flags().BoolVar(&f.lax, "compile-without-landlock", false,
		"let the C compiler run on a kernel that can't keep it from your files")
}

// open finds what there is to compile with, and the cache.
func (f *cacheFlags) open() (*worker.Cache, []*schedpb.Engine, error) {
	if f.cache == "" {
		h, err := home.Find()
		if err != nil {
			return nil, nil, err
		}
		f.cache = h.Cache
	}
	engines, native, err := Engines(f.engine, f.cache, f.lax)
	if err != nil {
		return nil, nil, err
	}
	cache, err := worker.OpenCache(worker.Config{CacheDir: f.cache, Engines: engines, Native: native})
	return cache, engines, err
}

// CompileCommand is faasmrun compile: what a job's start would wait for, beforehand.
func CompileCommand() *cobra.Command {
	var f cacheFlags
	c := &cobra.Command{
		Use: "compile FILE.wasm …", Short: "compile programs for this machine beforehand", Args: cobra.MinimumNArgs(1),
		Long: `faasmrun compile fills the cache of this machine, so that jobs of these programs need not wait for a compiler:
for each engine that can run them, or for the one that is named.`,
		RunE: func(_ *cobra.Command, files []string) error {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
			defer stop()
			return f.compile(ctx, files, os.Stderr)
		},
	}
	f.add(c)
	c.Flags().StringVar(&f.engine, "engine", engineAuto,
		"for which engine: auto (all that this machine has), "+schedpb.EngineWazero+" or "+schedpb.EngineNative)
	return c
}

func (f *cacheFlags) compile(ctx context.Context, files []string, words io.Writer) error {
	cache, engines, err := f.open()
	if err != nil {
		return err
	}
	say := func(what string) { cli.Say(words, "%s", what) }
	var failed error
	for _, file := range files {
		sha, err := cache.Put(file)
		if err != nil {
			return err
		}
		for _, e := range engines {
			if e.Missing != "" {
				cli.Say(words, "%s: not compiled for the engine %s: %s", file, e.Name, e.Missing)
				continue
			}
			err := cache.Compile(ctx, sha, file, e.Name == schedpb.EngineNative, say)
			if ctx.Err() != nil {
				return cli.Failure(cli.StatusInterrupted, file+": interrupted; what was not finished is gone")
			}
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// InspectCommand is faasmrun inspect: what is known of a program.
func InspectCommand() *cobra.Command {
	f := cacheFlags{engine: engineAuto}
	var json bool
	c := &cobra.Command{
		Use: "inspect FILE.wasm …", Short: "say which engines of this machine can run a program, and why not",
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, files []string) error {
			return f.inspect(files, os.Stdout, json)
		},
	}
	f.add(c)
	c.Flags().BoolVar(&json, "json", false, "print JSON")
	return c
}

// inspected is a program as --json shows it.
type inspected struct {
	File      string          `json:"file"`
	DataModel string          `json:"data_model"`
	LeastMem  uint64          `json:"least_rank_mem_bytes"`
	Engines   []inspectedWith `json:"engines"`
}

type inspectedWith struct {
	Name     string `json:"name"`
	Runs     bool   `json:"runs"`
	Why      string `json:"why,omitempty"` // it does not
	Compiled bool   `json:"compiled"`
}

func (f *cacheFlags) inspect(files []string, out io.Writer, json bool) error {
	cache, engines, err := f.open()
	if err != nil {
		return err
	}
	var all []inspected
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		one, err := inspectWith(cache, engines, text)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		one.File = file
		all = append(all, *one)
	}
	if json {
		return cli.PrintJSON(out, all)
	}
	for _, one := range all {
		fmt.Fprintf(out, "%s: %s, begins with %s of memory per rank\n", one.File, one.DataModel,
			bytesize.String(one.LeastMem))
		for _, e := range one.Engines {
			fmt.Fprintf(out, "  %-8s%s\n", e.Name, e.text())
		}
	}
	return nil
}

func (e inspectedWith) text() string {
	switch {
	case !e.Runs:
		return "can't run it: " + e.Why
	case e.Compiled:
		return "runs it; it is compiled"
	}
	return "runs it; it is not compiled yet"
}

// inspectWith says what the engines of this machine make of a module.
func inspectWith(cache *worker.Cache, engines []*schedpb.Engine, file []byte) (*inspected, error) {
	lp64, results, err := executor.Inspect(file)
	if err != nil {
		return nil, err
	}
	one := &inspected{DataModel: "ILP32"}
	if lp64 {
		one.DataModel = "LP64"
	}
	sum := sha256.Sum256(file)
	for i, v := range results {
		e := inspectedWith{Name: v.Engine}
		compiled, failed := cache.State(hex.EncodeToString(sum[:]), v.Engine == schedpb.EngineNative)
		switch {
		case engines[i].Missing != "":
			e.Why = engines[i].Missing
		case v.Err != nil:
			e.Why = v.Err.Error()
		case failed != "":
			e.Why = failed
		default:
			e.Runs, e.Compiled = true, compiled
		}
		one.LeastMem = max(one.LeastMem, v.LeastMem)
		one.Engines = append(one.Engines, e)
	}
	return one, nil
}
