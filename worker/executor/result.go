package executor

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/faasmrun/faasmrun/worker/control"
)

const (
	exitFailed = 1
	// exitImproper is what Open MPI's mpirun exits with when a rank ends between MPI_Init and MPI_Finalize. (Of a rank
	// that ends without the MPI_Init that others called it says the same, and then hangs.)
	exitImproper = 1
	exitFindings = 111 // --check has found mistakes in a job that ended well
	signalBase   = 128
)

// result decides the job's exit status and says why, from its ranks' ends in the order in which they came. The status
// is the lowest-ranked one among those that are not zero and that ranks ended with by themselves; the reason names the
// first to fail. A rank may be in ends twice when a signal ended it: the first counts.
func result(start *control.Start, ends []rankEnd, deadlock error) (code int32, reason string,
	exits []control.RankExit) {
	own := map[int]rankEnd{}
	var first *rankEnd
	consequences := 0
	for i, e := range ends {
		if _, twice := own[e.rank]; twice {
			continue
		}
		own[e.rank] = e
		switch {
		case e.exit.Consequence:
			consequences++
		case e.exit.Code != 0 && first == nil:
			first = &ends[i]
		}
	}
	for r := range int(start.Ranks) {
		e, ok := own[r]
		if !ok || e.exit.Code == 0 {
			continue
		}
		if code == 0 && !e.exit.Consequence {
			code = int32(e.exit.Code)
		}
		exits = append(exits, control.RankExit{Rank: uint32(r), ExitCode: int32(e.exit.Code), Message: e.exit.Message,
			Consequence: e.exit.Consequence})
	}
	switch {
	case first != nil:
		reason = describe(start, *first) + others(consequences)
	case deadlock != nil:
		code, reason = exitFailed, deadlock.Error()
	}
	return code, reason, exits
}

// describe says how a rank failed.
func describe(start *control.Start, e rankEnd) string {
	who := fmt.Sprintf("rank %d of %s on %s", e.rank, programOf(start, e.rank), start.Node)
	if e.exit.Message == "" {
		return fmt.Sprintf("%s exited with status %d", who, e.exit.Code)
	}
	message := strings.TrimPrefix(e.exit.Message, fmt.Sprintf("rank %d: ", e.rank))
	return fmt.Sprintf("%s failed with status %d: %s", who, e.exit.Code, message)
}

func programOf(start *control.Start, rank int) string {
	i := slices.IndexFunc(start.Apps, func(a control.App) bool {
		rank -= int(a.Ranks)
		return rank < 0
	})
	if i < 0 {
		return "the job"
	}
	return strings.Map(func(c rune) rune { // the message's lines are its own
		if unicode.IsControl(c) {
			return '?'
		}
		return c
	}, start.Apps[i].Program)
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
