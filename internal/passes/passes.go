// Package passes makes a program as it was linked into the one that runs: it owns which passes there are and their
// order. What a pass does is its own package's business; that the result runs, worker/engine's.
package passes

import (
	"fmt"

	"github.com/faasmrun/faasmrun/internal/backedge"
	"github.com/faasmrun/faasmrun/internal/eh"
	"github.com/faasmrun/faasmrun/internal/fill"
	"github.com/faasmrun/faasmrun/internal/lower"
	"github.com/faasmrun/faasmrun/internal/waits"
)

// Version names what Run does to a module. Whoever keeps results keeps it with them: it is raised whenever a pass
// comes, goes or writes other code than before. A test notices when it was forgotten.
const Version = "8"

// Options say what more is made of a program than running it takes.
type Options struct {
	// CheckAddresses makes every access with an address of 2^32 or more trap on an engine without 64-bit memories, where
	// it would mean the address's lower half.
	CheckAddresses bool
}

// pass is one rewriting. It reports whether it changed anything; a module that it has nothing to do with stays as it
// is, byte for byte.
type pass struct {
	name string
	run  func(module []byte, options Options) (out []byte, changed bool, err error)
}

// order is the passes in the order in which they run. Exceptions come first: lowering turns what unwinds by itself into
// calls and branches, which is all that later passes know. Addresses come last: what other passes make of a program is
// the same for every engine.
var order = []pass{
	{"exceptions", func(module []byte, _ Options) ([]byte, bool, error) { return eh.Lower(module) }},
	{"small fills", func(module []byte, _ Options) ([]byte, bool, error) { return fill.Lower(module) }},
	{"waits of shared memory", func(module []byte, _ Options) ([]byte, bool, error) { return waits.Lower(module) }},
	{"loops", func(module []byte, _ Options) ([]byte, bool, error) { return backedge.Lower(module) }},
	{"addresses", func(module []byte, o Options) ([]byte, bool, error) {
		return lower.Lower(module, lower.Options{Check: o.CheckAddresses})
	}},
}

// Run rewrites a module. changed is false, and out is the module itself, if no pass had anything to do. Errors are for
// a person: they name the feature that a pass can't deal with, the function that uses it, and the way out.
func Run(module []byte, options Options) (out []byte, changed bool, err error) {
	out = module
	for _, p := range order {
		next, did, err := p.run(out, options)
		if err != nil {
			return nil, false, fmt.Errorf("the program can't be prepared to run: %w", err)
		}
		out, changed = next, changed || did
	}
	return out, changed, nil
}
