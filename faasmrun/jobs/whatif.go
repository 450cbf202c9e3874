package jobs

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/internal/timespan"
	"github.com/faasmrun/faasmrun/scheduler"
	"github.com/faasmrun/faasmrun/scheduler/jobstate"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/scheduler/sim"
)

// "What if": the simulator goes on from the queue of a running scheduler.

// variant is one way in which things could be.
type variant struct {
	name     string
	question sim.Question
	answers  []sim.Answer
}

func (f *simulateFlags) whatIf() error {
	if f.fraction <= 0 || f.fraction > 1 || f.addNodes < 0 || f.addNodes > 1<<20 {
		return cli.Usagef("--fraction is above 0 and at most 1, and --add-nodes a number of nodes")
	}
	return f.cluster.With(func(c *client.Cluster) error {
		now, err := snapshot(c)
		if err != nil {
			return err
		}
		now.Fraction = f.fraction
		variants, err := f.variants(now)
		if err != nil {
			return err
		}
		for i := range variants {
			if variants[i].answers, err = sim.WhatIf(variants[i].question); err != nil {
				return err
			}
		}
		return printWhatIf(c, variants, now.At)
	})
}

// snapshot reads the queue as it is now, with the policy that it is served by.
func snapshot(c *client.Cluster) (sim.Question, error) {
	var q sim.Question
	stream, err := c.ClusterService.Snapshot(c.Ctx, &schedpb.SnapshotRequest{})
	for first := true; err == nil; first = false {
		var m *schedpb.SnapshotPiece
		if m, err = stream.Recv(); err != nil {
			break
		}
		if first {
			q.At = time.Unix(0, m.AtUnixNs)
			if q.Policy, err = scheduler.ParsePolicy(m.Policy, q.Policy); err != nil {
				return q, err
			}
		}
		q.Pieces = append(q.Pieces, m.Pieces...)
	}
	if !errors.Is(err, io.EOF) {
		return q, c.Refusal(err)
	}
	return q, nil
}

// variants are the queue as it is, then what was asked for.
func (f *simulateFlags) variants(now sim.Question) ([]variant, error) {
	all := []variant{{name: "now", question: now}}
	for _, name := range f.policies {
		q := now
		var err error
		if q.Policy, err = namedPolicy(name, now.Policy); err != nil {
			return nil, err
		}
		all = append(all, variant{name: name, question: q})
	}
	if f.addNodes > 0 {
		for _, v := range all {
			v.question.Nodes, v.question.Slots = f.addNodes, f.slots
			all = append(all, variant{name: fmt.Sprintf("%s+%dx%d", v.name, f.addNodes, f.slots), question: v.question})
		}
	}
	return all, nil
}

// whatIfRecord is a job as --json shows it.
type whatIfRecord struct {
	ID     uint64                 `json:"id"`
	State  string                 `json:"state"`
	Tenant string                 `json:"tenant"`
	Exit   int32                  `json:"exit_code"`
	Ranks  uint32                 `json:"ranks"`
	Starts map[string]whatIfStart `json:"starts"` // by variant
}

type whatIfStart struct {
	Start string  `json:"start,omitempty"`
	In    float64 `json:"in_seconds,omitempty"`
	Node  string  `json:"node,omitempty"`
	Why   string  `json:"why_not,omitempty"`
}

func printWhatIf(c *client.Cluster, variants []variant, now time.Time) error {
	heading := "JOB TENANT RANKS"
	for _, v := range variants {
		heading += " " + v.name
	}
	var all []whatIfRecord
	var rows [][]string
	for i, a := range variants[0].answers {
		r := whatIfRecord{ID: uint64(a.Job), State: jobstate.Pending, Tenant: string(a.Tenant), Ranks: a.Ranks,
			Starts: map[string]whatIfStart{}}
		row := []string{strconv.FormatUint(r.ID, 10), r.Tenant, strconv.Itoa(int(r.Ranks))}
		for _, v := range variants {
			a := v.answers[i]
			if a.Start.IsZero() {
				r.Starts[v.name] = whatIfStart{Why: a.Why}
				row = append(row, "never ("+a.Why+")")
				continue
			}
			in := a.Start.Sub(now)
			r.Starts[v.name] = whatIfStart{Start: a.Start.Format(time.RFC3339Nano), In: in.Seconds(), Node: string(a.Worker)}
			row = append(row, timespan.String(in)+" on "+string(a.Worker))
		}
		all, rows = append(all, r), append(rows, row)
	}
	if c.Json {
		return cli.PrintJSON(c.Out, all)
	}
	return cli.Table(c.Out, heading, rows)
}
