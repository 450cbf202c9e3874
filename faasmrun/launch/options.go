package launch

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/session"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// Option is one row of the table that drives parsing, help, completion and tests. Every name works with one dash or
// two, and a value may follow after "=": -np 4, --np 4, --np=4.
type Option struct {
	names  string // separated by blanks; the first ones, up to a "|", are shown by help
	values string // placeholders separated by blanks: how many values it takes; "[=X]": one, or none
	group  string
	Help   string
	// apply acts on the whole request or, for options that belong to one program of several, on its segment.
	apply func(r *Request, s *Segment, v []string) error
}

const (
	groupRanks   = "How many ranks, and where"
	groupProgram = "The program's surroundings"
	groupOutput  = "Output"
	groupMPI     = "MPI itself"
	groupRun     = "Input, time and the run"
	groupIgnored = "Accepted so that mpirun's command lines work; without effect here"
)

// options is the table. Help shows the groups and rows in this order. It is filled at start, because a row (--app)
// leads back to the parser, which reads the table.
var options []Option

func init() {
	options = []Option{
		{"n np | c ntasks", "N", groupRanks,
			"run N ranks; without it, one rank per slot (a core, unless hosts say otherwise)",
			func(r *Request, s *Segment, v []string) (err error) {
				s.Ranks, err = cli.ParseCount(v[0])
				return err
			}},
		{"N npernode | ppn perhost ntasks-per-node", "N", groupRanks, "N ranks on each node",
			func(r *Request, s *Segment, v []string) (err error) {
				s.PerNode, err = cli.ParseCount(v[0])
				return err
			}},
		{"pernode", "", groupRanks, "one rank on each node", func(r *Request, s *Segment, v []string) error {
			s.PerNode = 1
			return nil
		}},
		{"H host | hosts", "HOST[:SLOTS],…", groupRanks, "the hosts to use, one slot each unless SLOTS says more",
			func(r *Request, s *Segment, v []string) error {
				return s.addHosts(parseHostList(v[0]))
			}},
		{"hostfile | machinefile f default-hostfile", "FILE", groupRanks,
			"a file of hosts, one a line: HOST [slots=N] [max_slots=M]", func(r *Request, s *Segment, v []string) error {
				return s.addHosts(readHostfile(v[0]))
			}},
		{"map-by", "HOW", groupRanks,
			"slot, node, core, or ppr:N:node for N ranks on each node; :PE=N as --cpus-per-rank N; :OVERSUBSCRIBE and " +
				"mpirun's other modifiers",
			func(r *Request, s *Segment, v []string) error {
				return s.mapBy(r, v[0])
			}},
		{"rank-by", "HOW", groupRanks, "slot or node: the order in which ranks are numbered over nodes",
			func(r *Request, s *Segment, v []string) error {
				return checkPolicy("rank-by", v[0], rankPolicies)
			}},
		{"bind-to", "WHAT", groupRanks, "none or core: what a rank is bound to",
			func(r *Request, s *Segment, v []string) error {
				return r.bindTo(v[0])
			}},
		{"report-bindings", "", groupRanks, "say on stderr where each rank may run",
			flag(func(r *Request) { r.reportBindings = true })},
		{"oversubscribe", "", groupRanks,
			"allow more ranks than slots: they share the slots of a worker. Without a cluster they always may",
			flag(func(r *Request) { r.setOversubscribe(true) })},
		{"nooversubscribe | no-oversubscribe", "", groupRanks, "refuse more ranks than slots, without a cluster too",
			flag(func(r *Request) { r.setOversubscribe(false) })},
		{"cpus-per-rank cpus-per-task | cpus-per-proc", "N", groupRanks,
			"N processors, and slots, for each rank; without it as many as OMP_NUM_THREADS says, where the program uses " +
				"OpenMP, else one", cpusOption},
		{"mem-per-rank", "SIZE", groupRanks,
			"the most memory that a rank may have; a cluster reserves as much for it: 512M, 2G",
			func(r *Request, s *Segment, v []string) (err error) {
				r.memPerRank, err = parseSize(v[0])
				return err
			}},
		{"use-hwthread-cpus", "", groupRanks, "without -np, count hardware threads instead of cores",
			flag(func(r *Request) { r.hwthreads = true })},

		{"x", "NAME[=VALUE]", groupProgram,
			"set a variable for the ranks; NAME alone, or 'NAM*', passes the launcher's on. All of the launcher's are, " +
				"unless --export says otherwise", func(r *Request, s *Segment, v []string) error {
				return s.addExport(v[0])
			}},
		{"export", "ALL|NONE|NAME,…", groupProgram, "which of the launcher's variables the ranks see (ALL)",
			func(r *Request, s *Segment, v []string) error {
				return r.setExport(v[0])
			}},
		{"wdir | wd chdir", "DIR", groupProgram, "the ranks' working directory; they see it as / too",
			func(r *Request, s *Segment, v []string) error {
				s.dir = v[0]
				return nil
			}},
		{"dir", "HOST[::GUEST][:ro]", groupProgram,
			"let the ranks see directory HOST too, under the same name or as GUEST; may be repeated",
			func(r *Request, s *Segment, v []string) error {
				return s.addMount(v[0])
			}},
		{"app | configfile", "FILE", groupProgram, "read programs from FILE, one on each line, with its own options",
			func(r *Request, s *Segment, v []string) error {
				return r.readAppfile(v[0])
			}},
		{"path", "DIR:…", groupProgram, "where to look for programs named without a directory",
			func(r *Request, s *Segment, v []string) error {
				s.path = v[0]
				return nil
			}},
		{"mca", "KEY VALUE", groupProgram,
			"set OMPI_MCA_KEY in the ranks' environment, and do nothing else (also --gmca, --omca, --pmixmca, --prtemca)",
			mcaOption},
		{"gmca | omca pmixmca prtemca", "KEY VALUE", "", "", mcaOption},
		{"env", "NAME VALUE", groupProgram, "as -x NAME=VALUE, for this program of several",
			func(r *Request, s *Segment, v []string) error {
				return s.addVariable(v[0], v[1])
			}},
		{"genv", "NAME VALUE", groupProgram, "as -x NAME=VALUE, for all programs",
			func(r *Request, s *Segment, v []string) error {
				return r.common.addVariable(v[0], v[1])
			}},
		{"envlist genvlist |", "NAME,…", "", "", func(r *Request, s *Segment, v []string) error {
			for _, name := range strings.Split(v[0], ",") {
				if err := s.addExport(name); err != nil {
					return err
				}
			}
			return nil
		}},
		{"envall genvall |", "", "", "", flag(func(r *Request) { r.export = exportAll })},
		{"envnone genvnone |", "", "", "", flag(func(r *Request) { r.export = exportNone })},

		{"tag-output", "", groupOutput, "begin each line with [1,RANK]<stdout>:",
			flag(func(r *Request) { r.output.Tag = session.TagJobRank })},
		{"l | prepend-rank label", "", groupOutput, "begin each line with RANK: ",
			flag(func(r *Request) { r.output.Tag = session.TagRank })},
		{"timestamp-output", "", groupOutput, "begin each line with the time at which it was written",
			flag(func(r *Request) { r.output.Timestamp = true })},
		{"output-filename", "DIR[:nocopy]", groupOutput,
			"write each rank's output to DIR/1/rank.R/stdout and stderr too; with :nocopy, to these files only",
			func(r *Request, s *Segment, v []string) error {
				return r.output.SetDirectory(v[0])
			}},
		{"output", "WHAT,…", groupOutput,
			"tag, rank, timestamp, merge, dir=DIR, file=NAME (a file NAME.RANK for each rank), file=PATTERN:pattern, :nocopy",
			func(r *Request, s *Segment, v []string) error {
				return r.output.SetDirectives(v[0])
			}},
		{"merge-stderr-to-stdout", "", groupOutput, "print what ranks write to stderr on stdout",
			flag(func(r *Request) { r.output.Merge = true })},
		{"q quiet", "", groupOutput, "no notes from faasmrun itself, only errors", flag(func(r *Request) { r.Quiet = true })},
		{"v verbose", "", groupOutput, "say what happens to the job: states, placement",
			flag(func(r *Request) { r.verbose = true })},
		{"display | display-map-type", "WHAT,…", groupOutput, "map: where each rank runs; allocation: the slots",
			func(r *Request, s *Segment, v []string) error {
				return r.setDisplay(v[0])
			}},
		{"display-map display-devel-map display-diffable-map |", "", "", "", flag(func(r *Request) { r.displayMap = true })},
		{"display-allocation display-devel-allocation |", "", "", "", flag(func(r *Request) { r.displayAllocation = true })},

		{"check", "", groupMPI,
			"report on stderr mistakes that go unnoticed otherwise: datatypes that differ, leaks, buffers that overlap; the " +
				fmt.Sprintf("exit status is %d then. An access past 4 GiB ends the job", cli.StatusFindings),
			flag(func(r *Request) { r.Mpi.check = true })},
		{"reproducible", "", groupMPI,
			"make reductions give the same bits wherever the ranks run; inside one process they always do",
			flag(func(r *Request) { r.Mpi.reproducible = true })},
		{"mpi-stats", "[=FILE]", groupMPI,
			"when the job ends, report on stderr where the ranks' time in MPI went and how much each rank sent to each; with " +
				"FILE, write it there as JSON too", func(r *Request, s *Segment, v []string) error {
				return r.setStats(v)
			}},

		{"omp-stats", "[=FILE]", groupRun,
			"when the job ends, report on stderr what its parallel regions took, how evenly their threads worked and where " +
				"these waited; with FILE, write it there as JSON too", func(r *Request, s *Segment, v []string) error {
				return r.setOpenMPStats(v)
			}},
		{"stdin", "WHO", groupRun,
			"which ranks read the launcher's standard input: 0 (the default), all, none, or a list: 0,2-5",
			func(r *Request, s *Segment, v []string) error {
				return r.setStdin(v[0])
			}},
		{"timeout", "SECONDS", groupRun,
			fmt.Sprintf("end the job after that time, show where each rank stands, and exit with %d (also MPIEXEC_TIMEOUT)",
				cli.StatusTimedOut),
			func(r *Request, s *Segment, v []string) (err error) {
				r.Timeout, err = cli.ParseSeconds(v[0])
				return err
			}},
		{"scheduler", "ADDRESS", groupRun,
			"submit to this scheduler, unix:PATH (also FAASMRUN_SCHEDULER); without one, run here",
			func(r *Request, s *Segment, v []string) error {
				r.Scheduler = v[0]
				return nil
			}},
		{"engine", "NAME", groupRun,
			"what runs the program: wazero starts at once; native is machine code by the C compiler, which takes time to make " +
				"and is kept; auto (the default) is native where there is such code, and has it made meanwhile where not " +
				"(also FAASMRUN_ENGINE)",
			func(r *Request, s *Segment, v []string) error {
				r.engine = v[0]
				return checkEngine(v[0])
			}},
		{"job-name", "NAME", groupRun, "the job's name in listings (the program's)",
			func(r *Request, s *Segment, v []string) error {
				r.Name = v[0]
				return nil
			}},
		{"do-not-launch", "", groupRun, "check everything, show the map, run nothing",
			flag(func(r *Request) { r.doNotLaunch = true })},
		{"h help", "", groupRun, "this help", flag(func(r *Request) { r.Help = true })},
		{"no-reconnect", "", groupRun,
			"end the job, and this command, when the connection to the scheduler is lost; don't reconnect",
			flag(func(r *Request) { r.noReconnect = true })},
		{"V version", "", groupRun, "the version", flag(func(r *Request) { r.Version = true })},

		{"allow-run-as-root", "", groupIgnored, "", ignored},
		{"prefix", "DIR", groupIgnored, "", ignored},
		{"noprefix | enable-recovery disable-recovery leave-session-attached get-stack-traces report-state-on-timeout " +
			"do-not-resolve nolocal-warning show-progress novm byslot bynode bycore bind-to-none continuous", "", groupIgnored,
			"", ignored},
		{"bind-to-core |", "", "", "", func(r *Request, s *Segment, v []string) error { return r.bindTo("core") }},
		{"s preload-binary", "", groupIgnored, "", ignored},
		{"cpu-set cpu-list tmpdir preload-files personality tune am max-restarts launch-agent |",
			"VALUE", groupIgnored, "", ignored},
	}
}

// flag makes an apply function for an option without values.
func flag(set func(*Request)) func(*Request, *Segment, []string) error {
	return func(r *Request, _ *Segment, _ []string) error {
		set(r)
		return nil
	}
}

func ignored(*Request, *Segment, []string) error { return nil }

func mcaOption(r *Request, s *Segment, v []string) error {
	return r.common.addVariable("OMPI_MCA_"+v[0], v[1])
}

func cpusOption(_ *Request, s *Segment, v []string) (err error) {
	s.cpus, err = cli.ParseCPUs(v[0])
	return err
}

// allNames lists an option's names, the shown ones first.
func (o *Option) allNames() []string { return strings.Fields(strings.Replace(o.names, "|", " ", 1)) }

// ShownNames lists the names that help shows.
func (o *Option) ShownNames() []string {
	shown, _, _ := strings.Cut(o.names, "|")
	return strings.Fields(shown)
}

func (o *Option) placeholders() []string {
	if o.optional() {
		return nil
	}
	return strings.Fields(o.values)
}

// optional reports whether the option's one value may be left out; it is never the next word.
func (o *Option) optional() bool { return strings.HasPrefix(o.values, "[") }

// findOption looks an option up by its name without dashes.
func findOption(name string) *Option {
	for i := range options {
		for _, n := range options[i].allNames() {
			if n == name {
				return &options[i]
			}
		}
	}
	return nil
}

// Dashed writes an option's name as people type it.
func Dashed(name string) string {
	if len(name) == 1 || name == "np" {
		return "-" + name
	}
	return "--" + name
}

// nearestOption finds the option that was perhaps meant, or "".
func nearestOption(name string) string {
	var names []string
	for i := range options {
		names = append(names, options[i].allNames()...)
	}
	sort.Strings(names)
	if best := nearest(name, names); best != "" {
		return Dashed(best)
	}
	return ""
}

// maxSlip is the longest word that is taken for a slip of the finger: comparing takes time by the length.
const maxSlip = 64

// nearest finds the word of a list with the fewest slips of the finger between, or "" when all are too far off.
func nearest(word string, list []string) string {
	if word == "" || len(word) > maxSlip {
		return ""
	}
	best, bestScore := "", 2*(len(word)/3+1)+2
	for _, candidate := range list {
		if len(candidate) < 2 {
			continue
		}
		if strings.HasPrefix(candidate, word) && len(word) > 2 {
			return candidate
		}
		score := 2 * editDistance(word, candidate)
		if candidate[0] != word[0] { // the first letter is seldom the wrong one
			score++
		}
		if score < bestScore {
			best, bestScore = candidate, score
		}
	}
	return best
}

// editDistance counts insertions, deletions, substitutions and swaps of neighbours between two short words.
func editDistance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// minMemPerRank is one page of WebAssembly memory.
const minMemPerRank = 64 << 10

// parseSize reads the memory of a rank.
func parseSize(text string) (uint64, error) {
	size, err := cli.ParseBytes(text)
	if err == nil && size < minMemPerRank {
		return 0, fmt.Errorf("%s is less than the 64K that the smallest program needs (512M means megabytes)", text)
	}
	return size, err
}

func (r *Request) setStdin(text string) error {
	r.Stdin, r.stdinRanks = schedpb.StdinTo_STDIN_LIST, nil
	switch text {
	case "all":
		r.Stdin = schedpb.StdinTo_STDIN_ALL
		return nil
	case "none":
		r.Stdin = schedpb.StdinTo_STDIN_NONE
		return nil
	case "0":
		r.Stdin = schedpb.StdinTo_STDIN_RANK_ZERO
		return nil
	}
	for _, part := range strings.Split(text, ",") {
		from, to, isRange := strings.Cut(part, "-")
		first, err := strconv.ParseUint(from, 10, 32)
		last := first
		if err == nil && isRange {
			last, err = strconv.ParseUint(to, 10, 32)
		}
		if err != nil || last < first || last >= cli.MaxRanks {
			return fmt.Errorf("needs all, none, or ranks such as 0 or 1,4-6; %q is none of these", text)
		}
		for rank := first; rank <= last; rank++ {
			r.stdinRanks = append(r.stdinRanks, uint32(rank))
			if len(r.stdinRanks) > cli.MaxRanks {
				return fmt.Errorf("names more than %d ranks", cli.MaxRanks)
			}
		}
	}
	return nil
}

func (r *Request) setDisplay(text string) error {
	for _, what := range strings.Split(text, ",") {
		switch what {
		case "map", "map-devel":
			r.displayMap = true
		case "allocation", "alloc":
			r.displayAllocation = true
		case "bindings":
			r.reportBindings = true
		default:
			return fmt.Errorf("shows map, allocation or bindings; %q is none of these", what)
		}
	}
	return nil
}
