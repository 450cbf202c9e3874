package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// allocation is the job in whose script a launcher was called: what it runs is a step of that job, on the job's slots.
type allocation struct {
	socket             string // where steps are asked for
	job                string // its number, for people
	tasks, cpus, slots int    // 0: not said
}

// within finds the job in whose script this command was called; nil: it is in none, or was told of another scheduler.
func (r *Request) within() *allocation {
	socket := os.Getenv("FAASMRUN_STEPS")
	if socket == "" || r.Scheduler != "" {
		return nil
	}
	number := func(name string) int {
		n, err := strconv.ParseUint(os.Getenv(name), 10, 31)
		if err != nil {
			return 0
		}
		return int(n)
	}
	return &allocation{socket: socket, job: os.Getenv("FAASMRUN_JOB_ID"), tasks: number("SLURM_NTASKS"),
		cpus: number("SLURM_CPUS_PER_TASK"), slots: number("FAASMRUN_SLOTS")}
}

// check is an error for a job that is over.
func (a *allocation) check() error {
	switch _, err := os.Stat(a.socket); {
	case errors.Is(err, fs.ErrNotExist):
		return cli.Failure(cli.StatusFailed, fmt.Sprintf("job %s, in whose script this command was called, is over: its "+
			"steps were asked for at %s (FAASMRUN_STEPS)", a.job, a.socket))
	case err != nil:
		return cli.Failure(cli.StatusFailed, fmt.Sprintf("a step of job %s, by %s (FAASMRUN_STEPS): %s", a.job, a.socket,
			cli.Reason(err)))
	}
	return nil
}

// settle has a step that does not say otherwise take as many ranks as the job has tasks, each with the task's
// processors.
func (r *Request) settle(a *allocation) {
	for i := range r.Segments {
		s := &r.Segments[i]
		if s.Ranks == 0 && s.PerNode == 0 && s.Ppr.Ranks == 0 && len(s.hosts) == 0 {
			s.Ranks = 1
			if len(r.Segments) == 1 {
				s.Ranks = max(1, a.tasks)
			}
		}
		if s.cpus == 0 { // what OMP_NUM_THREADS says is for the ranks: the job's slots are counted
			s.cpus = max(1, a.cpus)
			if s.Ranks > 0 && s.Ranks*s.cpus > a.slots {
				s.cpus = max(1, a.slots/s.Ranks)
			}
		}
	}
}

// room is an error for a step that asks for more than the job has.
func (a *allocation) room(r *Request, taken int) error {
	if taken > a.slots && a.slots > 0 && !r.oversubscribe {
		return cli.Failure(cli.StatusFailed, fmt.Sprintf("a step of job %s: %s more than the job's %d slots (submit -n, -c)",
			a.job, r.taking(taken), a.slots))
	}
	return nil
}

// PrepareScript makes the specification of a job that runs a script, whose options are those of the first segment.
func (r *Request) PrepareScript(text []byte, name string, args, environ []string) (*schedpb.JobSpec, error) {
	s := &r.Segments[0]
	engine, err := r.engineAsked()
	if err != nil {
		return nil, err
	}
	if len(s.mounts) > 0 {
		return nil, cli.Usagef("--dir is for programs: say it where the script launches one")
	}
	dir, _, err := s.directories()
	if err != nil {
		return nil, err
	}
	env, notes := r.environment(s, environ)
	if !r.Quiet {
		for _, note := range notes {
			cli.Say(os.Stderr, "%s", note)
		}
	}
	for _, name := range []string{"FAASMRUN_CERTS", "FAASMRUN_HOME"} {
		if v := os.Getenv(name); v != "" {
			env = append(env, &schedpb.EnvVar{Name: name, Value: v})
		}
	}
	if engine != "" { // for the steps
		env = append(env, &schedpb.EnvVar{Name: "FAASMRUN_ENGINE", Value: engine})
	}
	env = append(env, &schedpb.EnvVar{Name: "FAASMRUN_SCHEDULER", Value: r.address()})
	spec := &schedpb.JobSpec{Name: r.Name, TimeLimitMs: r.Timeout.Milliseconds(), MemPerRankBytes: r.memPerRank,
		Stdin: schedpb.StdinTo_STDIN_NONE,
		Script: &schedpb.Script{Text: text, Name: name, Args: args, Env: submittedFrom(env), Dir: dir, Tasks: uint32(s.Ranks),
			CpusPerTask: uint32(s.cpus)}}
	if r.Timeout > 0 {
		spec.TimeLimitMs = max(spec.TimeLimitMs, 1)
	}
	if spec.Name == "" {
		spec.Name = cli.Visible(name)
	}
	return spec, nil
}
