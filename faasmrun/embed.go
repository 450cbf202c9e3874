package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/faasmrun/faasmrun/scheduler"
	"github.com/faasmrun/faasmrun/worker"
)

// embed starts a scheduler and a worker in this process, with their state in a directory of this run, and connects to the
// scheduler as one would to a daemon's. The modules and what was compiled from them are shared with every other run.
func embed(here machine, slots int) (made *link, err error) {
	h, err := findHome()
	if err != nil {
		return nil, err
	}
	dir, err := newRunDir(h)
	if err != nil {
		return nil, err
	}
	// Not the result's own name: each "return nil, err" below would empty it, and what has been started would stay.
	l := &link{closers: []func(){dir.remove}}
	l.stopSelf = func() {
		childrenStopped()
		stopProcess()
	}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	listener := bufconn.Listen(inMemoryBuffer)
	l.conn, err = grpc.NewClient("passthrough:///embedded", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		return nil, err
	}
	l.closers = append(l.closers, func() { l.conn.Close() })
	// The worker first: the process that it keeps ready starts while the scheduler opens its journal. Its connection waits
	// until the scheduler serves.
	agent, err := worker.New(worker.Config{Conn: l.conn, Name: here.nodeName(), Slots: uint32(slots), MemBytes: here.memory,
		Dir: filepath.Join(dir.path, "worker"), CacheDir: h.cache, Spares: 1, Ephemeral: true})
	if err != nil {
		return nil, homeError(h.cache, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	l.background(func() {
		if err := agent.Run(ctx); err != nil && ctx.Err() == nil {
			say(os.Stderr, "%v", err)
			l.conn.Close() // nobody will run the job: whoever follows it is to know
		}
	})
	l.closers = append(l.closers, func() {
		stop() // a worker that has not begun to run does not begin any more
		agent.Stop()
	})
	server, err := scheduler.New(scheduler.Config{Dir: filepath.Join(dir.path, "scheduler"),
		ModuleDir: filepath.Join(h.cache, "modules"), Ephemeral: true, Fixed: true,
		LauncherSilence: -1}) // whatever stops the launcher stops its scheduler
	if err != nil {
		return nil, homeError(dir.path, err)
	}
	g := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage))
	server.Register(g)
	l.closers = append(l.closers, server.Stop)
	l.background(func() { g.Serve(listener) })
	l.closers = append(l.closers, g.Stop)
	return l, nil
}

// inMemoryBuffer is what the in-process connection holds in each direction before a writer waits.
const inMemoryBuffer = 256 << 10

// background runs f until the closer that is added after it makes it return; closing waits for it.
func (l *link) background(f func()) {
	var running sync.WaitGroup
	running.Go(f)
	l.closers = append(l.closers, running.Wait)
}
