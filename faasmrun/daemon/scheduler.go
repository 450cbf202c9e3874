package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/faasmrun/home"
	"github.com/faasmrun/faasmrun/scheduler"
	"github.com/faasmrun/faasmrun/scheduler/auth"
)

// schedulerFlags are the options of faasmrun scheduler.
type schedulerFlags struct {
	listen, admins []string
	state, certs   string
	policy         string
	limit, grace   time.Duration
	keep, snapshot int
	verbose        bool
	allUsers       bool
}

// SchedulerCommand is faasmrun scheduler: a queue of jobs as a daemon.
func SchedulerCommand() *cobra.Command {
	var f schedulerFlags
	c := &cobra.Command{
		Use: "scheduler --listen ADDRESS --state DIR", Short: "serve a queue of jobs", Args: cobra.NoArgs,
		Long: `faasmrun scheduler serves a queue of jobs, until SIGINT or SIGTERM. It listens

  on a socket (--listen unix:PATH)   for its own user; with --all-users for every user of this machine: the kernel
                                     says who is calling
  on TCP (--listen HOST:PORT)        for whoever shows a certificate of the cluster (faasmrun auth)

Workers and launchers find it by the same address:

  faasmrun worker --scheduler unix:PATH
  FAASMRUN_SCHEDULER=unix:PATH faasmrun -np 4 app.wasm

Administrators may drain workers, make reservations and change everyone's jobs. They are root, the daemon's user, and the
tenants given by --admin, named as listings show them (uid:1000, or the name in a certificate).

Where a worker runs as root, ranks run as their tenant's user. Elsewhere all ranks run as the worker's user, whoever their
tenant is: let in only people who may log in as that user.`,
		RunE: func(*cobra.Command, []string) error { return f.serve() },
	}
	c.Flags().StringArrayVar(&f.listen, "listen", nil, "where to listen: unix:PATH or HOST:PORT; may be repeated")
	c.Flags().BoolVar(&f.allUsers, "all-users", false, "let every user of this machine in by unix:PATH; for root")
	c.Flags().StringVar(&f.state, "state", "", "the directory of its journal and modules (below FAASMRUN_HOME)")
	c.Flags().StringVar(&f.certs, "certs", "", "the directory of its certificate, for HOST:PORT (made by faasmrun auth)")
	c.Flags().StringArrayVar(&f.admins, "admin", nil,
		"a tenant who is an administrator, beside root and the daemon's user; may be repeated")
	c.Flags().StringVar(&f.policy, "policy", "",
		"a JSON file of priorities, qualities of service, shares and quotas; read at the start and on SIGHUP")
	c.Flags().DurationVar(&f.limit, "time-limit", 0, "the time limit of jobs that give none (the policy's, or 24h)")
	c.Flags().IntVar(&f.keep, "keep-ended", 0, "how many ended jobs to remember (10000)")
	c.Flags().IntVar(&f.snapshot, "snapshot-every", 0, "journal records between two snapshots")
	c.Flags().MarkHidden("snapshot-every") // for tests
	c.Flags().DurationVar(&f.grace, "grace", defaultGrace,
		"how long ranks run on when their worker loses its connection; after a tenth more they are started elsewhere")
	c.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "say more on stderr")
	c.MarkFlagRequired("listen")
	return c
}

const (
	defaultGrace = 5 * time.Minute
	leastMargin  = 3 * time.Second // for an executor to end that sees to it by itself
)

// localAdmins are root and the user whose daemon it is.
func localAdmins() []string { return []string{UserTenant(0), UserTenant(uint32(os.Getuid()))} }

// callers says who is at the other end of a connection, of either kind.
type callers struct {
	certs *auth.Files // nil: local sockets only
}

// tenant names the tenant of a call. A local user and a certificate can't be taken for each other: their names differ.
func (c callers) tenant(ctx context.Context) (string, error) {
	if user, err := identify(ctx); err == nil || c.certs == nil {
		return user, err
	}
	who, err := c.certs.Caller(ctx)
	if err == nil && who.Role != auth.Tenant {
		err = fmt.Errorf("the certificate of %s %s is no tenant's", who.Role, who.Name)
	}
	return who.Name, err
}

// worker lets a worker's certificate stand for the worker of its name, and on this machine the administrators.
func (c callers) worker(ctx context.Context, name string) error {
	user, err := identify(ctx)
	if err == nil {
		if slices.Contains(localAdmins(), user) {
			return nil
		}
		return fmt.Errorf("%s may not run workers of this scheduler; its own user and root may", user)
	}
	if c.certs == nil {
		return err
	}
	who, err := c.certs.Caller(ctx)
	switch {
	case err != nil:
		return err
	case who.Role != auth.Worker:
		return fmt.Errorf("the certificate of %s %s is no worker's", who.Role, who.Name)
	case name != "" && name != who.Name:
		return fmt.Errorf("the certificate is of worker %s, not of %s", who.Name, name)
	}
	return nil
}

// boundListener is one address that the scheduler listens at.
type boundListener struct {
	listener net.Listener
	server   *grpc.Server
}

// open listens at an address, with the credentials that go with it.
func (f *schedulerFlags) open(address string, certs *auth.Files) (*boundListener, error) {
	if strings.HasPrefix(address, "unix:") || !strings.Contains(address, ":") {
		listener, err := listenUnix(address, f.allUsers)
		return &boundListener{listener, daemonServer(peerCredentials{})}, err
	}
	if certs == nil {
		return nil, cli.Usagef("--listen %s needs --certs DIR, the scheduler's certificate: who calls by TCP shows one, too",
			address)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--listen %s: %w", address, err)
	}
	return &boundListener{listener, daemonServer(certs.Server())}, nil
}

func (f *schedulerFlags) serve() error {
	if f.allUsers && os.Geteuid() != 0 {
		return cli.Usagef("--all-users is for a scheduler that root runs: only root's workers can run each user's ranks as " +
			"that user")
	}
	if f.grace <= 0 {
		return cli.Usagef("--grace needs a time, as 5m")
	}
	dir, err := stateDir(f.state, "scheduler")
	if err != nil {
		return err
	}
	told := hangups()
	policy, err := f.readPolicy()
	if err != nil {
		return err
	}
	ctx, stop := untilTold()
	defer stop()
	who := callers{}
	if f.certs != "" {
		if who.certs, err = auth.OpenFiles(f.certs); err == nil {
			err = client.CheckRole(who.certs, auth.Who{Role: auth.Scheduler})
		}
		if err != nil {
			return err
		}
	}
	var listeners []*boundListener
	for _, address := range f.listen {
		d, err := f.open(address, who.certs)
		if err != nil {
			return err
		}
		defer d.listener.Close()
		listeners = append(listeners, d)
	}
	log := daemonLog(f.verbose)
	server, err := scheduler.New(scheduler.Config{Dir: dir, Identity: who.tenant, Logger: log, TimeLimit: f.limit,
		Policy: &policy,
		Grace:  f.grace, GraceMargin: max(f.grace/10, leastMargin), KeepEnded: f.keep, SnapshotEvery: f.snapshot,
		Admins: append(localAdmins(), f.admins...), Worker: who.worker, CallerEnded: callerEnded})
	if err != nil {
		return home.StateError(dir, stateOption(f.state), err)
	}
	defer server.Stop()
	defer onHangup(ctx, told, func() { f.reload(server, log) })()
	var serving sync.WaitGroup
	faults := make([]error, len(listeners))
	for i, d := range listeners {
		server.Register(d.server)
		serving.Go(func() { faults[i] = d.server.Serve(d.listener) })
		log.Info("the scheduler is ready", "listen", f.listen[i], "at", d.listener.Addr(), "state", dir)
	}
	select {
	case <-ctx.Done():
	case <-server.Halted():
	}
	log.Info("the scheduler stops", "by itself", ctx.Err() == nil)
	server.Stop()
	for _, d := range listeners {
		d.server.Stop()
	}
	serving.Wait()
	if err := server.Err(); err != nil {
		return fmt.Errorf("the scheduler stopped: %w", err)
	}
	return errors.Join(faults...)
}

// readPolicy reads the policy's file, if there is one.
func (f *schedulerFlags) readPolicy() (p scheduler.Policy, err error) {
	text := []byte("{}")
	if f.policy != "" {
		if text, err = os.ReadFile(f.policy); err != nil {
			return p, err
		}
	}
	if p, err = scheduler.ClusterPolicy(text); err != nil {
		err = fmt.Errorf("%s: %w", f.policy, err)
	}
	return p, err
}

// reload reads the policy anew. One that is not as it should be changes nothing.
func (f *schedulerFlags) reload(server *scheduler.Server, log *slog.Logger) {
	if f.policy == "" {
		log.Info("SIGHUP: there is no --policy to read again")
		return
	}
	policy, err := f.readPolicy()
	if err == nil {
		err = server.SetPolicy(policy)
	}
	if err != nil {
		log.Error("SIGHUP: the policy stays as it was", "policy", f.policy, "err", err)
		return
	}
	log.Info("SIGHUP: the policy was read again", "policy", f.policy)
}

// stateDir is a daemon's own directory: the one it is given, or one below the home.
func stateDir(given, name string) (string, error) {
	if given != "" {
		return filepath.Abs(given)
	}
	h, err := home.Find()
	return filepath.Join(h.State, name), err
}

// stateOption is what names a daemon's directory: the option, where it was given, or the home.
func stateOption(given string) string {
	if given != "" {
		return "--state"
	}
	return "FAASMRUN_HOME"
}
