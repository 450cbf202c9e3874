package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// runVerb is faasmrun run, and faasmrun with mpirun's options: from the command line to the exit status.
func runVerb(args []string) int {
	r, err := parseRequest(args)
	if err == nil && r.timeout == 0 {
		err = r.timeoutFromEnvironment()
	}
	if err != nil {
		return fail(err)
	}
	switch {
	case r.help:
		writeRunHelp(os.Stdout)
		return 0
	case r.version:
		return versionVerb()
	}
	signals := listen()
	defer signal.Stop(signals)
	status, err := launch(r, signals)
	if err != nil {
		return fail(err)
	}
	return status
}

// fail prints an error and gives the status that goes with it.
func fail(err error) int {
	var quiet *statusError
	if errors.As(err, &quiet) {
		return quiet.status
	}
	say(os.Stderr, "%v", err)
	var usage *usageError
	if errors.As(err, &usage) {
		fmt.Fprintln(os.Stderr, "Try 'faasmrun --help'.")
	}
	var launch *launchError
	if errors.As(err, &launch) {
		return launch.status
	}
	return statusFailed
}

func (r *request) timeoutFromEnvironment() (err error) {
	if text := os.Getenv("MPIEXEC_TIMEOUT"); text != "" {
		if r.timeout, err = parseSeconds(text); err != nil {
			return usagef("MPIEXEC_TIMEOUT %v", err)
		}
	}
	return nil
}

// listen asks for the signals that a launcher acts on. Those that were ignored when it started stay ignored: nohup, and
// jobs that a shell has put in the background.
func listen() chan os.Signal {
	signals := make(chan os.Signal, 16)
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGTSTP,
		syscall.SIGUSR1, syscall.SIGUSR2} {
		if !signal.Ignored(sig) {
			signal.Notify(signals, sig)
		}
	}
	// A closed pipe is an error of a write, and reading a terminal from the background is one of a read.
	signal.Ignore(syscall.SIGPIPE, syscall.SIGTTIN)
	return signals
}

// launch runs a job to its end.
func launch(r *request, signals chan os.Signal) (int, error) {
	here := thisMachine()
	slots, err := r.place(here, r.address() != "")
	if err != nil {
		return 0, err
	}
	spec, modules, err := r.prepare(os.Environ())
	if err != nil {
		return 0, err
	}
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
		return statusInterrupted, &launchError{statusInterrupted, unix.SignalName(sig.(syscall.Signal)) + " before the job had begun"}
	}
	if err != nil {
		return 0, err
	}
	defer done()
	s.signals = signals
	exit := s.run(ctx)
	return exit, nil
}

// prepare makes the job's specification: programs are found and read, directories looked at, environments made.
func (r *request) prepare(environ []string) (*schedpb.JobSpec, map[string]*module, error) {
	spec := &schedpb.JobSpec{Name: r.name, TimeLimitMs: r.timeout.Milliseconds(), MemPerRankBytes: r.memPerRank,
		Stdin: r.stdin, StdinRanks: r.stdinRanks, Interactive: true, Tty: isTerminal(os.Stdout), ReportBindings: r.reportBindings, Mpi: r.mpi.spec(), Oversubscribe: r.oversubscribe}
	if r.timeout > 0 {
		spec.TimeLimitMs = max(spec.TimeLimitMs, 1)
	}
	files, modules := map[string]*module{}, map[string]*module{}
	for i := range r.segments {
		s := &r.segments[i]
		app, file, err := r.app(s, environ)
		if err != nil {
			return nil, nil, err
		}
		m := files[file]
		if m == nil {
			if m, err = readModule(file, s.program); err != nil {
				return nil, nil, err
			}
			files[file], modules[m.sha256] = m, m
		}
		app.ModuleSha256 = m.sha256
		spec.Apps = append(spec.Apps, app)
	}
	if spec.Name == "" {
		spec.Name = visible(filepath.Base(r.segments[0].program))
	}
	return spec, modules, nil
}

func (r *request) app(s *segment, environ []string) (app *schedpb.App, file string, err error) {
	dir, mounts, err := s.directories()
	if err != nil {
		return nil, "", err
	}
	search := s.path
	if search == "" {
		search = os.Getenv("PATH")
	}
	if file, err = findProgram(s.program, dir, search); err != nil {
		return nil, "", err
	}
	env, notes := r.environment(s, environ)
	if !r.quiet {
		for _, note := range notes {
			say(os.Stderr, "%s", note)
		}
	}
	return &schedpb.App{Program: s.program, Args: s.args, Env: submittedFrom(env), Dir: dir, Mounts: mounts, Ranks: uint32(s.ranks)}, file, nil
}

// submittedFrom sets the variables by which Slurm's users find where a job comes from. Those of a job in which this command was called
// speak of that one.
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
func (r *request) address() string {
	if r.scheduler != "" {
		return r.scheduler
	}
	return os.Getenv("FAASMRUN_SCHEDULER")
}

// submit hands the job to the scheduler and makes the session that follows it. done releases what that takes.
func (r *request) submit(ctx context.Context, here machine, slots int, spec *schedpb.JobSpec, modules map[string]*module) (s *session, done func(), err error) {
	address := r.address()
	link, err := connect(address, here, slots)
	if err != nil {
		return nil, nil, err
	}
	if address != "" {
		spec.Hosts = r.workers(here)
		if r.strictSlots {
			if err := r.checkClusterSlots(ctx, schedpb.NewClusterClient(link.conn), spec.Hosts); err != nil {
				link.close()
				return nil, nil, err
			}
		}
	}
	jobs := schedpb.NewJobsClient(link.conn)
	if err := sendModules(ctx, jobs, modules); err != nil {
		link.close()
		return nil, nil, refusal(err)
	}
	ranks := 0
	for _, app := range spec.Apps {
		ranks += int(app.Ranks)
	}
	s = &session{request: r, ranks: ranks, programs: r.programsByRank(), jobs: jobs, notes: os.Stderr, maps: os.Stdout,
		embedded: address == "", session: newSession(), live: isTerminal(os.Stdout), typed: hearsKeys, stopSelf: link.stopSelf,
		display: newDisplay(r.output, ranks, os.Stdout, os.Stderr)}
	if r.stdin != schedpb.StdinTo_STDIN_NONE {
		s.stdin = os.Stdin
	}
	if err := s.openStats(); err != nil {
		link.close()
		return nil, nil, err
	}
	if !r.output.filesNameJob() {
		if err := s.openFiles(here); err != nil {
			link.close()
			return nil, nil, err
		}
	}
	answer, err := jobs.Submit(ctx, &schedpb.SubmitRequest{Spec: spec.Encoded(), IdempotencyKey: randomKey()})
	if err != nil {
		link.close()
		return nil, nil, refusal(err)
	}
	s.job = answer.JobId
	if s.files == nil {
		if err := s.openFiles(here); err != nil {
			s.cancelUnseen(ctx)
			link.close()
			return nil, nil, err
		}
	}
	return s, link.close, nil
}

func (s *session) openFiles(here machine) (err error) {
	o := s.request.output
	if o.dir == "" && o.file == "" {
		return nil
	}
	s.files, err = openOutputFiles(o, s.ranks, patternFields{job: s.job, node: here.nodeName(), name: s.request.jobName(), user: userName()})
	if err == nil {
		s.display.files = s.files.of
	}
	return err
}

// cancelUnseen ends a job that nobody is going to follow.
func (s *session) cancelUnseen(ctx context.Context) {
	stream, err := s.jobs.Attach(ctx)
	if err != nil {
		return
	}
	for _, m := range []*schedpb.AttachRequest{
		{Msg: &schedpb.AttachRequest_Open{Open: &schedpb.AttachOpen{JobId: s.job}}},
		{Msg: &schedpb.AttachRequest_Terminate{Terminate: &schedpb.Terminate{Kill: true, Reason: "its output files cannot be made"}}},
	} {
		if stream.Send(m) != nil {
			break
		}
	}
	for err == nil {
		_, err = stream.Recv()
	}
}

func (r *request) jobName() string {
	if r.name != "" {
		return r.name
	}
	return filepath.Base(r.segments[0].program)
}

func randomKey() string {
	var key [16]byte
	rand.Read(key[:])
	return hex.EncodeToString(key[:])
}

// moduleChunk is what one message of PutModule carries at most.
const moduleChunk = 1 << 20

// sendModules sends the modules that the scheduler lacks.
func sendModules(ctx context.Context, jobs schedpb.JobsClient, modules map[string]*module) error {
	var question schedpb.MissingModulesRequest
	for sum := range modules {
		question.Sha256 = append(question.Sha256, sum)
	}
	missing, err := jobs.MissingModules(ctx, &question)
	if err != nil {
		return err
	}
	for _, sum := range missing.Sha256 {
		m := modules[sum]
		if m == nil {
			return fmt.Errorf("the scheduler asks for a module %q that it was not told of", sum)
		}
		if err := sendModule(ctx, jobs, m); err != nil {
			return err
		}
	}
	return nil
}

func sendModule(ctx context.Context, jobs schedpb.JobsClient, m *module) error {
	stream, err := jobs.PutModule(ctx)
	if err != nil {
		return err
	}
	for rest := m.bytes; ; {
		chunk := &schedpb.ModuleChunk{Data: rest[:min(len(rest), moduleChunk)]}
		if len(rest) == len(m.bytes) {
			chunk.Sha256 = m.sha256
		}
		if rest = rest[len(chunk.Data):]; stream.Send(chunk) != nil || len(rest) == 0 {
			break // an error of Send is told by CloseAndRecv
		}
	}
	_, err = stream.CloseAndRecv()
	return err
}

// isTerminal says whether a file is a terminal.
func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// hearsKeys says whether a terminal sends this process the signals that are typed there.
func hearsKeys() bool {
	terminal, err := os.OpenFile("/dev/tty", os.O_RDONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	defer terminal.Close()
	group, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// showPlan is --do-not-launch: the map that this machine would give.
func showPlan(w io.Writer, r *request, here machine, slots int) {
	if r.displayAllocation {
		writeAllocation(w, here, slots)
	}
	programs := r.programsByRank()
	if r.displayMap {
		writeMap(w, programs, &schedpb.Placement{Nodes: []*schedpb.NodeRanks{{Node: here.nodeName(), Ranks: uint32(len(programs))}}})
	}
}

// refusal turns a scheduler's answer into the launcher's last words.
func refusal(err error) error {
	switch status.Code(err) {
	case codes.Unavailable:
		return &launchError{statusFailed, fmt.Sprintf("no scheduler answers: %s", explain(err))}
	case codes.InvalidArgument, codes.ResourceExhausted:
		return &launchError{statusFailed, explain(err)}
	}
	return &launchError{statusFailed, fmt.Sprintf("the job cannot be submitted: %s", explain(err))}
}
