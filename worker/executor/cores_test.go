package executor

import (
	"os"
	"path/filepath"
	"testing"
)

func TestGroupCores(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"a/cpu.max": "350000 100000\n", "a/b/cpu.max": "max 100000\n", "a/c/cpu.max": "150000 100000\n",
		"bad/cpu.max":              "what\n",
		"cpu/old/cpu.cfs_quota_us": "200000\n", "cpu/old/cpu.cfs_period_us": "100000\n",
		"cpu/free/cpu.cfs_quota_us": "-1\n", "cpu/free/cpu.cfs_period_us": "100000\n",
	} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for groups, want := range map[string]int{
		"0::/a/b\n": 3, "0::/a/c\n": 1, "0::/\n": unlimited, "0::/none\n": unlimited, "0::/bad\n": unlimited,
		"4:cpu,cpuacct:/old\n1:memory:/a\n": 2, "4:cpuset:/old\n3:cpu:/free\n": unlimited, "": unlimited, "odd\n": unlimited,
	} {
		if got := groupCores(groups, root); got != want {
			t.Errorf("%q: %d processors, want %d", groups, got, want)
		}
	}
	if n := usableCores(); n < 1 {
		t.Errorf("%d usable processors", n)
	}
}

// Go's processors are as many as there are, unless so many threads could compute that the job's own goroutines would
// wait for long.
func TestProcessors(t *testing.T) {
	for _, c := range []struct{ threads, cores, want int }{{1, 1, 2}, {1, 2, 2}, {16, 2, 2}, {32, 2, 2}, {33, 2, 37},
		{64, 64, 64}, {1000, 64, 64}, {5000, 64, 1024}, {1, 2000, 2000}} {
		if n := processors(c.threads, c.cores); n != c.want {
			t.Errorf("%d for %d threads on %d, want %d", n, c.threads, c.cores, c.want)
		}
	}
}
