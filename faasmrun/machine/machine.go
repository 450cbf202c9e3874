// Package machine is what launcher and daemons need to know of the host that they run on: its name, its cores, its
// memory.
package machine

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Machine is what placement needs to know of this host.
type Machine struct {
	Hostname       string
	Cores, Threads int
	Memory         uint64 // bytes; what is free of it the worker judges when ranks start
}

// NodeName is the name a worker on this machine goes by.
func (m Machine) NodeName() string {
	short, _, _ := strings.Cut(m.Hostname, ".")
	if short == "" {
		return "localhost"
	}
	return short
}

// This asks the system. Cores are those that this process may run on.
func This() Machine {
	name, err := os.Hostname()
	if err != nil {
		name = "localhost"
	}
	m := Machine{Hostname: name, Threads: runtime.NumCPU()}
	m.Cores = countCores(m.Threads)
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		m.Memory = uint64(info.Totalram) * uint64(info.Unit)
	}
	return m
}

// countCores counts the distinct cores behind the processors this process may use, or gives their number where the
// system does not tell which of them are siblings.
func countCores(threads int) int {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return threads
	}
	cores, found := map[string]bool{}, 0
	for cpu := 0; found < set.Count() && cpu < len(set)*strconv.IntSize; cpu++ {
		if !set.IsSet(cpu) {
			continue
		}
		found++
		siblings, err := os.ReadFile(fmt.Sprintf("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu))
		if err != nil {
			return threads
		}
		cores[string(siblings)] = true
	}
	return max(len(cores), 1)
}
