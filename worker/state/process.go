package state

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// Identify names a process that is known to be there: a child that has not been waited for, or one held by a pidfd.
func Identify(pid int) (Process, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Process{}, err
	}
	began, err := startTime(stat)
	if err != nil {
		return Process{}, fmt.Errorf("/proc/%d/stat: %w", pid, err)
	}
	boot, err := Boot()
	return Process{PID: pid, Began: began, Boot: boot}, err
}

// startTime finds field 22. The name before it is in parentheses and may hold anything.
func startTime(stat []byte) (uint64, error) {
	_, rest, found := bytes.Cut(stat[max(0, bytes.LastIndexByte(stat, ')')):], []byte(" "))
	fields := bytes.Fields(rest)
	const index = 22 - 3 // the state is field 3
	if !found || len(fields) <= index {
		return 0, fmt.Errorf("%q has no start time", stat)
	}
	return strconv.ParseUint(string(fields[index]), 10, 64)
}
