package worker

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

func TestHello(t *testing.T) {
	b := newBench(t, nil)
	for range 2 { // the second time everything is in the cache
		o := b.run(interactive(b.app("hello", 4)))
		if o.End.State != "CD" || o.End.ExitCode != 0 || o.End.Reason != "" {
			t.Fatalf("ended %v", o.End)
		}
		for rank := range 4 {
			if got, want := o.out[fmt.Sprint(rank)], fmt.Sprintf("hello from %d of 4, sum 6\n", rank); got != want {
				t.Errorf("rank %d said %q, not %q", rank, got, want)
			}
		}
		wait(t, b.started, "start of the ranks")
	}
	if b.fetched > 1 { // 0 if another test has run it
		t.Errorf("the module was fetched %d times", b.fetched)
	}
}

// How a job ends follows from how its ranks end.
func TestEnds(t *testing.T) {
	b := newBench(t, nil)
	for _, c := range []struct {
		act    string
		actor  string
		code   int32
		reason []string // in this order
		states []string // words that they contain, by rank
	}{
		{"nothing", "0", 0, nil, nil},
		{"exit", "1", 3, []string{"rank 1 of act.wasm on n1 exited with status 3", "other 2 ranks"},
			[]string{"", "exited 3", ""}}, // the others may not yet have come to the barrier
		{"trap", "2", 136, []string{"rank 2 of act.wasm on n1 failed with status 136", "divide by zero", "by_one"},
			[]string{"", "", "failed: integer divide by zero"}},
		{"abort", "0", 42, []string{"rank 0 of act.wasm on n1 failed with status 42: MPI_Abort"}, nil},
		{"bad-rank", "1", 6, []string{"rank 1 of act.wasm on n1 failed", "MPI_Send", "99", "MPI_ERR_RANK"}, nil},
		{"no-finalize", "1", 1, []string{"rank 1", "MPI_Init", "MPI_Finalize"}, nil},
		{"no-init", "1", 1, []string{"rank 1", "without calling MPI_Init"}, nil},
		{"deadlock", "1", 1, []string{"deadlock", "rank 0: MPI_Barrier", "rank 1: MPI_Recv from rank 0, tag 7", "rank 2"},
			nil},
		{"own-status", "0", 11, []string{"exited with status 11"}, nil},
	} {
		t.Run(c.act, func(t *testing.T) {
			o := b.run(interactive(b.app("act", 3, c.act, c.actor)))
			state := "F"
			if c.code == 0 {
				state = "CD"
			}
			if o.End.ExitCode != c.code || o.End.State != state {
				t.Errorf("ended %s with %d, not %d: %s", o.End.State, o.End.ExitCode, c.code, o.End.Reason)
			}
			rest := o.End.Reason
			for _, word := range c.reason {
				_, after, found := strings.Cut(rest, word)
				if !found {
					t.Errorf("the reason lacks %q:\n%s", word, o.End.Reason)
				}
				rest = after
			}
			if c.reason == nil && rest != "" {
				t.Errorf("a reason for nothing: %s", rest)
			}
			for rank, word := range c.states {
				if s := o.End.RankStates.GetRanks(); len(s) != 3 || !strings.Contains(s[rank].Where, word) || s[rank].Node != "n1" {
					t.Errorf("rank %d does not stand at %q: %v", rank, word, s)
				}
			}
			if o.CpuNs == 0 || o.MaxRssBytes == 0 {
				t.Errorf("used %d ns, %d bytes", o.CpuNs, o.MaxRssBytes)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	b := newBench(t, nil)
	first, second := b.app("act", 1, "environment"), b.app("act", 2, "environment")
	first.Env = []*schedpb.EnvVar{{Name: "MINE", Value: "a b"}, {Name: "PMI_RANK", Value: "9"}}
	o := b.run(interactive(first, second))
	for rank, mine := range []string{"a b", "(null)", "(null)"} {
		want := fmt.Sprintf("OMPI_COMM_WORLD_RANK=%d\nOMPI_COMM_WORLD_SIZE=3\nPMI_RANK=%d\nSLURM_JOB_ID=%d\nMINE=%s\n", rank,
			rank, o.Job.JobId, mine)
		if got := o.out[fmt.Sprint(rank)]; got != want {
			t.Errorf("rank %d has\n%swants\n%s", rank, got, want)
		}
	}
}

func (b *bench) stdin(ref *schedpb.JobRef, data string, eof bool) {
	b.order(&schedpb.SchedulerMessage_Stdin{Stdin: &schedpb.JobStdin{Job: ref,
		Stdin: &schedpb.Stdin{Data: []byte(data), Eof: eof}}})
}

func TestStdin(t *testing.T) {
	b := newBench(t, nil)
	for _, c := range []struct {
		name  string
		to    schedpb.StdinTo
		ranks []uint32
		reads []bool
	}{
		{"rank 0", schedpb.StdinTo_STDIN_RANK_ZERO, nil, []bool{true, false, false}},
		{"all", schedpb.StdinTo_STDIN_ALL, nil, []bool{true, true, true}},
		{"none", schedpb.StdinTo_STDIN_NONE, nil, []bool{false, false, false}},
		{"list", schedpb.StdinTo_STDIN_LIST, []uint32{2, 1}, []bool{false, true, true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			spec := interactive(b.app("act", 3, "cat"))
			spec.Stdin, spec.StdinRanks = c.to, c.ranks
			ref := b.start(spec)
			// The prompt comes before the mark that its rank waits.
			out := map[string]string{}
			prompts := func() bool {
				for rank, reads := range c.reads {
					if reads && (out[fmt.Sprint(rank)] != "name? " || out[fmt.Sprint(rank, "?")] == "") {
						return false
					}
				}
				return true
			}
			if b.read(out, prompts) {
				t.Fatalf("ended before its input: %q", out)
			}
			b.stdin(ref, "some", false)
			b.stdin(ref, "one\ntwo\n", true)
			o := b.collect()
			for rank, reads := range c.reads {
				got, want := out[fmt.Sprint(rank)]+o.out[fmt.Sprint(rank)], "name? end after 0\n"
				if reads {
					want = "name? got someone\ngot two\nend after 12\n"
				}
				if got != want {
					t.Errorf("rank %d said %q, not %q", rank, got, want)
				}
			}
			taken := uint64(0)
			for taken < 12 && slices.Contains(c.reads, true) { // otherwise the job may end before its input comes
				taken = wait(t, b.taken, "report of what was taken").Bytes
			}
			if taken > 12 {
				t.Errorf("%d bytes were taken", taken)
			}
		})
	}
}
