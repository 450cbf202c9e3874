package launch

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/session"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// Request is what a command line asks for: the job-wide options and one segment a program.
type Request struct {
	Segments []Segment
	common   Segment // what applies to every program, from --genv and --mca

	Scheduler, Name    string
	Timeout            time.Duration
	memPerRank         uint64
	engine             string // as it was given; "": FAASMRUN_ENGINE's
	Stdin              schedpb.StdinTo
	stdinRanks         []uint32
	export             exportPolicy
	exportNames        []string
	output             session.OutputOptions
	strictSlots        bool // --nooversubscribe
	allowed            int  // slots that there are; 0: nobody knows
	oversubscribe      bool
	hwthreads          bool
	bind               string
	reportBindings     bool
	displayMap         bool
	displayAllocation  bool
	doNotLaunch        bool
	Mpi                mpiOptions
	OpenMP             openMPOptions
	Quiet, verbose     bool
	noReconnect        bool
	Help, Version      bool
	appDepth, appLines int
	Batch              *Batch // what submit adds; nil for run
}

// Segment is one program of the job, between ":" on the command line or on a line of an appfile.
type Segment struct {
	Program string
	Args    []string

	Ranks, PerNode int // 0: not said
	cpus           int // for each rank; 0: not said
	Ppr            pprRule
	hosts          []hostSlots
	hostsGiven     bool
	dir, path      string
	Env            []envEdit
	mounts         []mountRequest
}

// parseRequest reads a whole command line, without the command's own name.
func parseRequest(args []string) (*Request, error) {
	r := &Request{}
	if err := r.ParseSegments(args); err != nil {
		return nil, err
	}
	if r.Help || r.Version {
		return r, nil
	}
	if len(r.Segments) == 0 {
		return nil, cli.Usagef("no program was named")
	}
	return r, nil
}

// ParseSegments reads programs separated by ":".
func (r *Request) ParseSegments(args []string) error {
	several := false
	for {
		part, rest, more := cutSegment(args)
		several = several || more
		before := len(r.Segments)
		s := Segment{}
		if err := r.ParseSegment(&s, part); err != nil {
			return err
		}
		if r.Help || r.Version {
			return nil
		}
		switch appended := len(r.Segments) > before; {
		case s.Program != "" && appended:
			return cli.Usagef("--app FILE and the program %s exclude each other", s.Program)
		case s.Program != "":
			r.Segments = append(r.Segments, s)
		case several && !appended:
			return cli.Usagef("no program is named on one side of %q", ":")
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

// ParseSegment reads options up to the first word that is none; that word is the program, the rest are its arguments.
func (r *Request) ParseSegment(s *Segment, args []string) error {
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
		if r.Help || r.Version {
			return nil
		}
	}
	if len(args) > 0 {
		if args[0] == "" {
			return cli.Usagef("the program's name is empty")
		}
		s.Program, s.Args = args[0], args[1:]
	}
	return nil
}

// parseOption reads one option and says how many of the following words it used.
func (r *Request) parseOption(s *Segment, word string, rest []string) (used int, err error) {
	name, value, attached := strings.Cut(strings.TrimPrefix(word[1:], "-"), "=")
	o := r.option(name)
	if o == nil && !attached {
		o, name, value, attached = r.shortWithNumber(word)
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
		return 0, cli.Usagef("%s needs %d values: %s", Dashed(name), want, o.values)
	case len(values) < want:
		return 0, cli.Usagef("%s needs a value: %s", Dashed(name), o.values)
	case len(values) > want && !o.optional():
		return 0, cli.Usagef("%s takes no value; %q was given", Dashed(name), value)
	}
	if err := o.apply(r, s, values); err != nil {
		if usage := (*cli.UsageError)(nil); errors.As(err, &usage) {
			return 0, err
		}
		return 0, cli.Usagef("%s %v", Dashed(name), err)
	}
	return used, nil
}

// shortWithNumber understands -n4 and -N2.
func (r *Request) shortWithNumber(word string) (o *Option, name, value string, ok bool) {
	if len(word) < 3 || word[1] == '-' || strings.Trim(word[2:], "0123456789") != "" ||
		!strings.Contains("nNc", word[1:2]) {
		return nil, "", "", false
	}
	return r.option(word[1:2]), word[1:2], word[2:], true
}

func (r *Request) unknownOption(word string) error {
	name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
	if r.Batch != nil && findOption(name) != nil {
		return cli.Usagef("%s has no effect on a job that is submitted: it is an option of run", word)
	}
	if near := nearestOption(name); near != "" {
		return cli.Usagef("unknown option %s; did you mean %s?", word, near)
	}
	return cli.Usagef("unknown option %s", word)
}

// maxAppLines and maxAppDepth bound appfiles, which may name further ones.
const (
	maxAppLines = 1 << 16
	maxAppDepth = 8
)

// readAppfile reads a program with its options from each line of a file.
func (r *Request) readAppfile(name string) error {
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

func (r *Request) parseAppfile(name string, text io.Reader) error {
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, 1<<20)
	for number := 1; lines.Scan(); number++ {
		words, err := SplitWords(lines.Text())
		if err != nil {
			return cli.Usagef("%s line %d: %v", name, number, err)
		}
		if len(words) == 0 {
			continue
		}
		if r.appLines++; r.appLines > maxAppLines {
			return cli.Usagef("%s: more than %d programs", name, maxAppLines)
		}
		if err := r.ParseSegments(words); err != nil {
			return cli.Usagef("%s line %d: %v", name, number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return cli.Usagef("%s cannot be read: %v", name, err)
	}
	return nil
}

// SplitWords splits a line as a shell would, with quotes and backslashes but nothing that expands. "#" begins a
// comment.
func SplitWords(line string) ([]string, error) {
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

// programsByRank lists the program that each rank runs.
func (r *Request) programsByRank() []string {
	var programs []string
	for i := range r.Segments {
		for range r.Segments[i].Ranks {
			programs = append(programs, r.Segments[i].Program)
		}
	}
	return programs
}
