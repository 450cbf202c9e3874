package backedge

import "github.com/faasmrun/faasmrun/internal/wasm"

// Lower rewrites a module. changed is false where there is nothing to do. Errors are of modules that can't be read.
func Lower(m *wasm.Module) (changed bool, err error) {
	l := &lowering{m: m, spaces: m.Spaces(), reader: wasm.NewReader(nil), codeMap: m.CodeMap()}
	for i := range m.Functions {
		if err := l.rewrite(i, &m.Functions[i]); err != nil {
			return false, err
		}
	}
	return l.changed, nil
}

// lowering is a module at work.
type lowering struct {
	m       *wasm.Module
	spaces  *wasm.Spaces
	codeMap *wasm.CodeMap // nil where nobody asks for it
	reader  *wasm.Reader
	loops   []bool // the open blocks, the function first: which are loops to which no operands go
	changed bool
}

// rewrite rewrites a function in place, if it has anything to rewrite.
func (l *lowering) rewrite(number int, f *wasm.Function) error {
	var code wasm.Code
	var moves []wasm.Move
	copied := 0
	keep := func(to int) {
		if to > copied {
			moves = wasm.AppendMove(moves, wasm.Move{New: uint32(len(code)), Old: uint32(copied), Length: uint32(to - copied)})
			code.Raw(f.Body[copied:to])
		}
	}
	l.loops = append(l.loops[:0], false)
	l.reader.Reset(f.Body)
	var last wasm.Instr // the one before
	for l.reader.Next() {
		in := &l.reader.Instr
		l.nest(in)
		if in.Op == wasm.OpBrIf && l.isLoop(in.Index) && compares(last.Op) {
			from := in.Start
			if last.Op == wasm.OpI32Eqz { // of what may be a comparison itself
				from = last.Start
			}
			keep(from)
			moves = wasm.AppendMove(moves, wasm.Move{New: uint32(len(code)), Old: uint32(in.Start), Length: 1})
			code.Block(wasm.OpIf, wasm.BlockVoid)
			if last.Op == wasm.OpI32Eqz {
				code.Op(wasm.OpElse)
			}
			code.Index(wasm.OpBr, in.Index+1)
			code.Op(wasm.OpEnd)
			copied = in.End
		}
		last = *in
	}
	if err := l.reader.Err(); err != nil || copied == 0 {
		return err
	}
	keep(len(f.Body))
	f.Body, f.Offset, l.changed = wasm.Expr(code), 0, true
	if l.codeMap != nil {
		l.codeMap.Move(number, moves)
	}
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
