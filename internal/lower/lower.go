package lower

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/faasmrun/faasmrun/internal/bytesize"
	"github.com/faasmrun/faasmrun/internal/wasm"
)

// Options say how a module is lowered.
type Options struct {
	// Check makes every access with an address of 2^32 or more trap, at 1.3 to 1.5 times the time.
	Check bool
}

// LP64 reports whether a program was compiled with long and pointers of 64 bits. Of a module that was lowered it does
// not tell any more.
func LP64(m *wasm.Module) bool {
	wide := func(l wasm.Limits) bool { return l.Is64 }
	wideTable := func(t wasm.Table) bool { return t.Limits.Is64 }
	return slices.ContainsFunc(m.Memories, wide) || slices.ContainsFunc(m.Tables, wideTable) ||
		slices.ContainsFunc(m.Imports, func(im wasm.Import) bool { return im.Memory.Is64 || im.Table.Limits.Is64 })
}

// Bounds of what is lowered: pages of a memory, elements of a table.
const (
	maxPages    = 1<<16 - 1
	maxElements = math.MaxUint32
)

// Lower rewrites a module. changed is false where it has no memory and no table of 64 bits. Errors are for a person:
// the module is not valid, or it needs at its start what 32 bits don't reach; it is of no use then.
func Lower(m *wasm.Module, options Options) (changed bool, err error) {
	l := &lowering{m: m, options: options, before: m.Spaces(), reader: wasm.NewReader(nil)}
	if !l.wide() {
		return false, nil
	}
	if err := errors.Join(l.limits(), l.segments()); err != nil {
		return false, err
	}
	l.after = m.Spaces()
	l.cursor = l.before.Cursor()
	first := m.ImportedFunctions()
	for i := range m.Functions {
		if err := l.function(first+uint32(i), &m.Functions[i]); err != nil {
			return false, err
		}
	}
	m.DropCodeMetadata()
	// The features say that addresses are wide.
	m.Customs = slices.DeleteFunc(m.Customs, func(c wasm.Custom) bool { return c.Name == "target_features" })
	return true, nil
}

// lowering is a module at work.
type lowering struct {
	m             *wasm.Module
	options       Options
	before, after *wasm.Spaces // with memories and tables as they were, and as they become
	cursor        *wasm.Cursor
	reader        *wasm.Reader
	work          function // of the function at hand; kept for its slices
}

func (l *lowering) wide() bool {
	return slices.ContainsFunc(l.before.Memories, func(x wasm.Limits) bool { return x.Is64 }) ||
		slices.ContainsFunc(l.before.Tables, func(x wasm.Table) bool { return x.Limits.Is64 })
}

// limits lowers what memories and tables say of themselves, imported ones too.
func (l *lowering) limits() error {
	var errs []error
	memory := func(x *wasm.Limits) {
		if !narrow(x, maxPages) {
			errs = append(errs, fmt.Errorf("the program begins with %s of memory, and this engine's 32-bit addresses reach "+
				"4 GiB: link it with less static data, or spread the data over more ranks", memorySize(x.Min)))
		}
	}
	table := func(x *wasm.Table) {
		if !narrow(&x.Limits, maxElements) {
			errs = append(errs, fmt.Errorf("the program begins with a table of %d elements, and this engine has at most %d",
				x.Limits.Min, uint64(maxElements)))
		}
	}
	for i := range l.m.Imports {
		switch im := &l.m.Imports[i]; im.Kind {
		case wasm.KindMemory:
			memory(&im.Memory)
		case wasm.KindTable:
			table(&im.Table)
		}
	}
	for i := range l.m.Memories {
		memory(&l.m.Memories[i])
	}
	for i := range l.m.Tables {
		table(&l.m.Tables[i])
	}
	return errors.Join(errs...)
}

// memorySize says how much so many pages are.
func memorySize(pages uint64) string { return bytesize.String(min(pages, 1<<47) << 16) }

// narrow reports whether limits are within those of 32 bits, and makes them so.
func narrow(x *wasm.Limits, most uint64) bool {
	if !x.Is64 {
		return true
	}
	if x.Min > most {
		return false
	}
	if !x.HasMax || x.Max > most {
		x.HasMax, x.Max = true, most
	}
	x.Is64 = false
	return true
}

// segments lowers the offsets of active segments.
func (l *lowering) segments() error {
	var errs []error
	for i := range l.m.Data {
		d := &l.m.Data[i]
		if !d.Passive && uint64(d.Memory) < uint64(len(l.before.Memories)) && l.before.Memories[d.Memory].Is64 {
			errs = append(errs, l.offset(&d.Offset, fmt.Sprintf("data segment %d", i)))
		}
	}
	for i := range l.m.Elements {
		e := &l.m.Elements[i]
		if e.Mode == wasm.ElementActive && uint64(e.Table) < uint64(len(l.before.Tables)) &&
			l.before.Tables[e.Table].Limits.Is64 {
			errs = append(errs, l.offset(&e.Offset, fmt.Sprintf("element segment %d", i)))
		}
	}
	return errors.Join(errs...)
}

// offset makes a constant of an expression that gives a segment's offset.
func (l *lowering) offset(x *wasm.Expr, segment string) error {
	v, err := l.constant(*x)
	if err == nil && v > math.MaxUint32 {
		err = fmt.Errorf("at %#x", v)
	}
	if err != nil {
		return fmt.Errorf("%s is where this engine's 32 bits don't reach: %w", segment, err)
	}
	var c wasm.Code
	c.I32(int32(uint32(v)))
	c.Op(wasm.OpEnd)
	*x = wasm.Expr(c)
	return nil
}

// maxGlobals bounds how many globals are followed, each the value of another, to a constant.
const maxGlobals = 100

// constant is the value of a constant expression of type i64.
func (l *lowering) constant(x wasm.Expr) (uint64, error) {
	imported := l.m.ImportedGlobals()
	for range maxGlobals {
		v, global, err := evaluate(x)
		if err != nil || global < 0 {
			return v, err
		}
		if uint32(global) < imported {
			return 0, fmt.Errorf("at the value of an imported global (%d)", global)
		}
		k := uint32(global) - imported
		if uint64(k) >= uint64(len(l.m.Globals)) {
			return 0, fmt.Errorf("at the value of an unknown global (%d)", global)
		}
		x = l.m.Globals[k].Init
	}
	return 0, errors.New("at the value of a global of a global, and so on")
}

// evaluate gives the value of an expression, or, where it is nothing but a global's, which one that is; otherwise
// global is -1.
func evaluate(x wasm.Expr) (v uint64, global int64, err error) {
	var stack []uint64
	global = -1
	r := wasm.NewReader(x)
	for r.Next() {
		n := len(stack)
		switch in := &r.Instr; {
		case in.Op == wasm.OpI64Const:
			stack = append(stack, in.Bits)
		case in.Op == wasm.OpGlobalGet && n == 0 && global < 0:
			global = int64(in.Index)
			stack = append(stack, 0)
		case in.Op == wasm.OpEnd && n == 1:
			return stack[0], global, nil
		case global >= 0 || n < 2:
			return 0, 0, fmt.Errorf("at a value that is not a constant (%s)", in.Op)
		case in.Op == wasm.OpI64Add:
			stack = append(stack[:n-2], stack[n-2]+stack[n-1])
		case in.Op == wasm.OpI64Sub:
			stack = append(stack[:n-2], stack[n-2]-stack[n-1])
		case in.Op == wasm.OpI64Mul:
			stack = append(stack[:n-2], stack[n-2]*stack[n-1])
		default:
			return 0, 0, fmt.Errorf("at a value that is not a constant (%s)", in.Op)
		}
	}
	return 0, 0, errors.New("at nothing")
}
