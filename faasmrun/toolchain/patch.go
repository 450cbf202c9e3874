package toolchain

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// patch is one change to a source file: old must be there, exactly once unless all.
type patch struct {
	file, old, new string
	all            bool
}

func (p *patch) apply(src string) error {
	file := filepath.Join(src, p.file)
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if n := strings.Count(string(text), p.old); n == 0 || n > 1 && !p.all {
		return fmt.Errorf("%s holds %q %d times", p.file, p.old, n)
	}
	return os.WriteFile(file, []byte(strings.ReplaceAll(string(text), p.old, p.new)), 0o644)
}
