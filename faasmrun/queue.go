package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// queueCommand is faasmrun queue: the jobs that have not ended.
func queueCommand() *cobra.Command {
	var f clusterFlags
	var mine bool
	var states string
	c := &cobra.Command{
		Use: "queue", Short: "list the jobs that wait or run", Args: cobra.NoArgs,
		Long: "faasmrun queue lists the jobs that have not ended, everyone's unless --mine is given.",
		RunE: func(*cobra.Command, []string) error {
			return f.with(func(c *cluster) error {
				jobs, _, err := c.list(&schedpb.ListRequest{Everyone: !mine, States: stateList(states)})
				if err != nil {
					return err
				}
				return c.printQueue(jobs)
			})
		},
	}
	f.add(c)
	c.Flags().BoolVar(&mine, "mine", false, "your own jobs only")
	c.Flags().StringVarP(&states, "states", "t", "", "jobs in these states only: PD,R")
	return c
}

func stateList(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.ToUpper(text), ",")
}

func (c *cluster) printQueue(jobs []*schedpb.JobInfo) error {
	now := time.Now()
	if c.json {
		return printJSON(c.out, records(jobs, now))
	}
	var rows [][]string
	for _, j := range jobs {
		where := strings.Join(nodeNames(j), ",")
		if j.Reason != "" {
			where = strings.TrimSpace(where + " (" + j.Reason + ")")
		}
		rows = append(rows, []string{label(j), j.State, j.Tenant, j.Name, strconv.Itoa(int(j.Ranks)), span(ran(j, now)), limitText(j), where})
	}
	return table(c.out, "JOB ST TENANT NAME RANKS TIME LIMIT NODES(REASON)", rows)
}

func records(jobs []*schedpb.JobInfo, now time.Time) []jobRecord {
	var all []jobRecord
	for _, j := range jobs {
		all = append(all, record(j, now))
	}
	return all
}

func limitText(j *schedpb.JobInfo) string {
	if j.TimeLimitMs == 0 {
		return "none"
	}
	return span(time.Duration(j.TimeLimitMs) * time.Millisecond)
}

// historyCommand is faasmrun history: the jobs that have ended, with what they took.
func historyCommand() *cobra.Command {
	var f clusterFlags
	var everyone bool
	var states string
	limit := uint32(1000)
	c := &cobra.Command{
		Use: "history [JOB…]", Short: "list the jobs that have ended, and what they took",
		Long: "faasmrun history lists jobs that have ended: the newest of yours, or those that are named.",
		RunE: func(_ *cobra.Command, words []string) error {
			return f.with(func(c *cluster) error {
				req := &schedpb.ListRequest{Ended: true, Newest: true, Everyone: everyone, States: stateList(states), Limit: limit}
				var err error
				if req.Ids, err = c.selectJobs(words); err != nil {
					return err
				}
				jobs, _, err := c.list(req)
				if err != nil {
					return err
				}
				return c.printHistory(jobs)
			})
		},
	}
	f.add(c)
	c.Flags().BoolVar(&everyone, "all", false, "everyone's jobs")
	c.Flags().StringVarP(&states, "states", "t", "", "jobs in these states only: F,TO")
	c.Flags().Uint32VarP(&limit, "limit", "n", limit, "so many at most")
	return c
}

func (c *cluster) printHistory(jobs []*schedpb.JobInfo) error {
	now := time.Now()
	if c.json {
		return printJSON(c.out, records(jobs, now))
	}
	var rows [][]string
	for _, j := range jobs {
		rows = append(rows, []string{label(j), j.State, strconv.Itoa(int(j.ExitCode)), j.Tenant, j.Name, strconv.Itoa(int(j.Ranks)),
			span(waited(j, now)), span(ran(j, now)), time.Duration(j.CpuNs).Round(time.Millisecond).String(), bytesText(j.MaxRssBytes), j.Reason})
	}
	return table(c.out, "JOB ST EXIT TENANT NAME RANKS WAIT RUN CPU MEMORY REASON", rows)
}

// showCommand is faasmrun show: everything about a job.
func showCommand() *cobra.Command {
	var f clusterFlags
	c := &cobra.Command{
		Use: "show JOB…", Short: "show everything about jobs", Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, words []string) error {
			return f.with(func(c *cluster) error {
				ids, err := c.selectJobs(words)
				if err != nil {
					return err
				}
				jobs, specs, err := c.list(&schedpb.ListRequest{Ids: ids, Everyone: true, Spec: true})
				if err != nil {
					return err
				}
				if len(jobs) == 0 {
					return &launchError{statusFailed, "there is no such job"}
				}
				return c.printJobs(jobs, specs)
			})
		},
	}
	f.add(c)
	return c
}

func (c *cluster) printJobs(jobs []*schedpb.JobInfo, specs []*schedpb.JobSpec) error {
	all := records(jobs, time.Now())
	if c.json {
		for i := range all {
			all[i].Spec = specs[i]
		}
		return printJSON(c.out, all)
	}
	for i, r := range all {
		if i > 0 {
			fmt.Fprintln(c.out)
		}
		fmt.Fprintf(c.out, "job %s  %s\n", label(jobs[i]), r.Name)
		for _, line := range [][2]string{{"state", r.State}, {"reason", r.Reason}, {"tenant", r.Tenant}, {"ranks", strconv.Itoa(int(r.Ranks))},
			{"nodes", strings.Join(r.Nodes, ",")}, {"qos", r.QOS}, {"limit", limitText(jobs[i])}, {"submitted", r.Submitted},
			{"started", r.Started}, {"ended", r.Ended}, {"exit code", strconv.Itoa(int(r.ExitCode))},
			{"restarts", strconv.Itoa(int(r.Restarts))}} {
			if line[1] != "" {
				fmt.Fprintf(c.out, "  %-10s %s\n", line[0], line[1])
			}
		}
		for _, app := range specs[i].GetApps() {
			fmt.Fprintf(c.out, "  %-10s %s (%d ranks in %s)\n", "program", strings.Join(append([]string{app.Program}, app.Args...), " "), app.Ranks, app.Dir)
		}
	}
	return nil
}

// explainCommand is faasmrun explain: why a job waits, and when it should start.
func explainCommand() *cobra.Command {
	var f clusterFlags
	c := &cobra.Command{
		Use: "explain JOB…", Short: "say why a job waits and when it should start", Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, words []string) error {
			return f.with(func(c *cluster) error {
				ids, err := c.selectJobs(words)
				if err != nil {
					return err
				}
				var all []explanation
				for _, id := range ids {
					x, err := c.jobs.Explain(c.ctx, &schedpb.ExplainRequest{JobId: id})
					if err != nil {
						return clusterError(err)
					}
					all = append(all, newExplanation(x))
				}
				if c.json {
					return printJSON(c.out, all)
				}
				for _, x := range all {
					x.print(c)
				}
				return nil
			})
		},
	}
	f.add(c)
	return c
}

// explanation is what --json shows of it.
type explanation struct {
	ID           uint64           `json:"id"`
	State        string           `json:"state"`
	Why          string           `json:"why"`
	Priority     int64            `json:"priority"`
	Parts        map[string]int64 `json:"parts,omitempty"`
	Ahead        uint32           `json:"ahead"`
	Start        string           `json:"start,omitempty"`
	Node         string           `json:"node,omitempty"`
	StartUnknown string           `json:"start_unknown,omitempty"`

	lines []string
}

func newExplanation(x *schedpb.ExplainResponse) explanation {
	e := explanation{ID: x.Job.Id, State: x.Job.State, Why: x.Why, Priority: x.Priority, Ahead: x.Ahead, Start: moment(x.StartUnixNs),
		Node: x.StartNode, StartUnknown: x.StartWhyUnknown, Parts: map[string]int64{}}
	for _, p := range x.Parts {
		e.Parts[p.Name] = p.Points
		e.lines = append(e.lines, fmt.Sprintf("  %+8d %-12s %s", p.Points, p.Name, p.Because))
	}
	return e
}

func (e *explanation) print(c *cluster) {
	fmt.Fprintf(c.out, "job %d (%s)", e.ID, e.State)
	if e.Why != "" {
		fmt.Fprintf(c.out, ": %s", e.Why)
	}
	fmt.Fprintln(c.out)
	if len(e.lines) > 0 {
		fmt.Fprintf(c.out, "  priority %d, %d jobs ahead:\n%s\n", e.Priority, e.Ahead, strings.Join(e.lines, "\n"))
	}
	if e.Start != "" {
		fmt.Fprintf(c.out, "  should start by %s on %s\n", e.Start, e.Node)
	} else if e.State == "PD" {
		fmt.Fprintf(c.out, "  nobody can say when it starts: %s\n", e.StartUnknown)
	}
}
