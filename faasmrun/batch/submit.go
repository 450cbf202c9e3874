// Package batch owns faasmrun submit: job scripts, their directives, and handing a job to the scheduler.
package batch

import (
	"fmt"
	"io"
	"os"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/faasmrun/launch"
	"github.com/faasmrun/faasmrun/faasmrun/machine"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// Waiter waits for jobs' ends; its error has the first failure's exit status.
type Waiter func(c *client.Cluster, ids []uint64) error

// SubmitVerb is faasmrun submit: it hands a job to a cluster, and waits for it only if it is told to.
func SubmitVerb(args []string, wait Waiter) int { return submitVerb(args, wait, false) }

// submitVerb is submit, and sbatch, which says the same in Slurm's words.
func submitVerb(args []string, wait Waiter, sbatch bool) int {
	r, x, notes, err := parseSubmit(args)
	if err != nil {
		return cli.Fail(err)
	}
	switch {
	case r.Help:
		WriteSubmitHelp(os.Stdout)
		return 0
	case r.Version:
		return cli.VersionVerb()
	}
	if !r.Quiet {
		for _, note := range notes {
			cli.Say(os.Stderr, "%s", note)
		}
	}
	if err := submitJob(r, x, wait, sbatch); err != nil {
		return cli.Fail(err)
	}
	return 0
}

// parseSubmit reads a command line, and the script if it names one. x is nil for a program.
func parseSubmit(args []string) (r *launch.Request, x *script, notes []string, err error) {
	r = &launch.Request{Batch: &launch.Batch{}, Stdin: schedpb.StdinTo_STDIN_NONE}
	if err := r.ParseSegments(args); err != nil || r.Help || r.Version {
		return r, nil, nil, err
	}
	command := r.Batch.Wrap
	switch {
	case command != "" && len(r.Segments) > 0:
		return nil, nil, nil, cli.Usagef("--wrap and %s exclude each other", r.Segments[0].Program)
	case command != "":
		if x, err = checkScript(&script{wrapScript, []byte("#!/bin/sh\n# made by --wrap\n\n" + command + "\n")}); err == nil {
			r, notes, err = parseScriptJob(x, args)
		}
		return r, x, notes, err
	case len(r.Segments) == 0:
		return nil, nil, nil, cli.Usagef("no program was named")
	}
	s := r.Segments[0]
	if x, err = readScript(s.Program); err != nil {
		return nil, nil, nil, err
	}
	if x == nil {
		note, err := r.Segments[0].SettleTasks(r.Batch)
		if note != "" {
			notes = append(notes, note)
		}
		return r, nil, notes, err
	}
	if len(r.Segments) > 1 {
		return nil, nil, nil, cli.Usagef("the script %s stands alone: it is no part of several programs", s.Program)
	}
	if r, notes, err = parseScriptJob(x, args[:len(args)-1-len(s.Args)]); err == nil {
		r.Segments[0].Args = s.Args
	}
	return r, x, notes, err
}

func submitJob(r *launch.Request, x *script, wait Waiter, sbatch bool) error {
	for i := range r.Segments {
		if s := &r.Segments[i]; s.Ranks == 0 && s.PerNode == 0 && s.Ppr.Ranks == 0 {
			s.Ranks = 1 // this machine's cores say nothing about the cluster's
		}
	}
	if _, err := r.Place(machine.This(), true); err != nil {
		return err
	}
	if err := r.SettleMemory(); err != nil {
		return err
	}
	var spec *schedpb.JobSpec
	var modules map[string]*launch.Module
	var err error
	if x != nil {
		spec, err = r.PrepareScript(x.text, x.name, r.Segments[0].Args, os.Environ())
	} else {
		spec, modules, err = r.Prepare(os.Environ())
	}
	if err != nil {
		return err
	}
	b := r.Batch
	if b.Stdin != "" {
		if spec.Script == nil {
			return cli.Usagef("--input is for jobs with a script")
		}
		spec.Script.Stdin = b.Stdin
	}
	if b.Warning != nil {
		if spec.Script == nil {
			return cli.Usagef("--signal is for jobs with a script")
		}
		spec.Script.Warning = b.Warning
	}
	if r.Mpi.StatsFile != "" {
		return cli.Usagef("--mpi-stats=%s: the statistics of a job that is submitted stand behind its output; faasmrun "+
			"logs --mpi-stats %s JOB writes them to a file",
			r.Mpi.StatsFile, r.Mpi.StatsFile)
	}
	if r.OpenMP.StatsFile != "" {
		return cli.Usagef("--omp-stats=%s: the statistics of a job that is submitted stand behind its output; faasmrun "+
			"logs --omp-stats %s JOB writes them to a file",
			r.OpenMP.StatsFile, r.OpenMP.StatsFile)
	}
	spec.Interactive, spec.Tty = false, false
	spec.Qos, spec.Hold, spec.Requeue, spec.Exclusive = b.Qos, b.Hold, b.Requeue, b.Exclusive
	spec.Singleton, spec.Hosts, spec.Constraint, spec.Reservation = b.Singleton, b.Hosts, b.Constraint, b.Reservation
	spec.ExcludedHosts, spec.Nice, spec.AnyDependency = b.Excluded, b.Nice, b.AnyOf
	spec.Resources = b.Resources
	if !b.Begin.IsZero() {
		spec.BeginUnixNs = b.Begin.UnixNano()
	}
	if !b.EndBy.IsZero() {
		spec.EndByUnixNs = b.EndBy.UnixNano()
	}
	spec.Array, spec.ArrayThrottle = b.Array, b.Throttle
	spec.StdoutPath, spec.StderrPath, spec.AppendOutput = b.Stdout, b.Stderr, b.Appending
	switch {
	case b.Stdout != "":
	case sbatch && len(b.Array) > 0:
		spec.StdoutPath = "slurm-%A_%a.out"
	case sbatch:
		spec.StdoutPath = "slurm-%j.out"
	case len(b.Array) > 0:
		spec.StdoutPath = "faasmrun-%A_%a.out"
	default:
		spec.StdoutPath = "faasmrun-%j.out"
	}
	f := client.ClusterFlags{Scheduler: r.Scheduler}
	return f.With(func(c *client.Cluster) (err error) {
		if spec.After, err = settle(c, b.After); err != nil {
			return err
		}
		if err := launch.SendModules(c.Ctx, c.JobService, modules); err != nil {
			return c.Refusal(err)
		}
		answer, err := launch.Submit(c.Ctx, c.JobService, spec, b.TestOnly)
		if err != nil {
			return c.Refusal(err)
		}
		if b.TestOnly {
			return sayTested(c, answer)
		}
		id := answer.JobId
		if answer.Warning != "" {
			cli.Say(os.Stderr, "job %d waits for a worker that can run it: %s", id, answer.Warning)
		}
		words := "job %d is submitted\n"
		switch {
		case b.Parsable:
			words = "%d\n"
		case sbatch && r.Quiet:
			words = ""
		case sbatch:
			words = "Submitted batch job %d\n"
		}
		if words != "" {
			if _, err = fmt.Fprintf(c.Out, words, id); err != nil {
				return err
			}
		}
		if b.Wait {
			return wait(c, []uint64{id})
		}
		return nil
	})
}

// sayTested says what would become of a job that was not submitted.
func sayTested(c *client.Cluster, answer *schedpb.SubmitResponse) error {
	if answer.Warning != "" {
		_, err := fmt.Fprintf(c.Out, "the job would be taken, and wait for a worker that can run it: %s\n", answer.Warning)
		return err
	}
	_, err := fmt.Fprintln(c.Out, "the job would be taken, and there is a worker that can run it")
	return err
}

const submitHead = `faasmrun submit [options] PROGRAM [arguments] [: [options] PROGRAM [arguments]]…
faasmrun submit [options] SCRIPT [arguments]
faasmrun submit [options] --wrap COMMAND

Submits a job to the cluster's scheduler, prints the job's id and returns. The job outlives this command: 'faasmrun logs
ID' prints its output, 'faasmrun wait ID' returns its exit status. Without -np it has one rank. Its standard input is empty.

SCRIPT is a file that begins with "#!", or - for standard input. The interpreter that it names runs it on a worker, as your
user. Its lines "#FAASMRUN OPTIONS" and "#SBATCH OPTIONS" before the first command give options; this command line's win over
them. faasmrun, mpirun, mpiexec and srun in it run the job's steps, on its slots. Its exit status is the job's.
`

func WriteSubmitHelp(w io.Writer) {
	io.WriteString(w, submitHead)
	launch.WriteOptions(w, launch.OptionsOf(true))
}

// settle finds the jobs that dependencies name.
func settle(c *client.Cluster, after []launch.Dependency) (found []*schedpb.Dependency, err error) {
	for _, d := range after {
		ids, err := c.SelectWord(d.Job)
		if err != nil {
			return nil, err
		}
		if d.Job == "last" { // a submission, and it may have been an array's
			jobs, err := c.Find(ids)
			if err != nil {
				return nil, err
			}
			if array := jobs[0].ArrayId; array != 0 {
				ids = []uint64{array}
			}
		}
		for _, id := range ids {
			found = append(found, &schedpb.Dependency{Kind: d.Kind, JobId: id, DelayMs: d.Delay.Milliseconds()})
		}
	}
	return found, nil
}
