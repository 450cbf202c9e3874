package state

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestReleases: what the worker of each release remembered of its executors is read by this one. A folder is what kill
// -9 left of its state; folders stay as they are for ever.
func TestReleases(t *testing.T) {
	for folder, want := range map[string][]string{
		"release-0.1.0": {
			"job 2.1, process 12849 since 341991, files 4163514134, group true, an order of 202 bytes",
			// ended, and not yet forgotten
			"job 10.1, process 12853 since 341992, files 3553397993, group true, an order of 191 bytes",
		},
	} {
		t.Run(folder, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", folder))); err != nil {
				t.Fatal(err)
			}
			s := open(t, dir)
			defer s.Close()
			list, err := s.Executors()
			if err != nil {
				t.Error(err)
			}
			for i, e := range list {
				got := fmt.Sprintf("job %d.%d, process %d since %d, files %s, group %v, an order of %d bytes", e.Job, e.Epoch,
					e.Process.PID,
					e.Process.Began, e.Files, e.Group, len(e.Order))
				if i >= len(want) || got != want[i] {
					t.Errorf("executor %d: %s", i, got)
				}
			}
			if len(list) < len(want) {
				t.Errorf("%d executors of %d", len(list), len(want))
			}
		})
	}
}
