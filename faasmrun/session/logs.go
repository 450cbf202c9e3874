package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/scheduler/jobstate"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// LogsCommand is faasmrun logs: what a job's ranks have printed.
func LogsCommand() *cobra.Command {
	var f client.ClusterFlags
	var follow bool
	var o OutputOptions
	var label bool
	var files statsFiles
	c := &cobra.Command{
		Use: "logs JOB", Short: "print what a job's ranks have printed", Args: cobra.ExactArgs(1),
		Long: "faasmrun logs prints a job's output so far; with -f also what follows, until the job has ended. The worker " +
			"that ran the job keeps the output." + client.SelectorHelp,
		RunE: func(_ *cobra.Command, words []string) error {
			return f.With(func(c *client.Cluster) error {
				j, err := c.One("logs", words)
				if err != nil {
					return err
				}
				if label {
					o.Tag = TagRank
				}
				return logs(c, j, follow, o, files)
			})
		},
	}
	c.ValidArgsFunction = f.CompleteJobs(true)
	f.AddAddress(c)
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the job has ended")
	c.Flags().BoolVarP(&label, "label", "l", false, "begin each line with its rank")
	c.Flags().BoolVar(&o.Timestamp, "timestamp", false, "begin each line with the time at which it was written")
	c.Flags().StringVar(&files.mpi, "mpi-stats", "",
		"write the MPI statistics of a job that ran with --mpi-stats to this file as JSON, not to stderr")
	c.Flags().StringVar(&files.openMP, "omp-stats", "",
		"write the OpenMP statistics of a job that ran with --omp-stats to this file as JSON, not to stderr")
	return c
}

// statsFiles are where statistics go; "": to stderr.
type statsFiles struct{ mpi, openMP string }

func logs(c *client.Cluster, j *schedpb.JobInfo, follow bool, o OutputOptions, files statsFiles) error {
	if err := checkLogIsThere(c, j); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(c.Ctx)
	ch := newChannel(c.JobService,
		&schedpb.AttachOpen{JobId: j.Id, Output: true, Once: !follow, Onlooker: true})
	defer func() { cancel(); <-ch.done }()
	go ch.run(ctx)
	show := NewDisplay(o, int(j.Ranks), c.Out, os.Stderr)
	end, lost, err := readLog(ch, show, follow)
	if err != nil {
		return err
	}
	show.Finish()
	// Who reads once has no end to wait for: the scheduler ends the stream.
	if end == nil && (c.Ctx.Err() != nil || !errors.Is(ch.err, io.EOF)) {
		return c.Refusal(ch.err)
	}
	if failure := show.failure(); failure != nil {
		return failure
	}
	sayEnd(j, end)
	if lost != nil {
		return lost
	}
	if err := showStats(show, files.mpi); err != nil {
		return err
	}
	return showOpenMPStats(show, files.openMP)
}

// readLog shows what comes, until there is no more: why is what the worker says of output that is not there, err a
// failure to write.
func readLog(ch *channel, show *display, follow bool) (end *schedpb.JobEnd, why, err error) {
	take := func(out *schedpb.Output) {
		show.Output(out)
		if follow {
			show.Flush()
		}
	}
	for {
		select {
		case m, ok := <-ch.events:
			switch {
			case !ok:
				return end, why, nil
			case m.GetEnd() != nil:
				end = m.GetEnd()
			case m.GetOutputLost() != nil:
				why = cli.Failure(cli.StatusFailed, m.GetOutputLost().Why)
			case m.GetOutput() != nil: // from a scheduler of release 0.1
				take(m.GetOutput())
			}
			for _, out := range m.GetBatch().GetOutput() {
				take(out)
			}
			if failure := show.failure(); failure != nil {
				return end, why, failure
			}
		case text := <-ch.notes:
			cli.Say(os.Stderr, "%s", text)
		}
	}
}

// sayEnd says behind a job's output how it failed, if it did, with the stack and where the ranks stood: on stderr, so
// that the output is what the ranks have printed and nothing else.
func sayEnd(j *schedpb.JobInfo, end *schedpb.JobEnd) {
	if end == nil || end.State == jobstate.Completed {
		return
	}
	text := end.Reason
	if text == "" {
		text = fmt.Sprintf("it ended in state %s with status %d", end.State, end.ExitCode)
	}
	lines := cli.AllVisible(end.GetRankStates().FirstLines())
	if len(lines) > 0 {
		text += "\nwhere the ranks stood:"
	}
	cli.Say(os.Stderr, "job %s: %s", client.Label(j), cli.Plain(strings.Join(append([]string{text}, lines...), "\n")))
}

// showStats shows what the ranks' MPI has left, if the job was asked to keep it and has ended.
func showStats(show *display, file string) error {
	stats, err := show.mpiStats()
	switch {
	case err != nil:
		return err
	case stats == nil && file != "":
		return cli.Failure(cli.StatusFailed,
			"the job's output ends in no MPI statistics: they are kept when it has ended, if it was submitted with --mpi-stats")
	case stats == nil:
		return nil
	case file != "":
		return writeStatsFile(file, stats.Encode())
	}
	writeStats(os.Stderr, stats)
	return nil
}

// checkLogIsThere finds out beforehand whether the worker that keeps the log is away: a log that can't be read is no
// empty one.
func checkLogIsThere(c *client.Cluster, j *schedpb.JobInfo) error {
	if len(j.Nodes) == 0 || j.EndedUnixNs == 0 {
		return nil // it has none yet, or the scheduler waits for its worker
	}
	answer, err := c.ClusterService.Nodes(c.Ctx, &schedpb.NodesRequest{})
	if err != nil {
		return c.Refusal(err)
	}
	for _, n := range answer.Nodes {
		if n.Name == j.Nodes[0].Node && n.Connected {
			return nil
		}
	}
	return cli.Failure(cli.StatusFailed, fmt.Sprintf("the output of job %d is on %s, which is not connected", j.Id,
		j.Nodes[0].Node))
}

// showOpenMPStats shows what the ranks' OpenMP has left, likewise.
func showOpenMPStats(show *display, file string) error {
	stats, err := show.openMPStats()
	switch {
	case err != nil:
		return err
	case stats == nil && file != "":
		return cli.Failure(cli.StatusFailed,
			"the job's output ends in no OpenMP statistics: they are kept when it has ended, if it was submitted with "+
				"--omp-stats")
	case stats == nil:
		return nil
	case file != "":
		return writeStatsFile(file, stats.Encode())
	}
	writeOpenMPStats(os.Stderr, stats)
	return nil
}
