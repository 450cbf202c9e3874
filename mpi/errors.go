package mpi

import "fmt"

// failure is an error that MPI reports: its class (or user-defined code), the reason, and the communicator whose error
// handler is asked.
type failure struct {
	class  int32
	reason string
	comm   *comm // nil: no communicator is involved
}

func (f *failure) Error() string { return f.reason }

// failf makes a failure that concerns no communicator.
func failf(class int32, format string, args ...any) *failure {
	return &failure{class: class, reason: fmt.Sprintf(format, args...)}
}

// failf makes a failure that concerns the communicator; its name and size stand in most reasons.
func (c *comm) failf(class int32, format string, args ...any) *failure {
	return &failure{class: class, reason: fmt.Sprintf(format, args...), comm: c}
}

// on attaches the communicator to a failure found by a check that knows none.
func (f *failure) on(c *comm) *failure {
	if f != nil && f.comm == nil {
		f.comm = c
	}
	return f
}

// className gives a class's name, "MPI_ERR_RANK".
func className(class int32) string {
	if class >= 0 && int(class) < len(classes) {
		return classes[class].name
	}
	return fmt.Sprintf("error code %d", class)
}

// AbortError ends a rank and with it the job: MPI_Abort, or an error whose handler is MPI_ERRORS_ARE_FATAL. It arrives
// as a panic out of a Call.
type AbortError struct {
	Rank    int
	Thread  int    // 0 is the one that runs main
	Code    int    // what MPI_Abort was given, or the error class
	Message string // for the user: rank, function, reason, class
}

func (e *AbortError) Error() string { return e.Message }

// Ended is what a rank's call panics with after World.End.
type Ended struct{ Cause error }

func (e *Ended) Error() string { return fmt.Sprintf("the job has ended: %v", e.Cause) }
func (e *Ended) Unwrap() error { return e.Cause }

// abort ends the calling rank. function is the MPI function it is in.
func (r *Rank) abort(code int, function, format string, args ...any) {
	r.calling().abort(code, function, format, args...)
}

func (t *Thread) abort(code int, function, format string, args ...any) {
	panic(&AbortError{Rank: int(t.rank.rank), Thread: t.number, Code: code,
		Message: fmt.Sprintf("%s: %s: %s", t.title(), function, oneLine(fmt.Sprintf(format, args...)))})
}

// raise passes a failure to its error handler and gives the code that the function returns.
func (r *Rank) raise(function string, f *failure) int32 {
	h, c := r.handlerFor(f)
	switch {
	case h.function != 0:
		r.callHandler(h, c, f.class)
	case h != returnHandler:
		r.abort(int(f.class), function, "%s [%s]", f.reason, className(f.class))
	}
	return f.class
}

// handlerFor gives the error handler of the failure's communicator. Without one MPI 4 asks MPI_COMM_SELF and earlier
// versions MPI_COMM_WORLD: whichever the program changed is the one it means.
func (r *Rank) handlerFor(f *failure) (*errhandler, *comm) {
	if f.comm != nil {
		return f.comm.errhandler, f.comm
	}
	if r.self.errhandler != fatalHandler {
		return r.self.errhandler, r.self
	}
	return r.worldComm.errhandler, r.worldComm
}

// Predefined error handlers.
const (
	errhandlerNull = 0x140
	errorsAreFatal = 0x141
	errorsAbort    = 0x142
	errorsReturn   = 0x143
)
