// Package client is the way to a scheduler: addresses, certificates, connections, and how users name jobs, nodes and
// labels. It leaves what to ask of the scheduler to the verbs.
package client

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// What the verbs about a cluster's jobs and machines have in common: where the scheduler is, and which jobs are meant.

// ClusterFlags are the options that all of them take.
type ClusterFlags struct {
	Scheduler string
	Json      bool
}

func (f *ClusterFlags) Add(c *cobra.Command) {
	f.AddAddress(c)
	c.Flags().BoolVar(&f.Json, "json", false, "print a JSON array")
}

func (f *ClusterFlags) AddAddress(c *cobra.Command) {
	c.Flags().StringVar(&f.Scheduler, "scheduler", "", "the scheduler's address, unix:PATH (FAASMRUN_SCHEDULER)")
}

// SelectorHelp is the paragraph of help on how jobs are named.
const SelectorHelp = "\n\nJOB is an id (12), a range (3-7), a list (1,5-9), last (your newest job) or all (yours " +
	"that have not ended). An array's id stands for all of its tasks; 47_2 and 47_[3-5,7] stand for some of them."

// Cluster is a connection to a scheduler that is a daemon.
type Cluster struct {
	Ctx            context.Context
	Address        string
	JobService     schedpb.JobsClient
	ClusterService schedpb.ClusterClient
	Json           bool
	Out            io.Writer
}

// With runs f on a connection. Ctrl-C ends it.
func (f *ClusterFlags) With(do func(c *Cluster) error) error {
	address := f.Scheduler
	if address == "" {
		address = os.Getenv("FAASMRUN_SCHEDULER")
	}
	if address == "" {
		return cli.Failure(cli.StatusFailed,
			"no scheduler is named: set FAASMRUN_SCHEDULER=unix:PATH or give --scheduler unix:PATH.\n"+
				"To start one: faasmrun scheduler --listen unix:PATH, and faasmrun worker --scheduler unix:PATH")
	}
	conn, err := Dial(address)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return do(&Cluster{ctx, address, schedpb.NewJobsClient(conn), schedpb.NewClusterClient(conn), f.Json, os.Stdout})
}

// List pages through all jobs that a request asks for.
func (c *Cluster) List(req *schedpb.ListRequest) ([]*schedpb.JobInfo, []*schedpb.JobSpec, error) {
	var jobs []*schedpb.JobInfo
	var specs []*schedpb.JobSpec
	limit := int(req.Limit)
	for {
		page, err := c.JobService.List(c.Ctx, req)
		if err != nil {
			return nil, nil, c.Refusal(err)
		}
		jobs, specs = append(jobs, page.Jobs...), append(specs, page.Specs...)
		if !page.More || len(page.Jobs) == 0 || req.Newest || limit > 0 && len(jobs) >= limit {
			return jobs, specs, nil
		}
		req.AboveId = jobs[len(jobs)-1].Id
	}
}

// Refusal turns a scheduler's answer into the command's last words.
func (c *Cluster) Refusal(err error) error {
	switch {
	case c.Ctx.Err() != nil:
		return cli.Failure(cli.StatusInterrupted, "interrupted")
	case status.Code(err) == codes.Unavailable:
		return cli.Failure(cli.StatusFailed,
			fmt.Sprintf("no scheduler answers at %s: %s; one is started with faasmrun scheduler --listen %s",
				c.Address, cli.Explain(err), c.Address))
	}
	return cli.Failure(cli.StatusFailed, cli.Explain(err))
}

// Pause waits between two tries, or until the command is interrupted.
func (c *Cluster) Pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-c.Ctx.Done():
	}
}

// maxSelected bounds how many jobs one command line names.
const maxSelected = 10_000

// SelectJobs understands 12, 3-7, 1,5-9, 47_2 and 47_[3-5] (tasks of an array), last (the newest) and all (those that
// have not ended).
func (c *Cluster) SelectJobs(words []string) ([]uint64, error) {
	var ids []uint64
	for _, word := range SplitOutside(strings.Join(words, ","), ',') {
		more, err := c.SelectWord(strings.TrimSpace(word))
		if err != nil {
			return nil, err
		}
		if ids = append(ids, more...); len(ids) > maxSelected {
			return nil, cli.Usagef("more than %d jobs are named", maxSelected)
		}
	}
	return ids, nil
}

func (c *Cluster) SelectWord(word string) ([]uint64, error) {
	var req *schedpb.ListRequest
	switch word {
	case "":
		return nil, nil
	case "last":
		req = &schedpb.ListRequest{Any: true, Newest: true, Limit: 1}
	case "all":
		req = &schedpb.ListRequest{}
	default:
		if array, tasks, ok := strings.Cut(word, "_"); ok {
			return c.selectTasks(word, array, tasks)
		}
		return parseJobs(word)
	}
	jobs, _, err := c.List(req)
	if err != nil {
		return nil, err
	}
	if word == "last" && len(jobs) == 0 {
		return nil, cli.Failure(cli.StatusFailed, "you have no jobs yet")
	}
	var ids []uint64
	for _, j := range jobs {
		ids = append(ids, j.Id)
	}
	return ids, nil
}

// selectTasks finds tasks of an array: 2, or [3-5,7]. Each index that is named has to be there.
func (c *Cluster) selectTasks(word, array, tasks string) ([]uint64, error) {
	bad := cli.Usagef("%q names no task; tasks of an array are named as 47_2 or 47_[3-5,7]", word)
	id, err := strconv.ParseUint(array, 10, 63)
	if err != nil || id == 0 {
		return nil, bad
	}
	if inside, ok := strings.CutPrefix(tasks, "["); ok {
		if tasks, ok = strings.CutSuffix(inside, "]"); !ok {
			return nil, bad
		}
	} else if strings.ContainsAny(tasks, "-,:") {
		return nil, bad
	}
	indices, throttle, err := cli.ParseArray(tasks)
	if err != nil || throttle > 0 {
		return nil, bad
	}
	jobs, _, err := c.List(&schedpb.ListRequest{Ids: []uint64{id}, Any: true, Everyone: true})
	if err != nil {
		return nil, err
	}
	byIndex := map[uint32]uint64{}
	for _, j := range jobs {
		if j.ArrayId == id {
			byIndex[j.ArrayIndex] = j.Id
		}
	}
	var ids []uint64
	for _, i := range indices {
		found, ok := byIndex[i]
		if !ok {
			return nil, cli.Failure(cli.StatusFailed, fmt.Sprintf("there is no job %d_%d", id, i))
		}
		ids = append(ids, found|schedpb.JobAlone)
	}
	return ids, nil
}

// SplitOutside splits a text at a byte wherever that is not in brackets.
func SplitOutside(text string, at byte) []string {
	var parts []string
	depth, from := 0, 0
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '[':
			depth++
		case text[i] == ']':
			depth--
		case text[i] == at && depth <= 0:
			parts, from = append(parts, text[from:i]), i+1
		}
	}
	return append(parts, text[from:])
}

// parseJobs reads 12 and 3-7.
func parseJobs(word string) ([]uint64, error) {
	from, to, isRange := strings.Cut(word, "-")
	if !isRange {
		to = from
	}
	first, err := strconv.ParseUint(from, 10, 63)
	last, errLast := strconv.ParseUint(to, 10, 63)
	if err != nil || errLast != nil || first == 0 || last < first {
		return nil, cli.Usagef("%q names no job; jobs are named as 12, 3-7, 47_2, last or all", word)
	}
	if last-first >= maxSelected {
		return nil, cli.Usagef("%q names more than %d jobs", word, maxSelected)
	}
	var ids []uint64
	for id := first; id <= last; id++ {
		ids = append(ids, id)
	}
	return ids, nil
}

// One picks the one job that a verb is about.
func (c *Cluster) One(verb string, words []string) (*schedpb.JobInfo, error) {
	ids, err := c.SelectJobs(words)
	if err != nil {
		return nil, err
	}
	if len(ids) != 1 {
		return nil, cli.Usagef("%s is about one job; %d are named", verb, len(ids))
	}
	jobs, err := c.Find(ids)
	if err != nil {
		return nil, err
	}
	return jobs[0], nil
}

// Find gives the caller's jobs of these ids, and an error where there is none or it is another's.
func (c *Cluster) Find(ids []uint64) ([]*schedpb.JobInfo, error) {
	jobs, _, err := c.List(&schedpb.ListRequest{Ids: ids})
	if err != nil {
		return nil, err
	}
	found := map[uint64]bool{}
	for _, j := range jobs {
		found[j.Id] = true
	}
	for _, id := range ids {
		if id &^= schedpb.JobAlone; !found[id] {
			return nil, c.Unknown(id)
		}
	}
	return jobs, nil
}

// Unknown says why a job is not the caller's.
func (c *Cluster) Unknown(id uint64) error {
	others, _, err := c.List(&schedpb.ListRequest{Ids: []uint64{id}, Everyone: true})
	if err != nil {
		return err
	}
	if len(others) > 0 {
		return cli.Failure(cli.StatusFailed, fmt.Sprintf("job %d is not yours but %s's", id, others[0].Tenant))
	}
	return cli.Failure(cli.StatusFailed, fmt.Sprintf("there is no job %d", id))
}

func Unavailable(err error) bool {
	code := status.Code(err)
	return code == codes.Unavailable || code == codes.DeadlineExceeded
}
