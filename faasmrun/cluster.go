package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// What the verbs about a cluster's jobs and machines have in common: where the scheduler is, which jobs are meant, and how
// lists are printed.

// clusterFlags are the options that all of them take.
type clusterFlags struct {
	scheduler string
	json      bool
}

func (f *clusterFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.scheduler, "scheduler", "", "the scheduler's address (FAASMRUN_SCHEDULER)")
	c.Flags().BoolVar(&f.json, "json", false, "print a JSON array")
}

// cluster is a connection to a scheduler that is a daemon.
type cluster struct {
	ctx   context.Context
	jobs  schedpb.JobsClient
	nodes schedpb.ClusterClient
	json  bool
	out   io.Writer
}

// with runs f on a connection. Ctrl-C ends it.
func (f *clusterFlags) with(do func(c *cluster) error) error {
	address := f.scheduler
	if address == "" {
		address = os.Getenv("FAASMRUN_SCHEDULER")
	}
	if address == "" {
		return usagef("no scheduler is named: set FAASMRUN_SCHEDULER or give --scheduler")
	}
	conn, err := dial(address)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return do(&cluster{ctx, schedpb.NewJobsClient(conn), schedpb.NewClusterClient(conn), f.json, os.Stdout})
}

// statusError ends the command with a status and no further words.
type statusError struct{ status int }

func (e *statusError) Error() string { return "" }

// list pages through all jobs that a request asks for.
func (c *cluster) list(req *schedpb.ListRequest) ([]*schedpb.JobInfo, []*schedpb.JobSpec, error) {
	var jobs []*schedpb.JobInfo
	var specs []*schedpb.JobSpec
	limit := int(req.Limit)
	for {
		page, err := c.jobs.List(c.ctx, req)
		if err != nil {
			return nil, nil, clusterError(err)
		}
		jobs, specs = append(jobs, page.Jobs...), append(specs, page.Specs...)
		if !page.More || len(page.Jobs) == 0 || req.Newest || limit > 0 && len(jobs) >= limit {
			return jobs, specs, nil
		}
		req.AboveId = jobs[len(jobs)-1].Id
	}
}

func clusterError(err error) error { return &launchError{statusFailed, explain(err)} }

// maxSelected bounds how many jobs one command line names.
const maxSelected = 10_000

// selectJobs understands 12, 3-7, 1,5-9, last (the newest) and all (those that have not ended).
func (c *cluster) selectJobs(words []string) ([]uint64, error) {
	var ids []uint64
	for _, word := range strings.Split(strings.Join(words, ","), ",") {
		switch word = strings.TrimSpace(word); word {
		case "":
		case "last", "all":
			jobs, _, err := c.list(&schedpb.ListRequest{Any: word == "last", Newest: word == "last", Limit: map[string]uint32{"last": 1}[word]})
			if err != nil {
				return nil, err
			}
			for _, j := range jobs {
				ids = append(ids, j.Id)
			}
		default:
			from, to, isRange := strings.Cut(word, "-")
			if !isRange {
				to = from
			}
			a, errA := strconv.ParseUint(from, 10, 63)
			b, errB := strconv.ParseUint(to, 10, 63)
			if errA != nil || errB != nil || a == 0 || b < a {
				return nil, usagef("%q names no job; jobs are named as 12, 3-7, last or all", word)
			}
			if b-a >= maxSelected {
				return nil, usagef("%q names more than %d jobs", word, maxSelected)
			}
			for id := a; id <= b; id++ {
				ids = append(ids, id)
			}
		}
		if len(ids) > maxSelected {
			return nil, usagef("more than %d jobs are named", maxSelected)
		}
	}
	return ids, nil
}

// jobRecord is a job as --json shows it.
type jobRecord struct {
	ID         uint64           `json:"id"`
	Name       string           `json:"name"`
	Tenant     string           `json:"tenant"`
	State      string           `json:"state"`
	ExitCode   int32            `json:"exit_code"`
	Reason     string           `json:"reason"`
	Ranks      uint32           `json:"ranks"`
	Nodes      []string         `json:"nodes"`
	QOS        string           `json:"qos,omitempty"`
	ArrayID    uint64           `json:"array_id,omitempty"`
	ArrayIndex *uint32          `json:"array_index,omitempty"`
	TimeLimit  float64          `json:"time_limit_seconds,omitempty"`
	MemPerRank uint64           `json:"mem_per_rank_bytes,omitempty"`
	Submitted  string           `json:"submitted"`
	Started    string           `json:"started,omitempty"`
	Ended      string           `json:"ended,omitempty"`
	Wait       float64          `json:"wait_seconds"`
	Run        float64          `json:"run_seconds"`
	CPU        float64          `json:"cpu_seconds"`
	MaxRSS     uint64           `json:"max_rss_bytes"`
	Restarts   uint32           `json:"restarts"`
	Epoch      uint64           `json:"epoch"`
	Held       bool             `json:"held,omitempty"`
	Spec       *schedpb.JobSpec `json:"spec,omitempty"`
}

func record(j *schedpb.JobInfo, now time.Time) jobRecord {
	r := jobRecord{ID: j.Id, Name: j.Name, Tenant: j.Tenant, State: j.State, ExitCode: j.ExitCode, Reason: j.Reason, Ranks: j.Ranks,
		Nodes: nodeNames(j), QOS: j.Qos, ArrayID: j.ArrayId, TimeLimit: float64(j.TimeLimitMs) / 1000, MemPerRank: j.MemPerRankBytes,
		Submitted: moment(j.SubmittedUnixNs), Started: moment(j.StartedUnixNs), Ended: moment(j.EndedUnixNs),
		Wait: waited(j, now).Seconds(), Run: ran(j, now).Seconds(), CPU: time.Duration(j.CpuNs).Seconds(), MaxRSS: j.MaxRssBytes,
		Restarts: j.Restarts, Epoch: j.Epoch, Held: j.Held}
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

func waited(j *schedpb.JobInfo, now time.Time) time.Duration {
	until := now.UnixNano()
	for _, t := range []int64{j.EndedUnixNs, j.StartedUnixNs} {
		if t != 0 {
			until = t
		}
	}
	return max(0, time.Duration(until-j.SubmittedUnixNs))
}

func ran(j *schedpb.JobInfo, now time.Time) time.Duration {
	if j.StartedUnixNs == 0 {
		return 0
	}
	until := now.UnixNano()
	if j.EndedUnixNs != 0 {
		until = j.EndedUnixNs
	}
	return max(0, time.Duration(until-j.StartedUnixNs))
}

// label is how a job is named in lists: 12, or 12_3 for a task of an array.
func label(j *schedpb.JobInfo) string {
	if j.ArrayId != 0 {
		return fmt.Sprintf("%d (%d_%d)", j.Id, j.ArrayId, j.ArrayIndex)
	}
	return strconv.FormatUint(j.Id, 10)
}

// span writes a duration as listings do: 0:05, 2:15:00, 3d 02:15.
func span(d time.Duration) string {
	s := int64(d / time.Second)
	switch {
	case s < 3600:
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%dd %02d:%02d", s/86400, s/3600%24, s/60%60)
}

// bytes writes sizes as people do.
func bytesText(n uint64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	for shift, unit := range []string{10: "K", 20: "M", 30: "G", 40: "T", 50: "P"} {
		if unit != "" && n < 1<<(shift+10) {
			return fmt.Sprintf("%.1f%s", float64(n)/float64(uint64(1)<<shift), unit)
		}
	}
	return fmt.Sprintf("%.1fE", float64(n)/(1<<60))
}

// printJSON prints an array; no records make an empty one.
func printJSON[T any](w io.Writer, records []T) error {
	if records == nil {
		records = []T{}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(records)
}

// table prints rows in columns under a heading.
func table(w io.Writer, heading string, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, strings.ReplaceAll(heading, " ", "\t"))
	for _, row := range rows {
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	return t.Flush()
}
