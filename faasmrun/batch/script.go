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
			if note := otherDirective(line); note != "" && !commands {
				notes = append(notes, fmt.Sprintf("line %d: %s", number, note))
			}
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
	words, more, err := variableWords(os.LookupEnv)
	if err == nil {
		err = r.ParseSegment(&s, words)
	}
	if err == nil {
		err = r.ParseSegment(&s, commandLine)
	}
	if err != nil {
		return nil, nil, err
	}
	notes = append(notes, more...)
	if note, err := s.SettleTasks(r.Batch); err != nil {
		return nil, nil, err
	} else if note != "" {
		notes = append(notes, note)
	}
	r.Segments = []launch.Segment{s}
	return r, notes, nil
}
