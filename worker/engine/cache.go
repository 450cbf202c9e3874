package engine

import (
	"github.com/tetratelabs/wazero"
)

func (e *Engine) compileCached(layout *layout, wasm []byte) (*Module, error) {
	var cache wazero.CompilationCache
	return e.compile(layout, wasm, cache)
}
