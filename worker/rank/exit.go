package rank

import (
	"errors"
	"fmt"
	"strings"

	"github.com/faasmrun/faasmrun/mpi"
	"github.com/faasmrun/faasmrun/worker/engine"
	"github.com/faasmrun/faasmrun/worker/wasi"
)

// Exit is how a rank ended.
type Exit struct {
	Code int // as a process's exit status; 128+n for what would have been signal n
	// Message says what happened beyond a plain exit; empty for one.
	Message string
	// Consequence: the rank was ended by the system because of another's end.
	Consequence bool
	// Cause is what the world was ended with, if the rank ended of that.
	Cause error
	// Initialized and Finalized are how far its MPI had come.
	Initialized, Finalized bool
}

// signalBase is what a shell adds to the number of the signal that ended a program.
const signalBase = 128

// exit turns what Start returned into an Exit.
func (r *Rank) exit(err error) Exit {
	e := Exit{Initialized: r.mpi.Initialized(), Finalized: r.mpi.Finalized()}
	var (
		exit  wasi.Exit
		trap  *engine.Trap
		loose *engine.Uncaught
		abort *mpi.AbortError
		ended *mpi.Ended
		host  *engine.HostError
	)
	switch {
	case err == nil:
	case errors.As(err, &exit):
		e.Code = int(exit.Code & 0xff) // as the system does with a process's
	case errors.As(err, &trap):
		e.Code, e.Message = signalBase+trap.Signal(), trap.Error()
	case errors.As(err, &loose):
		e.Code, e.Message = signalBase+loose.Signal(), loose.Error()
	case errors.As(err, &abort):
		e.Code, e.Message = abort.ExitStatus(), abort.Message
		if errors.As(err, &host) {
			e.Message += engine.Backtrace(host.Frames())
		}
	case errors.As(err, &ended):
		e.Code, e.Consequence, e.Cause = signalBase+sigTERM, true, ended.Cause
	case errors.As(err, new(wasi.Ended)):
		e.Code, e.Consequence = signalBase+sigTERM, true
	default:
		e.Code, e.Message = 1, err.Error()
	}
	return e
}

// sigTERM is what mpirun sends to ranks when another has failed.
const sigTERM = 15

func (e Exit) where() string {
	switch {
	case e.Consequence:
		return "ended"
	case e.Message != "":
		what, _, _ := strings.Cut(e.Message, "\n")
		return "failed: " + what
	}
	return fmt.Sprintf("exited %d", e.Code)
}
