package launch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/machine"
	"github.com/faasmrun/faasmrun/faasmrun/session"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// TestOptionTable holds the table's own rules: every name once, help for what is shown, a group for what has help.
func TestOptionTable(t *testing.T) {
	seen := map[string]bool{}
	for i := range options {
		o := &options[i]
		if o.apply == nil {
			t.Errorf("%s does nothing at all", o.names)
		}
		if o.Help != "" && o.group == "" {
			t.Errorf("%s has help and no group", o.names)
		}
		for _, name := range o.allNames() {
			if seen[name] {
				t.Errorf("option %s stands in the table twice", name)
			}
			seen[name] = true
			if findOption(name) != o {
				t.Errorf("%s is not found by its name", name)
			}
		}
	}
}

// Describe puts a request into one line, without what was not said.
func Describe(r *Request) string {
	var b strings.Builder
	for i := range r.Segments {
		s := &r.Segments[i]
		if i > 0 {
			b.WriteString(" : ")
		}
		fmt.Fprintf(&b, "%s %q", s.Program, s.Args)
		for _, part := range []struct {
			name  string
			value any
			zero  bool
		}{
			{"ranks", s.Ranks, s.Ranks == 0}, {"per-node", s.PerNode, s.PerNode == 0}, {"ppr", s.Ppr, s.Ppr.Ranks == 0},
			{"cpus", s.cpus, s.cpus == 0},
			{"hosts", s.hosts, !s.hostsGiven}, {"dir", s.dir, s.dir == ""}, {"env", s.Env, len(s.Env) == 0},
			{"mounts", s.mounts, len(s.mounts) == 0},
		} {
			if !part.zero {
				fmt.Fprintf(&b, " %s=%v", part.name, part.value)
			}
		}
	}
	return b.String()
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"-np 4 a.wasm", `a.wasm [] ranks=4`},
		{"-n 4 a.wasm", `a.wasm [] ranks=4`},
		{"-c 4 a.wasm", `a.wasm [] ranks=4`},
		{"--np=4 a.wasm", `a.wasm [] ranks=4`},
		{"-np=4 a.wasm", `a.wasm [] ranks=4`},
		{"--np 4 a.wasm", `a.wasm [] ranks=4`},
		{"--n 4 a.wasm", `a.wasm [] ranks=4`},
		{"-n4 a.wasm", `a.wasm [] ranks=4`},
		{"a.wasm -np 4 --help -- :x", `a.wasm ["-np" "4" "--help" "--" ":x"]`},
		{"-np 2 -- -odd.wasm 1", `-odd.wasm ["1"] ranks=2`},
		{"-npernode 2 a", `a [] per-node=2`},
		{"-N 2 a", `a [] per-node=2`},
		{"-ppn 2 a", `a [] per-node=2`},
		{"-pernode a", `a [] per-node=1`},
		{"-np 2 a x : -np 1 -wdir /tmp b y", `a ["x"] ranks=2 : b ["y"] ranks=1 dir=/tmp`},
		{"--map-by ppr:3:node a", `a [] ppr={3 node}`},
		{"--map-by ppr:1:core:oversubscribe a", `a [] ppr={1 core}`},
		{"--map-by :OVERSUBSCRIBE --rank-by slot --bind-to none a", `a []`},
		{"-map-by node:PE=2 a", `a [] cpus=2`},
		{"--cpus-per-rank 4 -np 2 a : -np 1 b", `a [] ranks=2 cpus=4 : b [] ranks=1`},
		{"--cpus-per-task=4 a", `a [] cpus=4`},
		{"--cpus-per-proc 1048576 a", `a [] cpus=1048576`},
		{"-H localhost:2,localhost -np 3 a", `a [] ranks=3 hosts=[{localhost 3}]`},
		{"--host [::1]:4 a", `a [] hosts=[{::1 4}]`},
		{"-x A=1 -x B -x 'C*' -x D= a", `a [] env=[{A 1 false} {B  true} {C*  true} {D  false}]`},
		{"-mca btl self,tcp -np 1 a", `a [] ranks=1`},
		{"--dir /data::/in:ro --dir /x a", `a [] mounts=[{/data /in true} {/x  false}]`},
		{"--allow-run-as-root --prefix /opt -tag-output --oversubscribe -np 1 a", `a [] ranks=1`},
	} {
		words, err := SplitWords(c.line)
		if err != nil {
			t.Fatal(err)
		}
		r, err := parseRequest(words)
		if err != nil {
			t.Errorf("%s: %v", c.line, err)
		} else if got := Describe(r); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.line, got, c.want)
		}
	}
}

// TestBadCommandLines holds what a user is told about each mistake: one line.
func TestBadCommandLines(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("hosts.bad", "localhost slots=4\nnode1 slot=2\n")
	write("hosts.none", "# nothing\n")
	write("app.bad", "-np 1 a\n-np 0 b\n")
	write("app.self", "--app app.self\n")
	write("app.quote", "-np 1 'a\n")
	for _, c := range []struct{ line, want string }{
		{"", "no program was named"},
		{"-np 4", "no program was named"},
		{"-np 0 a", `-np needs a number of ranks from 1 to 1048576; "0" was given`},
		{"-np -3 a", `-np needs a number of ranks from 1 to 1048576; "-3" was given`},
		{"-np abc a", `-np needs a number of ranks from 1 to 1048576; "abc" was given`},
		{"-np 99999999999999999999 a", `-np needs a number of ranks from 1 to 1048576; "99999999999999999999" was given`},
		{"-np", "-np needs a value: N"},
		{"-np 1000000 a : -np 1000000 b", "2000000 ranks are more than the 1048576 that one job can have"},
		{"--nosuchoption a", "unknown option --nosuchoption"},
		{"--tagoutput a", "unknown option --tagoutput; did you mean --tag-output?"},
		{"-npp 4 a", "unknown option -npp; did you mean -np?"},
		{"--time-out=3 a", "unknown option --time-out=3; did you mean --timeout?"},
		{"--quiet=yes a", `--quiet takes no value; "yes" was given`},
		{"--mca btl", "--mca needs 2 values: KEY VALUE"},
		{"-np 1 a : ", `no program is named on one side of ":"`},
		{": -np 1 a", `no program is named on one side of ":"`},
		{"''", "the program's name is empty"},
		{"--timeout abc a", `--timeout needs a number of seconds; "abc" is none`},
		{"--timeout -1 a", `--timeout needs a number of seconds; "-1" is none`},
		{"--mem-per-rank 512 a",
			"--mem-per-rank 512 is less than the 64K that the smallest program needs (512M means megabytes)"},
		{"--mem-per-rank lots a", `--mem-per-rank needs a size such as 512M or 2G; "lots" is none`},
		{"--map-by foo a", `--map-by does not know "foo"; it knows slot, node, core, hwthread, socket, package, numa, l1cache, l2cache, l3cache, board, seq, dist`},
		{"--map-by slots a", `--map-by does not know "slots"; did you mean slot?`},
		{"--map-by ppr:0:node a", `--map-by ppr:N:node needs a number of ranks from 1 to 1048576; "0" was given`},
		{"--map-by ppr:2:socket a", `--map-by ppr:N:UNIT counts ranks by node, core or hwthread; "socket" is none of these`},
		{"--bind-to x a", `--bind-to does not know "x"; it knows none, core, hwthread, socket, package, numa, l1cache, l2cache, l3cache, board`},
		{"-H a: b", `-H gives no slots after the colon of "a:"`},
		{"-H ,x b", `-H needs hosts such as localhost or node1:4; "" is none`},
		{"-H x:0 b", `-H needs a number of slots from 1 to 1048576; "0" is none`},
		{"--hostfile nope b", "--hostfile cannot be read: open nope: no such file or directory"},
		{"--hostfile hosts.bad b", `--hostfile hosts.bad line 2: "slot=2" is not known; slots=N and max_slots=M are`},
		{"--hostfile hosts.none b", "--hostfile hosts.none names no host"},
		{"-H elsewhere a", "host elsewhere is not this machine; jobs over several machines need a scheduler with workers " +
			"on them (--scheduler or FAASMRUN_SCHEDULER)"},
		{"-N 2 -np 3 a", "a: 3 ranks were asked for, but no more than 2 on each node, and there is one node"},
		{"--cpus-per-rank 0 a", `--cpus-per-rank needs a number of processors from 1 to 1048576; "0" was given`},
		{"--cpus-per-rank -1 a", `--cpus-per-rank needs a number of processors from 1 to 1048576; "-1" was given`},
		{"--cpus-per-task 99999999999999999999 a",
			`--cpus-per-task needs a number of processors from 1 to 1048576; "99999999999999999999" was given`},
		{"--cpus-per-rank two a", `--cpus-per-rank needs a number of processors from 1 to 1048576; "two" was given`},
		{"--cpus-per-rank", `--cpus-per-rank needs a value: N`},
		{"--map-by slot:PE=0 a", `--map-by PE needs a number of processors from 1 to 1048576; "0" was given`},
		{"-np 1024 --cpus-per-rank 1025 a", "1024 ranks take 1049600 slots (--cpus-per-rank, OMP_NUM_THREADS); one job " +
			"can have at most 1048576"},
		{"-H localhost:4 --nooversubscribe --cpus-per-rank 3 -np 2 a",
			"2 ranks take 6 slots (--cpus-per-rank, OMP_NUM_THREADS), which are more than the 4 slots here, and " +
				"--nooversubscribe was given"},
		{"-H localhost --nooversubscribe -np 3 a", "3 ranks are more than the 1 slots here, and --nooversubscribe was given"},
		{"-x =3 a", `-x needs a name; "" is none`},
		{"--stdin foo a", `--stdin needs all, none, or ranks such as 0 or 1,4-6; "foo" is none of these`},
		{"--stdin 7 -np 4 a", "--stdin names rank 7, but the job has ranks 0 to 3"},
		{"--display maps a", `--display shows map, allocation or bindings; "maps" is none of these`},
		{"--output tags a", `--output knows tag, rank, timestamp, merge, dir=DIR and file=NAME; "tags" is none of these`},
		{"--output file=x%q:pattern a", `--output pattern "x%q" has an unknown field %q; %j %t %N %x %u are known`},
		{"--output file=x%4:pattern a", `--output pattern "x%4" has an unfinished field "%4"`},
		{"--output-filename :nocopy a", "--output-filename needs a directory"},
		{"--app app.bad", `app.bad line 2: -np needs a number of ranks from 1 to 1048576; "0" was given`},
		{"--app app.self", strings.Repeat("app.self line 1: ", 8) +
			"--app app.self: appfiles name each other more than 8 deep"},
		{"--app app.quote", "app.quote line 1: a quote ' is not closed"},
		{"--app nope", "--app cannot be read: open nope: no such file or directory"},
	} {
		words, err := SplitWords(c.line)
		if err != nil {
			t.Fatal(err)
		}
		r, err := parseRequest(words)
		if err == nil {
			_, err = r.Place(machine.Machine{Hostname: "here.example", Cores: 2, Threads: 4}, false)
		}
		var usage *cli.UsageError
		if err == nil || err.Error() != c.want {
			t.Errorf("%s\n got %v\nwant %s", c.line, err, c.want)
		} else if !errors.As(err, &usage) {
			t.Errorf("%s: not a mistake of usage but %T", c.line, err)
		}
	}
}

func TestAppfile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "app")
	text := "# two programs\n-np 2 a.wasm 'x y' \"z\\\"\"\n\n  -np 1 -x A=1 b.wasm # a comment\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := parseRequest([]string{"--tag-output", "--app", file})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := Describe(r), `a.wasm ["x y" "z\""] ranks=2 : b.wasm [] ranks=1 env=[{A 1 false}]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := parseRequest([]string{"--app", file, "c.wasm"}); err == nil {
		t.Error("an appfile and a program were taken together")
	}
}

func TestJobOptions(t *testing.T) {
	r, err := parseRequest([]string{"--timeout", "1.5", "--mem-per-rank", "1.5G", "--stdin", "2,0-1", "-q", "--display",
		"map,allocation",
		"--output", "tag,timestamp,file=out-%j-%3t:pattern:nocopy", "--genv", "A", "1", "--mca", "x", "y", "--job-name", "n",
		"a", ":", "b"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"timeout", r.Timeout, 1500 * time.Millisecond},
		{"memory", r.memPerRank, uint64(1536 << 20)},
		{"stdin", r.Stdin, schedpb.StdinTo_STDIN_LIST},
		{"stdin ranks", fmt.Sprint(r.stdinRanks), "[2 0 1]"},
		{"quiet", r.Quiet, true},
		{"map", r.displayMap && r.displayAllocation, true},
		{"output", r.output, session.OutputOptions{Tag: session.TagJobRank, Timestamp: true, File: "out-%j-%3t",
			FilesOnly: true}},
		{"environment", fmt.Sprint(r.common.Env), "[{A 1 false} {OMPI_MCA_x y false}]"},
		{"name", r.jobName(), "n"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %v, want %v", c.what, c.got, c.want)
		}
	}
}

func TestPlace(t *testing.T) {
	m := machine.Machine{Hostname: "here.example", Cores: 2, Threads: 4}
	for _, c := range []struct {
		line  string
		ranks []int
		slots int
	}{
		{"a", []int{2}, 2},
		{"--use-hwthread-cpus a", []int{4}, 4},
		{"-np 16 a", []int{16}, 16},
		{"-H localhost a", []int{1}, 1},
		{"-H here:3 a", []int{3}, 3},
		{"-H here.example:auto a", []int{2}, 2},
		{"-N 5 a", []int{5}, 5},
		{"--map-by ppr:2:core a", []int{4}, 4},
		{"--cpus-per-rank 2 -np 3 a", []int{3}, 6},
		{"--cpus-per-rank 2 a", []int{1}, 2},
		{"--cpus-per-rank 3 a", []int{1}, 3},
		{"--map-by slot:PE=4 -np 2 a : -np 3 b", []int{2, 3}, 11},
		{"--map-by ppr:2:hwthread a", []int{8}, 8},
		{"a : b", []int{2, 2}, 4},
		{"-np 1 a : -np 3 b", []int{1, 3}, 4},
		{"-np 1 a", []int{1}, 2},
	} {
		r, err := parseRequest(strings.Fields(c.line))
		if err != nil {
			t.Fatal(err)
		}
		slots, err := r.Place(m, false)
		if err != nil {
			t.Errorf("%s: %v", c.line, err)
			continue
		}
		var ranks []int
		for _, s := range r.Segments {
			ranks = append(ranks, s.Ranks)
		}
		if fmt.Sprint(ranks) != fmt.Sprint(c.ranks) || slots != c.slots {
			t.Errorf("%s: ranks %v in %d slots, want %v in %d", c.line, ranks, slots, c.ranks, c.slots)
		}
	}
}

func TestHostfile(t *testing.T) {
	hosts, err := parseHostfile(strings.NewReader("# a cluster\nlocalhost slots=4 max_slots=8\n\nnode1:2 # " +
		"two\nnode2\nlocalhost slots=1\nnode3 slots=auto\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(hosts), "[{localhost 5} {node1 2} {node2 1} {node3 -1}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := parseHostfile(strings.NewReader("a slots=9 max_slots=2")); err == nil {
		t.Error("more slots than the most were taken")
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]uint64{"64K": 64 << 10, "1m": 1 << 20, "512MB": 512 << 20, "2GiB": 2 << 30,
		"65536": 65536, "9T": 9 << 40} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%s: got %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "M", "-1G", "1X", "NaN", "1GG", "0"} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%q was taken as %d", text, got)
		}
	}
}

func TestNearest(t *testing.T) {
	for _, c := range []struct{ word, want string }{
		{"tag-ouptut", "--tag-output"}, {"hostfil", "--hostfile"}, {"nnp", "-np"}, {"zzzzzz", ""}, {"map_by", "--map-by"},
	} {
		if got := nearestOption(c.word); got != c.want {
			t.Errorf("%s: got %q, want %q", c.word, got, c.want)
		}
	}
}

// FuzzParse: whatever is typed, the parser returns, and what it accepts has sensible numbers.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"-np 4 a b", "--np=4\x00a", "-x\x00A=1\x00a\x00:\x00-np\x002\x00b", "-H\x00[::1]:4\x00a",
		"--map-by ppr:2:node a", "--stdin\x000-9\x00a",
		"--output\x00file=%4j:pattern\x00a", "-mca a b c", "--dir\x00a::b:ro\x00c", "--mem-per-rank\x001.5G\x00a",
		"--timeout\x001e300\x00a", "--stdin\x000-1048575,0-1048575\x00a"} {
		f.Add(strings.ReplaceAll(seed, " ", "\x00"))
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.Contains(line, "app") || strings.Contains(line, "file") {
			return // would open files
		}
		r, err := parseRequest(strings.Split(line, "\x00"))
		if err != nil || r.Help || r.Version {
			return
		}
		slots, err := r.Place(machine.Machine{Hostname: "here", Cores: 2, Threads: 2}, false)
		if err != nil {
			return
		}
		total := 0
		for _, s := range r.Segments {
			if s.Program == "" || s.Ranks < 1 {
				t.Fatalf("%q: program %q with %d ranks", line, s.Program, s.Ranks)
			}
			total += s.Ranks
		}
		if total > cli.MaxRanks || slots < 1 {
			t.Fatalf("%q: %d ranks, %d slots", line, total, slots)
		}
		r.environment(&r.Segments[0], []string{"A=1", "B", "=C"})
	})
}

func FuzzHostfile(f *testing.F) {
	f.Add("localhost slots=4 max_slots=8\nnode1:2 # two\n[::1]:3\n")
	f.Add("a:auto\na\na:9\n")
	f.Fuzz(func(t *testing.T, text string) {
		hosts, err := parseHostfile(strings.NewReader(text))
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, h := range hosts {
			if h.name == "" || h.slots < 1 && h.slots != autoSlots || h.slots > cli.MaxRanks || seen[h.name] {
				t.Fatalf("%q gives %v", text, hosts)
			}
			seen[h.name] = true
		}
	})
}

func FuzzWords(f *testing.F) {
	f.Add(`-np 2 'a b' "c\"d" \e # f`)
	f.Fuzz(func(t *testing.T, line string) {
		words, err := SplitWords(line)
		if err == nil && strings.Join(words, "") == "" && len(words) > len(line) {
			t.Fatalf("%q gives %d words", line, len(words))
		}
	})
}

// TestBatchOptionTable holds submit's table to run's rules, and what it leaves out of run's to names that exist.
func TestBatchOptionTable(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range OptionsOf(true) {
		for _, name := range o.allNames() {
			if seen[name] {
				t.Errorf("option %s stands in the table twice", name)
			}
			seen[name] = true
		}
	}
	for name := range liveOptions {
		if o := findOption(name); o == nil || o.allNames()[0] != name {
			t.Errorf("%s is left out and is no first name of an option", name)
		}
	}
}
