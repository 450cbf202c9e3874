package executor

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/joblog"
)

// outfiles are the files that a batch job's user wants its output in, beside the log. They are written as this process's user, in
// the pieces and the order in which ranks write; nothing is held back, so nothing is lost with this process.
type outfiles struct {
	first uint32                       // rank
	files map[joblog.Stream][]*os.File // of each stream: none, one for all, or one a rank
	all   []*os.File

	mu sync.Mutex // makes pieces whole where several ranks share a file
}

// openOutfiles opens each file once, however many streams lead there.
func openOutfiles(start *control.Start) (*outfiles, error) {
	o := &outfiles{first: start.FirstRank, files: map[joblog.Stream][]*os.File{}}
	open := map[string]*os.File{}
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if !start.Append {
		flags |= os.O_TRUNC
	}
	for stream, paths := range map[joblog.Stream][]string{joblog.Stdout: start.Stdout, joblog.Stderr: start.Stderr} {
		for _, path := range paths {
			if open[path] == nil {
				f, err := os.OpenFile(path, flags, 0o666)
				if err != nil {
					o.close()
					return nil, fmt.Errorf("the file for the job's output: %w", err)
				}
				open[path] = f
				o.all = append(o.all, f)
			}
			o.files[stream] = append(o.files[stream], open[path])
		}
	}
	return o, nil
}

func (o *outfiles) write(rank uint32, s joblog.Stream, data []byte) error {
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
	_, err := f.Write(data)
	return err
}

// close closes the files. Nobody may write any more.
func (o *outfiles) close() error {
	var errs []error
	for _, f := range o.all {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
