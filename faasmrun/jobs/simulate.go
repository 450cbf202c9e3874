package jobs

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/scheduler"
	"github.com/faasmrun/faasmrun/scheduler/sim"
)

// simulateFlags are the options of faasmrun simulate.
type simulateFlags struct {
	policies   []string
	nodes      int
	slots      uint32
	plot       string
	lublin     int
	load       float64
	seed       uint64
	tenants    int
	workloadOf func() sim.Workload // a new stream of the same jobs

	cluster  client.ClusterFlags
	live     bool
	addNodes int
	fraction float64
}

// SimulateCommand is faasmrun simulate: what would the scheduler's policies do with a workload?
func SimulateCommand() *cobra.Command {
	f := simulateFlags{nodes: 1, slots: 128, load: 0.8, seed: 1, tenants: 10, fraction: 1}
	c := &cobra.Command{
		Use: "simulate [TRACE.swf]", Short: "compare policies on a trace, a generated workload or the live queue",
		Args: cobra.MaximumNArgs(1),
		Long: `faasmrun simulate runs the jobs of a trace in the Standard Workload Format, or with --lublin generated ones, through
the scheduler's own code on a simulated cluster, once for each policy, and prints how long they waited. A job runs on one
node: jobs of a trace that are wider are cut to one.

With --live it begins with the present queue of a scheduler, which it leaves alone, and prints when each waiting job would
start: as things are, under each --policy, and with --add-nodes more nodes.`,
	}
	c.RunE = func(_ *cobra.Command, words []string) error {
		if !f.live {
			return f.run(words)
		}
		if len(words) > 0 || f.lublin > 0 || f.plot != "" {
			return cli.Usagef("--live takes the jobs of a queue: no trace, --lublin or --plot")
		}
		if !c.Flags().Changed("policy") {
			f.policies = nil
		}
		return f.whatIf()
	}
	c.Flags().StringSliceVar(&f.policies, "policy", []string{"easy", "fcfs"},
		"easy (backfill), fcfs (strictly in order), nofair (easy without fair share), or a policy's file, FILE.json")
	c.Flags().StringVar(&f.cluster.Scheduler, "scheduler", "",
		"with --live: the scheduler's address, unix:PATH (FAASMRUN_SCHEDULER)")
	c.Flags().BoolVar(&f.cluster.Json, "json", false, "print a JSON array")
	c.Flags().BoolVar(&f.live, "live", false, "start from the queue of a scheduler")
	c.Flags().IntVar(&f.addNodes, "add-nodes", 0, "with --live: add this many nodes, of --slots each")
	c.Flags().Float64Var(&f.fraction, "fraction", f.fraction, "with --live: how much of their time limits jobs use")
	c.Flags().IntVar(&f.nodes, "nodes", f.nodes, "nodes of the cluster")
	c.Flags().Uint32Var(&f.slots, "slots", f.slots, "slots of each node")
	c.Flags().StringVar(&f.plot, "plot", "", "write how waiting times are distributed to this file, as SVG")
	c.Flags().IntVar(&f.lublin, "lublin", 0, "generate this many jobs by the model of Lublin and Feitelson")
	c.Flags().Float64Var(&f.load, "load", f.load, "load of the generated workload; at 1 it keeps the whole cluster busy")
	c.Flags().IntVar(&f.tenants, "tenants", f.tenants, "tenants of the generated workload")
	c.Flags().Uint64Var(&f.seed, "seed", f.seed, "seed of the generated workload")
	return c
}

func (f *simulateFlags) run(words []string) error {
	if (f.lublin > 0) == (len(words) > 0) {
		return cli.Usagef("simulate needs a trace, or --lublin and a number of jobs")
	}
	if f.nodes < 1 || f.nodes > 1<<20 || f.slots < 1 || f.slots > cli.MaxRanks || f.load <= 0 || f.load > 100 {
		return cli.Usagef("--nodes, --slots and --load are beyond what can be simulated")
	}
	if err := f.prepare(words); err != nil {
		return err
	}
	slots := uint64(f.nodes) * uint64(f.slots)
	var all []*sim.Metrics
	var records []sim.Summary
	for _, name := range f.policies {
		m, err := f.simulate(name)
		if err != nil {
			return err
		}
		if !f.cluster.Json {
			fmt.Println(m.Summary(name, slots))
		}
		records = append(records, m.Summary(name, slots))
		all = append(all, m)
	}
	if f.cluster.Json {
		if err := cli.PrintJSON(os.Stdout, records); err != nil {
			return err
		}
	}
	if f.plot != "" {
		return os.WriteFile(f.plot, []byte(sim.Plot(f.policies, all)), 0o644)
	}
	return nil
}

func (f *simulateFlags) prepare(words []string) error {
	if f.lublin > 0 {
		l := sim.Lublin{Seed: f.seed, Jobs: f.lublin, Width: f.slots, Slots: uint64(f.nodes) * uint64(f.slots), Load: f.load,
			Tenants: f.tenants}
		f.workloadOf = l.Workload
		return nil
	}
	trace, err := os.Open(words[0])
	if err != nil {
		return err
	}
	defer trace.Close()
	jobs, cut, err := sim.ReadSWF(trace, f.slots)
	if err != nil {
		return fmt.Errorf("%s: %w", words[0], err)
	}
	if len(jobs) == 0 {
		return fmt.Errorf("%s holds no job that ran", words[0])
	}
	if cut > 0 {
		cli.Say(os.Stderr, "%d of %d jobs are wider than a node and are cut to its %d slots", cut, len(jobs), f.slots)
	}
	f.workloadOf = func() sim.Workload { return sim.FromSlice(jobs) }
	return nil
}

func (f *simulateFlags) simulate(name string) (*sim.Metrics, error) {
	p, err := namedPolicy(name, scheduler.DefaultPolicy())
	if err != nil {
		return nil, err
	}
	p.KeepEnded = 1000 // nobody asks for them; what ends at one moment has to be there for the figures
	s := sim.New(sim.Config{Seed: f.seed, Nodes: f.nodes, Slots: f.slots, Mem: 1 << 40, Policy: p, Light: true},
		f.workloadOf())
	if err := s.Run(); err != nil {
		return nil, err
	}
	return &s.Metrics, nil
}

// namedPolicy is one of those that the simulator knows, or what a file says; both on top of another.
func namedPolicy(name string, on scheduler.Policy) (scheduler.Policy, error) {
	if strings.HasSuffix(name, ".json") {
		text, err := os.ReadFile(name)
		if err != nil {
			return on, err
		}
		p, err := scheduler.ParsePolicy(text, on)
		if err != nil {
			return on, fmt.Errorf("%s: %w", name, err)
		}
		return p, nil
	}
	p, err := sim.Policy(name, on)
	if err != nil {
		return on, cli.Usagef("%v", err)
	}
	return p, nil
}
