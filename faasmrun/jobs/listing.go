package jobs

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// How lists of jobs are printed, for people and as JSON.

// jobRecord is a job as --json shows it.
type jobRecord struct {
	ID         uint64           `json:"id"`
	Name       string           `json:"name"`
	Tenant     string           `json:"tenant"`
	State      string           `json:"state"`
	ExitCode   int32            `json:"exit_code"`
	Reason     string           `json:"reason"`
	Ranks      uint32           `json:"ranks"`
	Slots      uint32           `json:"slots"`
	Nodes      []string         `json:"nodes"`
	QOS        string           `json:"qos,omitempty"`
	ArrayID    uint64           `json:"array_id,omitempty"`
	ArrayIndex *uint32          `json:"array_index,omitempty"`
	TimeLimit  float64          `json:"time_limit_seconds,omitempty"`
	MemPerRank uint64           `json:"mem_per_rank_bytes,omitempty"`
	DataModels []string         `json:"data_models,omitempty"`
	LeastMem   uint64           `json:"least_rank_mem_bytes,omitempty"`
	Submitted  string           `json:"submitted"`
	Started    string           `json:"started,omitempty"`
	Ended      string           `json:"ended,omitempty"`
	Wait       float64          `json:"wait_seconds"`
	Run        float64          `json:"run_seconds"`
	CPU        float64          `json:"cpu_seconds"`
	MaxRSS     uint64           `json:"max_rss_bytes"`
	MPIBytes   uint64           `json:"mpi_bytes"`
	Restarts   uint32           `json:"restarts"`
	Epoch      uint64           `json:"epoch"`
	Held       bool             `json:"held,omitempty"`
	In         string           `json:"reservation,omitempty"`
	Spec       *schedpb.JobSpec `json:"spec,omitempty"`
}

func record(j *schedpb.JobInfo, now time.Time) jobRecord {
	r := jobRecord{ID: j.Id, Name: j.Name, Tenant: j.Tenant, State: j.State, ExitCode: j.ExitCode, Reason: j.Reason,
		Ranks: j.Ranks, Slots: j.TakenSlots(),
		Nodes: nodeNames(j), QOS: j.Qos, ArrayID: j.ArrayId, TimeLimit: j.TimeLimit().Seconds(),
		MemPerRank: j.MemPerRankBytes, DataModels: j.DataModels, LeastMem: j.LeastRankMemBytes,
		Submitted: moment(j.SubmittedUnixNs), Started: moment(j.StartedUnixNs), Ended: moment(j.EndedUnixNs),
		Wait: j.Waited(now).Seconds(), Run: j.Ran(now).Seconds(), CPU: time.Duration(j.CpuNs).Seconds(),
		MaxRSS: j.MaxRssBytes, MPIBytes: j.MpiBytes,
		Restarts: j.Restarts, Epoch: j.Epoch, Held: j.Held, In: j.Reservation}
	if j.ArrayId != 0 {
		r.ArrayIndex = &j.ArrayIndex
	}
	return r
}

func nodeNames(j *schedpb.JobInfo) []string {
	names := []string{}
	for _, n := range j.Nodes {
		names = append(names, n.Node)
	}
	return names
}

func moment(ns int64) string {
	if ns == 0 {
		return ""
	}
	return time.Unix(0, ns).Format(time.RFC3339Nano)
}

// endText says how a job ended, in a line.
func endText(j *schedpb.JobInfo) string {
	if j.Reason != "" {
		return cli.FirstLine(j.Reason)
	}
	return fmt.Sprintf("ended in state %s with status %d", j.State, j.ExitCode)
}

func sorted(jobs map[uint64]*schedpb.JobInfo) []uint64 { return slices.Sorted(maps.Keys(jobs)) }

func records(jobs []*schedpb.JobInfo, now time.Time) []jobRecord {
	var all []jobRecord
	for _, j := range jobs {
		all = append(all, record(j, now))
	}
	return all
}
