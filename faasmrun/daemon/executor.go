package daemon

import (
	"os"

	"github.com/faasmrun/faasmrun/worker/engine/native/clang"
	"github.com/faasmrun/faasmrun/worker/executor"
)

// ExecutorVerb is the child process that runs a job's ranks. Workers start it.
func ExecutorVerb([]string) int { return executor.Main() }

// PrepareVerb is the child process that prepares a module and compiles it into the cache. Workers start it.
func PrepareVerb(args []string) int { return executor.CompileMain(args, os.Stderr) }

// ObjectVerb is the child process that has machine code made by the C compiler. Workers start it.
func ObjectVerb(args []string) int { return executor.ObjectMain(args, os.Stdout, os.Stderr) }

// ClangVerb is the child process that confines itself and becomes the C compiler. The one above starts it.
func ClangVerb(args []string) int { return clang.Main(args, os.Stderr) }
