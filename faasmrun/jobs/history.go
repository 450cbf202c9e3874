package jobs

import (
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/internal/bytesize"
	"github.com/faasmrun/faasmrun/internal/timespan"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// historyCommand is faasmrun history: the jobs that have ended, with what they took.
func historyCommand() *cobra.Command {
	var f client.ClusterFlags
	var everyone bool
	var states string
	limit := uint32(1000)
	c := &cobra.Command{
		Use: "history [JOB…]", Short: "list the jobs that have ended, and what they took",
		Long: "faasmrun history lists jobs that have ended: the given ones, or your newest." +
			client.SelectorHelp,
		RunE: func(_ *cobra.Command, words []string) error {
			return f.With(func(c *client.Cluster) error {
				req := &schedpb.ListRequest{Ended: true, Newest: true, Everyone: everyone, States: stateList(states), Limit: limit}
				var err error
				if req.Ids, err = c.SelectJobs(words); err != nil {
					return err
				}
				jobs, _, err := c.List(req)
				if err != nil {
					return err
				}
				return printHistory(c, jobs)
			})
		},
	}
	c.ValidArgsFunction = f.CompleteJobs(true)
	f.Add(c)
	c.Flags().BoolVar(&everyone, "everyone", false, "list everyone's jobs")
	c.Flags().StringVarP(&states, "states", "t", "", "only jobs in these states: F,TO")
	c.Flags().Uint32VarP(&limit, "limit", "n", limit, "list at most so many")
	return c
}

func printHistory(c *client.Cluster, jobs []*schedpb.JobInfo) error {
	now := time.Now()
	if c.Json {
		return cli.PrintJSON(c.Out, records(jobs, now))
	}
	var rows [][]string
	for _, j := range jobs {
		rows = append(rows, []string{client.Label(j), j.Name, j.Tenant, j.State, strconv.Itoa(int(j.ExitCode)),
			strconv.Itoa(int(j.Ranks)),
			timespan.String(j.Waited(now)), timespan.String(j.Ran(now)), time.Duration(j.CpuNs).Round(time.Millisecond).String(),
			bytesize.Short(j.MaxRssBytes), bytesize.Short(j.MpiBytes), j.Reason})
	}
	return cli.Table(c.Out, "JOB NAME TENANT ST EXIT RANKS WAIT RUN CPU MEMORY MPI REASON", rows)
}
