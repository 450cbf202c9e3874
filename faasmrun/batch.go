package main

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// batch is what submit's own options say, beside those of run.
type batch struct {
	parsable, hold, requeue, exclusive, singleton bool
	qos, reservation                              string
	hosts                                         []string
	constraint                                    []*schedpb.LabelSet
	after                                         []dependency
	array                                         []uint32
	throttle                                      uint32
	stdout, stderr                                string
	appending                                     bool
}

const groupBatch = "In the queue"

// maxArrayTasks bounds what --array can name.
const maxArrayTasks = 10_000

// batchOptions are submit's own, in the form of run's table.
var batchOptions = []option{
	{"parsable", "", groupBatch, "print the job's id and nothing else", flag(func(r *request) { r.batch.parsable = true })},
	{"J name", "NAME", groupBatch, "the job's name in listings (the program's)", func(r *request, _ *segment, v []string) error {
		r.name = v[0]
		return nil
	}},
	{"t time", "TIME", groupBatch, "time limit: 30 (minutes), 30:00, 2:30:00, 1-12:00:00, 90s, 2h", func(r *request, _ *segment, v []string) (err error) {
		r.timeout, err = parseLimit(v[0])
		return err
	}},
	{"a array", "LIST", groupBatch, "a job for each index: 1-10, 1-9:2, 1,4,7; %N behind it lets N run at once. Ranks find it in SLURM_ARRAY_TASK_ID, and %a in an argument stands for it (%A the array, %j the job; %%a is a plain %a)", func(r *request, _ *segment, v []string) (err error) {
		r.batch.array, r.batch.throttle, err = parseArray(v[0])
		return err
	}},
	{"d dependency", "LIST", groupBatch, "start after others: afterok:ID, afterany:ID, afternotok:ID, after:ID, singleton, separated by commas; an ID is 12, 47_2, 47_[3-4] or last", func(r *request, _ *segment, v []string) error {
		return r.batch.dependencies(v[0])
	}},
	{"hold", "", groupBatch, "wait for faasmrun release", flag(func(r *request) { r.batch.hold = true })},
	{"requeue", "", groupBatch, "try again when the worker is lost", flag(func(r *request) { r.batch.requeue = true })},
	{"exclusive", "", groupBatch, "share the node with no other job", flag(func(r *request) { r.batch.exclusive = true })},
	{"qos", "NAME", groupBatch, "quality of service: low, high, or what the scheduler's policy has", func(r *request, _ *segment, v []string) error {
		r.batch.qos = v[0]
		return nil
	}},
	{"o output", "FILE", groupBatch, "the file for the ranks' output: %j job, %A and %a array and index, %x name, %u user, %N node, %t rank, %r restarts, %4j with zeros; none for no file (faasmrun-%j.out)", func(r *request, _ *segment, v []string) error {
		r.batch.stdout = v[0]
		return nil
	}},
	{"e error", "FILE", groupBatch, "the file for what ranks write to standard error (the one for output)", func(r *request, _ *segment, v []string) error {
		r.batch.stderr = v[0]
		return nil
	}},
	{"open-mode", "append|truncate", groupBatch, "what is done with such files that there are (truncate; a restart then writes FILE.1, FILE.2)", func(r *request, _ *segment, v []string) error {
		if v[0] != "append" && v[0] != "truncate" {
			return fmt.Errorf("%q is neither append nor truncate", v[0])
		}
		r.batch.appending = v[0] == "append"
		return nil
	}},
	{"w nodelist", "NODE,…", groupBatch, "run on one of these nodes", func(r *request, _ *segment, v []string) error {
		r.batch.hosts = strings.Split(v[0], ",")
		return nil
	}},
	{"C constraint", "LABELS", groupBatch, "run on a node with these labels: gpu, gpu=a100, fast&(gpu|big)", func(r *request, _ *segment, v []string) (err error) {
		r.batch.constraint, err = parseConstraint(v[0])
		return err
	}},
	{"reservation", "NAME", groupBatch, "run within what this reservation keeps", func(r *request, _ *segment, v []string) error {
		r.batch.reservation = v[0]
		return nil
	}},
	{"scheduler", "ADDRESS", groupBatch, "the scheduler to submit to, unix:PATH (also FAASMRUN_SCHEDULER)", func(r *request, _ *segment, v []string) error {
		r.scheduler = v[0]
		return nil
	}},
	{"timeout |", "SECONDS", "", "", func(r *request, _ *segment, v []string) (err error) {
		r.timeout, err = parseSeconds(v[0])
		return err
	}},
	{"n np | c", "N", groupRanks, "run N ranks; without it, one", func(_ *request, s *segment, v []string) (err error) {
		s.ranks, err = parseCount(v[0])
		return err
	}},
}

// liveOptions are those of run that speak of this terminal or this machine, by their first name: a batch job has neither.
// Those that submit words otherwise are among them.
var liveOptions = map[string]bool{"n": true, "scheduler": true, "timeout": true, "use-hwthread-cpus": true, "H": true, "hostfile": true, "report-bindings": true, "nooversubscribe": true, "tag-output": true, "l": true,
	"timestamp-output": true, "output-filename": true, "output": true, "merge-stderr-to-stdout": true, "display": true, "display-map": true,
	"display-allocation": true, "stdin": true, "do-not-launch": true, "v": true}

// optionsOf lists the options of run, or of submit.
func optionsOf(batch bool) []*option {
	var list []*option
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
func (r *request) option(name string) *option {
	if r.batch == nil {
		return findOption(name)
	}
	for _, o := range optionsOf(true) {
		for _, n := range o.allNames() {
			if n == name {
				return o
			}
		}
	}
	return nil
}

// parseArray reads 1-10:2%4 and 1,4,7-9.
func parseArray(text string) (indices []uint32, throttle uint32, err error) {
	list, limit, limited := strings.Cut(text, "%")
	if limited {
		n, err := strconv.ParseUint(limit, 10, 31)
		if err != nil || n == 0 {
			return nil, 0, fmt.Errorf("%q: %q is no number of tasks", text, limit)
		}
		throttle = uint32(n)
	}
	seen, named := map[uint32]bool{}, 0
	for _, item := range strings.Split(list, ",") {
		first, last, step, err := parseIndices(item)
		if err != nil {
			return nil, 0, fmt.Errorf("%q: indices are written as 1-10, 1-9:2 or 1,4,7", text)
		}
		for i := first; i <= last; i += step {
			if named++; named > maxArrayTasks { // those named twice count, or a long list could take for ever
				return nil, 0, fmt.Errorf("%.80q: more than %d tasks", text, maxArrayTasks)
			}
			seen[uint32(i)] = true
		}
	}
	for i := range seen {
		indices = append(indices, i)
	}
	sort.Slice(indices, func(i, j int) bool { return indices[i] < indices[j] })
	return indices, throttle, nil
}

// parseIndices reads 7, 1-10 and 1-9:2.
func parseIndices(item string) (first, last, step uint64, err error) {
	item, by, stepped := strings.Cut(item, ":")
	from, to, ranged := strings.Cut(item, "-")
	if !ranged {
		to = from
	}
	step = 1
	if first, err = strconv.ParseUint(from, 10, 31); err == nil {
		last, err = strconv.ParseUint(to, 10, 31)
	}
	if err == nil && stepped {
		step, err = strconv.ParseUint(by, 10, 31)
	}
	if err == nil && (step == 0 || last < first || stepped && !ranged) {
		err = strconv.ErrRange
	}
	return first, last, step, err
}

// dependency is a job that another waits for, as it was named.
type dependency struct{ kind, job string }

// dependencies reads afterok:1:2,singleton. Which jobs the names mean is known at the submission.
func (b *batch) dependencies(text string) error {
	b.after, b.singleton = nil, false
	for _, item := range splitOutside(text, ',') {
		if item == "singleton" {
			b.singleton = true
			continue
		}
		kind, ids, found := strings.Cut(item, ":")
		if !found || kind != "after" && kind != "afterok" && kind != "afterany" && kind != "afternotok" {
			return fmt.Errorf("%q is none of after:ID, afterok:ID, afterany:ID, afternotok:ID, singleton", item)
		}
		for _, id := range strings.Split(ids, ":") {
			if !namesDependency(id) {
				return fmt.Errorf("%q: %q is no job's id", item, id)
			}
			b.after = append(b.after, dependency{kind, id})
		}
	}
	return nil
}

// namesDependency accepts 12, 47_2, 47_[3-4] and last.
func namesDependency(word string) bool {
	job, tasks, isTask := strings.Cut(word, "_")
	n, err := strconv.ParseUint(job, 10, 63)
	return word == "last" || err == nil && n > 0 && (!isTask || tasks != "")
}

// settle finds the jobs that dependencies name.
func (c *cluster) settle(after []dependency) (found []*schedpb.Dependency, err error) {
	for _, d := range after {
		ids, err := c.selectWord(d.job)
		if err != nil {
			return nil, err
		}
		if d.job == "last" { // a submission, and it may have been an array's
			jobs, err := c.find(ids)
			if err != nil {
				return nil, err
			}
			if array := jobs[0].ArrayId; array != 0 {
				ids = []uint64{array}
			}
		}
		for _, id := range ids {
			found = append(found, &schedpb.Dependency{Kind: d.kind, JobId: id})
		}
	}
	return found, nil
}

// parseLimit reads sbatch's forms of a time limit, and 90s, 5m, 2h.
func parseLimit(text string) (time.Duration, error) {
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return d, nil
	}
	bad := fmt.Errorf("%q is no time; 30 (minutes), 30:00, 2:30:00, 1-12:00:00, 90s and 2h are", text)
	days, clock, hasDays := strings.Cut(text, "-")
	if !hasDays {
		days, clock = "0", text
	}
	fields := strings.Split(clock, ":")
	units := []time.Duration{time.Minute, time.Second}
	if hasDays || len(fields) == 3 {
		units = []time.Duration{time.Hour, time.Minute, time.Second}
	}
	d, err := strconv.ParseUint(days, 10, 16)
	if err != nil || len(fields) > len(units) {
		return 0, bad
	}
	sum := time.Duration(d) * 24 * time.Hour
	for i, field := range fields {
		n, err := strconv.ParseUint(field, 10, 20)
		if err != nil {
			return 0, bad
		}
		sum += time.Duration(n) * units[i]
	}
	if sum <= 0 {
		return 0, bad
	}
	return sum, nil
}
