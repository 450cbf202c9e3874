package main

import (
	"fmt"
	"io"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// writeMap shows which rank runs where, in the form of mpirun's --display-map.
func writeMap(w io.Writer, programs []string, p *schedpb.Placement) {
	fmt.Fprintf(w, " ========================   JOB MAP   ========================\n")
	for _, n := range p.Nodes {
		fmt.Fprintf(w, "\n Data for node: %s\tNum procs: %d\n", n.Node, n.Ranks)
		for rank := n.FirstRank; rank < n.FirstRank+n.Ranks && int(rank) < len(programs); rank++ {
			fmt.Fprintf(w, " \tProcess rank: %d\tProgram: %s\tBound: N/A\n", rank, programs[rank])
		}
	}
	fmt.Fprintf(w, "\n =============================================================\n")
}

// writeBindings says what each rank is bound to: nothing. Ranks are goroutines of one executor, which move between its
// threads; binding would be worse than none.
func writeBindings(w io.Writer, wanted string, p *schedpb.Placement) {
	why := ""
	if wanted != "" && wanted != "none" {
		why = "; ranks share their executor's threads, so --bind-to " + wanted + " has no effect"
	}
	for _, n := range p.Nodes {
		for rank := n.FirstRank; rank < n.FirstRank+n.Ranks; rank++ {
			say(w, "rank %d on %s is not bound (any processor)%s", rank, n.Node, why)
			why = ""
		}
	}
}

// programsByRank lists the program that each rank runs.
func (r *request) programsByRank() []string {
	var programs []string
	for i := range r.segments {
		for range r.segments[i].ranks {
			programs = append(programs, r.segments[i].program)
		}
	}
	return programs
}

// writeAllocation shows the slots, in the form of mpirun's --display-allocation.
func writeAllocation(w io.Writer, here machine, slots int) {
	fmt.Fprintf(w, "\n======================   ALLOCATED NODES   ======================\n")
	fmt.Fprintf(w, "\t%s: slots=%d\n", here.nodeName(), slots)
	fmt.Fprintf(w, "=================================================================\n")
}
