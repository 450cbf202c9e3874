package mpi

import "fmt"

// failure is an error that MPI reports: its class (or user-defined code), the reason, and the object that it is raised
// on.
type failure struct {
	class  int32
	reason string
	object *raiser // nil: none is involved
}

func (f *failure) Error() string { return f.reason }

// failf makes a failure that concerns no object.
func failf(class int32, format string, args ...any) *failure {
	return &failure{class: class, reason: fmt.Sprintf(format, args...)}
}

// failf makes a failure that concerns the object.
func (o *raiser) failf(class int32, format string, args ...any) *failure {
	return &failure{class: class, reason: fmt.Sprintf(format, args...), object: o}
}

// on attaches the object to a failure found by a check that knows none.
func (f *failure) on(o raising) *failure {
	if f != nil && f.object == nil {
		f.object = o.raisedOn()
	}
	return f
}

// told is a failure that somebody else has found, raised on the object.
func (f *failure) told(o raising) *failure {
	if f == nil {
		return nil
	}
	return (&failure{class: f.class, reason: f.reason}).on(o)
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

// abort ends the rank of the calling thread. function is the MPI function it is in.
func (t *Thread) abort(code int, function, format string, args ...any) {
	panic(&AbortError{Rank: int(t.rank), Thread: t.number, Code: code,
		Message: fmt.Sprintf("%s: %s: %s", t.title(), function, oneLine(fmt.Sprintf(format, args...)))})
}
