package mpi

import "fmt"

// Error handlers (MPI 5.0, chapter 9.3): one type for communicators, windows, files and sessions, attached in one way.

// raiser is what errors are raised on: a communicator, and in time a window, a file or a session. It is part of the
// object.
type raiser struct {
	kind       raiserKind
	handle     uint32
	errhandler *errhandler
}

// raiserKind is what kind of object errors are raised on.
type raiserKind uint8

const (
	raiserComm raiserKind = iota + 1
	raiserWin
	raiserFile
	raiserSession
)

func (k raiserKind) String() string {
	return map[raiserKind]string{raiserComm: "communicators", raiserWin: "windows", raiserFile: "files",
		raiserSession: "sessions"}[k]
}

// raising is an object that errors are raised on.
type raising interface {
	// raisedOn is the object's part of it; nil if there is no object.
	raisedOn() *raiser
}

func (o *raiser) raisedOn() *raiser { return o }

// raisingArg is an argument whose object errors are raised on.
type raisingArg interface {
	word
	raiser(call) (*raiser, *failure)
}

func (v commArg) raiser(r call) (*raiser, *failure) {
	c, f := v.of(r)
	return c.raisedOn(), f
}

// errhandler is an error handler.
type errhandler struct {
	kind     raiserKind // of the objects that its function takes; 0 of a predefined one, which is for all
	given    uint32     // the program's handle of one of its own, while it holds it
	holds    int        // how often it does
	handle   uint32     // of a predefined one
	function uint32     // table index of a user's, as void f(MPI_Comm *, int *, ...)
}

// Predefined error handlers.
const (
	errhandlerNull = 0x140
	errorsAreFatal = 0x141
	errorsAbort    = 0x142
	errorsReturn   = 0x143
)

var (
	fatalHandler  = &errhandler{handle: errorsAreFatal}
	abortHandler  = &errhandler{handle: errorsAbort}
	returnHandler = &errhandler{handle: errorsReturn}
)

// errhandler finds an error handler.
func (r *Rank) errhandler(handle uint32) (*errhandler, *failure) {
	switch handle {
	case errorsAreFatal:
		return fatalHandler, nil
	case errorsAbort:
		return abortHandler, nil
	case errorsReturn:
		return returnHandler, nil
	case errhandlerNull:
		return nil, failf(errErrhandler, "the error handler is MPI_ERRHANDLER_NULL")
	}
	if h := r.errhandlers.get(kindErrhandler, handle); h != nil {
		return h, nil
	}
	return nil, failf(errErrhandler, "%#x is no error handler, or was freed", handle)
}

// raise passes a failure to its error handler and gives the code that the function returns.
func (t *Thread) raise(function string, f *failure) int32 {
	o := t.raiserOf(f)
	switch h := o.errhandler; {
	case h.function != 0:
		t.callHandler(o, f.class)
	case h != returnHandler:
		t.abort(int(f.class), function, "%s [%s]", f.reason, className(f.class))
	}
	return f.class
}

// raiserOf gives the object that the failure is raised on. Without one MPI 4 takes MPI_COMM_SELF and earlier versions
// MPI_COMM_WORLD: whichever the program gave an error handler is the one it means.
func (r *Rank) raiserOf(f *failure) *raiser {
	if f.object != nil {
		return f.object
	}
	if r.self.errhandler != fatalHandler {
		return &r.self.raiser
	}
	return &r.worldComm.raiser
}

// callHandler calls the error handler of an object, which is a user's: (*object, *code, ...), where the rest is one
// more pointer in wasm. The code that the function returns stays what it was.
func (t *Thread) callHandler(o *raiser, code int32) {
	function := o.errhandler.function
	address, f := t.words(uint64(o.handle), uint64(uint32(code)), 0)
	if f != nil {
		t.abort(int(code), callName(t.call.Load()), "%s, and no memory to call the error handler", className(code))
	}
	defer t.heap.release(address)
	t.callBack(function, "lll", address, address+wordSize, address+2*wordSize)
}

// createErrhandler makes MPI_Comm_create_errhandler and its like: (function, *errhandler).
func createErrhandler(kind raiserKind) func(call, funcArg, errhandlerOut) *failure {
	return func(r call, function funcArg, out errhandlerOut) *failure {
		if f := out.room(r, "errhandler"); f != nil {
			return f
		}
		if function.index() == null {
			return failf(errArg, "the function is a null pointer")
		}
		h := &errhandler{kind: kind, function: function.index()}
		handle, ok := r.errhandlers.add(kindErrhandler, h)
		if !ok {
			return failf(errNoMem, "more than %d error handlers", maxObjects)
		}
		h.given, h.holds = handle, 1
		return out.put(r, "errhandler", handle)
	}
}

// setErrhandler serves MPI_Comm_set_errhandler and its like: (object, errhandler).
func setErrhandler[A raisingArg](r call, of A, errhandler errhandlerArg) *failure {
	o, f := of.raiser(r)
	if f != nil {
		return f
	}
	h, f := errhandler.of(r)
	if f != nil {
		return f.on(o)
	}
	if h.kind != 0 && h.kind != o.kind {
		return o.failf(errErrhandler, "the error handler was made for %v", h.kind)
	}
	o.errhandler = h
	return nil
}

// getErrhandler serves MPI_Comm_get_errhandler and its like: (object, *errhandler). It gives the handle that the
// program knows the handler by, if it has one, which it frees once more.
func getErrhandler[A raisingArg](r call, of A, errhandler errhandlerOut) *failure {
	o, f := of.raiser(r)
	if f != nil {
		return f
	}
	h := o.errhandler
	if h.handle != 0 {
		return errhandler.put(r, "errhandler", h.handle).on(o)
	}
	if h.given == 0 {
		handle, ok := r.errhandlers.add(kindErrhandler, h)
		if !ok {
			return o.failf(errNoMem, "more than %d error handlers", maxObjects)
		}
		h.given = handle
	}
	h.holds++
	return errhandler.put(r, "errhandler", h.given).on(o)
}

// MPI_Errhandler_free(*errhandler): objects keep their own reference.
func errhandlerFree(r call, errhandler errhandlerRef) *failure {
	handle, f := errhandler.get(r, "errhandler")
	if f != nil {
		return f
	}
	h, f := r.errhandler(handle)
	if f != nil {
		return f
	}
	if h.handle == 0 {
		if h.holds--; h.holds == 0 {
			r.errhandlers.remove(handle)
			h.given = 0
		}
	}
	return errhandler.put(r, "errhandler", errhandlerNull)
}

// callErrhandler serves MPI_Comm_call_errhandler and its like: (object, errorcode).
func callErrhandler[A raisingArg](r call, of A, errorcode intArg) *failure {
	o, f := of.raiser(r)
	if f != nil {
		return f
	}
	words := "called by the program"
	if u := r.errors.get(errorcode.int()); u != nil && u.text != "" {
		words = fmt.Sprintf("%s: %s (%s)", words, u.text, className(u.class))
	}
	r.raise(callName(r.call.Load()), o.failf(errorcode.int(), "%s", words))
	return nil
}
