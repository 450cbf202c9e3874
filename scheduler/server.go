// Package scheduler is the shell around core: it serves the gRPC of package schedpb, journals what core decides, tells
// workers and launchers what follows, keeps the modules, and hands core the time and the identity of who asks. It
// decides nothing about jobs itself. One goroutine, the reactor, owns core's state; whatever comes in from a connection
// is handed to it, and goes out again only once the journal is on disk.
package scheduler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/internal/tasks"
	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/scheduler/store"
)

// Config is what a scheduler is made from. Only Dir is needed.
type Config struct {
	Dir       string      // the scheduler's own state
	ModuleDir string      // <sha256>.wasm files, which others may share; "": Dir/modules
	Store     store.Store // "": pebble in Dir/journal
	Ephemeral bool        // the state is one run's: nothing of it is synced to disk
	Fixed     bool        // no workers but those that register will ever come: what fits none fails instead of waiting

	Clock func() time.Time // nil: time.Now
	// a clock that nobody sets and that goes on while the machine sleeps; nil: its boot clock
	Steady   func() time.Duration
	Identity func(ctx context.Context) (string, error) // who is calling; nil: everyone is one tenant, "local"
	// Worker reports whether the caller may act as the worker of that name; nil: everyone may.
	Worker func(ctx context.Context, name string) error
	Admins []string     // tenants who may drain workers, make reservations and change everyone's jobs
	Logger *slog.Logger // nil: silence

	Policy *core.Policy // priorities, shares, quotas, bounds; nil: core.DefaultPolicy. What stands below comes on top

	Grace        time.Duration // how long a lost worker keeps its ranks; 0: 5 minutes
	GraceMargin  time.Duration // how much longer its jobs are waited for; 0: 30 seconds
	Heartbeat    time.Duration // how often workers send one; 0: 2 seconds. Silence of four times as long is a loss
	TimeLimit    time.Duration // of jobs that name none; 0: none
	AttachWithin time.Duration // how long an interactive job waits for its launcher; 0: 1 minute
	// LauncherSilence is how long a launcher may send nothing before its stream is given up; 0: 20 seconds, below:
	// for ever. LauncherWithin is how long a launcher whose stream has ended may take to come back; 0: 30 seconds.
	LauncherSilence, LauncherWithin time.Duration
	// how long the output of a job that has ended waits for its worker; 0: 30 seconds
	OutputWithin time.Duration
	// CallerEnded gives a channel that is closed when the caller's process has ended; nil, or a nil channel: nobody can
	// tell.
	CallerEnded    func(ctx context.Context) <-chan struct{}
	MaxModuleBytes int64 // 0: 512 MiB
	SnapshotEvery  int   // journal records between snapshots; 0: 10,000
	KeepEnded      int   // how many ended jobs are remembered; 0: the policy's number
}

func (c Config) withDefaults() Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.Grace, 5*time.Minute)
	def(&c.GraceMargin, 30*time.Second)
	def(&c.Heartbeat, 2*time.Second)
	def(&c.AttachWithin, time.Minute)
	def(&c.LauncherSilence, 20*time.Second)
	def(&c.LauncherWithin, 30*time.Second)
	def(&c.OutputWithin, 30*time.Second)
	if c.ModuleDir == "" {
		c.ModuleDir = filepath.Join(c.Dir, "modules")
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Steady == nil {
		c.Steady = sinceBoot
	}
	if c.Identity == nil {
		c.Identity = func(context.Context) (string, error) { return "local", nil }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.MaxModuleBytes == 0 {
		c.MaxModuleBytes = 512 << 20
	}
	if c.SnapshotEvery == 0 {
		c.SnapshotEvery = 10_000
	}
	return c
}

func sinceBoot() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic("scheduler: the machine has no boot clock: " + err.Error()) // every Linux since 2.6.39 has it
	}
	return time.Duration(t.Nano())
}

func (c Config) policy() core.Policy {
	p := core.DefaultPolicy()
	if c.Policy != nil {
		p = *c.Policy
	}
	p.Grace = core.Duration(c.Grace + c.GraceMargin)
	if c.TimeLimit > 0 {
		p.TimeLimit = core.Duration(c.TimeLimit)
	}
	if c.KeepEnded > 0 {
		p.KeepEnded = c.KeepEnded
	}
	p.AttachWithin = core.Duration(c.AttachWithin)
	p.Fixed = c.Fixed
	return p
}

// Server is a running scheduler.
type Server struct {
	schedpb.UnimplementedJobsServer
	schedpb.UnimplementedWorkersServer
	schedpb.UnimplementedClusterServer

	cfg     Config
	modules *modules
	inbox   chan func(*reactor)
	halt    chan struct{} // closed by Stop, or by the reactor when its journal fails
	halted  sync.Once
	err     error // why it halted; nil: Stop. Written before halt is closed

	replicas chan struct{} // has one element for each that is being rebuilt

	tasks tasks.Group // the reactor, every handler, every goroutine of either
}

// inboxSize bounds what waits for the reactor; whoever finds it full waits too.
const inboxSize = 1024

// New reads the state back from the journal and starts the scheduler. Register makes it reachable.
func New(cfg Config) (*Server, error) {
	single := cfg.Identity == nil
	cfg = cfg.withDefaults()
	owners := filepath.Join(cfg.Dir, "owners")
	if single {
		owners = "" // and the modules may be other launchers', too
	}
	blobs, err := openModules(cfg.ModuleDir, owners, cfg.MaxModuleBytes, !cfg.Ephemeral)
	if err != nil {
		return nil, err
	}
	if cfg.Store == nil {
		dir := filepath.Join(cfg.Dir, "journal")
		if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("making the scheduler's directory: %w", err)
		}
		if cfg.Store, err = store.Open(dir, store.Options{Ephemeral: cfg.Ephemeral}); err != nil {
			return nil, err
		}
	}
	s := &Server{cfg: cfg, modules: blobs, inbox: make(chan func(*reactor), inboxSize), halt: make(chan struct{}),
		replicas: make(chan struct{}, replicas)}
	r, err := newReactor(s)
	if err != nil {
		cfg.Store.Close()
		return nil, err
	}
	s.tasks.Go(r.run)
	return s, nil
}

// SetPolicy has everything decided from now on by another policy, as a restart would. What Config says beside it still
// comes on top.
func (s *Server) SetPolicy(p Policy) error {
	c := s.cfg
	c.Policy = &p
	return s.do(func(r *reactor) { r.state.SetPolicy(c.policy()) })
}

// Register adds the services to a gRPC server.
func (s *Server) Register(g *grpc.Server) {
	schedpb.RegisterJobsServer(g, s)
	schedpb.RegisterWorkersServer(g, s)
	schedpb.RegisterClusterServer(g, s)
}

// Stop ends every call and the reactor, and closes the journal. Jobs stay as they are. It may be repeated.
func (s *Server) Stop() {
	s.tasks.Stop()
	s.stop(nil)
	s.tasks.Wait()
}

func (s *Server) stop(why error) {
	s.halted.Do(func() {
		s.err = why
		close(s.halt)
	})
}

// Halted is closed when the scheduler has stopped; Err then says why it stopped by itself, nil after Stop.
func (s *Server) Halted() <-chan struct{} { return s.halt }

// Err is why the scheduler stopped by itself. It may be called once Halted is closed.
func (s *Server) Err() error { return s.err }

// untilHalt runs a handler's work, which waits for its stream's other end, for no longer than the scheduler runs: a
// handler that returns ends its stream, and with it the work.
func (s *Server) untilHalt(f func() error) error {
	done := make(chan error, 1)
	if !s.tasks.Go(func() { done <- f() }) {
		return s.unavailable()
	}
	select {
	case err := <-done:
		return err
	case <-s.halt:
		return s.unavailable()
	}
}

// do has the reactor run f, and returns when what f caused is on disk. It is an error when that is not to be. It waits
// whatever becomes of the caller, who could not know otherwise whether f has run.
func (s *Server) do(f func(*reactor)) error {
	done := make(chan struct{})
	err := s.post(func(r *reactor) {
		f(r)
		r.afterCommit(func() { close(done) })
	})
	if err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-s.halt:
		return s.unavailable()
	}
}

// post has the reactor run f some time.
func (s *Server) post(f func(*reactor)) error {
	select {
	case s.inbox <- f:
		return nil
	case <-s.halt:
		return s.unavailable()
	}
}

func (s *Server) unavailable() error {
	if s.err != nil {
		return status.Errorf(codes.Unavailable, "the scheduler has stopped: %v", s.err)
	}
	return status.Error(codes.Unavailable, "the scheduler is stopping")
}

// tenant is who is calling.
func (s *Server) tenant(ctx context.Context) (core.Tenant, error) {
	name, err := s.cfg.Identity(ctx)
	if err != nil {
		return "", status.Errorf(codes.Unauthenticated, "it is not known who calls: %v", err)
	}
	return core.Tenant(name), nil
}

func (s *Server) admin(t core.Tenant) bool { return slices.Contains(s.cfg.Admins, string(t)) }

func (s *Server) adminOnly(t core.Tenant) error {
	if s.admin(t) {
		return nil
	}
	return status.Errorf(codes.PermissionDenied, "%s is no administrator of this scheduler", t)
}

// worker refuses who may not act as a worker of the name; "" stands for any.
func (s *Server) worker(ctx context.Context, name string) error {
	if s.cfg.Worker == nil {
		return nil
	}
	if err := s.cfg.Worker(ctx, name); err != nil {
		return status.Error(codes.PermissionDenied, err.Error())
	}
	return nil
}

// refusal turns core's errors into gRPC's.
func refusal(err error) error {
	code := codes.Internal
	switch {
	case errors.Is(err, core.ErrInvalid):
		code = codes.InvalidArgument
	case errors.Is(err, core.ErrNoJob):
		code = codes.NotFound
	case errors.Is(err, core.ErrExhausted):
		code = codes.ResourceExhausted
	case errors.Is(err, core.ErrState):
		code = codes.FailedPrecondition
	case errors.Is(err, core.ErrNoWorker), errors.Is(err, core.ErrNoReservation):
		code = codes.NotFound
	}
	return status.Error(code, err.Error())
}
