package launch

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/client"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// Batch is what submit's own options say, beside those of run.
type Batch struct {
	Parsable, Hold, Requeue, Exclusive, Singleton bool
	Qos, Reservation                              string
	Hosts, Excluded                               []string
	Constraint                                    []*schedpb.LabelSet
	After                                         []Dependency
	AnyOf                                         bool // one of them is enough
	Begin, EndBy                                  time.Time
	Nice                                          uint32
	Resources                                     []*schedpb.Resource
	Array                                         []uint32
	Throttle                                      uint32
	Stdout, Stderr                                string
	Appending                                     bool
	Wrap                                          string // a command, in place of a script; "": none
	Nodes, TasksPerNode                           int    // 0: not said
	Warning                                       *schedpb.ScriptWarning
	Mem, MemPerCPU                                uint64 // bytes; 0: not said
	Stdin                                         string // the script's file; "": none
	Wait, TestOnly                                bool
}

// SettleMemory has the memory of a rank follow from that of the job, or of its processors.
func (r *Request) SettleMemory() error {
	b, ranks, cpus := r.Batch, 0, 1
	for i := range r.Segments {
		ranks += r.Segments[i].Ranks
		cpus = max(cpus, r.Segments[i].cpus)
	}
	said := 0
	for _, size := range []uint64{b.Mem, b.MemPerCPU, r.memPerRank} {
		if size > 0 {
			said++
		}
	}
	switch {
	case said > 1:
		return cli.Usagef("--mem, --mem-per-cpu and --mem-per-rank exclude each other")
	case b.Mem > 0:
		r.memPerRank = b.Mem / uint64(max(1, ranks))
	case b.MemPerCPU > 0:
		r.memPerRank = b.MemPerCPU * uint64(cpus)
	}
	if said > 0 && r.memPerRank < minMemPerRank {
		return cli.Usagef("%d ranks with that memory have less than the %dK each that the smallest program needs", ranks,
			minMemPerRank>>10)
	}
	return nil
}

// parseMegabytes reads a size as sbatch does: a number alone is one of megabytes. 0 is no request.
func parseMegabytes(text string) (uint64, error) {
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		return n << 20, nil
	}
	return cli.ParseBytes(text)
}

// SettleTasks has the number of tasks follow from that of nodes. The note says what else becomes of it: a job has one
// node.
func (s *Segment) SettleTasks(b *Batch) (note string, err error) {
	if s.Ranks == 0 && (b.Nodes > 0 || b.TasksPerNode > 0) {
		if s.Ranks = max(1, b.Nodes) * max(1, b.TasksPerNode); s.Ranks > cli.MaxRanks {
			return "", cli.Usagef("%d nodes with %d tasks each are more than the %d that one job can have", b.Nodes,
				b.TasksPerNode, cli.MaxRanks)
		}
	}
	if b.Nodes > 1 {
		note = fmt.Sprintf("%d nodes were asked for; jobs have one here, and all %d tasks run on it", b.Nodes,
			max(1, s.Ranks))
	}
	return note, nil
}

// signals are those by which a script may be warned, beside numbers.
var signals = map[string]syscall.Signal{"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT,
	"TERM": syscall.SIGTERM, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "ALRM": syscall.SIGALRM,
	"CONT": syscall.SIGCONT, "TSTP": syscall.SIGTSTP, "URG": syscall.SIGURG, "XCPU": syscall.SIGXCPU}

// maxWarning is sbatch's, in seconds; defaultWarning what it takes where none is said.
const maxWarning, defaultWarning = 65535, 60

// parseWarning reads --signal as sbatch does: [B:]SIGNAL[@SECONDS].
func parseWarning(text string) (*schedpb.ScriptWarning, error) {
	w := &schedpb.ScriptWarning{BeforeMs: defaultWarning * 1000}
	rest, script := strings.CutPrefix(text, "B:")
	w.Script = script
	name, seconds, timed := strings.Cut(strings.TrimPrefix(rest, "R:"), "@")
	if timed {
		n, err := strconv.ParseUint(seconds, 10, 32)
		if err != nil || n > maxWarning {
			return nil, fmt.Errorf("needs [B:]SIGNAL[@SECONDS] with up to %d seconds; %q has not", maxWarning, text)
		}
		w.BeforeMs = int64(n) * 1000
	}
	name = strings.TrimPrefix(strings.ToUpper(name), "SIG")
	if n, err := strconv.ParseUint(name, 10, 32); err == nil && n >= 1 && n <= 64 {
		w.Number = int32(n)
	} else if sig, known := signals[name]; known {
		w.Number = int32(sig)
	} else {
		return nil, fmt.Errorf("needs [B:]SIGNAL[@SECONDS]; %q is no signal", name)
	}
	return w, nil
}

const groupBatch = "In the queue"

// batchOptions are submit's own, in the form of run's table.
var batchOptions = []Option{
	{"parsable", "", groupBatch, "print the job's id and nothing else",
		flag(func(r *Request) { r.Batch.Parsable = true })},
	{"J name", "NAME", groupBatch, "the job's name in listings (the program's)",
		func(r *Request, _ *Segment, v []string) error {
			r.Name = v[0]
			return nil
		}},
	{"t time", "TIME", groupBatch, "time limit: 30 (minutes), 30:00, 2:30:00, 1-12:00:00, 90s, 2h",
		func(r *Request, _ *Segment, v []string) (err error) {
			r.Timeout, err = cli.ParseLimit(v[0])
			return err
		}},
	{"a array", "LIST", groupBatch,
		"one job for each index: 1-10, 1-9:2, 1,4,7; with %N behind it, at most N run at once. Ranks find their index in " +
			"SLURM_ARRAY_TASK_ID. In arguments %a is the index, %A the array's id, %j the job's, %%a a plain %a",
		func(r *Request, _ *Segment, v []string) (err error) {
			r.Batch.Array, r.Batch.Throttle, err = cli.ParseArray(v[0])
			return err
		}},
	{"d dependency", "LIST", groupBatch,
		"start after others: afterok:ID, afterany:ID, afternotok:ID, after:ID[+MINUTES], aftercorr:ARRAY (task by task), " +
			"singleton, separated by commas, or by ? where one is enough; an ID is 12, 47_2, 47_[3-4] or last",
		func(r *Request, _ *Segment, v []string) error {
			return r.Batch.dependencies(v[0])
		}},
	{"b begin", "MOMENT", groupBatch, "don't start before: 16:00, tomorrow, now+2hours, 2026-01-31T08:00, in local time",
		func(r *Request, _ *Segment, v []string) (err error) {
			r.Batch.Begin, err = cli.ParseMoment(v[0], time.Now())
			return err
		}},
	{"deadline", "MOMENT", groupBatch, "end the job by then; one that can't end by then any more does not start",
		func(r *Request, _ *Segment, v []string) (err error) {
			r.Batch.EndBy, err = cli.ParseMoment(v[0], time.Now())
			return err
		}},
	{"nice", "[=N]", groupBatch, "N points less of priority (100)", func(r *Request, _ *Segment, v []string) error {
		return r.Batch.nice(v)
	}},
	{"wrap", "COMMAND", groupBatch, "a command for /bin/sh, in place of a script",
		func(r *Request, _ *Segment, v []string) error {
			if r.Batch.Wrap = v[0]; v[0] == "" {
				return errors.New("needs a command")
			}
			return nil
		}},
	{"N nodes", "N", groupRanks, "nodes that the tasks may be spread over; for now a job has one, and they all run there",
		func(r *Request, _ *Segment, v []string) (err error) {
			r.Batch.Nodes, err = parseNodes(v[0])
			return err
		}},
	{"ntasks-per-node", "N", groupRanks, "tasks for each of the nodes, where -n does not say how many there are",
		func(r *Request, _ *Segment, v []string) (err error) {
			r.Batch.TasksPerNode, err = cli.ParseCount(v[0])
			return err
		}},
	{"signal", "SIGNAL[@SECONDS]", groupBatch,
		"send a script's steps a signal, with B:SIGNAL the script itself, so long (60 s) before the end of its --time",
		func(r *Request, _ *Segment, v []string) (err error) {
			r.Batch.Warning, err = parseWarning(v[0])
			return err
		}},
	{"mem", "SIZE", groupBatch, "memory of the whole job, shared evenly by its ranks: 4G, 512M; a number alone is of MiB",
		func(r *Request, _ *Segment, v []string) (err error) {
			r.Batch.Mem, err = parseMegabytes(v[0])
			return err
		}},
	{"mem-per-cpu", "SIZE", groupBatch, "memory of the job for each processor of a rank",
		func(r *Request, _ *Segment, v []string) (err error) {
			r.Batch.MemPerCPU, err = parseMegabytes(v[0])
			return err
		}},
	{"i input", "FILE", groupBatch, "the file of a script's standard input, with the letters of --output (none)",
		func(r *Request, _ *Segment, v []string) error {
			if r.Batch.Stdin = v[0]; v[0] == "none" {
				r.Batch.Stdin = ""
			}
			return nil
		}},
	{"W wait", "", groupBatch, "wait for the job's end, and end with its status",
		flag(func(r *Request) { r.Batch.Wait = true })},
	{"test-only", "", groupBatch, "say whether the job would be taken, and don't submit it",
		flag(func(r *Request) { r.Batch.TestOnly = true })},
	{"no-requeue |", "", "", "", flag(func(r *Request) { r.Batch.Requeue = false })},
	{"hold", "", groupBatch, "keep the job waiting until faasmrun release",
		flag(func(r *Request) { r.Batch.Hold = true })},
	{"requeue", "", groupBatch, "start the job again when its worker is lost",
		flag(func(r *Request) { r.Batch.Requeue = true })},
	{"exclusive", "", groupBatch, "share the node with no other job", flag(func(r *Request) { r.Batch.Exclusive = true })},
	{"qos", "NAME", groupBatch, "quality of service: low, high, or what the scheduler's policy has",
		func(r *Request, _ *Segment, v []string) error {
			r.Batch.Qos = v[0]
			return nil
		}},
	{"o output", "FILE", groupBatch,
		"the file for the ranks' output: %j job, %A and %a array and index, %x name, %u user, %N node, %t rank, %r " +
			"restarts, %4j with zeros; none for no file (faasmrun-%j.out)", func(r *Request, _ *Segment, v []string) error {
			r.Batch.Stdout = v[0]
			return nil
		}},
	{"e error", "FILE", groupBatch, "the file for the ranks' standard error (the same as for output)",
		func(r *Request, _ *Segment, v []string) error {
			r.Batch.Stderr = v[0]
			return nil
		}},
	{"open-mode", "append|truncate", groupBatch,
		"what happens to output files that exist already (truncate; a job that is started again then writes FILE.1, " +
			"FILE.2, …)",
		func(r *Request, _ *Segment, v []string) error {
			if v[0] != "append" && v[0] != "truncate" {
				return fmt.Errorf("%q is neither append nor truncate", v[0])
			}
			r.Batch.Appending = v[0] == "append"
			return nil
		}},
	{"w nodelist", "NODE,…", groupBatch, "run on one of these nodes", func(r *Request, _ *Segment, v []string) error {
		r.Batch.Hosts = strings.Split(v[0], ",")
		return nil
	}},
	{"gres", "LIST", groupBatch, "take these resources of the node: gpu, gpu:2, gpu:a100:2,licence:1",
		func(r *Request, _ *Segment, v []string) (err error) {
			r.Batch.Resources, err = client.ParseResources(v[0])
			return err
		}},
	{"G gpus gpus-per-node", "N", groupBatch, "take N gpus of the node; a100:N: of a type",
		func(r *Request, _ *Segment, v []string) (err error) {
			r.Batch.Resources, err = client.ParseResources("gpu:" + v[0])
			return err
		}},
	{"exclude", "NODE,…", groupBatch, "run on none of these nodes", func(r *Request, _ *Segment, v []string) error {
		r.Batch.Excluded = strings.Split(v[0], ",")
		return nil
	}},
	{"C constraint", "LABELS", groupBatch, "run on a node with these labels: gpu, gpu=a100, fast&(gpu|big)",
		func(r *Request, _ *Segment, v []string) (err error) {
			r.Batch.Constraint, err = client.ParseConstraint(v[0])
			return err
		}},
	{"reservation", "NAME", groupBatch, "run on the slots of this reservation",
		func(r *Request, _ *Segment, v []string) error {
			r.Batch.Reservation = v[0]
			return nil
		}},
	{"scheduler", "ADDRESS", groupBatch, "the scheduler to submit to, unix:PATH (also FAASMRUN_SCHEDULER)",
		func(r *Request, _ *Segment, v []string) error {
			r.Scheduler = v[0]
			return nil
		}},
	{"timeout |", "SECONDS", "", "", func(r *Request, _ *Segment, v []string) (err error) {
		r.Timeout, err = cli.ParseSeconds(v[0])
		return err
	}},
	{"c cpus-per-rank cpus-per-task | cpus-per-proc", "N", groupRanks,
		"N processors, and slots, for each rank; without it as many as OMP_NUM_THREADS says, where the program uses " +
			"OpenMP, else one", cpusOption},
	{"n np | ntasks", "N", groupRanks, "run N ranks; without it, one",
		func(_ *Request, s *Segment, v []string) (err error) {
			s.Ranks, err = cli.ParseCount(v[0])
			return err
		}},
}

// liveOptions are those of run that are about this terminal or this machine, by their first name: a batch job has
// neither. Those that submit words otherwise are among them.
var liveOptions = map[string]bool{"n": true, "cpus-per-rank": true, "N": true, "pernode": true,
	"scheduler": true, "timeout": true, "use-hwthread-cpus": true, "H": true,
	"hostfile": true, "report-bindings": true, "nooversubscribe": true, "tag-output": true, "l": true,
	"timestamp-output": true, "output-filename": true, "output": true, "merge-stderr-to-stdout": true, "display": true,
	"display-map":        true,
	"display-allocation": true, "stdin": true, "do-not-launch": true, "v": true}

// OptionsOf lists the options of run, or of submit.
func OptionsOf(batch bool) []*Option {
	var list []*Option
	if batch {
		for i := range batchOptions {
			list = append(list, &batchOptions[i])
		}
	}
	for i := range options {
		if o := &options[i]; !batch || !liveOptions[o.allNames()[0]] {
			list = append(list, o)
		}
	}
	return list
}

// option looks an option up by its name without dashes.
func (r *Request) option(name string) *Option {
	if r.Batch == nil {
		return findOption(name)
	}
	for _, o := range OptionsOf(true) {
		for _, n := range o.allNames() {
			if n == name {
				return o
			}
		}
	}
	return nil
}

// nice reads the value of --nice, if it has one.
func (b *Batch) nice(v []string) error {
	b.Nice = 100
	if len(v) == 0 {
		return nil
	}
	n, err := strconv.ParseInt(v[0], 10, 32)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is no number of points from 0 on; only an administrator's policy raises priorities", v[0])
	}
	b.Nice = uint32(n)
	return nil
}

// parseNodes reads a number of nodes, or the least and the most, of which the least counts.
func parseNodes(text string) (int, error) {
	least, _, _ := strings.Cut(text, "-")
	return cli.ParseCount(least)
}

// Dependency is a job that another waits for, as it was named.
type Dependency struct {
	Kind, Job string
	Delay     time.Duration // after its start
}

// dependencies reads afterok:1:2,singleton. Which jobs the names mean is known at the submission.
func (b *Batch) dependencies(text string) error {
	b.After, b.Singleton, b.AnyOf = nil, false, false
	items := client.SplitOutside(text, ',')
	if any := strings.Split(text, "?"); len(any) > 1 {
		if len(items) > 1 {
			return fmt.Errorf("%q has both , and ?: all of them, or any one?", text)
		}
		items, b.AnyOf = any, true
	}
	for _, item := range items {
		if item == "singleton" {
			if b.AnyOf {
				return fmt.Errorf("%q: singleton is no alternative to others", text)
			}
			b.Singleton = true
			continue
		}
		kind, ids, found := strings.Cut(item, ":")
		if !found || !slices.Contains(dependencyKinds, kind) {
			return fmt.Errorf("%q is none of %s:ID, singleton", item, strings.Join(dependencyKinds, ":ID, "))
		}
		for _, id := range strings.Split(ids, ":") {
			id, minutes, delayed := strings.Cut(id, "+")
			if !namesDependency(id) {
				return fmt.Errorf("%q: %q is no job's id", item, id)
			}
			d := Dependency{Kind: kind, Job: id}
			if n, err := strconv.ParseUint(minutes, 10, 31); delayed && (err != nil || kind != "after") {
				return fmt.Errorf("%q: a number of minutes stands behind after:ID+ alone", item)
			} else if delayed {
				d.Delay = time.Duration(n) * time.Minute
			}
			b.After = append(b.After, d)
		}
	}
	return nil
}

var dependencyKinds = []string{"after", "afterok", "afterany", "afternotok", "aftercorr"}

// namesDependency reports whether a word may name a job that others wait for: 12, 47_2, 47_[3-4] or last.
func namesDependency(word string) bool {
	job, tasks, isTask := strings.Cut(word, "_")
	n, err := strconv.ParseUint(job, 10, 63)
	return word == "last" || err == nil && n > 0 && (!isTask || tasks != "")
}
