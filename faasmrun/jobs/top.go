package jobs

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/faasmrun/session"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/tui"
)

// TopCommand is faasmrun top: the queue and the workers, live.
func TopCommand() *cobra.Command {
	var f client.ClusterFlags
	c := &cobra.Command{
		Use: "top", Short: "show the queue and the workers, live", Args: cobra.NoArgs,
		Long: "faasmrun top shows the workers and the queue as they change, a job's ranks and its log, and cancels jobs. ? " +
			"shows its keys. With\n" +
			"NO_COLOR set it uses no colours.",
		RunE: func(*cobra.Command, []string) error {
			if !cli.IsTerminal(os.Stdin) || !cli.IsTerminal(os.Stdout) {
				return cli.Failure(cli.StatusFailed, "top needs a terminal; faasmrun queue and faasmrun nodes print lists")
			}
			return f.With(func(c *client.Cluster) error { return tui.Run(c.Ctx, c.Address, topCluster{c}) })
		},
	}
	f.AddAddress(c)
	return c
}

// topCluster is the cluster as top sees it.
type topCluster struct{ *client.Cluster }

// Watch implements tui.Cluster.
func (c topCluster) Watch(ctx context.Context, tell func(*schedpb.WatchResponse)) error {
	stream, err := c.JobService.Watch(ctx, &schedpb.WatchRequest{Everyone: true})
	for err == nil {
		var m *schedpb.WatchResponse
		if m, err = stream.Recv(); err == nil {
			tell(m)
		}
	}
	return c.words(err)
}

// Jobs implements tui.Cluster.
func (c topCluster) Jobs(ctx context.Context, ids []uint64) ([]*schedpb.JobInfo, error) {
	answer, err := c.JobService.List(ctx, &schedpb.ListRequest{Ids: ids, Everyone: true})
	return answer.GetJobs(), err
}

// words turns a stream's end into what a person is told; the end of what there is to tell is none.
func (c topCluster) words(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return c.Refusal(err)
}

// Ranks implements tui.Cluster.
func (c topCluster) Ranks(ctx context.Context, job uint64) ([]string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.follow(ctx, job, false)
	if err == nil {
		err = stream.Send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_QueryRanks{QueryRanks: &schedpb.QueryRanks{}}})
	}
	if err != nil {
		return nil, c.Refusal(err)
	}
	for {
		m, err := stream.Recv()
		if err != nil {
			return nil, c.words(err)
		}
		if end := m.GetEnd(); end != nil {
			return cli.AllVisible(end.GetRankStates().Lines()), nil
		}
		if states := m.GetRankStates(); states != nil {
			return cli.AllVisible(states.Lines()), nil
		}
	}
}

func (c topCluster) follow(ctx context.Context, job uint64,
	output bool) (grpc.BidiStreamingClient[schedpb.AttachRequest, schedpb.AttachResponse], error) {
	stream, err := c.JobService.Attach(ctx)
	if err == nil {
		err = stream.Send(&schedpb.AttachRequest{Msg: &schedpb.AttachRequest_Open{Open: &schedpb.AttachOpen{JobId: job,
			Output: output, Onlooker: true}}})
	}
	return stream, err
}

// told is a writer that tells what is written.
type told func(string)

// Write implements io.Writer.
func (t told) Write(p []byte) (int, error) {
	t(string(p))
	return len(p), nil
}

// Logs implements tui.Cluster.
func (c topCluster) Logs(ctx context.Context, job uint64, tell func(string)) error {
	stream, err := c.follow(ctx, job, true)
	show := session.NewDisplay(session.OutputOptions{}, manyRanks, told(tell), told(tell))
	for err == nil {
		var m *schedpb.AttachResponse
		if m, err = stream.Recv(); err != nil {
			break
		}
		if lost := m.GetOutputLost(); lost != nil {
			show.Flush()
			tell("(" + lost.Why + ")\n")
		}
		if m.GetOutput() != nil {
			show.Output(m.GetOutput())
			show.Flush()
		}
	}
	show.Finish()
	return c.words(err)
}

// manyRanks has a display put lines together: two streams share the screen even when there is one rank.
const manyRanks = 2

// Cancel implements tui.Cluster.
func (c topCluster) Cancel(ctx context.Context, job uint64) error {
	answer, err := c.JobService.Change(ctx, &schedpb.ChangeRequest{Ids: []uint64{job},
		Action: schedpb.Action_ACTION_CANCEL})
	if err != nil {
		return c.Refusal(err)
	}
	for _, j := range answer.Jobs {
		if j.Error != "" {
			return errors.New(j.Error)
		}
	}
	return nil
}
