package fill

import "github.com/faasmrun/faasmrun/internal/wasm"

// short is the length in bytes up to which the function stores by itself. From there on the engine's calling out is the
// smaller part.
const short = 128

// Lower rewrites a module. changed is false where there is nothing to do. Errors are of modules that can't be read.
func Lower(m *wasm.Module) (changed bool, err error) {
	spaces := m.Spaces()
	l := &lowering{m: m, function: uint32(len(spaces.Functions)), reader: wasm.NewReader(nil), address: wasm.I32,
		written: m.Rewrite()}
	if len(spaces.Memories) > 0 {
		l.address = spaces.Memories[0].Address()
	}
	for i := range m.Functions {
		if err := l.rewrite(i); err != nil {
			return false, err
		}
	}
	if !l.called {
		return false, nil
	}
	l.addFunction()
	m.DropCodeMetadata()
	return true, nil
}

// lowering is a module at work.
type lowering struct {
	m        *wasm.Module
	reader   *wasm.Reader
	written  *wasm.Rewrite
	function uint32 // index of the function that takes memory.fill's place
	called   bool
	address  wasm.ValueType // of the memory's addresses
}

// rewrite rewrites a function in place, if it has anything to rewrite.
func (l *lowering) rewrite(number int) error {
	long := false
	l.reader.Reset(l.m.Functions[number].Body)
	l.written.Begin(number)
	for l.reader.Next() {
		in := &l.reader.Instr
		if in.Op == wasm.OpMemoryFill && in.Index == 0 && !long {
			l.written.Replace(in)
			l.written.Index(wasm.OpCall, l.function)
		}
		// A constant right before the instruction is its length.
		long = in.Op == wasm.OpI32Const && uint32(in.Bits) > short || in.Op == wasm.OpI64Const && in.Bits > short
	}
	if err := l.reader.Err(); err != nil || !l.written.Changed() {
		return err
	}
	l.written.End()
	l.called = true
	return nil
}

// addFunction adds the function, behind all others.
func (l *lowering) addFunction() {
	f := wasm.Function{Type: l.m.AddType(wasm.FuncType{Params: []wasm.ValueType{l.address, wasm.I32, l.address}}),
		Locals: []wasm.Locals{{Count: 1, Type: l.address}, {Count: 1, Type: wasm.V128}}, Body: body(l.address)}
	l.m.Functions = append(l.m.Functions, f)
	if l.m.Custom("name") != nil {
		n := l.m.Names()
		n.Functions[l.function] = wasm.OpMemoryFill.String()
		l.m.SetNames(n)
	}
}
