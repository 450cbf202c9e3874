package openmp

import (
	"testing"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

func TestCPUs(t *testing.T) {
	for _, c := range []struct {
		asked          uint32
		used           bool
		threads, limit string
		want           uint32
	}{
		{0, false, "", "", 1},
		{0, false, "8", "", 1}, // what has no OpenMP has no threads
		{0, true, "8", "", 8},
		{0, true, " 8 , 2", "", 8},
		{2, true, "8", "", 2}, // the option wins
		{3, false, "", "", 3},
		{0, true, "", "", 1},
		{0, true, "0", "", 1},
		{0, true, "-3", "", 1},
		{0, true, "4,x", "", 1},
		{0, true, "four", "", 1},
		{0, true, "99999999999999999999", "", MostThreads},
		{0, true, "16", "4", 4},
		{0, true, "16", "-4", 16},
		{0, true, "", "4", 1},
	} {
		env := map[string]string{"OMP_NUM_THREADS": c.threads, "OMP_THREAD_LIMIT": c.limit}
		if got := CPUs(c.asked, c.used, func(name string) string { return env[name] }); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

func TestUsed(t *testing.T) {
	for _, c := range []struct {
		im   wasm.Import
		want bool
	}{
		{wasm.Import{Module: "env", Name: "__kmpc_fork_call"}, true},
		{wasm.Import{Module: "env", Name: "omp_get_num_threads"}, true},
		{wasm.Import{Module: "env", Name: "memory", Kind: wasm.KindMemory}, false},
		{wasm.Import{Module: "mpi", Name: "omp_get_num_threads"}, false},
		{wasm.Import{Module: "env", Name: "other"}, false},
	} {
		if got := Used([]wasm.Import{{Module: "mpi", Name: "MPI_Init"}, c.im}); got != c.want {
			t.Errorf("%+v: %v", c.im, got)
		}
	}
}
