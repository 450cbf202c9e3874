package mpi

import (
	"encoding/binary"
	"fmt"
)

// ask calls a function of the program that gives back an error code. What ends the program there ends this call too.
//
// params has a letter an argument: i is an int, l a pointer or a handle.
func (r *Rank) ask(what string, index uint32, params string, arguments ...uint64) *failure {
	r.descend()
	defer r.ascend()
	code, err := r.calling().host.CallTableResult(index, params, arguments...)
	if err != nil {
		panic(err)
	}
	if code != success {
		return failf(code, "%s returned error code %d", what, code)
	}
	return nil
}

// callBack calls a function of the program that gives back nothing, with parameters as ask has them. What ends the
// program there ends this call too.
func (r *Rank) callBack(index uint32, params string, arguments ...uint64) {
	r.descend()
	defer r.ascend()
	if err := r.calling().host.CallTable(index, params, arguments...); err != nil {
		panic(err)
	}
}

// maxNested bounds functions of the program that MPI calls while another such function is in a call of MPI: natively an
// error handler that fails in itself ends in a full stack, and here it would be the host's.
const maxNested = 100

func (r *Rank) descend() {
	if r.nested++; r.nested > maxNested {
		name := callName(r.call.Load())
		r.abort(errOther, name,
			"functions that MPI calls have called MPI, which called them again, more than %d deep [MPI_ERR_OTHER]", maxNested)
	}
}

// ascend is the end of what descend began, also where an exception or a longjmp leaves the function.
func (r *Rank) ascend() { r.nested-- }

// words puts values into memory of the program, for as long as a callback runs.
func (r *Rank) words(values ...uint64) (address uint64, f *failure) {
	if address, f = r.allocate(int64(wordSize * len(values))); f != nil {
		return 0, f
	}
	for i, v := range values {
		binary.LittleEndian.PutUint64(r.piece(address+uint64(wordSize*i), wordSize), v)
	}
	return address, nil
}

// word reads back what a callback wrote there: a pointer.
func (r *Rank) word(address uint64) uint64 {
	return binary.LittleEndian.Uint64(r.piece(address, wordSize))
}

// errhandler is an error handler.
type errhandler struct {
	given    uint32 // the program's handle of one of its own, while it holds it
	holds    int    // how often it does
	handle   uint32 // of a predefined one
	function uint32 // table index of a user's: void f(MPI_Comm *, int *, ...)
}

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

// callHandler calls a user's error handler: (*comm, *code, ...), where the rest is one more pointer in wasm. The code
// that the function returns stays what it was.
func (r *Rank) callHandler(h *errhandler, c *comm, code int32) {
	address, f := r.words(uint64(c.handle), uint64(uint32(code)), 0)
	if f != nil {
		r.abort(int(code), callName(r.call.Load()), "%s, and no memory to call the error handler", className(code))
	}
	defer r.heap.release(address)
	r.callBack(h.function, "lll", address, address+wordSize, address+2*wordSize)
}

// MPI_Comm_create_errhandler(function, *errhandler), and MPI-1's MPI_Errhandler_create
func commCreateErrhandler(r call, function funcArg, out errhandlerOut) *failure {
	if f := out.room(r, "errhandler"); f != nil {
		return f
	}
	if function.index() == null {
		return failf(errArg, "the function is a null pointer")
	}
	h := &errhandler{function: function.index()}
	handle, ok := r.errhandlers.add(kindErrhandler, h)
	if !ok {
		return failf(errNoMem, "more than %d error handlers", maxObjects)
	}
	h.given, h.holds = handle, 1
	return out.put(r, "errhandler", handle)
}

// MPI_Comm_set_errhandler(comm, errhandler)
func commSetErrhandler(r call, comm commArg, errhandler errhandlerArg) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	h, f := errhandler.of(r)
	if f != nil {
		return f.on(c)
	}
	c.errhandler = h
	return nil
}

// MPI_Comm_get_errhandler(comm, *errhandler): the handle that the program knows it by, if it has one; it frees it once
// more.
func commGetErrhandler(r call, comm commArg, errhandler errhandlerOut) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	h := c.errhandler
	if h.handle != 0 {
		return errhandler.put(r, "errhandler", h.handle).on(c)
	}
	if h.given == 0 {
		handle, ok := r.errhandlers.add(kindErrhandler, h)
		if !ok {
			return c.failf(errNoMem, "more than %d error handlers", maxObjects)
		}
		h.given = handle
	}
	h.holds++
	return errhandler.put(r, "errhandler", h.given).on(c)
}

// MPI_Errhandler_free(*errhandler): communicators keep their own reference.
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

// MPI_Comm_call_errhandler(comm, errorcode)
func commCallErrhandler(r call, comm commArg, errorcode intArg) *failure {
	c, f := comm.of(r)
	if f != nil {
		return f
	}
	words := "called by the program"
	if u := r.errors.get(errorcode.int()); u != nil && u.text != "" {
		words = fmt.Sprintf("%s: %s (%s)", words, u.text, className(u.class))
	}
	r.raise("MPI_Comm_call_errhandler", c.failf(errorcode.int(), "%s", words))
	return nil
}
