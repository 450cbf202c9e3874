package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/scheduler"
)

// schedulerCommand is faasmrun scheduler: a queue of jobs as a daemon on a local socket.
func schedulerCommand() *cobra.Command {
	var listen, state string
	var verbose bool
	var limit time.Duration
	c := &cobra.Command{
		Use: "scheduler --listen unix:PATH --state DIR", Short: "serve a queue of jobs", Args: cobra.NoArgs,
		Long: "faasmrun scheduler serves a queue of jobs to its own user, until SIGINT or SIGTERM. Who is calling is asked of the\n" +
			"kernel. Workers and launchers find it by the same address: faasmrun worker --scheduler unix:PATH, and\n" +
			"FAASMRUN_SCHEDULER=unix:PATH faasmrun -np 4 app.wasm.",
		RunE: func(*cobra.Command, []string) error { return serveScheduler(listen, state, limit, verbose) },
	}
	c.Flags().StringVar(&listen, "listen", "", "where to listen: unix:PATH")
	c.Flags().StringVar(&state, "state", "", "the directory of its journal and modules (below FAASMRUN_HOME)")
	c.Flags().DurationVar(&limit, "time-limit", defaultTimeLimit, "of jobs that name none")
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "say more on stderr")
	c.MarkFlagRequired("listen")
	return c
}

// defaultTimeLimit is what a job gets that names no limit: without one nothing could be planned behind it.
const defaultTimeLimit = 24 * time.Hour

// administrators are root and the user whose daemon it is.
func administrators() []string { return []string{userTenant(0), userTenant(uint32(os.Getuid()))} }

// mayBeWorker lets administrators' processes speak for workers.
func mayBeWorker(ctx context.Context, _ string) error {
	user, err := identify(ctx)
	if err == nil && !slices.Contains(administrators(), user) {
		err = fmt.Errorf("%s may not run workers of this scheduler; its own user and root may", user)
	}
	return err
}

func serveScheduler(listen, state string, limit time.Duration, verbose bool) error {
	dir, err := stateDir(state, "scheduler")
	if err != nil {
		return err
	}
	ctx, stop := untilTold()
	defer stop()
	listener, err := listenUnix(listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	log := daemonLog(verbose)
	server, err := scheduler.New(scheduler.Config{Dir: dir, Identity: identify, Logger: log, TimeLimit: limit,
		Admins: administrators(), Worker: mayBeWorker})
	if err != nil {
		return homeError(dir, err)
	}
	defer server.Stop()
	g := daemonServer()
	server.Register(g)
	var serving sync.WaitGroup
	var fault error
	serving.Go(func() { fault = g.Serve(listener) })
	log.Info("the scheduler is ready", "listen", listen, "state", dir)
	select {
	case <-ctx.Done():
	case <-server.Halted():
	}
	server.Stop()
	g.Stop()
	serving.Wait()
	if err := server.Err(); err != nil {
		return fmt.Errorf("the scheduler stopped: %w", err)
	}
	return fault
}

// stateDir is a daemon's own directory: the one it is given, or one below the home.
func stateDir(given, name string) (string, error) {
	if given != "" {
		return filepath.Abs(given)
	}
	h, err := findHome()
	return filepath.Join(h.state, name), err
}
