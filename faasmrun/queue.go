package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// queueCommand is faasmrun queue: the jobs that have not ended.
func queueCommand() *cobra.Command {
	var f clusterFlags
	var mine, all bool
	var states string
	c := &cobra.Command{
		Use: "queue", Short: "list the jobs that wait or run", Args: cobra.NoArgs,
		Long: "faasmrun queue lists the jobs that have not ended, everyone's. Of other tenants' jobs the name is not shown.",
		RunE: func(*cobra.Command, []string) error {
			return f.with(func(c *cluster) error {
				jobs, _, err := c.list(&schedpb.ListRequest{Everyone: !mine, Any: all, States: stateList(states)})
				if err != nil {
					return err
				}
				return c.printQueue(jobs)
			})
		},
	}
	f.add(c)
	c.Flags().BoolVar(&all, "all", false, "those that have ended, too")
	c.Flags().BoolVar(&mine, "mine", false, "your own jobs only")
	c.Flags().StringVarP(&states, "states", "t", "", "jobs in these states only: PD,R")
	return c
}

func stateList(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.ToUpper(text), ",")
}

func (c *cluster) printQueue(jobs []*schedpb.JobInfo) error {
	now := time.Now()
	if c.json {
		return printJSON(c.out, records(jobs, now))
	}
	var rows [][]string
	for _, j := range jobs {
		where := strings.Join(nodeNames(j), ",")
		if j.Reason != "" {
			where = strings.TrimSpace(where + " (" + j.Reason + ")")
		}
		rows = append(rows, []string{label(j), j.Name, j.Tenant, j.State, strconv.Itoa(int(j.Ranks)), span(ran(j, now)), limitText(j), where})
	}
	return table(c.out, "JOB NAME TENANT ST RANKS TIME LIMIT NODES(REASON)", rows)
}
