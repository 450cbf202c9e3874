// Package launch owns the launcher: mpirun's command line, from its words to a job's specification, and submitting it.
// Options of batch jobs are in the same table. It leaves following the job to session.
package launch

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/machine"
	"github.com/faasmrun/faasmrun/faasmrun/session"
	"github.com/faasmrun/faasmrun/internal/openmp"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// RunVerb is faasmrun run, and faasmrun with mpirun's options: from the command line to the exit status.
func RunVerb(args []string) int {
	r, err := parseRequest(args)
	if err == nil && r.Timeout == 0 {
		err = r.timeoutFromEnvironment()
	}
	if err != nil {
		return cli.Fail(err)
	}
	switch {
	case r.Help:
		WriteRunHelp(os.Stdout)
		return 0
	case r.Version:
		return cli.VersionVerb()
	}
	signals := cli.Listen()
	defer signal.Stop(signals)
	status, err := launch(r, signals)
	if err != nil {
		return cli.Fail(err)
	}
	return status
}

func (r *Request) timeoutFromEnvironment() (err error) {
	if text := os.Getenv("MPIEXEC_TIMEOUT"); text != "" {
		if r.Timeout, err = cli.ParseSeconds(text); err != nil {
			return cli.Usagef("MPIEXEC_TIMEOUT %v", err)
		}
	}
	return nil
}

// launch runs a job to its end.
func launch(r *Request, signals chan os.Signal) (int, error) {
	here := machine.This()
	within := r.within()
	if within != nil {
		if err := within.check(); err != nil {
			return 0, err
		}
		r.settle(within)
	}
	slots, err := r.Place(here, within != nil || r.address() != "")
	if err != nil {
		return 0, err
	}
	spec, modules, err := r.Prepare(os.Environ())
	if err != nil {
		return 0, err
	}
	taken := slotsOf(spec, modules)
	if err := r.checkSlots(taken); err != nil {
		return 0, err
	}
	if within != nil {
		if err := within.room(r, taken); err != nil {
			return 0, err
		}
	}
	slots = max(slots, taken)
	if r.doNotLaunch {
		showPlan(os.Stdout, r, here, slots)
		return 0, nil
	}
	if r.displayAllocation {
		writeAllocation(os.Stdout, here, slots)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	// Until the job exists, an interrupt ends the launcher.
	early := make(chan struct{})
	interrupted := make(chan os.Signal, 1)
	go func() {
		defer close(interrupted)
		for {
			select {
			case sig := <-signals:
				if sig == syscall.SIGINT || sig == syscall.SIGTERM || sig == syscall.SIGHUP || sig == syscall.SIGQUIT {
					interrupted <- sig
					cancel()
					return
				}
			case <-early:
				return
			}
		}
	}()
	s, done, err := r.submit(ctx, here, slots, spec, modules)
	close(early)
	if sig, ok := <-interrupted; ok {
		if done != nil {
			done()
		}
		return cli.StatusInterrupted, cli.Failure(cli.StatusInterrupted,
			unix.SignalName(sig.(syscall.Signal))+" before the job had begun")
	}
	if err != nil {
		return 0, err
	}
	defer done()
	s.Signals = signals
	exit := s.Run(ctx)
	return exit, nil
}

// Prepare makes the job's specification: programs are found and read, directories looked at, environments made.
func (r *Request) Prepare(environ []string) (*schedpb.JobSpec, map[string]*Module, error) {
	engine, err := r.engineAsked()
	if err != nil {
		return nil, nil, err
	}
	spec := &schedpb.JobSpec{Name: r.Name, TimeLimitMs: r.Timeout.Milliseconds(), MemPerRankBytes: r.memPerRank,
		Stdin: r.Stdin, StdinRanks: r.stdinRanks, Interactive: true, Tty: cli.IsTerminal(os.Stdout),
		ReportBindings: r.reportBindings, Mpi: r.Mpi.spec(), OpenmpStats: r.OpenMP.stats, Oversubscribe: r.oversubscribe,
		Engine: engine}
	if r.Timeout > 0 {
		spec.TimeLimitMs = max(spec.TimeLimitMs, 1)
	}
	files, modules := map[string]*Module{}, map[string]*Module{}
	for i := range r.Segments {
		s := &r.Segments[i]
		app, file, err := r.app(s, environ)
		if err != nil {
			return nil, nil, err
		}
		m := files[file]
		if m == nil {
			if m, err = readModule(file, s.Program); err != nil {
				return nil, nil, err
			}
			files[file], modules[m.Sha256] = m, m
		}
		app.ModuleSha256 = m.Sha256
		spec.Apps = append(spec.Apps, app)
	}
	if spec.Name == "" {
		spec.Name = cli.Visible(filepath.Base(r.Segments[0].Program))
	}
	return spec, modules, nil
}

func (r *Request) app(s *Segment, environ []string) (app *schedpb.App, file string, err error) {
	dir, mounts, err := s.directories()
	if err != nil {
		return nil, "", err
	}
	search := s.path
	if search == "" {
		search = os.Getenv("PATH")
	}
	if file, err = FindProgram(s.Program, dir, search); err != nil {
		return nil, "", err
	}
	env, notes := r.environment(s, environ)
	if !r.Quiet {
		for _, note := range notes {
			cli.Say(os.Stderr, "%s", note)
		}
	}
	if r.within() == nil { // the script's says where that was submitted
		env = submittedFrom(env)
	}
	return &schedpb.App{Program: s.Program, Args: s.Args, Env: env, Dir: dir, Mounts: mounts,
		Ranks: uint32(s.Ranks), CpusPerRank: uint32(s.cpus)}, file, nil
}

// slotsOf is how many slots a job takes, as its scheduler will find.
func slotsOf(spec *schedpb.JobSpec, modules map[string]*Module) (slots int) {
	for _, app := range spec.Apps {
		slots += int(app.Ranks) * int(openmp.CPUs(app.CpusPerRank, modules[app.ModuleSha256].usesOpenMP, app.Variable))
	}
	return slots
}

// submittedFrom sets the variables by which Slurm's users find where a job comes from. Those of a job in which this
// command was called are about that one.
func submittedFrom(env []*schedpb.EnvVar) []*schedpb.EnvVar {
	dir, err := os.Getwd()
	host, err2 := os.Hostname()
	if err != nil || err2 != nil {
		return env
	}
	const dirVariable, hostVariable = "SLURM_SUBMIT_DIR", "SLURM_SUBMIT_HOST"
	env = slices.DeleteFunc(env, func(v *schedpb.EnvVar) bool { return v.Name == dirVariable || v.Name == hostVariable })
	return append(env, &schedpb.EnvVar{Name: dirVariable, Value: dir}, &schedpb.EnvVar{Name: hostVariable, Value: host})
}

// address is the cluster's; "" where there is none.
func (r *Request) address() string {
	if r.Scheduler != "" {
		return r.Scheduler
	}
	return os.Getenv("FAASMRUN_SCHEDULER")
}

// submit hands the job to the scheduler and makes the session that follows it. done releases what that takes.
func (r *Request) submit(ctx context.Context, here machine.Machine, slots int, spec *schedpb.JobSpec,
	modules map[string]*Module) (s *session.Session, done func(), err error) {
	address, within := r.address(), r.within()
	if within != nil {
		address = "unix:" + within.socket
	}
	link, err := connect(address, here, slots, spec.Engine)
	if err != nil {
		return nil, nil, err
	}
	if address != "" && within == nil {
		spec.Hosts = r.workers(here)
		if r.strictSlots {
			if err := r.checkClusterSlots(ctx, schedpb.NewClusterClient(link.Conn), spec.Hosts,
				slotsOf(spec, modules)); err != nil {
				link.Close()
				return nil, nil, err
			}
		}
	}
	jobs := schedpb.NewJobsClient(link.Conn)
	if err := SendModules(ctx, jobs, modules); err != nil {
		link.Close()
		return nil, nil, cli.Refusal(err)
	}
	ranks := 0
	for _, app := range spec.Apps {
		ranks += int(app.Ranks)
	}
	s = &session.Session{Options: r.sessionOptions(), Ranks: ranks, Programs: r.programsByRank(), Jobs: jobs,
		Notes: os.Stderr, Maps: os.Stdout,
		Embedded: address == "", Session: session.NewSession(), Live: cli.IsTerminal(os.Stdout), Typed: cli.InForeground,
		StopSelf: link.StopSelf,
		Display:  session.NewDisplay(r.output, ranks, os.Stdout, os.Stderr)}
	if within != nil {
		s.Within = within.job
	}
	if r.noReconnect {
		s.Session = nil
	}
	if r.Stdin != schedpb.StdinTo_STDIN_NONE {
		s.Stdin = os.Stdin
	}
	if err := s.OpenStats(); err != nil {
		link.Close()
		return nil, nil, err
	}
	if !r.output.FilesNameJob() {
		if err := s.OpenFiles(here); err != nil {
			link.Close()
			return nil, nil, err
		}
	}
	answer, err := Submit(ctx, jobs, spec, false)
	if err != nil {
		link.Close()
		return nil, nil, cli.Refusal(err)
	}
	s.Job = answer.JobId
	if s.Files == nil {
		if err := s.OpenFiles(here); err != nil {
			s.CancelUnseen(ctx)
			link.Close()
			return nil, nil, err
		}
	}
	return s, link.Close, nil
}

// sessionOptions are what the session needs to know of the command line.
func (r *Request) sessionOptions() session.Options {
	return session.Options{Quiet: r.Quiet, Verbose: r.verbose, DisplayMap: r.displayMap, ReportBindings: r.reportBindings,
		Bind: r.bind, JobName: r.jobName(), Output: r.output, Stats: r.Mpi.stats, StatsFile: r.Mpi.StatsFile,
		OpenMPStats: r.OpenMP.stats, OpenMPStatsFile: r.OpenMP.StatsFile}
}

func (r *Request) jobName() string {
	if r.Name != "" {
		return r.Name
	}
	return filepath.Base(r.Segments[0].Program)
}

// showPlan is --do-not-launch: the map that this machine would give.
func showPlan(w io.Writer, r *Request, here machine.Machine, slots int) {
	if r.displayAllocation {
		writeAllocation(w, here, slots)
	}
	programs := r.programsByRank()
	if r.displayMap {
		session.WriteMap(w, programs, &schedpb.Placement{Nodes: []*schedpb.NodeRanks{{Node: here.NodeName(),
			Ranks: uint32(len(programs))}}})
	}
}

// writeAllocation shows the slots, in the form of mpirun's --display-allocation.
func writeAllocation(w io.Writer, here machine.Machine, slots int) {
	fmt.Fprintf(w, "\n======================   ALLOCATED NODES   ======================\n")
	fmt.Fprintf(w, "\t%s: slots=%d\n", here.NodeName(), slots)
	fmt.Fprintf(w, "=================================================================\n")
}
