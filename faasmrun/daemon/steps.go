package daemon

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/scheduler"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker"
)

// StepsConfig says what a job's steps run on.
type StepsConfig struct {
	Job      uint64
	Restarts uint32
	Node     string
	Slots    uint32
	MemBytes uint64
	Dir      string // of the state, which goes with the job
	Cache    string // of compiled modules
	Engine   string // what steps may be run with: auto, or one engine's name
	Lax      bool   // compile without Landlock
	Idle     int    // executors that wait for another step
	Listener net.Listener
	Member   func(pid int) error // an error for a process that is no part of the job
	Notice   func(what string)
}

// ServeSteps starts a scheduler and a worker in this process for the steps of a job, which share the job's slots, and
// lets the job's own processes in at the listener. Closing the link ends all of it, the steps too.
func ServeSteps(c StepsConfig) (made *client.Link, err error) {
	l := pair{&client.Link{}}
	defer func() {
		if err != nil {
			l.Close()
		}
	}()
	engines, native, err := Engines(c.Engine, c.Cache, c.Lax)
	if err != nil {
		return nil, err
	}
	server, err := l.embed(worker.Config{Name: c.Node, Slots: c.Slots, MemBytes: c.MemBytes, Engines: engines,
		Native: native, Dir: filepath.Join(c.Dir, "worker"), CacheDir: c.Cache, Prestart: 1, Ephemeral: true, Idle: c.Idle,
		Within: &worker.Within{Job: c.Job, Restarts: c.Restarts}, Notice: c.Notice},
		scheduler.Config{Dir: filepath.Join(c.Dir, "scheduler"), ModuleDir: filepath.Join(c.Cache, "modules"),
			Ephemeral: true, Fixed: true, LauncherSilence: -1, KeepEnded: keepSteps, CallerEnded: callerEnded})
	if err != nil {
		return nil, err
	}
	check := func(ctx context.Context) error {
		p, _ := peer.FromContext(ctx)
		if p == nil {
			return status.Error(codes.Unauthenticated, "the connection has no other end")
		}
		user, ok := p.AuthInfo.(peerUser)
		if !ok || user.uid != uint32(os.Geteuid()) || user.pid <= 0 {
			return status.Errorf(codes.PermissionDenied, "steps of job %d are run by processes of the job's own user", c.Job)
		}
		if err := c.Member(int(user.pid)); err != nil {
			return status.Error(codes.PermissionDenied, fmt.Sprintf("a step of job %d: %v", c.Job, err))
		}
		return nil
	}
	g := grpc.NewServer(grpc.Creds(peerCredentials{}), grpc.MaxRecvMsgSize(client.MaxMessage),
		grpc.MaxSendMsgSize(client.MaxMessage),
		grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo,
			handle grpc.UnaryHandler) (any, error) {
			if err := check(ctx); err != nil {
				return nil, err
			}
			return handle(ctx, req)
		}),
		grpc.StreamInterceptor(func(srv any, s grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
			if err := check(s.Context()); err != nil {
				return err
			}
			return handle(srv, s)
		}))
	schedpb.RegisterJobsServer(g, server) // nobody is to act as a worker here
	alongside(l.Link, func() { g.Serve(c.Listener) })
	l.Closers = append(l.Closers, g.Stop)
	return l.Link, nil
}

// keepSteps is how many steps that have ended are remembered while their job runs.
const keepSteps = 1000
