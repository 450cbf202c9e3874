package jobs

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// DrainCommand is faasmrun drain.
func DrainCommand() *cobra.Command {
	var reason string
	c := draining("drain", "draining", "keep new jobs off workers; those that run there go on",
		func() *schedpb.DrainRequest {
			return &schedpb.DrainRequest{Reason: reason}
		})
	c.Flags().StringVar(&reason, "reason", "", "what listings say about it")
	return c
}

// ResumeCommand is faasmrun resume.
func ResumeCommand() *cobra.Command {
	return draining("resume", "open for jobs", "let jobs on drained workers again",
		func() *schedpb.DrainRequest { return &schedpb.DrainRequest{Resume: true} })
}

func draining(verb, done, short string, request func() *schedpb.DrainRequest) *cobra.Command {
	var f client.ClusterFlags
	c := &cobra.Command{
		Use: verb + " NODE…", Short: short, Args: cobra.MinimumNArgs(1),
		Long: "faasmrun " + verb + ": " + short + ". For administrators: root and the scheduler's own user.",
		RunE: func(_ *cobra.Command, names []string) error {
			return f.With(func(c *client.Cluster) error {
				for _, name := range names {
					req := request()
					req.Node = name
					if _, err := c.ClusterService.Drain(c.Ctx, req); err != nil {
						return c.Refusal(err)
					}
					fmt.Fprintf(c.Out, "%s is %s\n", name, done)
				}
				return nil
			})
		},
	}
	c.ValidArgsFunction = f.CompleteNodes
	f.AddAddress(c)
	return c
}
