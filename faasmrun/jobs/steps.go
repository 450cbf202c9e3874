package jobs

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/internal/timespan"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// stepsCommand is faasmrun steps: what a job's script has run.
func stepsCommand() *cobra.Command {
	var f client.ClusterFlags
	c := &cobra.Command{
		Use: "steps JOB", Short: "list the steps of a job's script", Args: cobra.ExactArgs(1),
		Long: "faasmrun steps lists what a job's script has run with faasmrun, mpirun, mpiexec or srun: the newest steps, " +
			"of the job's newest start." + client.SelectorHelp,
		RunE: func(_ *cobra.Command, words []string) error {
			return f.With(func(c *client.Cluster) error {
				j, err := c.One("steps", words)
				if err != nil {
					return err
				}
				answer, err := c.JobService.Steps(c.Ctx, &schedpb.StepsRequest{JobId: j.Id})
				if status.Code(err) == codes.NotFound {
					return c.Unknown(j.Id)
				}
				if err != nil {
					return c.Refusal(err)
				}
				return printSteps(c, answer)
			})
		},
	}
	c.ValidArgsFunction = f.CompleteJobs(true)
	f.Add(c)
	return c
}

// stepRecord is a step as --json shows it.
type stepRecord struct {
	Step     string  `json:"step"`
	Name     string  `json:"name"`
	State    string  `json:"state"`
	Ranks    uint32  `json:"ranks"`
	Slots    uint32  `json:"slots"`
	Started  string  `json:"started"`
	Ended    string  `json:"ended,omitempty"`
	Run      float64 `json:"run_seconds"`
	ExitCode int32   `json:"exit_code"`
}

func printSteps(c *client.Cluster, answer *schedpb.StepsResponse) error {
	var all []stepRecord
	var rows [][]string
	for _, p := range answer.Steps {
		ended, code := time.Now(), ""
		if p.EndedUnixNs != 0 {
			ended, code = time.Unix(0, p.EndedUnixNs), fmt.Sprint(p.ExitCode)
		}
		ran := max(0, ended.Sub(time.Unix(0, p.StartedUnixNs)))
		r := stepRecord{fmt.Sprintf("%d.%d", answer.Job.GetId(), p.Number), p.Name, p.State, p.Ranks, p.Slots,
			moment(p.StartedUnixNs), moment(p.EndedUnixNs), ran.Seconds(), p.ExitCode}
		all = append(all, r)
		rows = append(rows, []string{r.Step, cli.Visible(r.Name), cli.Visible(r.State), fmt.Sprint(r.Ranks),
			fmt.Sprint(r.Slots), timespan.String(ran), code})
	}
	if c.Json {
		return cli.PrintJSON(c.Out, all)
	}
	return cli.Table(c.Out, "STEP NAME STATE RANKS SLOTS TIME EXIT", rows)
}
