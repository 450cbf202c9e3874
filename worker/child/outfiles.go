package child

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/joblog"
)

// Outfiles are the files that a batch job's user wants its output in, beside the log. They are written as this
// process's user, in the pieces and the order in which ranks write; nothing is buffered, so nothing is lost with this
// process. Files that other tasks of an array write to as well get whole lines: the beginning of a line is kept until
// its end comes.
type Outfiles struct {
	first uint32                       // rank
	files map[joblog.Stream][]*outfile // of each stream: none, one for all, or one a rank
	all   []*outfile

	mu sync.Mutex // makes pieces whole where several ranks share a file
}

type outfile struct {
	*os.File
	shared bool
	lines  map[writer][]byte // the begun line of each writer, where it is shared
}

type writer struct {
	rank   uint32
	stream joblog.Stream
}

// maxLine bounds how much of a line is kept.
const maxLine = 64 << 10

// OpenOutfiles opens each file once, however many streams lead there.
func OpenOutfiles(start *control.Start) (*Outfiles, error) {
	o := &Outfiles{first: start.FirstRank, files: map[joblog.Stream][]*outfile{}}
	open := map[string]*outfile{}
	for _, s := range []struct {
		stream joblog.Stream
		paths  []string
		shared bool
	}{{joblog.Stdout, start.Stdout, start.SharedOut}, {joblog.Stderr, start.Stderr, start.SharedErr}} {
		for _, path := range s.paths {
			if open[path] == nil {
				f, err := openOutfile(path, s.shared, start.Append)
				if err != nil {
					o.Close()
					return nil, fmt.Errorf("the file for the job's output: %w", err)
				}
				open[path] = f
				o.all = append(o.all, f)
			}
			o.files[s.stream] = append(o.files[s.stream], open[path])
		}
	}
	return o, nil
}

func openOutfile(path string, shared, appending bool) (*outfile, error) {
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if !appending && !shared {
		flags |= os.O_TRUNC
	}
	f, err := os.OpenFile(path, flags, 0o666)
	return &outfile{f, shared, map[writer][]byte{}}, err
}

// Write writes what a rank has written to one of its streams.
func (o *Outfiles) Write(rank uint32, s joblog.Stream, data []byte) error {
	files := o.files[s]
	if len(files) == 0 {
		return nil
	}
	f := files[0]
	if len(files) > 1 {
		f = files[rank-o.first]
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if !f.shared {
		_, err := f.Write(data)
		return err
	}
	return f.writeLines(writer{rank, s}, data)
}

// writeLines writes the lines that are whole by now, and keeps the rest.
func (f *outfile) writeLines(w writer, data []byte) error {
	text := append(f.lines[w], data...)
	whole := bytes.LastIndexByte(text, '\n') + 1
	if len(text)-whole > maxLine {
		whole = len(text)
	}
	f.lines[w] = append([]byte(nil), text[whole:]...)
	return f.append(text[:whole])
}

// append adds to a shared file. The lock is for file systems of several machines, where the end that a write goes to
// may be an old one; those without locks have to do without.
func (f *outfile) append(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	if lock(f.File, unix.LOCK_EX) == nil {
		defer lock(f.File, unix.LOCK_UN)
	}
	_, err := f.Write(text)
	return err
}

func lock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// Flush writes the lines that were begun and not ended. The ranks write no more.
func (o *Outfiles) Flush() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var errs []error
	for _, f := range o.all {
		for w, rest := range f.lines {
			if len(rest) > 0 {
				errs = append(errs, f.append(append(rest, '\n')))
			}
			delete(f.lines, w)
		}
	}
	return errors.Join(errs...)
}

// Close closes the files. Nobody may write any more.
func (o *Outfiles) Close() error {
	errs := []error{o.Flush()}
	for _, f := range o.all {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
