package jobs

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/internal/bytesize"
	"github.com/faasmrun/faasmrun/internal/timespan"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// showCommand is faasmrun show: everything about a job.
func showCommand() *cobra.Command {
	var f client.ClusterFlags
	c := &cobra.Command{
		Use: "show JOB…", Short: "show everything about jobs", Args: cobra.MinimumNArgs(1),
		Long: "faasmrun show prints all that is known of jobs; with --json their specifications too." +
			client.SelectorHelp,
		RunE: func(_ *cobra.Command, words []string) error {
			return f.With(func(c *client.Cluster) error {
				ids, err := c.SelectJobs(words)
				if err != nil {
					return err
				}
				jobs, specs, err := c.List(&schedpb.ListRequest{Ids: ids, Everyone: true, Spec: true})
				if err != nil {
					return err
				}
				if err := missing(ids, jobs); err != nil {
					return err
				}
				return printJobs(c, jobs, specs)
			})
		},
	}
	c.ValidArgsFunction = f.CompleteJobs(true)
	f.Add(c)
	return c
}

func printJobs(c *client.Cluster, jobs []*schedpb.JobInfo, specs []*schedpb.JobSpec) error {
	all := records(jobs, time.Now())
	if c.Json {
		for i := range all {
			all[i].Spec = specs[i]
		}
		return cli.PrintJSON(c.Out, all)
	}
	for i := range all {
		if i > 0 {
			fmt.Fprintln(c.Out)
		}
		printJob(c, jobs[i], &all[i], specs[i])
	}
	return nil
}

func printJob(c *client.Cluster, j *schedpb.JobInfo, r *jobRecord, spec *schedpb.JobSpec) {
	fmt.Fprintf(c.Out, "job %s  %s\n", client.Label(j), cli.Visible(r.Name))
	lines := [][2]string{{"state", r.State}, {"reason", r.Reason}, {"tenant", r.Tenant},
		{"ranks", strconv.Itoa(int(r.Ranks))}, {"slots", strconv.Itoa(int(r.Slots))},
		{"nodes", strings.Join(r.Nodes, ",")}, {"qos", r.QOS}, {"reservation", r.In},
		{"may run on", strings.Join(spec.GetHosts(), ",")},
		{"never on", strings.Join(spec.GetExcludedHosts(), ",")},
		{"resources", client.ResourcesText(spec.GetResources())}, {"has", unitsText(j.Units)},
		{"constraint", client.ConstraintText(spec.GetConstraint())},
		{"limit", timespan.Limit(j.TimeLimit())}, {"begins", momentText(spec.GetBeginUnixNs())},
		{"deadline", momentText(spec.GetEndByUnixNs())}, {"submitted", r.Submitted},
		{"started", r.Started}, {"ended", r.Ended}}
	if r.Ended != "" {
		lines = append(lines, [2]string{"exit code", strconv.Itoa(int(r.ExitCode))},
			[2]string{"waited", timespan.String(j.Waited(time.Now()))},
			[2]string{"ran", timespan.String(j.Ran(time.Now()))},
			[2]string{"cpu", time.Duration(j.CpuNs).Round(time.Millisecond).String()},
			[2]string{"memory", bytesize.Short(j.MaxRssBytes)},
			[2]string{"MPI", bytesize.Short(j.MpiBytes)})
	}
	if r.Restarts > 0 {
		lines = append(lines, [2]string{"restarts", strconv.Itoa(int(r.Restarts))})
	}
	for _, app := range spec.Decoded().GetApps() {
		lines = append(lines, [2]string{"program", cli.Visible(fmt.Sprintf("%s (%d ranks%s in %s)",
			strings.Join(append([]string{app.Program}, app.Args...), " "), app.Ranks, perRank(app), app.Dir))})
	}
	for _, line := range lines {
		if line[1] != "" {
			fmt.Fprintf(c.Out, "  %-11s %s\n", line[0], strings.ReplaceAll(cli.Plain(line[1]), "\n", "\n              "))
		}
	}
}

// unitsText names what a job has of its worker's resources.
func unitsText(units []*schedpb.Unit) string {
	var words []string
	for _, u := range units {
		words = append(words, fmt.Sprintf("%s %d", u.GetName(), u.GetNumber()))
	}
	return strings.Join(words, ", ")
}

// momentText writes a moment in local time; nothing where there is none.
func momentText(unixNs int64) string {
	if unixNs == 0 {
		return ""
	}
	return time.Unix(0, unixNs).Format(time.RFC3339)
}

// perRank says how many processors each rank was asked for, if that was said.
func perRank(app *schedpb.App) string {
	if app.CpusPerRank == 0 {
		return ""
	}
	return fmt.Sprintf(" of %d processors", app.CpusPerRank)
}

// missing is an error when one of the jobs that were asked for is not among those found.
func missing(ids []uint64, found []*schedpb.JobInfo) error {
	have := map[uint64]bool{}
	for _, j := range found {
		have[j.Id] = true
	}
	for _, id := range ids {
		if id &^= schedpb.JobAlone; !have[id] {
			return cli.Failure(cli.StatusFailed, fmt.Sprintf("there is no job %d", id))
		}
	}
	return nil
}
