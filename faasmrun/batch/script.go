package batch

import (
	"errors"
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

// Batch scripts: options in comments, and one command that launches a program. Workers run no shell, so what only a
// shell can do is refused and never skipped.

const maxScript = 1 << 20

// readScript gives the text of a batch script, or nil when the file is none; whether it is a program is seen later.
func readScript(name string) ([]byte, error) {
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
	text, err := io.ReadAll(io.LimitReader(f, maxScript+1))
	if err != nil || filetype.Of(text) != filetype.Script {
		return nil, nil
	}
	if len(text) > maxScript {
		return nil, cli.Usagef("script %s is larger than %d KiB", name, maxScript>>10)
	}
	return text, nil
}

// script is a batch script, taken apart.
type script struct {
	directives []directive
	launch     []string // the command's words
	line       int      // where it stands
}

type directive struct {
	line  int
	slurm bool // #SBATCH
	words []string
}

// parseScript takes a script apart. Errors say the line.
func parseScript(text []byte) (*script, error) {
	s := &script{}
	lines := strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		line, number := strings.TrimSpace(lines[i]), i+1
		own, isOwn := cutDirective(line, "#FAASMRUN")
		slurm, isSlurm := cutDirective(line, "#SBATCH")
		switch {
		case isOwn || isSlurm:
			words, err := launch.SplitWords(own + slurm)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", number, err)
			}
			if s.launch != nil {
				return nil, fmt.Errorf("line %d: options stand before the command, not behind it", number)
			}
			s.directives = append(s.directives, directive{number, isSlurm, words})
		case line == "" || line[0] == '#':
		case s.launch != nil:
			return nil, fmt.Errorf("line %d: a second command, %q; a script has one, because no shell runs it", number, line)
		default:
			for strings.HasSuffix(line, "\\") && i+1 < len(lines) {
				i++
				line = strings.TrimSuffix(line, "\\") + " " + strings.TrimSpace(lines[i])
			}
			words, err := launchWords(line)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", number, err)
			}
			s.launch, s.line = words, number
		}
	}
	if s.launch == nil {
		return nil, errors.New("no command is in it")
	}
	return s, nil
}

func cutDirective(line, prefix string) (rest string, found bool) {
	rest, found = strings.CutPrefix(line, prefix)
	if !found || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return "", false
	}
	return rest, true
}

// launchWords splits the command. What a shell would expand or act on is refused, unless it is quoted.
func launchWords(line string) ([]string, error) {
	quote := rune(0)
	escaped := false
	for _, c := range line {
		switch {
		case escaped:
			escaped = false
		case c == '\\' && quote != '\'':
			escaped = true
		case c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case quote != '\'' && strings.ContainsRune("$`", c), quote == 0 && strings.ContainsRune(";|&<>(){}*?[]~", c):
			return nil, fmt.Errorf("%q asks for a shell (%c); no shell runs a script here", line, c)
		}
	}
	words, err := launch.SplitWords(line)
	if err == nil && len(words) == 0 {
		err = errors.New("the command is empty")
	}
	return words, err
}

// parseScriptJob makes the request of a script: its directives, its command, and over both the command line.
func parseScriptJob(name string, text []byte, commandLine []string) (r *launch.Request, notes []string, err error) {
	bad := func(line int, err error) error { return cli.Usagef("%s line %d: %v", name, line, err) }
	sc, err := parseScript(text)
	if err != nil {
		return nil, nil, cli.Usagef("%s: %v", name, err)
	}
	r = &launch.Request{Batch: &launch.Batch{}, Stdin: schedpb.StdinTo_STDIN_NONE, Name: filepath.Base(name)}
	s := launch.Segment{}
	for _, d := range sc.directives {
		words := d.words
		if d.slurm {
			var without []string
			if words, without, err = slurmWords(words); err != nil {
				return nil, nil, bad(d.line, err)
			}
			for _, w := range without {
				notes = append(notes, fmt.Sprintf("%s line %d: %s has no effect here", name, d.line, w))
			}
		}
		if err := r.ParseSegment(&s, words); err != nil {
			return nil, nil, bad(d.line, err)
		}
		if s.Program != "" {
			return nil, nil, bad(d.line, fmt.Errorf("%q is no option", s.Program))
		}
	}
	words, mpirun, err := withoutLauncher(sc.launch)
	if err == nil {
		r.LauncherWords = mpirun
		err = r.ParseSegment(&s, words)
		r.LauncherWords = false
	}
	if err == nil && s.Program == "" {
		err = errors.New("no program is named")
	}
	if err != nil {
		return nil, nil, bad(sc.line, err)
	}
	program, args := s.Program, s.Args
	if err := r.ParseSegment(&s, commandLine); err != nil {
		return nil, nil, err
	}
	s.Program, s.Args = program, args
	r.Segments = []launch.Segment{s}
	return r, notes, nil
}

// withoutLauncher drops the name of a launcher from a command, and puts srun's options into our words. mpirun reports
// whether the words mean what they mean to it.
func withoutLauncher(words []string) (ours []string, mpirun bool, err error) {
	for _, w := range words {
		if w == ":" {
			return nil, false, errors.New("several programs in a script are named with --app FILE")
		}
	}
	switch filepath.Base(words[0]) {
	case "faasmrun":
		words, mpirun = words[1:], true
		if len(words) > 0 && (words[0] == "run" || words[0] == "submit") {
			words, mpirun = words[1:], words[0] == "run"
		} else if len(words) > 0 && cli.IsVerb(words[0]) {
			return nil, false, fmt.Errorf("faasmrun %s launches nothing", words[0])
		}
	case "mpirun", "mpiexec":
		words, mpirun = words[1:], true
	case "srun":
		end := 1
		for end < len(words) && strings.HasPrefix(words[end], "-") {
			if _, o, attached := slurmOption(words[end]); o != nil && o.value && !attached {
				end++
			}
			end++
		}
		end = min(end, len(words))
		ours, without, err := slurmWords(words[1:end])
		if err == nil && len(without) > 0 {
			err = fmt.Errorf("srun's %s has no counterpart here", without[0])
		}
		return append(ours, words[end:]...), false, err
	}
	return words, mpirun, nil
}

// slurm is one of sbatch's options that has an effect here: the option of ours that it becomes ("" for what is so
// anyway).
type slurm struct {
	names string
	value bool
	ours  string
}

var slurmOptions = []slurm{
	{"n ntasks", true, "-n"}, {"c cpus-per-task", true, "--cpus-per-rank"},
	{"t time", true, "--time"}, {"J job-name", true, "--name"},
	{"a array", true, "--array"},
	{"d dependency", true, "--dependency"}, {"w nodelist", true, "--nodelist"}, {"H hold", false, "--hold"},
	{"requeue", false, "--requeue"},
	{"no-requeue", false, ""}, {"exclusive", false, "--exclusive"}, {"q qos", true, "--qos"}, {"D chdir", true, "--wdir"},
	{"C constraint", true, "--constraint"}, {"reservation", true, "--reservation"}, {"export", true, "--export"},
	{"parsable", false, "--parsable"},
	{"b begin", true, "--begin"}, {"deadline", true, "--deadline"}, {"x exclude", true, "--exclude"},
	{"nice", false, "--nice"},
	{"o output", true, "--output"}, {"e error", true, "--error"}, {"open-mode", true, "--open-mode"},
}

// slurmOption looks a word such as --time=5, -t or -t5 up, and reports whether its value is in it.
func slurmOption(word string) (value string, found *slurm, attached bool) {
	name := strings.TrimLeft(word, "-")
	if strings.HasPrefix(word, "--") {
		name, value, attached = strings.Cut(name, "=")
	} else if len(name) > 1 {
		name, value, attached = name[:1], strings.TrimPrefix(name[1:], "="), true
	}
	for i := range slurmOptions {
		for _, n := range strings.Fields(slurmOptions[i].names) {
			if n == name {
				return value, &slurmOptions[i], attached
			}
		}
	}
	return value, nil, attached
}

// slurmWords puts sbatch's options into ours; those without effect are named with their values.
func slurmWords(words []string) (ours, without []string, err error) {
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		if len(word) < 2 || word[0] != '-' {
			return nil, nil, fmt.Errorf("%q is no option", word)
		}
		value, o, attached := slurmOption(word)
		switch {
		case strings.HasPrefix(word, "--ntasks-per-"):
			// To drop it would change the number of ranks.
			return nil, nil, fmt.Errorf("%s: the number of ranks is said with -n here", word)
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
			ours = append(ours, o.ours, value)
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
