package main

import (
	"errors"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// waitCommand is faasmrun wait: until jobs have ended.
func waitCommand() *cobra.Command {
	var f clusterFlags
	c := &cobra.Command{
		Use: "wait JOB…", Short: "wait until jobs have ended", Args: cobra.MinimumNArgs(1),
		Long: "faasmrun wait returns when all the jobs have ended, with the exit status of the first of them that failed, or 0.\n" +
			"A scheduler that restarts meanwhile is waited for. " + selectorHelp,
		RunE: func(_ *cobra.Command, words []string) error {
			return f.with(func(c *cluster) error {
				ids, err := c.selectJobs(words)
				if err != nil || len(ids) == 0 {
					return err
				}
				if _, err := c.find(ids); err != nil {
					return err
				}
				return c.wait(ids)
			})
		},
	}
	c.ValidArgsFunction = f.completeJobs(true)
	f.add(c)
	return c
}

// How long wait looks for a scheduler that has gone, and how often.
const (
	lostPatience = 2 * time.Minute
	lostPause    = 250 * time.Millisecond
)

func (c *cluster) wait(ids []uint64) error {
	last := map[uint64]*schedpb.JobInfo{}
	var gone time.Time // since when there is no scheduler
	for {
		heard, err := c.watchJobs(ids, last)
		if errors.Is(err, io.EOF) {
			break
		}
		if heard || gone.IsZero() {
			gone = time.Now()
			if unavailable(err) && c.ctx.Err() == nil {
				say(os.Stderr, "the scheduler at %s is gone; waiting for it to come back", c.address)
			}
		}
		if !unavailable(err) || c.ctx.Err() != nil || time.Since(gone) > lostPatience {
			return c.refusal(err)
		}
		c.pause(lostPause)
	}
	return c.printEnds(last)
}

// watchJobs follows jobs to their ends, or to the stream's.
func (c *cluster) watchJobs(ids []uint64, last map[uint64]*schedpb.JobInfo) (heard bool, err error) {
	stream, err := c.jobs.Watch(c.ctx, &schedpb.WatchRequest{Ids: ids})
	if err != nil {
		return false, err
	}
	for {
		news, err := stream.Recv()
		if err != nil {
			return heard, err
		}
		heard = true
		for _, j := range news.Jobs {
			last[j.Id] = j
		}
	}
}

// printEnds says how jobs have ended, and gives the status of the first that failed.
func (c *cluster) printEnds(last map[uint64]*schedpb.JobInfo) error {
	var ended []*schedpb.JobInfo
	status := 0
	for _, id := range sorted(last) {
		j := last[id]
		ended = append(ended, j)
		if status == 0 {
			status = exitStatus(&schedpb.JobEnd{State: j.State, ExitCode: j.ExitCode}, false)
		}
		if !c.json && j.State != "CD" {
			say(os.Stderr, "job %d: %s", id, endText(j))
		}
	}
	if c.json {
		if err := printJSON(c.out, records(ended, time.Now())); err != nil {
			return err
		}
	}
	if status != 0 {
		return &statusError{status}
	}
	return nil
}
