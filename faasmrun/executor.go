package main

import (
	"os"

	"github.com/faasmrun/faasmrun/worker/executor"
)

// executorVerb is the child process that runs a job's ranks. Workers start it.
func executorVerb([]string) int { return executor.Main() }

// compileVerb is the child process that compiles a module into the cache. Workers start it.
func compileVerb(args []string) int { return executor.CompileMain(args, os.Stderr) }
