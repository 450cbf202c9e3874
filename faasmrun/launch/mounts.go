package launch

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// mountRequest is one --dir HOST[::GUEST][:ro].
type mountRequest struct {
	host, guest string
	readOnly    bool
}

func (s *Segment) addMount(text string) error {
	m := mountRequest{host: text}
	m.host, m.readOnly = strings.CutSuffix(m.host, ":ro")
	m.host, m.guest, _ = strings.Cut(m.host, "::")
	if m.host == "" {
		return fmt.Errorf("needs HOST, HOST::GUEST or either with :ro")
	}
	if m.guest != "" {
		m.guest = path.Clean("/" + m.guest)
	}
	s.mounts = append(s.mounts, m)
	return nil
}

// statusNoDirectory is what Open MPI 4 exits with when the working directory cannot be used.
const statusNoDirectory = 135

// directories settles a segment's working directory and what else its ranks see. The working directory is the guest's
// "/", and visible under its own absolute name too, so that an argument such as $PWD/input works unchanged.
func (s *Segment) directories() (dir string, mounts []*schedpb.Mount, err error) {
	dir, err = directory(s.dir)
	if err != nil {
		return "", nil, err
	}
	if dir != "/" {
		mounts = append(mounts, &schedpb.Mount{HostDir: dir, GuestDir: dir})
	}
	for _, m := range s.mounts {
		host, err := directory(m.host)
		if err != nil {
			return "", nil, err
		}
		guest := m.guest
		if guest == "" {
			guest = host
		}
		mounts = append(mounts, &schedpb.Mount{HostDir: host, GuestDir: guest, ReadOnly: m.readOnly})
	}
	return dir, mounts, nil
}

// directory makes a directory's name absolute and sees that it can be entered.
func directory(name string) (string, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", cli.Failure(statusNoDirectory, fmt.Sprintf("the working directory is gone: %v", err))
	}
	info, err := os.Stat(abs)
	if err == nil && !info.IsDir() {
		return "", cli.Failure(statusNoDirectory, fmt.Sprintf("%s is not a directory", abs))
	}
	if err == nil {
		var f *os.File
		if f, err = os.Open(abs); err == nil {
			f.Close()
		}
	}
	if err != nil {
		return "", cli.Failure(statusNoDirectory, fmt.Sprintf("directory %s cannot be used: %s", abs, cli.Reason(err)))
	}
	return abs, nil
}
