package jobs

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/internal/bytesize"
	"github.com/faasmrun/faasmrun/internal/timespan"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// NodesCommand is faasmrun nodes: the workers and what is free on them.
func NodesCommand() *cobra.Command {
	var f client.ClusterFlags
	wide := false
	c := &cobra.Command{
		Use: "nodes", Short: "list the workers and what is free on them", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return f.With(func(c *client.Cluster) error {
				answer, err := c.ClusterService.Nodes(c.Ctx, &schedpb.NodesRequest{})
				if err != nil {
					return c.Refusal(err)
				}
				return printNodes(c, answer.Nodes, wide)
			})
		},
	}
	f.Add(c)
	c.Flags().BoolVar(&wide, "wide", false, "list each worker's engines too, with their data models and the most "+
		"memory that a rank can have")
	return c
}

// nodeRecord is a worker as --json shows it.
type nodeRecord struct {
	Name     string         `json:"name"`
	State    string         `json:"state"`
	Slots    uint32         `json:"slots"`
	Used     uint32         `json:"used_slots"`
	Mem      uint64         `json:"mem_bytes"`
	UsedMem  uint64         `json:"used_mem_bytes"`
	Jobs     []uint64       `json:"jobs"`
	Labels   []string       `json:"labels,omitempty"`
	Gres     []string       `json:"gres,omitempty"`      // NAME:COUNT or NAME:TYPE:COUNT
	UsedGres []string       `json:"used_gres,omitempty"` // NAME NUMBER
	Engines  []engineRecord `json:"engines,omitempty"`
	Draining string         `json:"draining,omitempty"`
	Unfit    string         `json:"unfit,omitempty"`
	Since    string         `json:"since"`
}

// engineRecord is what a worker runs programs with.
type engineRecord struct {
	Name       string   `json:"name"`
	DataModels []string `json:"data_models"`
	MaxRankMem uint64   `json:"max_rank_mem_bytes,omitempty"` // left out of what runs scripts: their job's bounds them
	Missing    string   `json:"missing,omitempty"`            // why the worker has it not
}

func (e engineRecord) String() string {
	switch {
	case e.Missing != "":
		return "no " + e.Name
	case len(e.DataModels) == 0:
		return e.Name
	}
	return fmt.Sprintf("%s (%s, %s)", e.Name, strings.Join(e.DataModels, "+"), bytesize.Short(e.MaxRankMem))
}

func newNodeRecord(n *schedpb.NodeInfo) nodeRecord {
	r := nodeRecord{Name: n.Name, State: nodeState(n), Slots: n.Slots, Used: n.UsedSlots, Mem: n.MemBytes,
		UsedMem: n.UsedMemBytes,
		Jobs:    append([]uint64{}, n.Jobs...), Draining: n.Draining, Unfit: n.Unfit, Since: moment(n.SinceUnixNs)}
	for _, l := range n.Labels {
		r.Labels = append(r.Labels, client.LabelText(l))
	}
	for _, x := range n.Resources {
		r.Gres = append(r.Gres, client.ResourceText(x))
	}
	for _, u := range n.Held {
		r.UsedGres = append(r.UsedGres, fmt.Sprintf("%s %d", u.GetName(), u.GetNumber()))
	}
	for _, e := range n.Engines {
		engine := engineRecord{e.Name, append([]string{}, e.DataModels...), e.MaxRankMemBytes, e.Missing}
		if e.Name == schedpb.EngineScript {
			engine.MaxRankMem = 0
		}
		r.Engines = append(r.Engines, engine)
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

func printNodes(c *client.Cluster, nodes []*schedpb.NodeInfo, wide bool) error {
	heading := "NODE STATE SLOTS MEMORY JOBS SINCE NOTES"
	if wide {
		heading = "NODE STATE SLOTS MEMORY JOBS SINCE ENGINES NOTES"
	}
	var all []nodeRecord
	var rows [][]string
	for _, n := range nodes {
		r := newNodeRecord(n)
		all = append(all, r)
		notes := slices.Concat(r.Gres, r.Labels)
		for _, why := range []string{r.Draining, r.Unfit} {
			if why != "" {
				notes = append(notes, "("+why+")")
			}
		}
		for _, e := range r.Engines {
			if e.Missing != "" {
				notes = append(notes, "(no "+e.Name+" engine: "+e.Missing+")")
			}
		}
		row := []string{r.Name, r.State, fmt.Sprintf("%d/%d", r.Used, r.Slots),
			bytesize.Short(r.UsedMem) + "/" + bytesize.Short(r.Mem),
			fmt.Sprint(len(r.Jobs)), timespan.String(time.Since(time.Unix(0, n.SinceUnixNs)))}
		if wide {
			row = append(row, enginesText(r.Engines))
		}
		rows = append(rows, append(row, strings.Join(notes, " ")))
	}
	if c.Json {
		return cli.PrintJSON(c.Out, all)
	}
	return cli.Table(c.Out, heading, rows)
}

func enginesText(engines []engineRecord) string {
	var all []string
	for _, e := range engines {
		all = append(all, e.String())
	}
	return strings.Join(all, ", ")
}
