package daemon

import (
	"os"

	"github.com/faasmrun/faasmrun/worker/executor"
)

// ExecutorVerb is the child process that runs a job's ranks. Workers start it.
func ExecutorVerb([]string) int { return executor.Main() }

// CompileVerb is the child process that compiles a module into the cache. Workers start it.
func CompileVerb(args []string) int { return executor.CompileMain(args, os.Stderr) }
