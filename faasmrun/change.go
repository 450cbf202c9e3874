package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// changeCommand is a verb that does one thing to jobs: cancel, hold, release, requeue.
func changeCommand(verb, done, short string, action schedpb.Action) *cobra.Command {
	var f clusterFlags
	req := &schedpb.ChangeRequest{Action: action}
	c := &cobra.Command{
		Use: verb + " JOB…", Short: short, Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, words []string) error {
			return f.with(func(c *cluster) (err error) {
				if req.Ids, err = c.selectJobs(words); err != nil {
					return err
				}
				answer, err := c.jobs.Change(c.ctx, req)
				if err != nil {
					return clusterError(err)
				}
				return c.printChanges(done, answer.Jobs)
			})
		},
	}
	f.add(c)
	if action == schedpb.Action_ACTION_CANCEL {
		c.Flags().BoolVar(&req.Kill, "kill", false, "at once, without asking the ranks where they stand")
		c.Flags().StringVar(&req.Reason, "reason", "", "what the job's record says about it")
	}
	return c
}

func (c *cluster) printChanges(done string, jobs []*schedpb.Changed) error {
	failed := false
	type outcome struct {
		ID    uint64 `json:"id"`
		Error string `json:"error,omitempty"`
	}
	var all []outcome
	for _, j := range jobs {
		all = append(all, outcome{j.Id, j.Error})
		switch {
		case j.Error != "":
			failed = true
			say(os.Stderr, "%s", j.Error)
		case !c.json:
			fmt.Fprintf(c.out, "job %d is %s\n", j.Id, done)
		}
	}
	if c.json {
		if err := printJSON(c.out, all); err != nil {
			return err
		}
	}
	if failed {
		return &statusError{statusFailed}
	}
	return nil
}

// waitCommand is faasmrun wait: until jobs have ended.
func waitCommand() *cobra.Command {
	var f clusterFlags
	c := &cobra.Command{
		Use: "wait JOB…", Short: "wait until jobs have ended", Args: cobra.MinimumNArgs(1),
		Long: "faasmrun wait returns when all the jobs have ended, with the exit status of the first of them that failed, or 0.",
		RunE: func(_ *cobra.Command, words []string) error {
			return f.with(func(c *cluster) error {
				ids, err := c.selectJobs(words)
				if err != nil || len(ids) == 0 {
					return err
				}
				return c.wait(ids)
			})
		},
	}
	f.add(c)
	return c
}

func (c *cluster) wait(ids []uint64) error {
	stream, err := c.jobs.Watch(c.ctx, &schedpb.WatchRequest{Ids: ids})
	if err != nil {
		return clusterError(err)
	}
	last := map[uint64]*schedpb.JobInfo{}
	for {
		news, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return clusterError(err)
		}
		for _, j := range news.Jobs {
			last[j.Id] = j
		}
	}
	var ended []*schedpb.JobInfo
	status := 0
	for _, id := range ids {
		if j := last[id]; j != nil {
			ended = append(ended, j)
			if status == 0 {
				status = exitStatus(&schedpb.JobEnd{State: j.State, ExitCode: j.ExitCode}, false)
			}
		}
	}
	if c.json {
		if err := c.printHistory(ended); err != nil {
			return err
		}
	}
	if status != 0 {
		return &statusError{status}
	}
	return nil
}

// logsCommand is faasmrun logs: what a job's ranks have printed.
func logsCommand() *cobra.Command {
	var f clusterFlags
	var follow, tag bool
	c := &cobra.Command{
		Use: "logs JOB", Short: "print what a job's ranks have printed", Args: cobra.ExactArgs(1),
		Long: "faasmrun logs prints a job's output so far; with -f also what follows, until the job has ended.",
		RunE: func(_ *cobra.Command, words []string) error {
			return f.with(func(c *cluster) error {
				ids, err := c.selectJobs(words)
				if err != nil {
					return err
				}
				if len(ids) != 1 {
					return usagef("logs shows one job; %d are named", len(ids))
				}
				return c.logs(ids[0], follow, tag)
			})
		},
	}
	f.add(c)
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the job has ended")
	c.Flags().BoolVarP(&tag, "label", "l", false, "begin each line with its rank")
	return c
}

func (c *cluster) logs(id uint64, follow, tag bool) error {
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	jobs, _, err := c.list(&schedpb.ListRequest{Ids: []uint64{id}})
	if err != nil {
		return err
	}
	if len(jobs) == 0 {
		return &launchError{statusFailed, fmt.Sprintf("there is no job %d", id)}
	}
	stream, err := c.jobs.Attach(ctx)
	if err == nil {
		err = stream.Send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Open{
			Open: &schedpb.AttachOpen{JobId: id, Output: true, Once: !follow}}})
	}
	if err != nil {
		return clusterError(err)
	}
	options := outputOptions{}
	if tag {
		options.tag = tagRank
	}
	show := newDisplay(options, int(jobs[0].Ranks), c.out, os.Stderr)
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			show.finish()
			return clusterError(err)
		}
		if o := m.GetOutput(); o != nil {
			show.output(o)
			if follow {
				show.flush()
			}
		}
	}
	show.finish()
	if failure := show.failure(); failure != nil {
		return failure
	}
	return nil
}
