package batch

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/launch"
	"github.com/faasmrun/faasmrun/internal/filetype"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// Batch scripts: text for an interpreter of the worker's machine, which runs it as the job. Options stand in comments
// at its beginning.

// script is a job's script, as it was named and read.
type script struct {
	name string // of its file
	text []byte
}

// Names of scripts that have no file.
const stdinScript, wrapScript = "stdin", "wrap"

// readScript gives a batch script, or nil when the file is none; whether it is a program is seen later.
func readScript(name string) (*script, error) {
	if name == "-" {
		text, err := io.ReadAll(io.LimitReader(os.Stdin, schedpb.MaxScript+1))
		if err != nil {
			return nil, fmt.Errorf("read the script from standard input: %w", err)
		}
		return checkScript(&script{stdinScript, text})
	}
	here, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	file, err := launch.FindProgram(name, here, "")
	if err != nil {
		return nil, nil
	}
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
		return nil, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, nil
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, schedpb.MaxScript+1))
	if err != nil {
		return nil, nil
	}
	switch filetype.Of(text) {
	case filetype.Script:
		return checkScript(&script{filepath.Base(name), text})
	case filetype.Text:
		return nil, cli.Usagef("%s does not look like a script: its first line has to begin with #! and the path of an "+
			"interpreter, as #!/bin/bash", name)
	}
	return nil, nil
}

// checkScript refuses what no interpreter would run.
func checkScript(s *script) (*script, error) {
	first, _, _ := bytes.Cut(s.text, []byte{'\n'})
	switch {
	case len(s.text) == 0:
		return nil, cli.Usagef("the script %s is empty", s.name)
	case !bytes.HasPrefix(s.text, []byte("#!")):
		return nil, cli.Usagef("the script %s has no interpreter: its first line has to begin with #! and the path of one, "+
			"as #!/bin/bash", s.name)
	case len(s.text) > schedpb.MaxScript:
		return nil, cli.Usagef("the script %s is larger than %d KiB", s.name, schedpb.MaxScript>>10)
	case bytes.HasSuffix(first, []byte{'\r'}):
		return nil, cli.Usagef("the script %s has the line ends of DOS (\\r\\n), which no interpreter reads: "+
			"sed -i 's/\\r$//' %s", s.name, s.name)
	case bytes.IndexByte(s.text, 0) >= 0:
		return nil, cli.Usagef("the script %s has a NUL byte in it: it is no text", s.name)
	}
	return s, nil
}

type directive struct {
	line  int
	slurm bool // #SBATCH
	words []string
}

// directives takes the options out of a script: from the comments before its first command. Errors and notes say the
// line.
func directives(text []byte) (list []directive, notes []string, err error) {
	commands := false
	for i, line := range strings.Split(string(text), "\n") {
		line, number := strings.TrimSpace(line), i+1
		own, isOwn := cutDirective(line, "#FAASMRUN")
		slurm, isSlurm := cutDirective(line, "#SBATCH")
		switch {
		case !isOwn && !isSlurm:
			commands = commands || line != "" && line[0] != '#'
		case commands:
			notes = append(notes, fmt.Sprintf("line %d: %s has no effect behind the first command", number, line))
		default:
			words, err := launch.SplitWords(own + slurm)
			if err != nil {
				return nil, nil, fmt.Errorf("line %d: %w", number, err)
			}
			list = append(list, directive{number, isSlurm, words})
		}
	}
	return list, notes, nil
}

func cutDirective(line, prefix string) (rest string, found bool) {
	rest, found = strings.CutPrefix(line, prefix)
	if !found || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return "", false
	}
	return rest, true
}

// parseScriptJob makes the request of a script: its directives, and over them the command line.
func parseScriptJob(x *script, commandLine []string) (r *launch.Request, notes []string, err error) {
	bad := func(line int, err error) error { return cli.Usagef("%s line %d: %v", x.name, line, err) }
	list, said, err := directives(x.text)
	if err != nil {
		return nil, nil, cli.Usagef("%s %v", x.name, err)
	}
	for _, note := range said {
		notes = append(notes, x.name+" "+note)
	}
	r = &launch.Request{Batch: &launch.Batch{}, Stdin: schedpb.StdinTo_STDIN_NONE, Name: x.name}
	s := launch.Segment{}
	for _, d := range list {
		words := d.words
		if d.slurm {
			var without []string
			if words, without, err = slurmWords(words); err != nil {
				return nil, nil, bad(d.line, err)
			}
			for _, w := range without {
				notes = append(notes, fmt.Sprintf("%s line %d: %s has no effect here", x.name, d.line, w))
			}
		}
		if err := r.ParseSegment(&s, words); err != nil {
			return nil, nil, bad(d.line, err)
		}
		if s.Program != "" {
			return nil, nil, bad(d.line, fmt.Errorf("%q is no option", s.Program))
		}
	}
	if err := r.ParseSegment(&s, commandLine); err != nil {
		return nil, nil, err
	}
	if note, err := s.SettleTasks(r.Batch); err != nil {
		return nil, nil, err
	} else if note != "" {
		notes = append(notes, note)
	}
	r.Segments = []launch.Segment{s}
	return r, notes, nil
}

// SrunVerb is srun: a launcher with Slurm's options. In a job's script it runs a step.
func SrunVerb(args []string) int {
	words, err := srunWords(args)
	if err != nil {
		return cli.Fail(err)
	}
	return launch.RunVerb(words)
}

// srunOptions are srun's that have an effect; "" are true anyway: a step has its slots to itself, and runs on one node.
var srunOptions = []slurm{
	{"n ntasks", true, "-n"}, {"c cpus-per-task", true, "--cpus-per-rank"}, {"t time", true, "--time"},
	{"J job-name", true, "--job-name"}, {"l label", false, "-l"}, {"export", true, "--export"},
	{"D chdir", true, "--wdir"},
	{"exclusive", false, ""}, {"exact", false, ""}, {"overlap", false, "--oversubscribe"}, {"s oversubscribe", false, ""},
	{"N nodes", true, ""}, {"mpi", true, ""}, {"cpu-bind", true, ""}, {"mem-bind", true, ""}, {"u unbuffered", false, ""},
	{"K kill-on-bad-exit", false, ""}, {"Q quiet", false, "-q"}, {"v verbose", false, "-v"}, {"hint", true, ""},
	{"distribution m", true, ""},
}

// srunWords puts srun's options into the launcher's.
func srunWords(args []string) ([]string, error) {
	end := 0
	for end < len(args) && strings.HasPrefix(args[end], "-") && args[end] != "--" {
		if _, o, attached := slurmOption(srunOptions, args[end]); o != nil && o.value && !attached {
			end++
		}
		end++
	}
	end = min(end, len(args))
	ours, without, err := slurmIn(srunOptions, args[:end])
	if err == nil && len(without) > 0 {
		err = cli.Usagef("srun's %s has no counterpart here", without[0])
	}
	return append(ours, args[end:]...), err
}

// slurm is one of sbatch's options that has an effect here: the option of ours that it becomes ("" for what is so
// anyway).
type slurm struct {
	names string
	value bool
	ours  string
}

var slurmOptions = []slurm{
	{"n ntasks", true, "-n"}, {"c cpus-per-task", true, "--cpus-per-rank"}, {"N nodes", true, "--nodes"},
	{"ntasks-per-node", true, "--ntasks-per-node"}, {"signal", true, "--signal"},
	{"t time", true, "--time"}, {"J job-name", true, "--name"},
	{"a array", true, "--array"},
	{"d dependency", true, "--dependency"}, {"w nodelist", true, "--nodelist"}, {"H hold", false, "--hold"},
	{"requeue", false, "--requeue"},
	{"no-requeue", false, ""}, {"exclusive", false, "--exclusive"}, {"q qos", true, "--qos"}, {"D chdir", true, "--wdir"},
	{"C constraint", true, "--constraint"}, {"reservation", true, "--reservation"}, {"export", true, "--export"},
	{"parsable", false, "--parsable"},
	{"b begin", true, "--begin"}, {"deadline", true, "--deadline"}, {"x exclude", true, "--exclude"},
	{"nice", false, "--nice"}, {"gres", true, "--gres"}, {"G gpus gpus-per-node", true, "--gpus"},
	{"o output", true, "--output"}, {"e error", true, "--error"}, {"open-mode", true, "--open-mode"},
}

// slurmOption looks a word such as --time=5, -t or -t5 up, and reports whether its value is in it.
func slurmOption(table []slurm, word string) (value string, found *slurm, attached bool) {
	name := strings.TrimLeft(word, "-")
	if strings.HasPrefix(word, "--") {
		name, value, attached = strings.Cut(name, "=")
	} else if len(name) > 1 {
		name, value, attached = name[:1], strings.TrimPrefix(name[1:], "="), true
	}
	for i := range table {
		for _, n := range strings.Fields(table[i].names) {
			if n == name {
				return value, &table[i], attached
			}
		}
	}
	return value, nil, attached
}

// slurmWords puts sbatch's options into ours; those without effect are named with their values.
func slurmWords(words []string) (ours, without []string, err error) {
	return slurmIn(slurmOptions, words)
}

func slurmIn(table []slurm, words []string) (ours, without []string, err error) {
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		if len(word) < 2 || word[0] != '-' {
			return nil, nil, fmt.Errorf("%q is no option", word)
		}
		value, o, attached := slurmOption(table, word)
		switch {
		case o == nil && strings.HasPrefix(word, "--ntasks-per-"):
			// To drop it would change the number of ranks.
			return nil, nil, fmt.Errorf("%s: the number of tasks is said with --ntasks or --ntasks-per-node here", word)
		case o == nil:
			if !attached && len(words) > 0 && !strings.HasPrefix(words[0], "-") {
				word += " " + words[0]
				words = words[1:]
			}
			without = append(without, word)
		case o.value:
			if !attached {
				if len(words) == 0 {
					return nil, nil, fmt.Errorf("%s needs a value", word)
				}
				value, words = words[0], words[1:]
			}
			if o.ours != "" {
				ours = append(ours, o.ours, value)
			}
		case attached && o.ours == "--nice":
			ours = append(ours, "--nice="+value)
		case attached:
			return nil, nil, fmt.Errorf("%s takes no value here", word)
		case o.ours != "":
			ours = append(ours, o.ours)
		}
	}
	return ours, without, nil
}
