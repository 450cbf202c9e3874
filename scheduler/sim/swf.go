package sim

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/faasmrun/faasmrun/scheduler/core"
)

// maxSWFLine bounds a line of a trace.
const maxSWFLine = 64 << 10

// ReadSWF reads a trace in the Standard Workload Format of the Parallel Workloads Archive: a line a job of eighteen
// numbers, -1 for unknown, and comments behind ";". Jobs that never ran are left out. A job wider than width is cut to
// it, because a job runs on one worker; cut says how many were.
func ReadSWF(r io.Reader, width uint32) (jobs []Job, cut int, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), maxSWFLine)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), ";")
		fields := strings.Fields(text)
		if len(fields) == 0 {
			continue
		}
		j, ran, err := swfJob(fields)
		if err != nil {
			return nil, 0, fmt.Errorf("line %d of the trace: %w", n, err)
		}
		if !ran {
			continue
		}
		if j.Ranks > width {
			j.Ranks = width
			cut++
		}
		if len(jobs) > 0 && j.At < jobs[len(jobs)-1].At {
			j.At = jobs[len(jobs)-1].At // a few traces are slightly out of order
		}
		jobs = append(jobs, j)
	}
	if err := lines.Err(); err != nil {
		return nil, 0, fmt.Errorf("reading the trace: %w", err)
	}
	return jobs, cut, nil
}

// Positions of the fields that matter, from 0.
const (
	swfSubmit    = 1
	swfRun       = 3
	swfAllocated = 4
	swfRequested = 7
	swfLimit     = 8
	swfUser      = 11
	swfFields    = 18
)

func swfJob(fields []string) (Job, bool, error) {
	if len(fields) < swfFields {
		return Job{}, false, fmt.Errorf("%d fields; a job has %d", len(fields), swfFields)
	}
	var v [swfFields]int64
	for i := range v {
		n, err := strconv.ParseFloat(fields[i], 64)
		if err != nil || n < -1e15 || n > 1e15 || n != n {
			return Job{}, false, fmt.Errorf("field %d, %.40q, is no number", i+1, fields[i])
		}
		v[i] = int64(n)
	}
	ranks := v[swfRequested]
	if ranks <= 0 {
		ranks = v[swfAllocated]
	}
	const century = 100 * 365 * 24 * 3600
	if ranks <= 0 || ranks > 1<<20 || v[swfRun] <= 0 || v[swfRun] > century || v[swfSubmit] < 0 ||
		v[swfSubmit] > century || v[swfLimit] > century {
		return Job{}, false, nil
	}
	limit := max(v[swfLimit], v[swfRun])
	return Job{At: start.After(core.Duration(v[swfSubmit]) * core.Second), Ranks: uint32(ranks),
		Run:   core.Duration(v[swfRun]) * core.Second,
		Limit: core.Duration(limit) * core.Second, Tenant: core.Tenant("user" + strconv.FormatInt(v[swfUser], 10))}, true, nil
}

// FromSlice is a workload of jobs that are there already.
func FromSlice(jobs []Job) Workload {
	return func() (Job, bool) {
		if len(jobs) == 0 {
			return Job{}, false
		}
		j := jobs[0]
		jobs = jobs[1:]
		return j, true
	}
}
