package main

import (
	"context"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
)

// attachCommand is faasmrun attach: a job as its launcher sees it, from its first line to its exit status.
func attachCommand() *cobra.Command {
	var f clusterFlags
	c := &cobra.Command{
		Use: "attach JOB", Short: "look at a job as its launcher would", Args: cobra.ExactArgs(1),
		Long: "faasmrun attach prints a job's output from its beginning, stays until the job has ended, and exits with its status. Ctrl-C leaves\n" +
			"the job alone; Ctrl-\\ shows where each rank stands. " + selectorHelp,
		RunE: func(_ *cobra.Command, words []string) error {
			return f.with(func(c *cluster) error {
				j, err := c.one("attach", words)
				if err != nil {
					return err
				}
				if err := c.checkLogIsThere(j); err != nil {
					return err
				}
				signals := listen()
				defer signal.Stop(signals)
				s := &session{request: &request{}, job: j.Id, ranks: int(j.Ranks), jobs: c.jobs, notes: os.Stderr, maps: os.Stdout,
					attached: true, signals: signals, live: isTerminal(os.Stdout), stopSelf: stopProcess,
					display: newDisplay(outputOptions{}, int(j.Ranks), os.Stdout, os.Stderr)}
				// Not with the context of f.with, which a signal ends: here they are the session's.
				if status := s.run(context.Background()); status != 0 {
					return &statusError{status}
				}
				return nil
			})
		},
	}
	c.ValidArgsFunction = f.completeJobs(true)
	f.addAddress(c)
	return c
}
