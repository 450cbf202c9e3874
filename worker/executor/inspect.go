package executor

import (
	"crypto/sha256"

	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/engine/native"
	"github.com/faasmrun/faasmrun/worker/engine/native/translate"
	"github.com/faasmrun/faasmrun/worker/engine/wazero"
	"github.com/faasmrun/faasmrun/worker/program"
	"github.com/faasmrun/faasmrun/worker/rank"
)

// EngineResult is whether an engine can run a module.
type EngineResult struct {
	Engine string
	Err    error // why not, for a person
	// LeastMem is what a rank's memory begins with, in bytes.
	LeastMem uint64
}

// Inspect says which engines can run a module. It compiles nothing: what a compiler finds too large shows only then.
func Inspect(file []byte) (lp64 bool, results []EngineResult, err error) {
	f, err := program.Read(file)
	if err != nil {
		return false, nil, err
	}
	for _, isNative := range []bool{false, true} {
		v := EngineResult{Engine: wazero.Described().Name}
		if isNative {
			v.Engine = native.Described().Name
		}
		p, err := inspect(f, file, isNative)
		if v.Err = err; err == nil {
			lp64 = p.LP64
			least, _ := p.Memory(0)
			v.LeastMem = least << 16
		}
		results = append(results, v)
		if f, err = program.Read(file); err != nil { // Prepare has rewritten it
			return false, nil, err
		}
	}
	return lp64, results, nil
}

func inspect(f *program.File, file []byte, isNative bool) (*program.Program, error) {
	e, err := newEngine(engine.Options{}, isNative, nil)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	if err := e.Link(rank.Imports()); err != nil {
		return nil, err
	}
	unbound, err := e.Check(f)
	if err == nil {
		err = missing(unbound)
	}
	if err != nil {
		return nil, err
	}
	origin := program.Origin{Hash: sha256.Sum256(file)}
	prepared, err := f.Prepare(origin.Hash, e.Target())
	if err != nil {
		return nil, err
	}
	p, err := program.Open(prepared, origin, e.Target())
	if err != nil || !isNative {
		return p, err
	}
	m, err := wasm.Decode(p.Code())
	if err == nil {
		_, err = translate.Translate(m)
	}
	return p, err
}
