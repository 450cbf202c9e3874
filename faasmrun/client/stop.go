package client

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ChildrenStopped waits until every process that this one has started is stopped, for a bounded time: the shell is to
// see the launcher stop last.
func ChildrenStopped() {
	for deadline := time.Now().Add(StopTimeout); time.Now().Before(deadline); time.Sleep(StopTimeout / 200) {
		if !anyChildRuns() {
			return
		}
	}
}

// anyChildRuns reports whether a child of this process is neither stopped nor a zombie.
func anyChildRuns() bool {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return false
	}
	for _, t := range threads {
		list, err := os.ReadFile("/proc/self/task/" + t.Name() + "/children")
		if err != nil {
			continue
		}
		for _, child := range strings.Fields(string(list)) {
			stat, err := os.ReadFile("/proc/" + child + "/stat")
			if err != nil {
				continue
			}
			// The state follows the name, which is in parentheses and may hold anything.
			_, state, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " ")
			if !strings.HasPrefix(state, "T") && !strings.HasPrefix(state, "Z") {
				return true
			}
		}
	}
	return false
}

// StopTimeout bounds how long a stop waits for the ranks to be stopped first.
const StopTimeout = time.Second

// StopProcess stops this process until someone continues it.
func StopProcess() { unix.Kill(os.Getpid(), unix.SIGSTOP) }
