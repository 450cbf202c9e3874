package result

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/faasmrun/faasmrun/scheduler/jobstate"
)

// Signals that we end ranks by, as mpirun does when another rank has failed; and Linux's last one.
const (
	sigKILL   = 9
	sigTERM   = 15
	maxSignal = 64
)

// exitImproper is what Open MPI's mpirun exits with when a rank ends between MPI_Init and MPI_Finalize. (Of a rank that
// ends without the MPI_Init that others called it says the same, and then hangs.)
const exitImproper = 1

// Status is the rank's exit status, as a shell says it: 128 and the number of what was or would have been a signal.
func (e RankEnd) Status() int32 {
	switch e.Cause {
	case Exited:
		return e.Number & 0xff // as the system does with a process's
	case Trapped, Signalled:
		if e.Number > 0 && e.Number <= maxSignal {
			return jobstate.ExitSignalled + e.Number
		}
		return jobstate.ExitFailed // no such signal
	case Aborted:
		if s := e.Number & 0xff; s != 0 {
			return s
		}
		return jobstate.ExitFailed // never success
	case NotFinalized, NotInitialized:
		return exitImproper
	case Ended:
		return jobstate.ExitSignalled + sigTERM
	case Killed:
		return jobstate.ExitSignalled + sigKILL
	}
	return jobstate.ExitFailed
}

// Failed reports whether it ended otherwise than in order.
func (e RankEnd) Failed() bool { return e.Status() != 0 }

// Consequence reports whether it was ended because another had failed or the job was ended.
func (e RankEnd) Consequence() bool { return e.Cause == Ended || e.Cause == Killed }

// Message says what happened beyond an exit status; empty for a plain exit.
func (e RankEnd) Message() string {
	switch e.Cause {
	case NotFinalized:
		return "it called MPI_Init and ended without calling MPI_Finalize"
	case NotInitialized:
		return "it ended without calling MPI_Init, which other ranks have called"
	case Signalled:
		return fmt.Sprintf("it was ended by signal %d (%s)", e.Number, e.Text)
	}
	return e.Text
}

// describe says how a rank failed.
func (e RankEnd) describe(node string) string {
	who := fmt.Sprintf("rank %d of %s on %s", e.Rank, e.program(), node)
	message := e.Message()
	if message == "" {
		return fmt.Sprintf("%s exited with status %d", who, e.Status())
	}
	message = strings.TrimPrefix(message, fmt.Sprintf("rank %d: ", e.Rank))
	return fmt.Sprintf("%s failed with status %d: %s", who, e.Status(), message)
}

func (e RankEnd) program() string {
	if e.Program == "" {
		return "the job"
	}
	return OneLine(e.Program) // the message's lines are its own
}

// Failures is how those ranks ended that did not end in order, each once, by rank.
func (r Report) Failures() []RankEnd {
	failed := r.failures()
	slices.SortFunc(failed, func(a, b RankEnd) int { return cmp.Compare(a.Rank, b.Rank) })
	return failed
}

// failures is them in the order in which they ended.
func (r Report) failures() []RankEnd {
	seen := make(map[uint32]bool, len(r.Ranks))
	var failed []RankEnd
	for _, e := range r.Ranks {
		if !seen[e.Rank] && e.Failed() {
			failed = append(failed, e)
		}
		seen[e.Rank] = true
	}
	return failed
}

// ranks is the status that the ranks' ends make, and why. The status is the lowest-ranked one among those that are not
// 0 and that ranks ended with by themselves; the reason names the first to fail.
func (r Report) ranks() (code int32, reason string) {
	var first, lowest *RankEnd
	consequences := 0
	failed := r.failures()
	for i := range failed {
		e := &failed[i]
		if e.Consequence() {
			consequences++
			continue
		}
		if first == nil {
			first = e
		}
		if lowest == nil || e.Rank < lowest.Rank {
			lowest = e
		}
	}
	switch {
	case first != nil:
		return lowest.Status(), first.describe(r.Node) + others(consequences)
	case r.Deadlock != "":
		return jobstate.ExitFailed, r.Deadlock
	case consequences > 0:
		return jobstate.ExitFailed, "its ranks were ended, and nothing says why (please report this)"
	}
	return 0, ""
}

func others(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "\nthe other rank that was running was ended"
	}
	return fmt.Sprintf("\nthe other %d ranks that were running were ended", n)
}
