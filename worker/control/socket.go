package control

import (
	"fmt"
	"os"
	"path/filepath"
)

// AtShortPath calls use with a name for path that fits into a socket's address, however deep the directory is.
func AtShortPath(path string, use func(short string) error) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return use(fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)))
}
