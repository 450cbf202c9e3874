package session

import (
	"context"
	"os"
	"os/signal"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/client"
)

// AttachCommand is faasmrun attach: a job as its launcher sees it, from its first line to its exit status.
func AttachCommand() *cobra.Command {
	var f client.ClusterFlags
	c := &cobra.Command{
		Use: "attach JOB", Short: "look at a job as its launcher would", Args: cobra.ExactArgs(1),
		Long: "faasmrun attach prints a job's output from its beginning until the job has ended, and exits with the job's " +
			"status. Ctrl-C ends this command and not the job; Ctrl-\\ shows where each rank stands." + client.SelectorHelp,
		RunE: func(_ *cobra.Command, words []string) error {
			return f.With(func(c *client.Cluster) error {
				j, err := c.One("attach", words)
				if err != nil {
					return err
				}
				if err := checkLogIsThere(c, j); err != nil {
					return err
				}
				signals := cli.Listen()
				defer signal.Stop(signals)
				s := &Session{Job: j.Id, Ranks: int(j.Ranks), Jobs: c.JobService, Notes: os.Stderr, Maps: os.Stdout,
					attached: true, Signals: signals, Live: cli.IsTerminal(os.Stdout), StopSelf: client.StopProcess,
					Display: NewDisplay(OutputOptions{}, int(j.Ranks), os.Stdout, os.Stderr)}
				// Not with the context of f.with, which a signal ends: here they are the session's.
				if status := s.Run(context.Background()); status != 0 {
					return cli.Silently(status)
				}
				return nil
			})
		},
	}
	c.ValidArgsFunction = f.CompleteJobs(true)
	f.AddAddress(c)
	return c
}
