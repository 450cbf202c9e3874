package rank

import (
	"strings"

	"github.com/faasmrun/faasmrun/mpi"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/wasi"
)

// Imports is everything that a program may import, bound to the rank that Instantiate is given.
func Imports() []engine.Import {
	var imports []engine.Import
	for _, c := range mpi.Calls() {
		imports = append(imports, engine.Import{Module: "mpi", Name: c.Name, Params: c.Params, Results: c.Results, Wide: c.Wide,
			Call: announced(c.Name, func(host any, stack []uint64) {
				r := host.(*Rank)
				r.gate.Enter(r.number)
				c.Fn(r.mpi, stack)
				r.gate.Leave(r.number)
			})})
	}
	for _, c := range wasi.Calls() {
		imports = append(imports, engine.Import{Module: wasi.Module, Name: c.Name, Params: c.Params, Results: c.Results, Wide: c.Wide,
			Call: func(host any, stack []uint64) {
				r := host.(*Rank)
				r.gate.Enter(r.number)
				c.Fn(r.wasi, stack)
				r.gate.Leave(r.number)
			}})
	}
	return imports
}

// announced makes a rank that comes out of MPI_Init say so.
func announced(name string, call func(any, []uint64)) func(any, []uint64) {
	switch strings.TrimPrefix(name, "P") {
	case "MPI_Init", "MPI_Init_thread":
		return func(host any, stack []uint64) {
			call(host, stack)
			host.(*Rank).onInit()
		}
	}
	return call
}
