package session

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// tagKind is what each line begins with.
type tagKind int

const (
	tagNone    tagKind = iota
	TagJobRank         // [1,0]<stdout>:text, as mpirun's --tag-output
	TagRank            // 0: text, as srun -l
)

// OutputOptions is what the command line says about the ranks' output.
type OutputOptions struct {
	Tag       tagKind
	Timestamp bool
	Merge     bool   // stderr of ranks goes to stdout
	dir       string // DIR/1/rank.R/stdout and stderr
	File      string // pattern of file names
	FilesOnly bool   // nothing on the launcher's own stdout and stderr
}

// SetDirectory reads --output-filename DIR[:nocopy].
func (o *OutputOptions) SetDirectory(text string) error {
	dir, qualifier, qualified := strings.Cut(text, ":")
	if qualified {
		if err := o.setQualifiers(qualifier); err != nil {
			return err
		}
	}
	if dir == "" {
		return fmt.Errorf("needs a directory")
	}
	o.dir = dir
	return nil
}

// SetDirectives reads --output tag,timestamp,file=NAME:nocopy.
func (o *OutputOptions) SetDirectives(text string) error {
	for _, item := range strings.Split(text, ",") {
		key, value, assigned := strings.Cut(item, "=")
		qualified, qualifiers, _ := strings.Cut(value, ":")
		if !assigned {
			key, qualifiers, _ = strings.Cut(key, ":")
		}
		if assigned && qualified == "" {
			return fmt.Errorf("%s= needs a name", key)
		}
		pattern := false
		for _, q := range strings.Split(qualifiers, ":") {
			if q == "pattern" {
				pattern = true
			} else if err := o.setQualifiers(q); err != nil {
				return err
			}
		}
		if err := o.setDirective(key, qualified, pattern); err != nil {
			return err
		}
	}
	return nil
}

func (o *OutputOptions) setDirective(key, value string, pattern bool) error {
	switch key {
	case "tag":
		o.Tag = TagJobRank
	case "rank":
		o.Tag = TagRank
	case "timestamp":
		o.Timestamp = true
	case "merge", "merge-stderr-to-stdout":
		o.Merge = true
	case "dir", "directory":
		o.dir = value
	case "file", "filename":
		o.File = value
		if !pattern {
			o.File = strings.ReplaceAll(value, "%", "%%") + ".%t"
		}
		_, err := expandPattern(o.File, patternFields{})
		return err
	case "nocopy", "copy":
		return o.setQualifiers(key)
	default:
		return fmt.Errorf("knows tag, rank, timestamp, merge, dir=DIR and file=NAME; %q is none of these", key)
	}
	return nil
}

func (o *OutputOptions) setQualifiers(q string) error {
	switch q {
	case "":
	case "nocopy":
		o.FilesOnly = true
	case "copy":
		o.FilesOnly = false
	default:
		return fmt.Errorf("knows :nocopy, :copy and :pattern; %q is none of these", q)
	}
	return nil
}

// patternFields is what the fields of an output file's name stand for.
type patternFields struct {
	job              uint64
	rank             uint32
	node, name, user string
}

// expandPattern puts a file name together: %j and %A the job, %t the rank, %N the node, %n its number, %x the job's
// name, %u the user, %a the number in an array, %% a percent sign. A width pads numbers with zeros: %4t.
func expandPattern(pattern string, f patternFields) (string, error) {
	var out strings.Builder
	for i := 0; i < len(pattern); i++ {
		if pattern[i] != '%' {
			out.WriteByte(pattern[i])
			continue
		}
		start := i
		for i++; i < len(pattern) && pattern[i] >= '0' && pattern[i] <= '9'; i++ {
		}
		width, err := strconv.Atoi("0" + pattern[start+1:i])
		if i == len(pattern) || err != nil || width > 10 {
			return "", fmt.Errorf("pattern %q has an unfinished field %q", pattern, pattern[start:min(i+1, len(pattern))])
		}
		switch pattern[i] {
		case 'j', 'A':
			fmt.Fprintf(&out, "%0*d", width, f.job)
		case 't':
			fmt.Fprintf(&out, "%0*d", width, f.rank)
		case 'n', 'a':
			fmt.Fprintf(&out, "%0*d", width, 0)
		case 'N':
			out.WriteString(f.node)
		case 'x':
			out.WriteString(strings.ReplaceAll(f.name, "/", "_"))
		case 'u':
			out.WriteString(f.user)
		case '%':
			out.WriteByte('%')
		default:
			return "", fmt.Errorf("pattern %q has an unknown field %%%c; %%j %%t %%N %%x %%u are known", pattern, pattern[i])
		}
	}
	return out.String(), nil
}

// Bounds of what is held back while lines are unfinished: one line's, and all lines' together. Beyond them the longest
// goes out as it stands.
const (
	maxLine = 1 << 20
	maxHeld = 64 << 20
)

type streamKey struct {
	rank   uint32
	stream schedpb.Stream
}

// openLine is what a stream has written since its last newline.
type openLine struct {
	text []byte
	at   time.Time
	cut  bool // an earlier piece of this line is out already
}

// display turns the ranks' output into lines and writes them where they belong. It has no goroutine and no clock; every
// byte goes out exactly once, in each stream's order, and no line is torn by another stream's. Only what a stream
// leaves unfinished at the end, at a prompt or beyond the bounds goes out without its newline.
type display struct {
	options  OutputOptions
	whole    bool // bytes pass as they come: one rank, and nothing to add
	stdout   *sink
	stderr   *sink
	notes    *sink                       // for what the executor says; stderr, where there is one
	files    func(streamKey) *outputFile // nil: none
	lines    map[streamKey]*openLine
	held     int
	scratch  []byte            // prefix's
	stats    map[uint32][]byte // MPI's figures
	ofOpenMP map[uint32][]byte // OpenMP's
}

// outputFile is a file that streams are copied to. A private one belongs to one stream and takes its bytes as they
// come.
type outputFile struct {
	*sink
	private bool
}

func NewDisplay(o OutputOptions, ranks int, stdout, stderr io.Writer) *display {
	d := &display{options: o, lines: map[streamKey]*openLine{}}
	d.whole = ranks == 1 && o.Tag == tagNone && !o.Timestamp
	if !o.FilesOnly || o.dir == "" && o.File == "" {
		d.stdout, d.stderr = newSink(stdout, "standard output"), newSink(stderr, "standard error")
		d.notes = d.stderr
	} else {
		d.notes = newSink(stderr, "standard error")
	}
	return d
}

// Output takes one event of the job.
func (d *display) Output(o *schedpb.Output) {
	switch o.Stream {
	case schedpb.Stream_STREAM_PROFILE:
		d.stats = keepStats(d.stats, o)
		return
	case schedpb.Stream_STREAM_OPENMP_PROFILE:
		d.ofOpenMP = keepStats(d.ofOpenMP, o)
		return
	case schedpb.Stream_STREAM_NOTE:
		d.note(o)
		return
	}
	key := streamKey{o.Rank, o.Stream}
	var file *outputFile
	if d.files != nil {
		file = d.files(key)
	}
	if file != nil && file.private {
		file.write(o.Data)
		file = nil
	}
	sinks := d.sinks(key, file)
	if d.whole {
		for _, s := range sinks {
			d.before(s)
			s.write(o.Data)
		}
		return
	}
	d.assemble(key, sinks, o)
	if o.AwaitsInput {
		for stream := range schedpb.Stream_name {
			d.prompt(streamKey{o.Rank, schedpb.Stream(stream)})
		}
	}
}

// note shows what the executor says about a rank, on lines of their own.
func (d *display) note(o *schedpb.Output) {
	d.before(d.notes)
	if d.notes.unfinished {
		d.notes.write([]byte{'\n'})
		d.notes.unfinished = false
	}
	for line := range strings.Lines(string(o.Data)) {
		if strings.HasPrefix(line, " ") {
			d.notes.write([]byte("  " + line))
		} else {
			d.notes.write(fmt.Appendf(nil, "faasmrun: rank %d: %s", o.Rank, line))
		}
	}
}

// sinks lists where a stream's lines go.
func (d *display) sinks(key streamKey, shared *outputFile) []*sink {
	var sinks []*sink
	if d.stdout != nil {
		if key.stream == schedpb.Stream_STREAM_STDERR && !d.options.Merge {
			sinks = append(sinks, d.stderr)
		} else {
			sinks = append(sinks, d.stdout)
		}
	}
	if shared != nil {
		sinks = append(sinks, shared.sink)
	}
	return sinks
}

func (d *display) sharedSinks(key streamKey) []*sink {
	if d.files != nil {
		if f := d.files(key); f != nil && !f.private {
			return d.sinks(key, f)
		}
	}
	return d.sinks(key, nil)
}

// assemble puts lines together and writes those that are finished.
func (d *display) assemble(key streamKey, sinks []*sink, o *schedpb.Output) {
	line := d.lines[key]
	if line == nil {
		line = &openLine{}
		d.lines[key] = line
	}
	data := o.Data
	for len(data) > 0 {
		if len(line.text) == 0 && !line.cut {
			line.at = time.Unix(0, o.AtUnixNs)
		}
		end := bytes.IndexByte(data, '\n') + 1
		if end == 0 {
			line.text = append(line.text, data...)
			d.held += len(data)
			break
		}
		if len(line.text) == 0 {
			d.emit(key, sinks, line, data[:end])
		} else {
			line.text = append(line.text, data[:end]...)
			d.held += end
			d.release(key, sinks, line)
		}
		line.cut = false
		data = data[end:]
	}
	if len(line.text) > maxLine {
		d.release(key, sinks, line)
		line.cut = true
	}
	for d.held > maxHeld {
		d.releaseLongest()
	}
}

// release writes what a line holds.
func (d *display) release(key streamKey, sinks []*sink, line *openLine) {
	d.held -= len(line.text)
	d.emit(key, sinks, line, line.text)
	if line.text = line.text[:0]; cap(line.text) > 64<<10 {
		line.text = nil
	}
}

func (d *display) releaseLongest() {
	var longest streamKey
	var line *openLine
	for key, l := range d.lines {
		if line == nil || len(l.text) > len(line.text) {
			longest, line = key, l
		}
	}
	d.release(longest, d.sharedSinks(longest), line)
	line.cut = true
}

// prompt shows an unfinished line of a rank that waits for input.
func (d *display) prompt(key streamKey) {
	if line := d.lines[key]; line != nil && len(line.text) > 0 {
		d.release(key, d.sharedSinks(key), line)
		line.cut = true
	}
}

// showUnfinished shows what every stream has left unfinished so far.
func (d *display) showUnfinished() {
	for _, key := range d.unfinished() {
		d.prompt(key)
	}
}

// unfinished lists the streams with a line held back, by rank.
func (d *display) unfinished() []streamKey {
	var keys []streamKey
	for key, line := range d.lines {
		if len(line.text) > 0 {
			keys = append(keys, key)
		}
	}
	sort.Slice(keys, func(i, j int) bool {
		a, b := keys[i], keys[j]
		return a.rank < b.rank || a.rank == b.rank && a.stream < b.stream
	})
	return keys
}

// emit writes a line, or a piece of one that lacks its newline. A piece of another stream's line that stands unfinished
// on the same terminal or file is closed by a newline first.
func (d *display) emit(key streamKey, sinks []*sink, line *openLine, text []byte) {
	for _, s := range sinks {
		d.before(s)
		goesOn := s.unfinished && s.owner == key
		if s.unfinished && !goesOn {
			s.write([]byte{'\n'})
		}
		if !goesOn {
			s.write(d.prefix(key, line))
		}
		s.write(text)
		s.owner, s.unfinished = key, text[len(text)-1] != '\n'
	}
}

// before keeps the order between the launcher's stdout and stderr, which are often the same terminal: one is written
// out before the other is written to.
func (d *display) before(s *sink) {
	if s == d.stdout {
		d.stderr.flush()
	} else if s == d.stderr {
		d.stdout.flush()
	}
}

// prefix is what a line begins with, valid until the next call. The rest of a line that was cut has a "+" before its
// colon.
func (d *display) prefix(key streamKey, line *openLine) []byte {
	p := d.scratch[:0]
	if d.options.Timestamp {
		p = line.at.AppendFormat(p, time.ANSIC)
	}
	if d.options.Tag == TagRank {
		if d.options.Timestamp {
			p = append(p, ' ')
		}
		p = strconv.AppendUint(p, uint64(key.rank), 10)
	}
	if d.options.Tag == TagJobRank {
		p = append(p, "[1,"...)
		p = append(strconv.AppendUint(p, uint64(key.rank), 10), ']')
	}
	if d.options.Tag == TagJobRank || d.options.Tag == tagNone && d.options.Timestamp {
		name := "<stdout>"
		if key.stream == schedpb.Stream_STREAM_STDERR {
			name = "<stderr>"
		}
		p = append(p, name...)
	}
	if len(p) == 0 {
		return nil
	}
	if line.cut {
		p = append(p, '+')
	}
	if p = append(p, ':'); d.options.Tag == TagRank {
		p = append(p, ' ')
	}
	d.scratch = p
	return p
}

// Finish writes the lines that were never finished, by rank. Tagged ones get a newline; others end as the rank left
// them.
func (d *display) Finish() {
	decorated := d.options.Tag != tagNone || d.options.Timestamp
	for _, key := range d.unfinished() {
		line, sinks := d.lines[key], d.sharedSinks(key)
		if decorated {
			line.text = append(line.text, '\n')
			d.held++
		}
		d.release(key, sinks, line)
		for _, s := range sinks {
			s.unfinished = false
		}
	}
	for _, s := range []*sink{d.stdout, d.stderr} {
		if s != nil && s.unfinished && decorated {
			s.write([]byte{'\n'})
			s.unfinished = false
		}
	}
	d.Flush()
}

// Flush hands everything to the system. Files of their own are flushed by whoever owns them.
func (d *display) Flush() {
	if d.stdout != nil {
		d.stdout.flush()
	}
	d.notes.flush()
}

// failure is the first error in writing to the launcher's own streams.
func (d *display) failure() *writeError {
	for _, s := range []*sink{d.stdout, d.stderr} {
		if s != nil && s.err != nil {
			return s.err
		}
	}
	return nil
}

// sink is a buffered writer of lines; its first error sticks, and is for its owner to look at.
type sink struct {
	name       string
	to         *bufio.Writer
	owner      streamKey // whose line is unfinished here
	unfinished bool
	err        *writeError
}

// writeError says what could not be written.
type writeError struct {
	what string
	err  error
}

func (e *writeError) Error() string {
	return fmt.Sprintf("%s cannot be written: %s", e.what, cli.Reason(e.err))
}
func (e *writeError) Unwrap() error { return e.err }

func newSink(w io.Writer, name string) *sink {
	return &sink{name: name, to: bufio.NewWriterSize(w, 32<<10)}
}

func (s *sink) write(p []byte) {
	if _, err := s.to.Write(p); err != nil && s.err == nil {
		s.err = &writeError{s.name, err}
	}
}

func (s *sink) flush() {
	if s.to.Buffered() == 0 {
		return
	}
	if err := s.to.Flush(); err != nil && s.err == nil {
		s.err = &writeError{s.name, err}
	}
}
