// Package passes makes a program as it was linked into the one that runs: it owns which passes there are, their order,
// and what is written of a program in the end. All that is ever rewritten is rewritten here, on one module in memory
// that is read once and written once. What a pass does is its own package's business; that the result runs,
// worker/engine's; and what is kept of a program beside it, worker/program's.
package passes

import (
	"fmt"

	"github.com/faasmrun/faasmrun/internal/backedge"
	"github.com/faasmrun/faasmrun/internal/callback"
	"github.com/faasmrun/faasmrun/internal/eh"
	"github.com/faasmrun/faasmrun/internal/fill"
	"github.com/faasmrun/faasmrun/internal/lower"
	"github.com/faasmrun/faasmrun/internal/waits"
	"github.com/faasmrun/faasmrun/internal/wasm"
)

// Version names what Run does to a module. Whoever keeps results keeps it with them: it is raised whenever a pass
// comes, goes or writes other code than before. A test notices when it was forgotten.
const Version = "11"

// Options say what more is made of a program than running it takes.
type Options struct {
	// CheckAddresses makes every access with an address of 2^32 or more trap on an engine without 64-bit memories, where
	// it would mean the address's lower half.
	CheckAddresses bool
	// Without are the passes that the engine does without.
	Without Without
	// MapCode notes where code comes from: see Result.Code.
	MapCode bool
	// Customs are the custom sections of what runs. Those of the program are for those who know it as it was linked.
	Customs []wasm.Custom
}

// Without says which passes are left out, of those that are there for an engine's sake: the others change what a
// program needs, these how it is compiled.
type Without struct {
	Fills     bool // short fills stay memory.fill
	Loops     bool // branches back stay as they are
	Addresses bool // addresses of 64 bits stay so: the engine has such memories
	Start     bool // the start section stays: the engine runs it as it runs other functions
}

// Result is a module as it runs, and how it differs from what it was. The functions that it defines keep their order,
// and those that passes add stand behind them; imports may be more than before.
type Result struct {
	Module []byte
	// Names are what functions and globals are called, those that were added too.
	Names *wasm.Names
	// Functions counts those of the program and those that passes have put into its code, imports included. Behind them
	// stand those that only hosts call.
	Functions int
	// Callbacks are these.
	Callbacks []callback.Callback
	// Start is the export that was the start section; "": there was none, or it stayed.
	Start string
	// Throws reports whether the program had exceptions, and has eh's globals in their place.
	Throws bool
	// Code is where code comes from; nil where nobody asked for it. Bodies are where it has come to stand.
	Code   *wasm.CodeMap
	Bodies []uint32
}

// pass is one rewriting. It reports whether it changed anything.
type pass struct {
	name string
	left func(w Without) bool // nil: never
	run  func(m *wasm.Module, o Options) (changed bool, err error)
}

const exceptions = "exceptions"

// order is the passes in the order in which they run. Exceptions come first: lowering turns what unwinds by itself into
// calls and branches, which is all that later passes know. Addresses come last: what other passes make of a program is
// the same for every engine.
var order = []pass{
	{exceptions, nil, func(m *wasm.Module, _ Options) (bool, error) { return eh.Lower(m) }},
	{"small fills", func(w Without) bool { return w.Fills },
		func(m *wasm.Module, _ Options) (bool, error) { return fill.Lower(m) }},
	{"waits of shared memory", nil, func(m *wasm.Module, _ Options) (bool, error) { return waits.Lower(m) }},
	{"loops", func(w Without) bool { return w.Loops },
		func(m *wasm.Module, _ Options) (bool, error) { return backedge.Lower(m) }},
	{"addresses", func(w Without) bool { return w.Addresses }, func(m *wasm.Module, o Options) (bool, error) {
		return lower.Lower(m, lower.Options{Check: o.CheckAddresses})
	}},
}

// Run rewrites a module, which must be valid and is of no other use afterwards. Errors are for a person: they name the
// feature that a pass can't deal with, the function that uses it, and the way out.
func Run(m *wasm.Module, o Options) (*Result, error) {
	if o.MapCode {
		m.MapCode()
	}
	r := &Result{}
	for _, p := range order {
		if p.left != nil && p.left(o.Without) {
			continue
		}
		changed, err := p.run(m, o)
		if err != nil {
			return nil, fmt.Errorf("the program can't be prepared to run: %w", err)
		}
		if p.name == exceptions {
			r.Throws = changed
		}
	}
	r.Functions = int(m.ImportedFunctions()) + len(m.Functions)
	r.Callbacks = callback.Add(m)
	if m.HasStart && !o.Without.Start {
		r.Start = exportStart(m)
	}
	r.Names, r.Code = m.Names(), m.CodeMap()
	m.Customs = o.Customs
	r.Module, r.Bodies = m.EncodeCode()
	return r, nil
}

// exportStart makes an export of the start section, so that whoever has the program run calls it as any other function.
// One of the host gets a function that calls it: engines enter programs alone.
func exportStart(m *wasm.Module) (name string) {
	name = "faasmrun.start"
	for taken := true; taken; {
		if _, taken = m.Export(name); taken {
			name += "'"
		}
	}
	index := m.Start
	if imported := m.ImportedFunctions(); index < imported {
		var c wasm.Code
		c.Index(wasm.OpCall, index)
		c.Op(wasm.OpEnd)
		index = imported + uint32(len(m.Functions))
		m.Functions = append(m.Functions, wasm.Function{Type: m.AddType(wasm.FuncType{}), Body: wasm.Expr(c)})
	}
	m.Exports = append(m.Exports, wasm.Export{Name: name, Kind: wasm.KindFunction, Index: index})
	m.Start, m.HasStart = 0, false
	return name
}
