package daemon

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/faasmrun/home"
	"github.com/faasmrun/faasmrun/faasmrun/machine"
	"github.com/faasmrun/faasmrun/scheduler"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker"
)

// Embed starts a scheduler and a worker in this process, with their state in a directory of this run, and connects to
// the scheduler as one would to a daemon's. The modules and what was compiled from them are shared with every other
// run. engine is what the job asks for: other engines need not be looked for.
func Embed(here machine.Machine, slots int, engine string) (made *client.Link, err error) {
	chosen := engineAuto
	if engine == schedpb.EngineWazero {
		chosen = engine
	}
	h, err := home.Find()
	if err != nil {
		return nil, err
	}
	dir, err := home.NewRunDir(h)
	if err != nil {
		return nil, err
	}
	// Not the result's own name: each "return nil, err" below would empty it, and what has been started would stay.
	l := pair{&client.Link{Closers: []func(){dir.Remove}}}
	l.StopSelf = func() {
		client.ChildrenStopped()
		client.StopProcess()
	}
	defer func() {
		if err != nil {
			l.Close()
		}
	}()
	engines, native, err := Engines(chosen, h.Cache, false)
	if err != nil {
		return nil, err
	}
	_, err = l.embed(worker.Config{Name: here.NodeName(), Slots: uint32(slots), MemBytes: here.Memory, Engines: engines,
		Native: native, Dir: filepath.Join(dir.Path, "worker"), CacheDir: h.Cache, Prestart: 1, Ephemeral: true,
		Notice: func(what string) { cli.Say(os.Stderr, "%s", what) }},
		scheduler.Config{Dir: filepath.Join(dir.Path, "scheduler"), ModuleDir: filepath.Join(h.Cache, "modules"),
			Ephemeral: true, Fixed: true,
			LauncherSilence: -1}) // whatever stops the launcher stops its scheduler
	if err != nil {
		return nil, err
	}
	return l.Link, nil
}

// pair is a scheduler and its one worker in this process, and the connection to them.
type pair struct{ *client.Link }

// embed starts both. What has been started when it fails is closed with the link.
func (l pair) embed(w worker.Config, s scheduler.Config) (*scheduler.Server, error) {
	listener := bufconn.Listen(inMemoryBuffer)
	var err error
	l.Conn, err = grpc.NewClient("passthrough:///embedded", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(client.MaxMessage), grpc.MaxCallSendMsgSize(client.MaxMessage)),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		return nil, err
	}
	l.Closers = append(l.Closers, func() { l.Conn.Close() })
	// The worker first: the process that it keeps ready starts while the scheduler opens its journal. Its connection waits
	// until the scheduler serves.
	w.Conn = l.Conn
	agent, err := worker.New(w)
	if err != nil {
		return nil, home.HomeError(w.CacheDir, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	alongside(l.Link, func() {
		if err := agent.Run(ctx); err != nil && ctx.Err() == nil {
			cli.Say(os.Stderr, "%v", err)
			l.Conn.Close() // nobody will run the job: whoever follows it is to know
		}
	})
	l.Closers = append(l.Closers, func() {
		stop() // a worker that has not begun to run does not begin any more
		agent.Stop()
	})
	server, err := scheduler.New(s)
	if err != nil {
		return nil, home.HomeError(s.Dir, err)
	}
	g := grpc.NewServer(grpc.MaxRecvMsgSize(client.MaxMessage), grpc.MaxSendMsgSize(client.MaxMessage))
	server.Register(g)
	l.Closers = append(l.Closers, server.Stop)
	alongside(l.Link, func() { g.Serve(listener) })
	l.Closers = append(l.Closers, g.Stop)
	return server, nil
}

// inMemoryBuffer is what the in-process connection holds in each direction before a writer waits.
const inMemoryBuffer = 256 << 10

// background runs f until the closer that is added after it makes it return; closing waits for it.
func alongside(l *client.Link, f func()) {
	var running sync.WaitGroup
	running.Go(f)
	l.Closers = append(l.Closers, running.Wait)
}
