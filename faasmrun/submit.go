package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// submitOptions are what submit takes beside run's options.
type submitOptions struct {
	parsable bool
	spec     schedpb.JobSpec // the fields that the options below set
	help     bool
}

// submitOption is one row of their table.
type submitOption struct {
	names string // separated by blanks
	value string // placeholder; "": it takes none
	help  string
	apply func(o *submitOptions, r *request, v string) error
}

// maxArrayTasks bounds what --array can name.
const maxArrayTasks = 10_000

var submitTable = []submitOption{
	{"parsable", "", "print the job's id and nothing else", func(o *submitOptions, _ *request, _ string) error { o.parsable = true; return nil }},
	{"J job-name name", "NAME", "the job's name in listings", func(_ *submitOptions, r *request, v string) error { r.name = v; return nil }},
	{"t time", "TIME", "time limit: minutes, MM:SS, HH:MM:SS, D-HH:MM:SS, or 90s, 2h", func(_ *submitOptions, r *request, v string) (err error) {
		r.timeout, err = parseLimit(v)
		return err
	}},
	{"a array", "LIST", "one job for each index: 1-10, 1-9:2, 1,4,7, %N at the end for at most N at once", func(o *submitOptions, _ *request, v string) (err error) {
		o.spec.Array, o.spec.ArrayThrottle, err = parseArray(v)
		return err
	}},
	{"d dependency", "LIST", "afterok:ID, afterany:ID, afternotok:ID, after:ID, singleton; separated by commas", func(o *submitOptions, _ *request, v string) error {
		return o.dependencies(v)
	}},
	{"hold", "", "wait for faasmrun release", func(o *submitOptions, _ *request, _ string) error { o.spec.Hold = true; return nil }},
	{"requeue", "", "try again when the worker is lost", func(o *submitOptions, _ *request, _ string) error { o.spec.Requeue = true; return nil }},
	{"exclusive", "", "share the node with no other job", func(o *submitOptions, _ *request, _ string) error { o.spec.Exclusive = true; return nil }},
	{"qos", "NAME", "quality of service", func(o *submitOptions, _ *request, v string) error { o.spec.Qos = v; return nil }},
	{"w nodelist", "NODE,…", "run on one of these nodes", func(o *submitOptions, _ *request, v string) error {
		o.spec.Hosts = append(o.spec.Hosts, strings.Split(v, ",")...)
		return nil
	}},
	{"C constraint", "NAME=VALUE,…", "run on a node with these labels", func(o *submitOptions, _ *request, v string) error {
		for _, label := range strings.Split(v, ",") {
			name, value, _ := strings.Cut(label, "=")
			o.spec.Labels = append(o.spec.Labels, &schedpb.EnvVar{Name: name, Value: value})
		}
		return nil
	}},
}

// submitVerb is faasmrun submit: it hands a job to a cluster and does not wait for it.
func submitVerb(args []string) int {
	r, o, err := parseSubmit(args)
	if err == nil && (o.help || r.help) {
		writeSubmitHelp(os.Stdout)
		return 0
	}
	if err == nil {
		err = submitJob(r, o)
	}
	if err != nil {
		return fail(err)
	}
	return 0
}

func writeSubmitHelp(w *os.File) {
	fmt.Fprint(w, "faasmrun submit [options] PROGRAM [arguments] [: [options] PROGRAM [arguments]]…\n\n"+
		"faasmrun submit [options] SCRIPT [arguments]\n\n"+
		"Hands a job to the cluster's scheduler, prints its id and returns. A script holds options on lines that begin with #SBATCH or\n"+
		"#FAASMRUN, and one line that launches: faasmrun -np 4 app.wasm. All options of faasmrun run, and:\n\n")
	for _, row := range submitTable {
		var names []string
		for _, n := range strings.Fields(row.names) {
			names = append(names, dashed(n))
		}
		fmt.Fprintf(w, "  %-32s %s\n", strings.TrimSpace(strings.Join(names, ", ")+" "+row.value), row.help)
	}
}

// parseSubmit takes the options of its own out of the command line, up to the first program, and leaves the rest to run's
// parser.
func parseSubmit(args []string) (*request, *submitOptions, error) {
	return parseSubmitWords(args, true)
}

// expandScript replaces a script by what it says. The command line wins: its options stand behind the directives.
func expandScript(options []string, args []string) ([]string, error) {
	f, err := os.Open(args[0])
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, err := readScript(args[0], f, args[1:])
	if err != nil {
		return nil, err
	}
	if len(s.ignored) > 0 {
		say(os.Stderr, "%s: without effect here: %s", args[0], strings.Join(s.ignored, " "))
	}
	return slices.Concat(s.options, options, s.body), nil
}

func parseSubmitWords(args []string, scripts bool) (*request, *submitOptions, error) {
	o := &submitOptions{}
	r := &request{stdin: schedpb.StdinTo_STDIN_NONE}
	var rest []string
	given := args
	for len(args) > 0 {
		word := args[0]
		if len(word) < 2 || word[0] != '-' || word == "--" {
			break
		}
		name, value, attached := strings.Cut(strings.TrimPrefix(word[1:], "-"), "=")
		row := findSubmitOption(name)
		if row == nil {
			n := 1 + runOptionValues(word)
			rest = append(rest, args[:min(n, len(args))]...)
			args = args[min(n, len(args)):]
			continue
		}
		args = args[1:]
		if row.value != "" && !attached {
			if len(args) == 0 {
				return nil, nil, usagef("%s needs a value: %s", dashed(name), row.value)
			}
			value, args = args[0], args[1:]
		} else if row.value == "" && attached {
			return nil, nil, usagef("%s takes no value", dashed(name))
		}
		if err := row.apply(o, r, value); err != nil {
			return nil, nil, usagef("%s %v", dashed(name), err)
		}
	}
	if scripts && len(args) > 0 && isScript(args[0]) {
		words, err := expandScript(given[:len(given)-len(args)], args)
		if err != nil {
			return nil, nil, err
		}
		return parseSubmitWords(words, false)
	}
	if err := r.parseSegments(append(rest, args...)); err != nil {
		return nil, nil, err
	}
	if len(r.segments) == 0 && !r.help {
		return nil, nil, usagef("no program was named")
	}
	return r, o, nil
}

func findSubmitOption(name string) *submitOption {
	for i, row := range submitTable {
		for _, n := range strings.Fields(row.names) {
			if n == name {
				return &submitTable[i]
			}
		}
	}
	return nil
}

// runOptionValues is how many words follow one of run's options.
func runOptionValues(word string) int {
	name, _, attached := strings.Cut(strings.TrimPrefix(word[1:], "-"), "=")
	o := findOption(name)
	if o == nil {
		return 0 // run's parser will say so
	}
	n := len(o.placeholders())
	if attached {
		n--
	}
	return max(0, n)
}

func submitJob(r *request, o *submitOptions) error {
	here := thisMachine()
	if _, err := r.place(here); err != nil {
		return err
	}
	spec, modules, err := r.prepare(os.Environ())
	if err != nil {
		return err
	}
	spec.Interactive, spec.Tty, spec.Stdin, spec.StdinRanks = false, false, schedpb.StdinTo_STDIN_NONE, nil
	spec.Qos, spec.Hold, spec.Requeue, spec.Exclusive = o.spec.Qos, o.spec.Hold, o.spec.Requeue, o.spec.Exclusive
	spec.After, spec.Singleton, spec.Hosts, spec.Labels = o.spec.After, o.spec.Singleton, o.spec.Hosts, o.spec.Labels
	spec.Array, spec.ArrayThrottle = o.spec.Array, o.spec.ArrayThrottle
	f := clusterFlags{scheduler: r.scheduler}
	return f.with(func(c *cluster) error {
		if err := sendModules(c.ctx, c.jobs, modules); err != nil {
			return refusal(err)
		}
		id, err := c.submit(spec)
		if err != nil {
			return err
		}
		if o.parsable {
			fmt.Fprintln(c.out, id)
		} else {
			fmt.Fprintf(c.out, "job %d is submitted\n", id)
		}
		return nil
	})
}

// submit asks again under the same key when the connection breaks before the answer: the scheduler knows by it whether
// it has the job already.
func (c *cluster) submit(spec *schedpb.JobSpec) (uint64, error) {
	req := &schedpb.SubmitRequest{Spec: spec, IdempotencyKey: randomKey()}
	for tried := 1; ; tried++ {
		ctx, cancel := context.WithTimeout(c.ctx, time.Minute)
		answer, err := c.jobs.Submit(ctx, req)
		cancel()
		if err == nil {
			return answer.JobId, nil
		}
		if tried == submitTries || !unavailable(err) || c.ctx.Err() != nil {
			return 0, refusal(err)
		}
		select {
		case <-time.After(time.Duration(tried) * 200 * time.Millisecond):
		case <-c.ctx.Done():
		}
	}
}

const submitTries = 5

func unavailable(err error) bool {
	code := status.Code(err)
	return code == codes.Unavailable || code == codes.DeadlineExceeded
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
	seen := map[uint32]bool{}
	for _, item := range strings.Split(list, ",") {
		item, step, stepped := strings.Cut(item, ":")
		from, to, ranged := strings.Cut(item, "-")
		if !ranged {
			to = from
		}
		by := uint64(1)
		a, errA := strconv.ParseUint(from, 10, 31)
		b, errB := strconv.ParseUint(to, 10, 31)
		var errStep error
		if stepped {
			by, errStep = strconv.ParseUint(step, 10, 31)
		}
		if errA != nil || errB != nil || errStep != nil || by == 0 || b < a || stepped && !ranged {
			return nil, 0, fmt.Errorf("%q: indices are written as 1-10, 1-9:2 or 1,4,7", text)
		}
		for i := a; i <= b; i += by {
			if seen[uint32(i)] = true; len(seen) > maxArrayTasks {
				return nil, 0, fmt.Errorf("%q: more than %d tasks", text, maxArrayTasks)
			}
		}
	}
	for i := range seen {
		indices = append(indices, i)
	}
	sort.Slice(indices, func(i, j int) bool { return indices[i] < indices[j] })
	return indices, throttle, nil
}

// dependencies reads afterok:1:2,singleton.
func (o *submitOptions) dependencies(text string) error {
	for _, item := range strings.Split(text, ",") {
		if item == "singleton" {
			o.spec.Singleton = true
			continue
		}
		kind, ids, found := strings.Cut(item, ":")
		if !found || kind != "after" && kind != "afterok" && kind != "afterany" && kind != "afternotok" {
			return fmt.Errorf("%q is none of after:ID, afterok:ID, afterany:ID, afternotok:ID, singleton", item)
		}
		for _, id := range strings.Split(ids, ":") {
			n, err := strconv.ParseUint(id, 10, 63)
			if err != nil || n == 0 {
				return fmt.Errorf("%q: %q is no job's id", item, id)
			}
			o.spec.After = append(o.spec.After, &schedpb.Dependency{Kind: kind, JobId: n})
		}
	}
	return nil
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
	units := []time.Duration{time.Minute, time.Second}
	fields := strings.Split(clock, ":")
	if hasDays {
		units = []time.Duration{time.Hour, time.Minute, time.Second}
	} else if len(fields) == 3 {
		units = []time.Duration{time.Hour, time.Minute, time.Second}
	}
	d, err := strconv.ParseUint(days, 10, 16)
	if err != nil || len(fields) > len(units) {
		return 0, bad
	}
	sum := time.Duration(d) * 24 * time.Hour
	for i, field := range fields {
		n, err := strconv.ParseUint(field, 10, 24)
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
