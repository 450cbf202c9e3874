package native

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/faasmrun/faasmrun/internal/eh"
	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/engine/native/object"
	"github.com/faasmrun/faasmrun/worker/program"
)

// Module implements engine.Module.
type Module struct {
	engine    *Engine
	program   *program.Program
	object    *object.Object // its file has the debug information
	code      *code
	locations *locations

	// Of the module as it was prepared: all that instances begin with.
	spaces    *wasm.Spaces
	imported  []string // functions, as frames name them
	words     []int    // of the arguments and results of each
	exports   map[string]export
	start     int // of code.enter; -1: the module has no start function
	wide      bool
	globals   []wasm.Global
	elements  []wasm.Element
	data      [][]byte
	active    []wasm.Data // those of the data that are copied at the start, by index; others have no Offset
	threading threading

	bound    sync.Once // bind runs at the first Instantiate
	bindings []engine.HostFunc[any]
	bindErr  error
}

// export is something that the module exports and that the engine looks up by its name.
type export struct {
	wasm.Export
	enter int // of code.enter, of a function
}

// lacking are the features that translate has not.
var lacking = map[string]bool{wasm.RelaxedSIMD: true, wasm.MultiMemory: true}

// load maps a program's object, and reads its module's declarations.
func (e *Engine) load(p *program.Program) (*Module, error) {
	decoded, err := wasm.Decode(p.Code())
	if err != nil {
		return nil, p.Refused(err, nil)
	}
	o, err := e.objects(p)
	if err != nil {
		return nil, cmp.Or(p.Lacks(lacking), err)
	}
	m := &Module{engine: e, program: p, object: o}
	m.declare(decoded)
	if m.code, err = mapObject(o.Image); err != nil {
		o.Close()
		return nil, err
	}
	o.Image = nil
	m.locations = newLocations(m.code, decoded.Bodies(), decoded.ImportedFunctions(),
		io.NewSectionReader(o.File, 0, o.Size))
	if len(m.code.entries) != len(m.spaces.Functions) || len(m.code.enter) != m.ways() {
		err := fmt.Errorf("the machine code has %d functions and %d ways in, which are not this program's",
			len(m.code.entries), len(m.code.enter))
		return nil, errors.Join(err, m.close())
	}
	return m, nil
}

func (m *Module) close() error { return errors.Join(m.code.unmap(), m.object.Close()) }

// declare takes over what is needed of a module. Of its bytes only the data is kept.
func (m *Module) declare(decoded *wasm.Module) {
	m.spaces = decoded.Spaces()
	m.exports, m.start = map[string]export{}, -1
	functions := 0
	for _, x := range decoded.Exports {
		known := export{Export: x}
		if x.Kind == wasm.KindFunction {
			known.enter = functions
			functions++
		}
		m.exports[strings.Clone(x.Name)] = known
	}
	if decoded.HasStart {
		m.start = functions
	}
	for _, im := range m.program.Imports {
		if im.Kind != wasm.KindFunction {
			continue
		}
		m.imported = append(m.imported, im.String())
		m.words = append(m.words, max(len(im.Type.Params), len(im.Type.Results)))
	}
	if x, ok := m.exports["memory"]; ok && int(x.Index) < len(m.spaces.Memories) {
		m.wide = m.spaces.Memories[x.Index].Is64
	}
	m.globals, m.elements = decoded.Globals, decoded.Elements
	for i := range m.globals {
		m.globals[i].Init = append(wasm.Expr(nil), m.globals[i].Init...)
	}
	for i := range m.elements {
		e := &m.elements[i]
		e.Offset = append(wasm.Expr(nil), e.Offset...)
		for j := range e.Exprs {
			e.Exprs[j] = append(wasm.Expr(nil), e.Exprs[j]...)
		}
	}
	for _, d := range decoded.Data {
		m.data = append(m.data, append([]byte(nil), d.Bytes...))
		d.Bytes, d.Offset = nil, append(wasm.Expr(nil), d.Offset...)
		m.active = append(m.active, d)
	}
	m.spaces.Module = &wasm.Module{Types: decoded.Types}
	m.threading = m.findThreading(decoded)
}

// ways is how many ways in the object must have.
func (m *Module) ways() int {
	n := 0
	for _, x := range m.exports {
		if x.Kind == wasm.KindFunction {
			n++
		}
	}
	if m.start >= 0 {
		n++
	}
	return n
}

// Program implements engine.Module.
func (m *Module) Program() *program.Program { return m.program }

// Unbound implements engine.Module.
func (m *Module) Unbound() []string { return m.engine.bindings.Unbound(m.program.Needs) }

// Absent implements engine.Module.
func (m *Module) Absent() []string { return m.engine.bindings.Absent(m.program.Needs) }

// Memory implements engine.Module.
func (m *Module) Memory() (least, most uint64) {
	reach := uint64(narrowPages)
	if m.wide {
		reach = widePages
	}
	least, most = m.program.Memory(reach)
	return least << 16, most << 16
}

// Reserve implements engine.Module.
func (m *Module) Reserve() engine.Reserve {
	if m.wide {
		return wideReserve
	}
	return narrowReserve
}

// Lowest implements engine.Module.
func (m *Module) Lowest() uint64 { return m.program.Lowest }

// CacheError implements engine.Module: objects are others' to keep.
func (m *Module) CacheError() error { return nil }

// prepare binds the imports, once.
func (m *Module) prepare() error {
	if unbound := m.Unbound(); len(unbound) > 0 {
		return fmt.Errorf("the module imports what this faasmrun has not: %s", strings.Join(unbound, ", "))
	}
	m.bound.Do(func() {
		for _, im := range m.program.Imports {
			if im.Kind == wasm.KindFunction {
				m.bindings = append(m.bindings, m.engine.bindings.Find(m.program.Needs, im).Call)
			}
		}
	})
	return nil
}

// global is the index of a global that the module exports.
func (m *Module) global(name string) (index int, t wasm.GlobalType, ok bool) {
	x, ok := m.exports[name]
	if !ok || x.Kind != wasm.KindGlobal || int(x.Index) >= len(m.spaces.Globals) {
		return 0, wasm.GlobalType{}, false
	}
	return int(x.Index), m.spaces.Globals[x.Index], true
}

// exceptions are the globals that internal/eh has put into a program that throws; -1: it has none.
func (m *Module) exceptions() (pending, value int) {
	pending, value = -1, -1
	if !m.program.Throws {
		return pending, value
	}
	if i, _, ok := m.global(eh.Pending); ok {
		pending = i
	}
	if i, _, ok := m.global(eh.Value); ok {
		value = i
	}
	return pending, value
}
