package lower

import (
	"fmt"

	"github.com/faasmrun/faasmrun/internal/wasm"
)

// function lowers one function in place.
func (l *lowering) function(index uint32, f *wasm.Function) error {
	changed, err := l.analyze(index)
	if err != nil || !changed {
		return err
	}
	e := &emitter{lowering: l, code: l.m.Rewrite(), temps: map[temp]uint32{}}
	e.code.Begin(int(index - l.m.ImportedFunctions()))
	t, _ := l.before.FunctionType(index)
	e.locals = uint32(len(t.Params))
	for _, x := range f.Locals {
		e.locals += x.Count
	}
	had := e.locals
	e.shadows(len(t.Params))
	l.reader.Reset(f.Body)
	for i := 0; l.reader.Next(); i++ {
		e.instr(&l.reader.Instr, &l.work.steps[i])
	}
	if e.locals > wasm.MaxLocals {
		return fmt.Errorf("function %d has too many locals (%d) for its addresses to be lowered", index, had)
	}
	e.code.End()
	f.Locals = append(f.Locals[:len(f.Locals):len(f.Locals)], e.added...)
	return nil
}

// emitter writes a function's new body.
type emitter struct {
	*lowering
	code   *wasm.Rewrite
	locals uint32 // how many the function has, its parameters among them
	added  []wasm.Locals
	temps  map[temp]uint32
}

// temp is a local in which operands are kept while those beneath them are converted.
type temp struct {
	typ     wasm.ValueType
	operand int
}

// maxTemps is more than all of them: an instruction has at most four operands, each of one of two types.
const maxTemps = 20

// number is the temp of an operand where it is for a number that is being saturated.
const number = -1

func (e *emitter) temp(t wasm.ValueType, operand int) uint32 {
	k := temp{t, operand}
	if _, known := e.temps[k]; !known {
		e.temps[k] = e.add(t)
	}
	return e.temps[k]
}

// add adds a local.
func (e *emitter) add(t wasm.ValueType) uint32 {
	if n := len(e.added); n > 0 && e.added[n-1].Type == t {
		e.added[n-1].Count++
	} else {
		e.added = append(e.added, wasm.Locals{Count: 1, Type: t})
	}
	e.locals++
	return e.locals - 1
}

func (e *emitter) instr(in *wasm.Instr, s *step) {
	if e.local(in, s) {
		return
	}
	switch s.act {
	case leaveOut:
		e.code.Replace(in)
	case constant:
		e.code.Replace(in)
		e.code.I32(int32(uint32(s.value)))
	case exchange:
		e.code.Replace(in)
		e.code.Op(s.op)
	case access:
		e.code.Replace(in)
		e.access(in, s)
	}
	if s.after != none {
		e.code.Keep(in.End)
		e.convert(s.after)
	}
}

// convert converts the number on top of the stack.
func (e *emitter) convert(how conversion) {
	if how == cut {
		e.code.Op(wasm.OpI32WrapI64)
		return
	}
	t := e.temp(wasm.I64, number)
	e.code.Index(wasm.OpLocalTee, t)
	e.code.Op(wasm.OpI32WrapI64)
	e.code.I32(-1)
	e.code.Index(wasm.OpLocalGet, t)
	e.code.I64(32)
	e.code.Op(wasm.OpI64ShrU)
	e.code.Op(wasm.OpI64Eqz)
	e.code.Op(wasm.OpSelect)
}

// access writes an instruction that names a memory or table.
func (e *emitter) access(in *wasm.Instr, s *step) {
	var was, is [4]wasm.ValueType
	before, _ := e.before.Operands(in, was[:])
	after, _ := e.after.Operands(in, is[:])
	e.operands(in, s, before.Takes, after.Takes)
	written := *in
	if written.Op = s.op; beyond(in) {
		written.Memory.Offset = 0 // the address is one that is never there
	}
	e.code.Instr(&written)
	switch {
	case before.Gives == after.Gives:
	case in.Op == wasm.OpMemoryGrow || in.Op == wasm.OpTableGrow:
		e.code.Op(wasm.OpI64ExtendI32S) // -1 where it failed, and never more than 2^31 otherwise
	default:
		e.code.Op(wasm.OpI64ExtendI32U)
	}
}

// operands converts those that are pending. What stands above them waits in locals.
func (e *emitter) operands(in *wasm.Instr, s *step, was, is []wasm.ValueType) {
	lowest := 0
	for lowest < len(was) && s.pending>>lowest&1 == 0 {
		lowest++
	}
	pending := func(i int) bool { return s.pending>>i&1 != 0 }
	for i := len(was) - 1; i > lowest; i-- {
		t := is[i]
		if pending(i) {
			t = was[i]
		}
		e.code.Index(wasm.OpLocalSet, e.temp(t, i))
	}
	for i := lowest; i < len(was); i++ {
		switch {
		case i > lowest && !pending(i):
			e.code.Index(wasm.OpLocalGet, e.temp(is[i], i))
			continue
		case i > lowest:
			e.code.Index(wasm.OpLocalGet, e.temp(was[i], i))
		}
		if beyond(in) {
			e.code.Op(wasm.OpDrop)
			e.code.I32(-1)
			continue
		}
		e.convert(e.conversion(in.Op, i))
	}
}
