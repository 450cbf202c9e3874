package worker

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/internal/bytesize"
)

// rankOverhead is what a rank takes beyond its linear memory: stacks, tables, descriptors. Measured at some 100 KiB.
const rankOverhead = 256 << 10

// executorOverhead is what an executor's process takes beyond its ranks: Go's runtime, its heap between two
// collections, machine code. The limit of its group is for what goes wrong; a rank's own ceiling is the allocator's.
const executorOverhead = 512 << 20

// memoryNeed is what one program of a job asks for.
type memoryNeed struct {
	program string
	ranks   uint32
	initial uint64 // linear memory of a rank at its start
}

// fits refuses a job whose ranks could not even begin here. Idle executors are ended if too little memory would be left
// beside them.
func (w *Worker) fits(needs []memoryNeed) error {
	if err := fitsFiles(needs); err != nil {
		return err
	}
	left, err := w.memoryLeft(needs)
	if left < idleReserve && w.idle.clear() {
		_, err = w.memoryLeft(needs)
	}
	return err
}

// fitsFiles refuses ranks whose memory could not even begin under the limit for the size of files: a linear memory is a
// file without a name. Executors have this process's limits.
func fitsFiles(needs []memoryNeed) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
		return nil
	}
	for _, n := range needs {
		if n.initial > limit.Cur {
			return fmt.Errorf("a rank of %s begins with %s of memory and may have %s: the limit for the size of files "+
				"(ulimit -f) holds for memory too; raise it", n.program, bytesize.String(n.initial), bytesize.String(limit.Cur))
		}
	}
	return nil
}

// memoryLeft is what ranks leave of the machine's memory at their start.
func (w *Worker) memoryLeft(needs []memoryNeed) (left uint64, err error) {
	free := available(os.DirFS("/"))
	left, what := free, "has free"
	if w.MemBytes > 0 && w.MemBytes < free {
		free, what = w.MemBytes, "may use"
	}
	var total uint64
	var list []string
	for _, n := range needs {
		total += uint64(n.ranks) * (n.initial + rankOverhead) // below 2^32 * 2^33
		list = append(list, fmt.Sprintf("%d of %s with %s each", n.ranks, n.program, bytesize.String(n.initial)))
	}
	if total <= free {
		return left - total, nil
	}
	return 0, fmt.Errorf("not enough memory: the ranks (%s) begin with %s together, and %s %s %s. Run fewer ranks, or "+
		"use a "+
		"machine with more memory", strings.Join(list, ", "), bytesize.String(total), w.Name, what, bytesize.String(free))
}

// memoryOffered is what the scheduler may give to ranks here: what was configured, or what is free now.
func (w *Worker) memoryOffered() uint64 {
	if w.MemBytes > 0 {
		return w.MemBytes
	}
	return available(os.DirFS("/"))
}

// available is how much memory a new process may take: what the kernel says is free for the asking, and less in a
// control group that is limited. root is the machine's "/". Where nothing can be found out the answer is: any amount.
func available(root fs.FS) uint64 {
	free := uint64(math.MaxUint64)
	if n, ok := field(root, "proc/meminfo", "MemAvailable:"); ok {
		free = n << 10
	}
	groups, _ := fs.ReadFile(root, "proc/self/cgroup")
	for line := range bytes.Lines(groups) {
		parts := strings.SplitN(strings.TrimSpace(string(line)), ":", 3)
		if len(parts) != 3 {
			continue
		}
		switch {
		case parts[0] == "0" && parts[1] == "":
			free = min(free, groupFree(root, "sys/fs/cgroup", parts[2], "memory.max", "memory.current", "inactive_file"))
		case parts[1] == "memory":
			free = min(free, groupFree(root, "sys/fs/cgroup/memory", parts[2], "memory.limit_in_bytes", "memory.usage_in_bytes",
				"total_inactive_file"))
		}
	}
	return free
}

// groupFree is the least free memory of a control group and its parents. Inside a container the path may not exist, and
// the container's own group is the root.
func groupFree(root fs.FS, base, group, limit, usage, reclaimable string) uint64 {
	free := uint64(math.MaxUint64)
	for dir := path.Join(base, group); strings.HasPrefix(dir, base); dir = path.Dir(dir) {
		most, ok1 := number(root, path.Join(dir, limit))
		used, ok2 := number(root, path.Join(dir, usage))
		if !ok1 || !ok2 {
			continue
		}
		cached, _ := field(root, path.Join(dir, "memory.stat"), reclaimable)
		used -= min(used, cached)
		free = min(free, most-min(most, used))
	}
	return free
}

func number(root fs.FS, name string) (uint64, bool) {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	return n, err == nil
}

// field finds "name number" in a file of lines.
func field(root fs.FS, file, name string) (uint64, bool) {
	b, err := fs.ReadFile(root, file)
	if err != nil {
		return 0, false
	}
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) >= 2 && words[0] == name {
			n, err := strconv.ParseUint(words[1], 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
