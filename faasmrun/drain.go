package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// drainCommand is faasmrun drain.
func drainCommand() *cobra.Command {
	var reason string
	c := draining("drain", "draining", "keep new jobs off workers; those that run there go on", func() *schedpb.DrainRequest {
		return &schedpb.DrainRequest{Reason: reason}
	})
	c.Flags().StringVar(&reason, "reason", "", "what listings say about it")
	return c
}

// resumeCommand is faasmrun resume.
func resumeCommand() *cobra.Command {
	return draining("resume", "open for jobs", "let jobs on drained workers again",
		func() *schedpb.DrainRequest { return &schedpb.DrainRequest{Resume: true} })
}

func draining(verb, done, short string, request func() *schedpb.DrainRequest) *cobra.Command {
	var f clusterFlags
	c := &cobra.Command{
		Use: verb + " NODE…", Short: short, Args: cobra.MinimumNArgs(1),
		Long: "faasmrun " + verb + ": " + short + ". For administrators: root and the scheduler's own user.",
		RunE: func(_ *cobra.Command, names []string) error {
			return f.with(func(c *cluster) error {
				for _, name := range names {
					req := request()
					req.Node = name
					if _, err := c.nodes.Drain(c.ctx, req); err != nil {
						return c.refusal(err)
					}
					fmt.Fprintf(c.out, "%s is %s\n", name, done)
				}
				return nil
			})
		},
	}
	c.ValidArgsFunction = f.completeNodes
	f.addAddress(c)
	return c
}
