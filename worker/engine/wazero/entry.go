package wazero

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"unsafe"

	"github.com/tetratelabs/wazero/api"

	"github.com/faasmrun/faasmrun/worker/machinecode"
)

// Here, and nowhere else, stands what wazero keeps to itself of a function that is called: where Go's stack pointer is
// while the function's code runs, and where that code is. By that worker/machinecode stops the code wherever it is.
// wazero's own types are asked for the offsets, and one that is not as it was is an error; ProveStops stops one
// for real.

// layout is of what stands behind a program's function as api.Function.
type layout struct {
	function reflect.Type // a pointer to what has
	frame    uintptr      // Go's frame and stack pointer, and where the code returns to on some processors,
	left     uintptr      // where the stack was when the code was left last,
	at, bp   uintptr      // where the code was, and its frame pointer,
	exit     uintptr      // how it was left, and how it is going to be,
	module   uintptr      // and a pointer to what has
	compiled uintptr      // a pointer to what has
	code     uintptr      // a pointer to what has
	bytes    uintptr      // the code of all functions
}

// found is the layout, or why it isn't what it was, once a function was looked at.
var found struct {
	once   sync.Once
	layout layout
	err    error
}

// fields looks fields up.
type fields struct{ err error }

// find gives the type and the offset of a field; of a pointer and of a slice the type is that of what it points to.
func (f *fields) find(of reflect.Type, name string, kind reflect.Kind) (t reflect.Type, offset uintptr) {
	if f.err != nil {
		return nil, 0
	}
	var field reflect.StructField
	ok := of.Kind() == reflect.Struct
	if ok {
		field, ok = of.FieldByName(name)
	}
	if !ok || len(field.Index) != 1 || field.Type.Kind() != kind {
		f.err = fmt.Errorf("%v has no field %s that is a %v", of, name, kind)
		return nil, 0
	}
	if kind == reflect.Pointer || kind == reflect.Slice {
		return field.Type.Elem(), field.Offset
	}
	return field.Type, field.Offset
}

// findLayout looks at a function of a program, and has its like stopped from now on.
func findLayout(function api.Function) (l layout, err error) {
	l.function = reflect.TypeOf(function)
	if l.function.Kind() != reflect.Pointer {
		return l, fmt.Errorf("functions are %v", l.function)
	}
	var f fields
	engine := l.function.Elem()
	context, inEngine := f.find(engine, "execCtx", reflect.Struct)
	_, bp := f.find(context, "originalFramePointer", reflect.Uintptr)
	_, sp := f.find(context, "originalStackPointer", reflect.Uintptr)
	_, link := f.find(context, "goReturnAddress", reflect.Uintptr)
	_, moves := f.find(context, "memmoveAddress", reflect.Uintptr)
	_, left := f.find(context, "stackPointerBeforeGoCall", reflect.Pointer)
	_, at := f.find(context, "goCallReturnAddress", reflect.Pointer)
	_, frame := f.find(context, "framePointerBeforeGoCall", reflect.Uintptr)
	_, exit := f.find(context, "exitCode", reflect.Uint32)
	_, pointer := f.find(engine, "execCtxPtr", reflect.Uintptr)
	_, first := f.find(engine, "executable", reflect.Pointer)
	module, inModule := f.find(engine, "parent", reflect.Pointer)
	compiled, inCompiled := f.find(module, "parent", reflect.Pointer)
	code, inCode := f.find(compiled, "executables", reflect.Pointer)
	element, bytes := f.find(code, "executable", reflect.Slice)
	if f.err != nil {
		return l, f.err
	}
	l.frame, l.left = inEngine+bp, inEngine+left
	l.at, l.bp, l.exit = inEngine+at, inEngine+frame, inEngine+exit
	l.module, l.compiled, l.code, l.bytes = inModule, inCompiled, inCode, bytes
	base := reflect.ValueOf(function).UnsafePointer()
	start, size := l.codeOf(base)
	switch {
	case sp != bp+unsafe.Sizeof(sp), link != sp+unsafe.Sizeof(link):
		err = errors.New("Go's stack pointer does not stand between its frame pointer and the way back")
	case *(*uintptr)(unsafe.Add(base, pointer)) != uintptr(base)+inEngine:
		err = errors.New("the execution context is elsewhere")
	case element.Kind() != reflect.Uint8 || *(*uintptr)(unsafe.Add(base, first))-start >= size:
		err = errors.New("a function's code is not in its module's")
	default:
		err = machinecode.EnableForeign(*(*uintptr)(unsafe.Add(base, inEngine+moves)))
	}
	return l, err
}

// codeOf is where the code of a function's module stands.
func (l *layout) codeOf(base unsafe.Pointer) (at, size uintptr) {
	for _, offset := range []uintptr{l.module, l.compiled, l.code} {
		base = *(*unsafe.Pointer)(unsafe.Add(base, offset))
	}
	code := *(*[]byte)(unsafe.Add(base, l.bytes))
	return uintptr(unsafe.Pointer(unsafe.SliceData(code))), uintptr(len(code))
}

// outOfBounds is how wazero's code is left where an address is out of bounds. prove holds it against wazero's words.
const outOfBounds = 4

// entry is a function of a program as Go calls it.
type entry struct {
	function api.Function
	foreign  machinecode.Foreign
	left     *unsafe.Pointer
	err      error // why it can't be stopped, and so is not called
}

// newEntry makes one of a function that is called with a context.
func newEntry(function api.Function, ctx *callContext) *entry {
	found.once.Do(func() { found.layout, found.err = findLayout(function) })
	l := &found.layout
	if found.err != nil {
		return &entry{err: found.err}
	}
	if t := reflect.TypeOf(function); t != l.function {
		return &entry{err: fmt.Errorf("a function is a %v, not a %v", t, l.function)}
	}
	base := reflect.ValueOf(function).UnsafePointer()
	e := &entry{function: function, left: (*unsafe.Pointer)(unsafe.Add(base, l.left))}
	e.foreign.Code, e.foreign.Size = l.codeOf(base)
	e.foreign.Frame = uintptr(base) + l.frame
	e.foreign.Exit = machinecode.Exit{Code: uintptr(base) + l.exit, Trap: outOfBounds, At: uintptr(base) + l.at,
		Stack: uintptr(base) + l.left, Frame: uintptr(base) + l.bp}
	e.foreign.Interrupted = func() {
		if ctx.cause.Load() != nil {
			*e.left = nil // or wazero would look for frames where it has been before
		}
		ctx.check()
	}
	return e
}

// stopped is what ends a call that was stopped.
type stopped struct{ cause error }

func (s stopped) Error() string { return s.cause.Error() }
