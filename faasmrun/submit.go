package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// submitVerb is faasmrun submit: it hands a job to a cluster and does not wait for it.
func submitVerb(args []string) int {
	r, notes, err := parseSubmit(args)
	if err != nil {
		return fail(err)
	}
	switch {
	case r.help:
		writeSubmitHelp(os.Stdout)
		return 0
	case r.version:
		return versionVerb()
	}
	if !r.quiet {
		for _, note := range notes {
			say(os.Stderr, "%s", note)
		}
	}
	if err := submitJob(r); err != nil {
		return fail(err)
	}
	return 0
}

// parseSubmit reads a command line, and the script if it names one.
func parseSubmit(args []string) (r *request, notes []string, err error) {
	r = &request{batch: &batch{}, stdin: schedpb.StdinTo_STDIN_NONE}
	if err := r.parseSegments(args); err != nil || r.help || r.version {
		return r, nil, err
	}
	if len(r.segments) == 0 {
		return nil, nil, usagef("no program was named")
	}
	text, err := readScript(r.segments[0].program)
	if err != nil || text == nil {
		return r, nil, err
	}
	s := &r.segments[0]
	if len(r.segments) > 1 || len(s.args) > 0 {
		return nil, nil, usagef("script %s stands alone: it takes no arguments and is no part of several programs", s.program)
	}
	return parseScriptJob(s.program, text, args[:len(args)-1])
}

func submitJob(r *request) error {
	for i := range r.segments {
		if s := &r.segments[i]; s.ranks == 0 && s.perNode == 0 && s.ppr.ranks == 0 {
			s.ranks = 1 // this machine's cores say nothing about the cluster's
		}
	}
	if _, err := r.place(thisMachine(), true); err != nil {
		return err
	}
	spec, modules, err := r.prepare(os.Environ())
	if err != nil {
		return err
	}
	b := r.batch
	if r.mpi.statsFile != "" {
		return usagef("--mpi-stats=%s: the statistics of a job that is submitted stand behind its output; faasmrun logs --mpi-stats %s JOB writes them to a file",
			r.mpi.statsFile, r.mpi.statsFile)
	}
	spec.Interactive, spec.Tty = false, false
	spec.Qos, spec.Hold, spec.Requeue, spec.Exclusive = b.qos, b.hold, b.requeue, b.exclusive
	spec.Singleton, spec.Hosts, spec.Constraint, spec.Reservation = b.singleton, b.hosts, b.constraint, b.reservation
	spec.Array, spec.ArrayThrottle = b.array, b.throttle
	spec.StdoutPath, spec.StderrPath, spec.AppendOutput = b.stdout, b.stderr, b.appending
	switch {
	case b.stdout != "":
	case len(b.array) > 0:
		spec.StdoutPath = "faasmrun-%A_%a.out"
	default:
		spec.StdoutPath = "faasmrun-%j.out"
	}
	f := clusterFlags{scheduler: r.scheduler}
	return f.with(func(c *cluster) (err error) {
		if spec.After, err = c.settle(b.after); err != nil {
			return err
		}
		if err := sendModules(c.ctx, c.jobs, modules); err != nil {
			return c.refusal(err)
		}
		id, err := c.submit(spec)
		if err != nil {
			return err
		}
		if b.parsable {
			_, err = fmt.Fprintln(c.out, id)
		} else {
			_, err = fmt.Fprintf(c.out, "job %d is submitted\n", id)
		}
		return err
	})
}

const (
	submitTries   = 5
	submitTimeout = time.Minute
	submitPause   = 200 * time.Millisecond // times the number of tries
)

// submit asks again under the same key when the connection breaks before the answer: the scheduler knows by it whether
// it has the job already.
func (c *cluster) submit(spec *schedpb.JobSpec) (uint64, error) {
	req := &schedpb.SubmitRequest{Spec: spec.Encoded(), IdempotencyKey: randomKey()}
	for tried := 1; ; tried++ {
		ctx, cancel := context.WithTimeout(c.ctx, submitTimeout)
		answer, err := c.jobs.Submit(ctx, req)
		cancel()
		if err == nil {
			if answer.Warning != "" {
				say(os.Stderr, "job %d waits for a worker that can run it: %s", answer.JobId, answer.Warning)
			}
			return answer.JobId, nil
		}
		if tried == submitTries || !unavailable(err) || c.ctx.Err() != nil {
			return 0, c.refusal(err)
		}
		c.pause(time.Duration(tried) * submitPause)
	}
}

func unavailable(err error) bool {
	code := status.Code(err)
	return code == codes.Unavailable || code == codes.DeadlineExceeded
}

const submitHead = `faasmrun submit [options] PROGRAM [arguments] [: [options] PROGRAM [arguments]]…
faasmrun submit [options] SCRIPT

Hands a job to the cluster's scheduler, prints its id and returns. The job outlives this command; 'faasmrun logs ID' shows what it
prints, 'faasmrun wait ID' gives its exit status. Without -np it has one rank. Nobody feeds its standard input.

SCRIPT is a file that begins with "#!". Its lines "#FAASMRUN OPTIONS" and "#SBATCH OPTIONS" give options, and it has one command: a
program, or faasmrun, mpirun, mpiexec or srun with one. No shell runs it. What this command line says wins over the script.
`

func writeSubmitHelp(w io.Writer) {
	io.WriteString(w, submitHead)
	writeOptions(w, optionsOf(true))
}
