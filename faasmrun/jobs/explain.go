package jobs

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/scheduler/jobstate"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// explainCommand is faasmrun explain: why a job waits, and when it should start.
func explainCommand() *cobra.Command {
	var f client.ClusterFlags
	c := &cobra.Command{
		Use: "explain JOB…", Short: "say why a job waits and when it should start", Args: cobra.MinimumNArgs(1),
		Long: "faasmrun explain says why jobs wait, what their priority is made of, and when they should start if all " +
			"other jobs run to their time limits." + client.SelectorHelp,
		RunE: func(_ *cobra.Command, words []string) error {
			return f.With(func(c *client.Cluster) error {
				ids, err := c.SelectJobs(words)
				if err != nil {
					return err
				}
				var all []explanation
				for _, id := range ids {
					id &^= schedpb.JobAlone
					x, err := c.JobService.Explain(c.Ctx, &schedpb.ExplainRequest{JobId: id})
					if status.Code(err) == codes.NotFound {
						return c.Unknown(id)
					}
					if err != nil {
						return c.Refusal(err)
					}
					all = append(all, newExplanation(x))
				}
				if c.Json {
					return cli.PrintJSON(c.Out, all)
				}
				for _, x := range all {
					x.print(c)
				}
				return nil
			})
		},
	}
	c.ValidArgsFunction = f.CompleteJobs(false)
	f.Add(c)
	return c
}

// explanation is what --json shows of it.
type explanation struct {
	ID           uint64           `json:"id"`
	State        string           `json:"state"`
	Tenant       string           `json:"tenant"`
	ExitCode     int32            `json:"exit_code"`
	Why          string           `json:"why"`
	Priority     int64            `json:"priority"`
	Parts        map[string]int64 `json:"parts,omitempty"`
	Ahead        uint32           `json:"ahead"`
	Start        string           `json:"start,omitempty"`
	Node         string           `json:"node,omitempty"`
	StartUnknown string           `json:"start_unknown,omitempty"`

	lines []string
}

func newExplanation(x *schedpb.ExplainResponse) explanation {
	e := explanation{ID: x.Job.Id, State: x.Job.State, Tenant: x.Job.Tenant, ExitCode: x.Job.ExitCode, Why: x.Why,
		Priority: x.Priority, Ahead: x.Ahead, Start: moment(x.StartUnixNs),
		Node: x.StartNode, StartUnknown: x.StartWhyUnknown, Parts: map[string]int64{}}
	for _, p := range x.Parts {
		e.Parts[p.Name] = p.Points
		e.lines = append(e.lines, fmt.Sprintf("  %+8d %-12s %s", p.Points, p.Name, p.Because))
	}
	return e
}

func (e *explanation) print(c *client.Cluster) {
	fmt.Fprintf(c.Out, "job %d (%s)", e.ID, e.State)
	if e.Why != "" {
		fmt.Fprintf(c.Out, ": %s", e.Why)
	}
	fmt.Fprintln(c.Out)
	if len(e.lines) > 0 {
		fmt.Fprintf(c.Out, "  priority %d, %d jobs ahead:\n%s\n", e.Priority, e.Ahead, strings.Join(e.lines, "\n"))
	}
	if e.Start != "" {
		fmt.Fprintf(c.Out, "  should start by %s on %s\n", e.Start, e.Node)
	} else if e.State == jobstate.Pending {
		fmt.Fprintf(c.Out, "  nobody can say when it starts: %s\n", e.StartUnknown)
	}
}
