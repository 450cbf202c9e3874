package main

import (
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// historyCommand is faasmrun history: the jobs that have ended, with what they took.
func historyCommand() *cobra.Command {
	var f clusterFlags
	var everyone bool
	var states string
	limit := uint32(1000)
	c := &cobra.Command{
		Use: "history [JOB…]", Short: "list the jobs that have ended, and what they took",
		Long: "faasmrun history lists jobs that have ended: the newest of yours, or those that are named. " + selectorHelp,
		RunE: func(_ *cobra.Command, words []string) error {
			return f.with(func(c *cluster) error {
				req := &schedpb.ListRequest{Ended: true, Newest: true, Everyone: everyone, States: stateList(states), Limit: limit}
				var err error
				if req.Ids, err = c.selectJobs(words); err != nil {
					return err
				}
				jobs, _, err := c.list(req)
				if err != nil {
					return err
				}
				return c.printHistory(jobs)
			})
		},
	}
	c.ValidArgsFunction = f.completeJobs(true)
	f.add(c)
	c.Flags().BoolVar(&everyone, "everyone", false, "everyone's jobs")
	c.Flags().StringVarP(&states, "states", "t", "", "jobs in these states only: F,TO")
	c.Flags().Uint32VarP(&limit, "limit", "n", limit, "so many at most")
	return c
}

func (c *cluster) printHistory(jobs []*schedpb.JobInfo) error {
	now := time.Now()
	if c.json {
		return printJSON(c.out, records(jobs, now))
	}
	var rows [][]string
	for _, j := range jobs {
		rows = append(rows, []string{label(j), j.Name, j.Tenant, j.State, strconv.Itoa(int(j.ExitCode)), strconv.Itoa(int(j.Ranks)),
			span(waited(j, now)), span(ran(j, now)), time.Duration(j.CpuNs).Round(time.Millisecond).String(), bytesText(j.MaxRssBytes), bytesText(j.MpiBytes), j.Reason})
	}
	return table(c.out, "JOB NAME TENANT ST EXIT RANKS WAIT RUN CPU MEMORY MPI REASON", rows)
}
