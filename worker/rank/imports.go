package rank

import (
	"strings"

	"github.com/faasmrun/faasmrun/internal/openmp"
	"github.com/faasmrun/faasmrun/internal/waits"
	"github.com/faasmrun/faasmrun/mpi"
	"github.com/faasmrun/faasmrun/omp"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/futex"
	"github.com/faasmrun/faasmrun/worker/wasi"
)

// Imports is everything that a program may import, bound to the thread that Instantiate is given.
func Imports() []engine.Import {
	var imports []engine.Import
	for _, c := range mpi.Calls() {
		imports = append(imports, engine.Import{Module: "mpi", Name: c.Name, Params: c.Params, Results: c.Results,
			Wide: true, Absent: c.Absent,
			Call: announced(c.Name, func(host any, stack []uint64) {
				t := host.(*Thread)
				c.Fn(t.mpi, stack)
				if t.rank.wasi.SignalDue() {
					t.runHandlers()
				}
			})})
	}
	for module, calls := range map[string][]wasi.Call{wasi.Module: wasi.Calls(), wasi.System: wasi.SystemCalls()} {
		for _, c := range calls {
			imports = append(imports, engine.Import{Module: module, Name: c.Name, Params: c.Params, Results: c.Results,
				Wide: c.Wide,
				Call: restarted(c, func(t *Thread, stack []uint64) (resume bool) {
					if c.Resumable == nil {
						c.Fn(t.rank.wasi, stack)
					} else {
						t.mpi.Outside(func() bool { return c.Resumable(t.rank.wasi, t.pending, stack) })
					}
					if t.rank.wasi.SignalDue() {
						resume = t.runHandlers()
					}
					return resume
				})})
		}
	}
	for _, c := range futex.Calls() {
		imports = append(imports, engine.Import{Module: waits.Module, Name: c.Name, Params: c.Params, Results: c.Results,
			Wide: c.Wide,
			Call: func(host any, stack []uint64) {
				t := host.(*Thread)
				t.mpi.CheckEnded()
				c.Fn(t.waiter, stack)
				if t.rank.wasi.SignalDue() {
					t.runHandlers()
				}
			}})
	}
	for _, c := range omp.Calls() {
		imports = append(imports, engine.Import{Module: openmp.Module, Name: c.Name, Params: c.Params, Results: c.Results,
			Wide: true,
			Call: func(host any, stack []uint64) {
				t := host.(*Thread)
				t.mpi.CheckEnded()
				c.Fn(t.initial(), stack)
				if t.rank.wasi.SignalDue() {
					t.runHandlers()
				}
			}})
	}
	return append(imports, threadCalls()...)
}

// restarted repeats a read that a signal has interrupted if the signal's handler was installed with SA_RESTART.
// Sleeping and polling are not repeated, as on Linux.
func restarted(c wasi.Call, call func(*Thread, []uint64) (resume bool)) engine.HostFunc[any] {
	if c.Name != "fd_read" {
		return func(host any, stack []uint64) { call(host.(*Thread), stack) }
	}
	return func(host any, stack []uint64) {
		var arguments [4]uint64
		copy(arguments[:], stack)
		for call(host.(*Thread), stack) && wasi.Interrupted(stack[0]) {
			copy(stack, arguments[:])
		}
	}
}

// announced calls onInit when a rank comes out of MPI_Init.
func announced(name string, call engine.HostFunc[any]) engine.HostFunc[any] {
	switch strings.TrimPrefix(name, "P") {
	case "MPI_Init", "MPI_Init_thread":
		return func(host any, stack []uint64) {
			call(host, stack)
			host.(*Thread).rank.onInit()
		}
	}
	return call
}
