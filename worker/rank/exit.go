package rank

import (
	"errors"
	"fmt"
	"strings"

	"github.com/faasmrun/faasmrun/mpi"
	"github.com/faasmrun/faasmrun/omp"
	"github.com/faasmrun/faasmrun/scheduler/core/result"
	"github.com/faasmrun/faasmrun/worker/program"
	"github.com/faasmrun/faasmrun/worker/wasi"
)

// Exit is how a rank ended.
type Exit struct {
	result.RankEnd
	// EndedWith is what the world was ended with, if the rank ended of that.
	EndedWith error
	// Initialized and Finalized are how far its MPI had come.
	Initialized, Finalized bool
}

// exit turns what a thread's code returned into an Exit.
func (r *Rank) exit(t *Thread, err error) Exit {
	e := Exit{Initialized: r.mpi.Initialized(), Finalized: r.mpi.Finalized()}
	e.Rank = uint32(r.number)
	var (
		exit  wasi.Exit
		trap  *program.Trap
		loose *program.Uncaught
		abort *mpi.AbortError
		ended *mpi.Ended
		fault *omp.Error
		host  *program.HostError
	)
	switch {
	case err == nil:
	case errors.As(err, &exit):
		e.Number = int32(exit.Code)
	case errors.As(err, &trap):
		e.Cause, e.Number, e.Text = result.Trapped, int32(trap.Signal()), trap.Error()
	case errors.As(err, &loose):
		e.Cause, e.Number, e.Text = result.Trapped, int32(loose.Signal()), loose.Error()
	case errors.As(err, &abort):
		e.Cause, e.Number, e.Text = result.Aborted, int32(abort.Code), abort.Message
		if errors.As(err, &host) {
			e.Text += program.Backtrace(host.Frames())
		}
	case errors.As(err, &fault):
		e.Cause, e.Number = result.Aborted, 1
		e.Text = fmt.Sprintf("rank %d, thread %d: OpenMP: %v", r.number, t.number, fault)
		if errors.As(err, &host) {
			e.Text += program.Backtrace(host.Frames())
		}
	case errors.As(err, &ended):
		e.Cause, e.EndedWith = result.Ended, ended.Cause
	case errors.As(err, new(wasi.Ended)):
		e.Cause = result.Ended
	default:
		e.Cause, e.Text = result.Broken, err.Error()
	}
	if t != r.main && e.Text != "" && e.Cause != result.Aborted { // whose text says it
		e.Text = fmt.Sprintf("thread %d: %s", t.number, e.Text)
	}
	return e
}

func (e Exit) where() string {
	switch {
	case e.Consequence():
		return "ended"
	case e.Message() != "":
		what, _, _ := strings.Cut(e.Message(), "\n")
		return "failed: " + what
	}
	return fmt.Sprintf("exited %d", e.Status())
}
