package backedge

import "github.com/faasmrun/faasmrun/internal/wasm"

// Lower rewrites a module. changed is false where there is nothing to do. Errors are of modules that can't be read.
func Lower(m *wasm.Module) (changed bool, err error) {
	l := &lowering{m: m, spaces: m.Spaces(), reader: wasm.NewReader(nil), written: m.Rewrite()}
	for i := range m.Functions {
		if err := l.rewrite(i); err != nil {
			return false, err
		}
	}
	if l.changed {
		m.DropCodeMetadata()
	}
	return l.changed, nil
}

// lowering is a module at work.
type lowering struct {
	m       *wasm.Module
	spaces  *wasm.Spaces
	reader  *wasm.Reader
	written *wasm.Rewrite
	loops   []bool // the open blocks, the function first: which are loops to which no operands go
	changed bool
}

// rewrite rewrites a function in place, if it has anything to rewrite.
func (l *lowering) rewrite(number int) error {
	l.loops = append(l.loops[:0], false)
	l.reader.Reset(l.m.Functions[number].Body)
	l.written.Begin(number)
	var last wasm.Instr // the one before
	for l.reader.Next() {
		in := &l.reader.Instr
		l.nest(in)
		if in.Op == wasm.OpBrIf && l.isLoop(in.Index) && compares(last.Op) {
			from := in.Start
			if last.Op == wasm.OpI32Eqz { // of what may be a comparison itself
				from = last.Start
			}
			l.written.ReplaceFrom(from, in)
			l.written.Block(wasm.OpIf, wasm.BlockVoid)
			if last.Op == wasm.OpI32Eqz {
				l.written.Op(wasm.OpElse)
			}
			l.written.Index(wasm.OpBr, in.Index+1)
			l.written.Op(wasm.OpEnd)
		}
		last = *in
	}
	if err := l.reader.Err(); err != nil || !l.written.Changed() {
		return err
	}
	l.written.End()
	l.changed = true
	return nil
}

// nest follows the blocks of a function.
func (l *lowering) nest(in *wasm.Instr) {
	switch in.Op {
	case wasm.OpLoop:
		t, ok := l.spaces.BlockType(in.Block)
		l.loops = append(l.loops, ok && len(t.Params) == 0)
	case wasm.OpBlock, wasm.OpIf, wasm.OpTry, wasm.OpTryTable:
		l.loops = append(l.loops, false)
	case wasm.OpEnd, wasm.OpDelegate:
		if n := len(l.loops); n > 0 {
			l.loops = l.loops[:n-1]
		}
	}
}

// isLoop reports whether a label is a loop's, and no operands go there.
func (l *lowering) isLoop(label uint32) bool {
	n := len(l.loops)
	return uint64(label) < uint64(n) && l.loops[n-1-int(label)]
}

// compares reports whether an instruction is a comparison.
func compares(op wasm.Opcode) bool {
	return op >= wasm.OpI32Eqz && op <= wasm.OpF64Ge
}
