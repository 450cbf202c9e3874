// Package jobs owns the verbs about a cluster's jobs and machines, one a file: what they ask the scheduler, columns and
// JSON.
package jobs

import (
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/internal/timespan"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// queueCommand is faasmrun queue: the jobs that have not ended.
func queueCommand() *cobra.Command {
	var f client.ClusterFlags
	var mine, all bool
	var states string
	c := &cobra.Command{
		Use: "queue", Short: "list the jobs that wait or run", Args: cobra.NoArgs,
		Long: "faasmrun queue lists everyone's jobs that wait or run. The names of other tenants' jobs are not shown.",
		RunE: func(*cobra.Command, []string) error {
			return f.With(func(c *client.Cluster) error {
				jobs, _, err := c.List(&schedpb.ListRequest{Everyone: !mine, Any: all, States: stateList(states)})
				if err != nil {
					return err
				}
				return printQueue(c, jobs)
			})
		},
	}
	f.Add(c)
	c.Flags().BoolVar(&all, "all", false, "list those that have ended too")
	c.Flags().BoolVar(&mine, "mine", false, "list only your own jobs")
	c.Flags().StringVarP(&states, "states", "t", "", "only jobs in these states: PD,R")
	return c
}

func stateList(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.ToUpper(text), ",")
}

func printQueue(c *client.Cluster, jobs []*schedpb.JobInfo) error {
	now := time.Now()
	if c.Json {
		return cli.PrintJSON(c.Out, records(jobs, now))
	}
	var rows [][]string
	for _, j := range jobs {
		where := strings.Join(nodeNames(j), ",")
		if j.Reason != "" {
			where = strings.TrimSpace(where + " (" + j.Reason + ")")
		}
		rows = append(rows, []string{client.Label(j), j.Name, j.Tenant, j.State, strconv.Itoa(int(j.Ranks)),
			strconv.Itoa(int(j.TakenSlots())),
			timespan.String(j.Ran(now)), timespan.Limit(j.TimeLimit()), where})
	}
	return cli.Table(c.Out, "JOB NAME TENANT ST RANKS SLOTS TIME LIMIT NODES(REASON)", rows)
}
