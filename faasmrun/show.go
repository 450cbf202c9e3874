package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// showCommand is faasmrun show: everything about a job.
func showCommand() *cobra.Command {
	var f clusterFlags
	c := &cobra.Command{
		Use: "show JOB…", Short: "show everything about jobs", Args: cobra.MinimumNArgs(1),
		Long: "faasmrun show shows all there is to know about jobs; their specifications, too, with --json. " + selectorHelp,
		RunE: func(_ *cobra.Command, words []string) error {
			return f.with(func(c *cluster) error {
				ids, err := c.selectJobs(words)
				if err != nil {
					return err
				}
				jobs, specs, err := c.list(&schedpb.ListRequest{Ids: ids, Everyone: true, Spec: true})
				if err != nil {
					return err
				}
				if err := missing(ids, jobs); err != nil {
					return err
				}
				return c.printJobs(jobs, specs)
			})
		},
	}
	c.ValidArgsFunction = f.completeJobs(true)
	f.add(c)
	return c
}

func (c *cluster) printJobs(jobs []*schedpb.JobInfo, specs []*schedpb.JobSpec) error {
	all := records(jobs, time.Now())
	if c.json {
		for i := range all {
			all[i].Spec = specs[i]
		}
		return printJSON(c.out, all)
	}
	for i := range all {
		if i > 0 {
			fmt.Fprintln(c.out)
		}
		c.printJob(jobs[i], &all[i], specs[i])
	}
	return nil
}

func (c *cluster) printJob(j *schedpb.JobInfo, r *jobRecord, spec *schedpb.JobSpec) {
	fmt.Fprintf(c.out, "job %s  %s\n", label(j), visible(r.Name))
	lines := [][2]string{{"state", r.State}, {"reason", r.Reason}, {"tenant", r.Tenant}, {"ranks", strconv.Itoa(int(r.Ranks))},
		{"nodes", strings.Join(r.Nodes, ",")}, {"qos", r.QOS}, {"reservation", r.In}, {"may run on", strings.Join(spec.GetHosts(), ",")},
		{"constraint", constraintText(spec.GetConstraint())}, {"limit", limitText(j)}, {"submitted", r.Submitted},
		{"started", r.Started}, {"ended", r.Ended}}
	if r.Ended != "" {
		lines = append(lines, [2]string{"exit code", strconv.Itoa(int(r.ExitCode))}, [2]string{"waited", span(waited(j, time.Now()))},
			[2]string{"ran", span(ran(j, time.Now()))}, [2]string{"cpu", time.Duration(j.CpuNs).Round(time.Millisecond).String()},
			[2]string{"memory", bytesText(j.MaxRssBytes)},
			[2]string{"MPI", bytesText(j.MpiBytes)})
	}
	if r.Restarts > 0 {
		lines = append(lines, [2]string{"restarts", strconv.Itoa(int(r.Restarts))})
	}
	for _, app := range spec.Decoded().GetApps() {
		lines = append(lines, [2]string{"program", visible(fmt.Sprintf("%s (%d ranks in %s)",
			strings.Join(append([]string{app.Program}, app.Args...), " "), app.Ranks, app.Dir))})
	}
	for _, line := range lines {
		if line[1] != "" {
			fmt.Fprintf(c.out, "  %-11s %s\n", line[0], strings.ReplaceAll(plain(line[1]), "\n", "\n              "))
		}
	}
}

// missing is an error when one of the jobs that were asked for is not among those found.
func missing(ids []uint64, found []*schedpb.JobInfo) error {
	have := map[uint64]bool{}
	for _, j := range found {
		have[j.Id] = true
	}
	for _, id := range ids {
		if id &^= schedpb.JobAlone; !have[id] {
			return &launchError{statusFailed, fmt.Sprintf("there is no job %d", id)}
		}
	}
	return nil
}
