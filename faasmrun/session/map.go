package session

import (
	"fmt"
	"io"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// WriteMap shows which rank runs where, in the form of mpirun's --display-map.
func WriteMap(w io.Writer, programs []string, p *schedpb.Placement) {
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
			cli.Say(w, "rank %d on %s is not bound (any processor)%s", rank, n.Node, why)
			why = ""
		}
	}
}
