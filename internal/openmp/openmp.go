// Package openmp owns what is known of a program's OpenMP without running it: whether it has any, and how many threads
// its environment asks for. Who counts a job's slots and who makes its teams read that alike. What else the variables
// say, and all that is done about it, it leaves to package omp.
package openmp

import (
	"cmp"
	"math"
	"strconv"
	"strings"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// MostThreads is how many threads a rank has at most.
const MostThreads = 1024

// Module is the module from which programs import OpenMP's functions: wasm-ld's name for what is undefined.
const Module = "env"

// IsCall reports whether a program that imports a function uses OpenMP.
func IsCall(module, name string) bool {
	return module == Module && (strings.HasPrefix(name, "__kmpc_") || strings.HasPrefix(name, "omp_"))
}

// Used reports whether one of a module's imports is of OpenMP.
func Used(imports []wasm.Import) bool {
	for _, im := range imports {
		if im.Kind == wasm.KindFunction && IsCall(im.Module, im.Name) {
			return true
		}
	}
	return false
}

// CPUs is how many processors each rank of a program is to have: as many as were asked for (asked, 0: not said), else
// as many as the environment gives it threads, where it uses OpenMP, else one. OMP_NUM_THREADS that makes no sense says
// nothing.
func CPUs(asked uint32, used bool, env func(name string) string) uint32 {
	if asked > 0 || !used {
		return max(asked, 1)
	}
	return uint32(Threads(env))
}

// Threads is how many threads a team has that is in no other, as far as the environment says so; else 1.
func Threads(env func(name string) string) int {
	list, _ := List(env("OMP_NUM_THREADS"))
	if len(list) == 0 {
		return 1
	}
	limit, _ := Number(env("OMP_THREAD_LIMIT"), 1)
	return min(list[0], cmp.Or(limit, MostThreads), MostThreads)
}

// List reads numbers from 1 on with commas between. false: it makes no sense.
func List(value string) (list []int, ok bool) {
	for _, one := range strings.Split(value, ",") {
		n, ok := Number(one, 1)
		if !ok {
			return nil, false
		}
		list = append(list, n)
	}
	return list, true
}

// Number reads a number from least on; 0 and false where it is none. One that is beyond all bounds is as large as one
// can be.
func Number(value string, least int) (n int, ok bool) {
	value = strings.TrimSpace(value)
	n, err := strconv.Atoi(value)
	if err != nil && value != "" && strings.Trim(value, "0123456789") == "" {
		return math.MaxInt32, true
	}
	if err != nil || n < least {
		return 0, false
	}
	return min(n, math.MaxInt32), true
}
