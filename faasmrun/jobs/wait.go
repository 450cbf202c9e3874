package jobs

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/faasmrun/session"
	"github.com/faasmrun/faasmrun/scheduler/jobstate"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// waitCommand is faasmrun wait: until jobs have ended.
func waitCommand() *cobra.Command {
	var f client.ClusterFlags
	c := &cobra.Command{
		Use: "wait JOB…", Short: "wait until jobs have ended", Args: cobra.MinimumNArgs(1),
		Long: "faasmrun wait returns when all given jobs have ended. Its exit status is that of the first of them " +
			"that failed, or 0. If the scheduler restarts meanwhile, it waits for the scheduler too." + client.SelectorHelp,
		RunE: func(_ *cobra.Command, words []string) error {
			return f.With(func(c *client.Cluster) error {
				ids, err := c.SelectJobs(words)
				if err != nil || len(ids) == 0 {
					return err
				}
				if _, err := c.Find(ids); err != nil {
					return err
				}
				return Wait(c, ids)
			})
		},
	}
	c.ValidArgsFunction = f.CompleteJobs(true)
	f.Add(c)
	return c
}

// How long wait looks for a scheduler that has gone, and how often.
const (
	lostPatience = 2 * time.Minute
	lostPause    = 250 * time.Millisecond
)

// Wait returns when jobs have ended; its error has the exit status of the first of them that failed.
func Wait(c *client.Cluster, ids []uint64) error {
	last := map[uint64]*schedpb.JobInfo{}
	var gone time.Time // since when there is no scheduler
	for {
		answered, err := watchJobs(c, ids, last)
		if errors.Is(err, io.EOF) {
			break
		}
		if answered || gone.IsZero() {
			gone = time.Now()
			if client.Unavailable(err) && c.Ctx.Err() == nil {
				cli.Say(os.Stderr, "the scheduler at %s is gone; waiting for it to come back", c.Address)
			}
		}
		if !client.Unavailable(err) || c.Ctx.Err() != nil || time.Since(gone) > lostPatience {
			return c.Refusal(err)
		}
		c.Pause(lostPause)
	}
	return printEnds(c, last)
}

// watchJobs follows jobs to their ends, or to the stream's.
func watchJobs(c *client.Cluster, ids []uint64, last map[uint64]*schedpb.JobInfo) (answered bool, err error) {
	stream, err := c.JobService.Watch(c.Ctx, &schedpb.WatchRequest{Ids: ids})
	if err != nil {
		return false, err
	}
	for {
		news, err := stream.Recv()
		if err != nil {
			return answered, err
		}
		answered = true
		for _, j := range news.Jobs {
			last[j.Id] = j
		}
	}
}

// printEnds says how jobs have ended, and gives the status of the first that failed.
func printEnds(c *client.Cluster, last map[uint64]*schedpb.JobInfo) error {
	var ended []*schedpb.JobInfo
	status := 0
	for _, id := range sorted(last) {
		j := last[id]
		ended = append(ended, j)
		if status == 0 {
			status = session.ExitStatus(&schedpb.JobEnd{State: j.State, ExitCode: j.ExitCode})
		}
		if !c.Json && j.State != jobstate.Completed {
			cli.Say(os.Stderr, "job %d: %s", id, endText(j))
		}
	}
	if c.Json {
		if err := cli.PrintJSON(c.Out, records(ended, time.Now())); err != nil {
			return err
		}
	}
	if status != 0 {
		return cli.Silently(status)
	}
	return nil
}
