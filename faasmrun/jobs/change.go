package jobs

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/faasmrun/session"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// JobCommands are the verbs about jobs.
func JobCommands() []*cobra.Command {
	return []*cobra.Command{queueCommand(), historyCommand(), showCommand(), explainCommand(), stepsCommand(),
		cancelCommand(),
		changeCommand("hold", "held", "keep waiting jobs from starting", schedpb.Action_ACTION_HOLD),
		changeCommand("release", "released", "let held jobs start", schedpb.Action_ACTION_RELEASE),
		changeCommand("requeue", "being requeued", "end running jobs and queue them again", schedpb.Action_ACTION_REQUEUE),
		session.AttachCommand(), waitCommand(), session.LogsCommand()}
}

// cancelCommand is faasmrun cancel.
func cancelCommand() *cobra.Command {
	var kill bool
	var reason string
	c := changing("cancel", "being cancelled", "end jobs", func() *schedpb.ChangeRequest {
		return &schedpb.ChangeRequest{Action: schedpb.Action_ACTION_CANCEL, Kill: kill, Reason: reason}
	})
	c.Flags().BoolVar(&kill, "kill", false, "kill the ranks at once, without asking them first where they stand")
	c.Flags().StringVar(&reason, "reason", "", "why: it is kept in the job's record")
	return c
}

// changeCommand is a verb that does one thing to jobs: hold, release, requeue.
func changeCommand(verb, done, short string, action schedpb.Action) *cobra.Command {
	return changing(verb, done, short, func() *schedpb.ChangeRequest { return &schedpb.ChangeRequest{Action: action} })
}

func changing(verb, done, short string, request func() *schedpb.ChangeRequest) *cobra.Command {
	var f client.ClusterFlags
	c := &cobra.Command{
		Use: verb + " JOB…", Short: short, Args: cobra.MinimumNArgs(1),
		Long: "faasmrun " + verb + ": " + short + "." + client.SelectorHelp,
		RunE: func(_ *cobra.Command, words []string) error {
			return f.With(func(c *client.Cluster) (err error) {
				req := request()
				if req.Ids, err = c.SelectJobs(words); err != nil || len(req.Ids) == 0 {
					return err // of "all" there may be none
				}
				answer, err := c.JobService.Change(c.Ctx, req)
				if err != nil {
					return c.Refusal(err)
				}
				return printChanges(c, done, answer.Jobs)
			})
		},
	}
	c.ValidArgsFunction = f.CompleteJobs(false)
	f.Add(c)
	return c
}

// changeRecord is what --json shows of a change.
type changeRecord struct {
	ID    uint64 `json:"id"`
	Error string `json:"error,omitempty"`
}

func printChanges(c *client.Cluster, done string, jobs []*schedpb.Changed) error {
	failed := false
	var all []changeRecord
	for _, j := range jobs {
		if j.Error != "" {
			failed = true
			if j.Error == fmt.Sprintf("there is no job %d", j.Id) {
				j.Error = c.Unknown(j.Id).Error() // perhaps there is, and it is another's
			}
		}
		all = append(all, changeRecord{j.Id, j.Error})
		if j.Error != "" {
			cli.Say(os.Stderr, "%s", j.Error)
		} else if !c.Json {
			fmt.Fprintf(c.Out, "job %d is %s\n", j.Id, done)
		}
	}
	if c.Json {
		if err := cli.PrintJSON(c.Out, all); err != nil {
			return err
		}
	}
	if failed {
		return cli.Silently(cli.StatusFailed)
	}
	return nil
}
