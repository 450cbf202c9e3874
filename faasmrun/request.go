package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// request is what a command line asks for: the job-wide options and one segment a program.
type request struct {
	segments []segment
	common   segment // what applies to every program, from --genv and --mca

	scheduler, name    string
	timeout            time.Duration
	memPerRank         uint64
	stdin              schedpb.StdinTo
	stdinRanks         []uint32
	export             exportPolicy
	exportNames        []string
	output             outputOptions
	strictSlots        bool // --nooversubscribe
	oversubscribe      bool
	hwthreads          bool
	bind               string
	reportBindings     bool
	displayMap         bool
	displayAllocation  bool
	doNotLaunch        bool
	mpi                mpiOptions
	quiet, verbose     bool
	help, version      bool
	appDepth, appLines int
	batch              *batch // what submit adds; nil for run
}

// segment is one program of the job, between ":" on the command line or on a line of an appfile.
type segment struct {
	program string
	args    []string

	ranks, perNode int // 0: not said
	ppr            pprRule
	hosts          []hostSlots
	hostsGiven     bool
	dir, path      string
	env            []envEdit
	mounts         []mountRequest
}

// usageError is a mistake on the command line: the user is pointed to the help.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// parseRequest reads a whole command line, without the command's own name.
func parseRequest(args []string) (*request, error) {
	r := &request{}
	if err := r.parseSegments(args); err != nil {
		return nil, err
	}
	if r.help || r.version {
		return r, nil
	}
	if len(r.segments) == 0 {
		return nil, usagef("no program was named")
	}
	return r, nil
}

// parseSegments reads programs separated by ":".
func (r *request) parseSegments(args []string) error {
	several := false
	for {
		part, rest, more := cutSegment(args)
		several = several || more
		before := len(r.segments)
		s := segment{}
		if err := r.parseSegment(&s, part); err != nil {
			return err
		}
		if r.help || r.version {
			return nil
		}
		switch appended := len(r.segments) > before; {
		case s.program != "" && appended:
			return usagef("--app FILE and the program %s exclude each other", s.program)
		case s.program != "":
			r.segments = append(r.segments, s)
		case several && !appended:
			return usagef("no program is named on one side of %q", ":")
		}
		if !more {
			return nil
		}
		args = rest
	}
}

// cutSegment splits at the first ":".
func cutSegment(args []string) (part, rest []string, more bool) {
	for i, a := range args {
		if a == ":" {
			return args[:i], args[i+1:], true
		}
	}
	return args, nil, false
}

// parseSegment reads options up to the first word that is none; that word is the program, the rest are its arguments.
func (r *request) parseSegment(s *segment, args []string) error {
	for len(args) > 0 {
		word := args[0]
		if word == "--" {
			args = args[1:]
			break
		}
		if len(word) < 2 || word[0] != '-' {
			break
		}
		used, err := r.parseOption(s, word, args[1:])
		if err != nil {
			return err
		}
		args = args[1+used:]
		if r.help || r.version {
			return nil
		}
	}
	if len(args) > 0 {
		if args[0] == "" {
			return usagef("the program's name is empty")
		}
		s.program, s.args = args[0], args[1:]
	}
	return nil
}

// parseOption reads one option and says how many of the following words it used.
func (r *request) parseOption(s *segment, word string, rest []string) (used int, err error) {
	name, value, attached := strings.Cut(strings.TrimPrefix(word[1:], "-"), "=")
	o := r.option(name)
	if o == nil && !attached {
		o, name, value, attached = shortWithNumber(word)
	}
	if o == nil {
		return 0, r.unknownOption(word)
	}
	want := len(o.placeholders())
	var values []string
	if attached {
		values = append(values, value)
	}
	for len(values) < want && used < len(rest) {
		values = append(values, rest[used])
		used++
	}
	switch {
	case len(values) < want && want > 1:
		return 0, usagef("%s needs %d values: %s", dashed(name), want, o.values)
	case len(values) < want:
		return 0, usagef("%s needs a value: %s", dashed(name), o.values)
	case len(values) > want && !o.optional():
		return 0, usagef("%s takes no value; %q was given", dashed(name), value)
	}
	if err := o.apply(r, s, values); err != nil {
		if usage := (*usageError)(nil); errors.As(err, &usage) {
			return 0, err
		}
		return 0, usagef("%s %v", dashed(name), err)
	}
	return used, nil
}

// shortWithNumber understands -n4 and -N2.
func shortWithNumber(word string) (o *option, name, value string, ok bool) {
	if len(word) < 3 || word[1] == '-' || strings.Trim(word[2:], "0123456789") != "" || !strings.Contains("nNc", word[1:2]) {
		return nil, "", "", false
	}
	return findOption(word[1:2]), word[1:2], word[2:], true
}

func (r *request) unknownOption(word string) error {
	name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
	if r.batch != nil && findOption(name) != nil {
		return usagef("%s has no effect on a job that is submitted: it is an option of run", word)
	}
	if near := nearestOption(name); near != "" {
		return usagef("unknown option %s; did you mean %s?", word, near)
	}
	return usagef("unknown option %s", word)
}

// maxAppLines and maxAppDepth bound appfiles, which may name further ones.
const (
	maxAppLines = 1 << 16
	maxAppDepth = 8
)

// readAppfile reads a program with its options from each line of a file.
func (r *request) readAppfile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("cannot be read: %v", err)
	}
	defer f.Close()
	if r.appDepth++; r.appDepth > maxAppDepth {
		return fmt.Errorf("%s: appfiles name each other more than %d deep", name, maxAppDepth)
	}
	defer func() { r.appDepth-- }()
	return r.parseAppfile(name, f)
}

func (r *request) parseAppfile(name string, text io.Reader) error {
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, 1<<20)
	for number := 1; lines.Scan(); number++ {
		words, err := splitWords(lines.Text())
		if err != nil {
			return usagef("%s line %d: %v", name, number, err)
		}
		if len(words) == 0 {
			continue
		}
		if r.appLines++; r.appLines > maxAppLines {
			return usagef("%s: more than %d programs", name, maxAppLines)
		}
		if err := r.parseSegments(words); err != nil {
			return usagef("%s line %d: %v", name, number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return usagef("%s cannot be read: %v", name, err)
	}
	return nil
}

// splitWords splits a line as a shell would, with quotes and backslashes but nothing that expands. "#" begins a comment.
func splitWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord, quote := false, rune(0)
	escaped := false
	for _, c := range line {
		switch {
		case escaped:
			word.WriteRune(c)
			escaped = false
		case c == '\\' && quote != '\'':
			escaped, inWord = true, true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '\'' || c == '"':
			quote, inWord = c, true
		case c == '#' && !inWord:
			return words, nil
		case c == ' ' || c == '\t' || c == '\r':
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteRune(c)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote %c is not closed", quote)
	}
	if escaped {
		return nil, errors.New("it ends in a backslash")
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}
