package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// nodesCommand is faasmrun nodes: the workers and what is free on them.
func nodesCommand() *cobra.Command {
	var f clusterFlags
	c := &cobra.Command{
		Use: "nodes", Short: "list the workers and what is free on them", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return f.with(func(c *cluster) error {
				answer, err := c.nodes.Nodes(c.ctx, &schedpb.NodesRequest{})
				if err != nil {
					return c.refusal(err)
				}
				return c.printNodes(answer.Nodes)
			})
		},
	}
	f.add(c)
	return c
}

// nodeRecord is a worker as --json shows it.
type nodeRecord struct {
	Name     string   `json:"name"`
	State    string   `json:"state"`
	Slots    uint32   `json:"slots"`
	Used     uint32   `json:"used_slots"`
	Mem      uint64   `json:"mem_bytes"`
	UsedMem  uint64   `json:"used_mem_bytes"`
	Jobs     []uint64 `json:"jobs"`
	Labels   []string `json:"labels,omitempty"`
	Draining string   `json:"draining,omitempty"`
	Unfit    string   `json:"unfit,omitempty"`
	Since    string   `json:"since"`
}

func newNodeRecord(n *schedpb.NodeInfo) nodeRecord {
	r := nodeRecord{Name: n.Name, State: nodeState(n), Slots: n.Slots, Used: n.UsedSlots, Mem: n.MemBytes, UsedMem: n.UsedMemBytes,
		Jobs: append([]uint64{}, n.Jobs...), Draining: n.Draining, Unfit: n.Unfit, Since: moment(n.SinceUnixNs)}
	for _, l := range n.Labels {
		r.Labels = append(r.Labels, labelText(l))
	}
	return r
}

func nodeState(n *schedpb.NodeInfo) string {
	closed := n.Draining != "" || n.Unfit != ""
	switch {
	case n.Stopped:
		return "stopped"
	case !n.Connected:
		return "lost"
	case closed && n.UsedSlots == 0:
		return "drained"
	case closed:
		return "draining"
	case n.UsedSlots == 0:
		return "idle"
	case n.UsedSlots >= n.Slots || n.Exclusive:
		return "full"
	}
	return "mixed"
}

func (c *cluster) printNodes(nodes []*schedpb.NodeInfo) error {
	var all []nodeRecord
	var rows [][]string
	for _, n := range nodes {
		r := newNodeRecord(n)
		all = append(all, r)
		notes := slices.Clone(r.Labels)
		for _, why := range []string{r.Draining, r.Unfit} {
			if why != "" {
				notes = append(notes, "("+why+")")
			}
		}
		rows = append(rows, []string{r.Name, r.State, fmt.Sprintf("%d/%d", r.Used, r.Slots), bytesText(r.UsedMem) + "/" + bytesText(r.Mem),
			fmt.Sprint(len(r.Jobs)), span(time.Since(time.Unix(0, n.SinceUnixNs))), strings.Join(notes, " ")})
	}
	if c.json {
		return printJSON(c.out, all)
	}
	return table(c.out, "NODE STATE SLOTS MEMORY JOBS SINCE NOTES", rows)
}
