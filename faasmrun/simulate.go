package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

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
}

// simulateCommand is faasmrun simulate: what would the scheduler's policies do with a workload?
func simulateCommand() *cobra.Command {
	f := simulateFlags{nodes: 1, slots: 128, load: 0.8, seed: 1, tenants: 10}
	c := &cobra.Command{
		Use: "simulate [TRACE.swf]", Short: "compare policies on a trace or a generated workload", Args: cobra.MaximumNArgs(1),
		Long: "faasmrun simulate gives the jobs of a trace in the Standard Workload Format, or with --lublin generated ones, to the scheduler's\n" +
			"own code on a simulated cluster, once for each policy, and says how long they waited. A job runs on one node: those of a\n" +
			"trace that are wider are cut to it.",
		RunE: func(_ *cobra.Command, words []string) error { return f.run(words) },
	}
	c.Flags().StringSliceVar(&f.policies, "policy", []string{"easy", "fcfs"}, "easy (backfill), fcfs (strictly in order), nofair (easy without fair share)")
	c.Flags().IntVar(&f.nodes, "nodes", f.nodes, "nodes of the cluster")
	c.Flags().Uint32Var(&f.slots, "slots", f.slots, "slots of each")
	c.Flags().StringVar(&f.plot, "plot", "", "write how waiting times are distributed to this file, as SVG")
	c.Flags().IntVar(&f.lublin, "lublin", 0, "generate so many jobs by the model of Lublin and Feitelson")
	c.Flags().Float64Var(&f.load, "load", f.load, "of the generated workload: 1 is all that the cluster can do")
	c.Flags().IntVar(&f.tenants, "tenants", f.tenants, "of the generated workload")
	c.Flags().Uint64Var(&f.seed, "seed", f.seed, "of the generated workload")
	return c
}

func (f *simulateFlags) run(words []string) error {
	if (f.lublin > 0) == (len(words) > 0) {
		return usagef("simulate needs a trace, or --lublin and a number of jobs")
	}
	if f.nodes < 1 || f.nodes > 1<<20 || f.slots < 1 || f.slots > maxRanks || f.load <= 0 || f.load > 100 {
		return usagef("--nodes, --slots and --load are beyond what can be simulated")
	}
	if err := f.prepare(words); err != nil {
		return err
	}
	var all []*sim.Metrics
	for _, name := range f.policies {
		m, err := f.simulate(name)
		if err != nil {
			return err
		}
		fmt.Println(m.Report(name, uint64(f.nodes)*uint64(f.slots)))
		all = append(all, m)
	}
	if f.plot != "" {
		return os.WriteFile(f.plot, []byte(sim.Plot(f.policies, all)), 0o644)
	}
	return nil
}

func (f *simulateFlags) prepare(words []string) error {
	if f.lublin > 0 {
		l := sim.Lublin{Seed: f.seed, Jobs: f.lublin, Width: f.slots, Slots: uint64(f.nodes) * uint64(f.slots), Load: f.load, Tenants: f.tenants}
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
		say(os.Stderr, "%d of %d jobs are wider than a node and are cut to its %d slots", cut, len(jobs), f.slots)
	}
	f.workloadOf = func() sim.Workload { return sim.FromSlice(jobs) }
	return nil
}

func (f *simulateFlags) simulate(name string) (*sim.Metrics, error) {
	p, err := sim.Policy(name)
	if err != nil {
		return nil, usagef("%v", err)
	}
	s := sim.New(sim.Config{Seed: f.seed, Nodes: f.nodes, Slots: f.slots, Mem: 1 << 40, Policy: p, Light: true}, f.workloadOf())
	if err := s.Run(); err != nil {
		return nil, err
	}
	return &s.Metrics, nil
}
