package executor

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// usableCores is how many processors the process may keep busy: those that its affinity mask allows, which is what
// runtime.NumCPU counts, under the bandwidth limit of every control group it is in, rounded down. A rank that spins on
// the last part of a processor would use up what the others compute with.
//
// It is found out once: the process stays in its groups.
var usableCores = sync.OnceValue(func() int {
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return runtime.NumCPU()
	}
	return max(1, min(runtime.NumCPU(), groupCores(string(groups), "/sys/fs/cgroup")))
})

// unlimited is more processors than there are.
const unlimited = 1 << 20

// groupCores reads the limits of a process's groups, in the format of /proc/PID/cgroup, below a root: the files cpu.max
// of version 2 and cpu.cfs_quota_us of version 1, where "max" and -1 are no limit.
func groupCores(groups, root string) int {
	cores := unlimited
	for line := range strings.Lines(groups) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		top := root
		if fields[1] != "" {
			if !strings.Contains(","+fields[1]+",", ",cpu,") {
				continue
			}
			top = filepath.Join(root, "cpu")
		}
		for dir := filepath.Join("/", fields[2]); ; dir = filepath.Dir(dir) {
			cores = min(cores, limitOf(filepath.Join(top, dir)))
			if dir == "/" {
				break
			}
		}
	}
	return cores
}

func limitOf(dir string) int {
	text, err := os.ReadFile(filepath.Join(dir, "cpu.max"))
	if err != nil {
		quota, _ := os.ReadFile(filepath.Join(dir, "cpu.cfs_quota_us"))
		period, _ := os.ReadFile(filepath.Join(dir, "cpu.cfs_period_us"))
		text = []byte(string(quota) + " " + string(period))
	}
	words := strings.Fields(string(text))
	if len(words) != 2 {
		return unlimited
	}
	quota, err := strconv.Atoi(words[0])
	period, err2 := strconv.Atoi(words[1])
	if err != nil || err2 != nil || quota <= 0 || period <= 0 {
		return unlimited
	}
	return quota / period
}
