package session

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/machine"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// outputFiles are the files that --output-filename and --output ask for.
type outputFiles struct {
	streams map[streamKey]*outputFile
	sinks   map[string]*openFile // by file name
}

type openFile struct {
	*sink
	file *os.File
}

// openOutputFiles makes every file before anything is printed, so that a directory that can't be written is known
// early, and a rank that prints nothing has an empty file.
func openOutputFiles(o OutputOptions, ranks int, fields patternFields) (*outputFiles, error) {
	f := &outputFiles{streams: map[streamKey]*outputFile{}, sinks: map[string]*openFile{}}
	digits := len(strconv.Itoa(ranks))
	for rank := uint32(0); rank < uint32(ranks); rank++ {
		for stream, name := range []string{"stdout", "stderr"} {
			key := streamKey{rank, schedpb.Stream(stream)}
			path := filepath.Join(o.dir, "1", fmt.Sprintf("rank.%0*d", digits, rank), name)
			private := true
			if o.dir == "" {
				fields.rank = rank
				var err error
				if path, err = expandPattern(o.File, fields); err != nil {
					return nil, err
				}
				private = o.filesNameRank()
			}
			s, err := f.open(path)
			if err != nil {
				f.close()
				return nil, err
			}
			f.streams[key] = &outputFile{s.sink, private}
		}
	}
	return f, nil
}

// FilesNameJob reports whether the files' names hold the job's number, which is known only after the submission.
func (o *OutputOptions) FilesNameJob() bool {
	one, _ := expandPattern(o.File, patternFields{job: 1})
	two, _ := expandPattern(o.File, patternFields{job: 2})
	return o.dir == "" && one != two
}

// filesNameRank reports whether each rank has a file of its own.
func (o *OutputOptions) filesNameRank() bool {
	one, _ := expandPattern(o.File, patternFields{rank: 1})
	two, _ := expandPattern(o.File, patternFields{rank: 2})
	return o.dir != "" || one != two
}

func (f *outputFiles) open(path string) (*openFile, error) {
	if s := f.sinks[path]; s != nil {
		return s, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return nil, cli.Failure(cli.StatusFailed,
			fmt.Sprintf("output directory %s cannot be made: %s", filepath.Dir(path), cli.Reason(err)))
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, cli.Failure(cli.StatusFailed, fmt.Sprintf("output file %s cannot be written: %s", path, cli.Reason(err)))
	}
	s := &openFile{newSink(file, path), file}
	f.sinks[path] = s
	return s, nil
}

func (f *outputFiles) of(key streamKey) *outputFile { return f.streams[key] }

// flush hands what is buffered to the system, and gives the first error of any file.
func (f *outputFiles) flush() *writeError {
	for _, s := range f.sinks {
		if s.flush(); s.err != nil {
			return s.err
		}
	}
	return nil
}

// close writes out and closes all files; errors that a file system reports only then count too.
func (f *outputFiles) close() *writeError {
	first := f.flush()
	for path, s := range f.sinks {
		if err := s.file.Close(); err != nil && first == nil {
			first = &writeError{path, err}
		}
	}
	return first
}

// userName names the user for %u.
func userName() string {
	if name := os.Getenv("USER"); name != "" {
		return name
	}
	if u, err := user.LookupId(strconv.Itoa(os.Getuid())); err == nil {
		return u.Username
	}
	return strconv.Itoa(os.Getuid())
}

func (s *Session) OpenFiles(here machine.Machine) (err error) {
	o := s.Options.Output
	if o.dir == "" && o.File == "" {
		return nil
	}
	s.Files, err = openOutputFiles(o, s.Ranks,
		patternFields{job: s.Job, node: here.NodeName(), name: s.Options.JobName, user: userName()})
	if err == nil {
		s.Display.files = s.Files.of
	}
	return err
}
