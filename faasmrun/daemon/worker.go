package daemon

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/faasmrun/home"
	"github.com/faasmrun/faasmrun/faasmrun/machine"
	"github.com/faasmrun/faasmrun/scheduler/auth"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker"
	"github.com/faasmrun/faasmrun/worker/cgroup"
)

// workerFlags are the options of faasmrun worker.
type workerFlags struct {
	scheduler, name, state, cache, mem string
	certs                              string
	slots                              uint32
	users                              map[string]string
	labels                             []string
	gres                               []string
	unlimited, verbose                 bool
	keepLogs                           uint32
	keepLogBytes                       string
	idle                               uint32
	idleTimeout                        time.Duration
	onStop, engine                     string
	lax                                bool // compile without Landlock
	noScripts                          bool
}

// WorkerCommand is faasmrun worker: this machine's agent as a daemon.
func WorkerCommand() *cobra.Command {
	here := machine.This()
	var f workerFlags
	c := &cobra.Command{
		Use: "worker --scheduler ADDRESS", Short: "run a scheduler's jobs on this machine", Args: cobra.NoArgs,
		Long: `faasmrun worker runs the jobs that a scheduler gives it, until SIGINT or SIGTERM. When the scheduler restarts, the
ranks run on and the worker connects again by itself; without a scheduler they are ended after the scheduler's --grace.

When the worker stops, the ranks of batch jobs run on, and the next worker with the same --state takes them over. With
--on-stop requeue, and when the machine is being shut down, the worker ends them instead; jobs submitted with --requeue are
then started elsewhere at once.`,
		RunE: func(*cobra.Command, []string) error { return serveWorker(f) },
	}
	c.Flags().StringVar(&f.scheduler, "scheduler", "", "the scheduler's address: unix:PATH or HOST:PORT")
	c.Flags().StringVar(&f.name, "name", here.NodeName(), "this node's name")
	c.Flags().Uint32Var(&f.slots, "slots", uint32(here.Cores), "how many ranks run here at once")
	c.Flags().StringVar(&f.mem, "mem", "", "memory for ranks: 8G (all of the machine's)")
	c.Flags().StringVar(&f.state, "state", "", "the directory of its jobs and their output (below FAASMRUN_HOME)")
	c.Flags().StringVar(&f.cache, "cache", "", "the directory of compiled modules (below FAASMRUN_HOME)")
	c.Flags().StringVar(&f.certs, "certs", os.Getenv("FAASMRUN_CERTS"),
		"the directory of its certificate, for HOST:PORT (made by faasmrun auth)")
	c.Flags().StringSliceVar(&f.labels, "label", nil,
		"a property that jobs may ask for with -C: NAME or NAME=VALUE; may be repeated")
	c.Flags().StringArrayVar(&f.gres, "gres", nil,
		"what jobs may take beside slots and memory, by numbers from 0 on: gpu:a100:2,licence:5; may be repeated")
	c.Flags().StringToStringVar(&f.users, "user", nil,
		"TENANT=USER: the user that a tenant's ranks run as, if the worker is root (the user of the tenant's name)")
	c.Flags().Uint32Var(&f.keepLogs, "keep-logs", worker.DefaultKeepLogs,
		"how many ended batch jobs to keep the output of; the oldest goes first")
	c.Flags().StringVar(&f.keepLogBytes, "keep-log-bytes", fmt.Sprintf("%dG", worker.DefaultKeepLogBytes>>30),
		"how much output of ended batch jobs to keep; the oldest goes first")
	c.Flags().Uint32Var(&f.idle, "idle-executors", min(uint32(here.Cores)*2, maxIdleByDefault),
		"how many processes may stay after a job for their tenant's next one; 0: none")
	c.Flags().DurationVar(&f.idleTimeout, "idle-timeout", worker.DefaultIdleTimeout, "how long such a process waits")
	c.Flags().StringVar(&f.onStop, "on-stop", onStopStay,
		"what happens to batch jobs when the worker is told to stop: stay (the next worker with this --state takes "+
			"them over) or requeue")
	c.Flags().StringVar(&f.engine, "engine", engineAuto,
		"what programs are run with here: auto (all that this machine has), "+schedpb.EngineWazero+" or "+
			schedpb.EngineNative)
	c.Flags().BoolVar(&f.lax, "compile-without-landlock", false,
		"let the C compiler make machine code on a kernel that can't keep it from the worker's files")
	c.Flags().BoolVar(&f.noScripts, "no-scripts", false, "run no job scripts, which are native programs")
	c.Flags().BoolVar(&f.unlimited, "no-cgroups", false, "don't limit memory and processors by control groups")
	c.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "say more on stderr")
	c.MarkFlagRequired("scheduler")
	return c
}

// spareExecutors is how many processes wait for jobs to come: each is some 20 MB, and saves a job its start.
const spareExecutors = 2

// maxIdleByDefault bounds what a large machine keeps waiting: each such process is some 30 MB.
const maxIdleByDefault = 16

// What --on-stop knows.
const onStopStay, OnStopRequeue = "stay", "requeue"

func serveWorker(f workerFlags) error {
	if f.onStop != onStopStay && f.onStop != OnStopRequeue {
		return cli.Usagef("--on-stop is %s or %s", onStopStay, OnStopRequeue)
	}
	dir, err := stateDir(f.state, "worker")
	if err != nil {
		return err
	}
	if f.cache == "" {
		h, err := home.Find()
		if err != nil {
			return err
		}
		f.cache = h.Cache
	}
	if f.cache, err = filepath.Abs(f.cache); err != nil { // executors have another directory
		return err
	}
	if f.slots < 1 || f.slots > cli.MaxRanks {
		return cli.Usagef("--slots needs a number from 1 to %d", cli.MaxRanks)
	}
	mem := machine.This().Memory
	if f.mem != "" {
		if mem, err = cli.ParseBytes(f.mem); err != nil {
			return cli.Usagef("--mem %v", err)
		}
	}
	kept, err := cli.ParseBytes(f.keepLogBytes)
	if err != nil || kept == 0 || f.keepLogs == 0 {
		return cli.Usagef("--keep-logs and --keep-log-bytes need numbers above 0")
	}
	if f.idle > cli.MaxRanks || f.idleTimeout <= 0 {
		return cli.Usagef("--idle-executors needs a number up to %d, --idle-timeout a duration above 0", cli.MaxRanks)
	}
	labels, err := client.ParseLabels(f.labels)
	if err != nil {
		return cli.Usagef("--label: %v", err)
	}
	var resources []*schedpb.Resource
	for _, words := range f.gres {
		more, err := client.ParseResources(words)
		if err != nil {
			return cli.Usagef("--gres %v", err)
		}
		resources = append(resources, more...)
	}
	conn, err := client.DialAs(f.scheduler, f.certs, auth.Who{Role: auth.Worker, Name: f.name})
	if err != nil {
		return err
	}
	defer conn.Close()
	told := hangups()
	log := daemonLog(f.verbose)
	engines, native, err := Engines(f.engine, f.cache, f.lax)
	if err != nil {
		return err
	}
	for _, e := range engines {
		if e.Missing != "" {
			log.Info("the worker is without the "+e.Name+" engine", "why", e.Missing)
		}
	}
	config := worker.Config{Conn: conn, Name: f.name, Slots: f.slots, MemBytes: mem, Dir: dir, CacheDir: f.cache,
		Logger: log, Users: f.users, Labels: labels, Resources: resources, Engines: engines, Native: native,
		Prestart: min(spareExecutors, int(f.slots)), KeepLogs: int(f.keepLogs), KeepLogBytes: kept, Idle: int(f.idle),
		IdleTimeout: f.idleTimeout, NoScripts: f.noScripts,
		Requeue: func() bool { return f.onStop == OnStopRequeue || shuttingDown() }}
	if !f.unlimited {
		config.Groups = cgroup.Detect("/", groupName(f.name, dir))
		defer config.Groups.Leave() // once the agent has stopped
		log.Info("control groups", "in force", config.Groups)
	}
	config.Connected = sync.OnceFunc(func() {
		log.Info("the scheduler knows the worker", "name", f.name, "scheduler", f.scheduler)
	})
	agent, err := worker.New(config)
	if err != nil {
		return home.StateError(dir, stateOption(f.state), err)
	}
	defer agent.Stop()
	ctx, stop := untilTold()
	defer stop()
	// Its options are what it was started with, and its certificate is read for each connection.
	defer onHangup(ctx, told, func() {
		log.Info("SIGHUP: a worker has nothing to read again; the next connection reads its certificate")
	})()
	log.Info("ranks run", "as", whoRuns())
	log.Info("the worker is ready", "name", f.name, "slots", f.slots, "scheduler", f.scheduler)
	defer log.Info("the worker stops")
	return agent.Run(ctx)
}

// shuttingDown reports whether the machine is on its way down, as far as its service manager tells. Its executors would
// not live to see another worker.
func shuttingDown() bool {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	state, _ := exec.CommandContext(ctx, "systemctl", "is-system-running").Output() // its status says the same
	return strings.TrimSpace(string(state)) == "stopping"
}

// groupName is that of a worker's control groups. Two clusters on a machine may each have a worker of the same name,
// and must not kill each other's jobs; a worker that is started again with the same state has to find its own.
func groupName(worker, dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return fmt.Sprintf("%s-%x", worker, sum[:4])
}

func whoRuns() string {
	if os.Geteuid() == 0 {
		return "the tenant's user"
	}
	return "this user, whoever the tenant is"
}
