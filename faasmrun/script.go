package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// A batch script is read, not run: its directives are options of submit, and its body says what to launch. What else a
// shell could do has no place on a cluster whose programs live in sandboxes, and is refused by name.

// script is what a batch script says, as words of submit's command line.
type script struct {
	options []string // from the directives
	body    []string // from export and cd, and the launch line behind its verb
	ignored []string // directives without effect here
}

// Bounds of a script.
const (
	maxScriptLine  = 64 << 10
	maxScriptLines = 10_000
)

// launchers are the words that a launch line begins with.
var launchers = []string{"faasmrun", "mpirun", "mpiexec", "mpiexec.hydra", "srun"}

// isScript says whether a file is a batch script: text that begins with "#!".
func isScript(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	var head [2]byte
	_, err = io.ReadFull(f, head[:])
	return err == nil && string(head[:]) == "#!"
}

// readScript reads a script; args stand for its "$@".
func readScript(name string, text io.Reader, args []string) (*script, error) {
	s := &script{}
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, maxScriptLine)
	launched, body := false, false
	for n := 1; lines.Scan(); n++ {
		if n > maxScriptLines {
			return nil, usagef("%s has more than %d lines", name, maxScriptLines)
		}
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			if err := s.directive(line, body); err != nil {
				return nil, usagef("%s line %d: %v", name, n, err)
			}
			continue
		}
		body = true
		wasLaunch, err := s.command(line, args, launched)
		if err != nil {
			return nil, usagef("%s line %d: %v", name, n, err)
		}
		launched = launched || wasLaunch
	}
	if err := lines.Err(); err != nil {
		return nil, usagef("%s cannot be read: %v", name, err)
	}
	if !launched {
		return nil, usagef("%s launches nothing: no line begins with %s", name, strings.Join(launchers, ", "))
	}
	return s, nil
}

// directive reads a comment. Directives end where the body begins, as sbatch has it.
func (s *script) directive(line string, body bool) error {
	rest, found := strings.CutPrefix(line, "#SBATCH")
	if !found {
		rest, found = strings.CutPrefix(line, "#FAASMRUN")
	}
	if !found || body || rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return nil
	}
	words, err := splitWords(rest)
	if err != nil {
		return err
	}
	for len(words) > 0 {
		if words, err = s.option(words); err != nil {
			return err
		}
	}
	return nil
}

// sbatchNames gives options of sbatch the names that submit has for them.
var sbatchNames = map[string]string{"n": "np", "ntasks": "np", "mem-per-cpu": "mem-per-rank", "D": "wdir", "chdir": "wdir"}

// sbatchIgnored are options of sbatch without a meaning here; true: a value follows.
var sbatchIgnored = map[string]bool{"p": true, "partition": true, "A": true, "account": true, "mail-type": true, "mail-user": true,
	"o": true, "output": true, "e": true, "error": true, "c": true, "cpus-per-task": true, "ntasks-per-node": true, "export": true,
	"mem": true, "get-user-env": false, "comment": true}

// option takes one option of a directive, in sbatch's form: -n 4, -n4, --ntasks=4, --ntasks 4.
func (s *script) option(words []string) (rest []string, err error) {
	word := words[0]
	if len(word) < 2 || word[0] != '-' {
		return nil, fmt.Errorf("%q is no option", word)
	}
	name, value, attached := strings.Cut(strings.TrimPrefix(word[1:], "-"), "=")
	if word[1] != '-' && len(word) > 2 {
		name, value, attached = word[1:2], word[2:], true
	}
	words = words[1:]
	takes, ignored := sbatchIgnored[name]
	if ours := sbatchNames[name]; ours != "" {
		name = ours
	}
	if row := findSubmitOption(name); row != nil {
		takes, ignored = row.value != "", false
	} else if name == "np" || name == "wdir" || name == "mem-per-rank" || name == "N" || name == "nodes" {
		takes, ignored = true, false
	} else if !ignored {
		return nil, fmt.Errorf("unknown option %s", word)
	}
	if takes && !attached {
		if len(words) == 0 {
			return nil, fmt.Errorf("%s needs a value", word)
		}
		value, words = words[0], words[1:]
	}
	switch {
	case ignored:
		s.ignored = append(s.ignored, dashed(name))
	case name == "N" || name == "nodes":
		if value != "1" && value != "1-1" {
			return nil, fmt.Errorf("%s %s: a job runs on one node", word, value)
		}
	case takes:
		s.options = append(s.options, dashed(name), value)
	default:
		s.options = append(s.options, dashed(name))
	}
	return words, nil
}

// command reads a line of the body.
func (s *script) command(line string, args []string, launched bool) (launch bool, err error) {
	words, err := splitWords(line)
	if err != nil || len(words) == 0 {
		return false, err
	}
	if words[0] == "exec" && len(words) > 1 {
		words = words[1:]
	}
	switch {
	case words[0] == "set" || words[0] == "module" || words[0] == "ulimit":
		return false, nil
	case launched:
		return false, fmt.Errorf("%q stands behind the launch line, which is to be the last", words[0])
	case words[0] == "cd" && len(words) == 2 && !strings.Contains(words[1], "$"):
		s.body = append(s.body, "-wdir", words[1])
		return false, nil
	case words[0] == "export" && len(words) > 1 && !strings.Contains(line, "$"):
		for _, v := range words[1:] {
			s.body = append(s.body, "-x", v)
		}
		return false, nil
	case !slices.Contains(launchers, words[0]):
		return false, fmt.Errorf("%q can't be run: a script here holds directives, export, cd and one line that begins with %s",
			words[0], strings.Join(launchers, ", "))
	}
	words = words[1:]
	if len(words) > 0 && words[0] == "run" {
		words = words[1:]
	}
	for _, w := range words {
		switch {
		case w == "$@":
			s.body = append(s.body, args...)
		case strings.ContainsAny(w, "$`") || w == "|" || w == ">" || w == "<" || w == "&" || w == "&&" || w == ";":
			return false, fmt.Errorf("%q needs a shell, and there is none", w)
		default:
			s.body = append(s.body, w)
		}
	}
	return true, nil
}
