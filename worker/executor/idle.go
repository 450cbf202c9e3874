package executor

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"time"

	"github.com/faasmrun/faasmrun/scheduler/core/result"
	"github.com/faasmrun/faasmrun/worker/child"
	"github.com/faasmrun/faasmrun/worker/control"
)

// A process may run another job of its tenant when nothing is left of the last one. In any doubt it ends, and
// costs the next job the start of a new one.

// endedCleanly reports whether every rank ended by itself: by returning or with an exit status of its own, its MPI
// finalized.
func (j *job) endedCleanly() bool {
	if j == nil || j.terminated || j.fenced || j.deadlock != nil || j.lostOutput.Load() != nil ||
		len(j.ends) != len(j.ranks) {
		return false
	}
	for _, e := range j.ends {
		if e.Cause != result.Exited || e.EndedWith != nil || e.Initialized != e.Finalized {
			return false
		}
	}
	return true
}

// stopped reports whether no thread of any rank runs any more.
func (j *job) stopped() bool {
	for _, r := range j.ranks {
		if !r.Stopped(exitTimeout) {
			return false
		}
	}
	return true
}

// reset frees what the process has for a job that ended cleanly, and reports whether the process is as it was before.
// The job's record must have been written: what is lost from here on is lost to nobody.
func (p *process) reset(j *job) bool {
	if !p.agent.Detach() {
		return false
	}
	err := errors.Join(j.close(), p.programs.trim())
	if j.start.Interactive {
		// still tied to the agent
	} else if fault := child.ArmWatch(child.WatchFD); fault != nil {
		return false // the agent is gone
	}
	if heapBytes() > idleGarbage {
		runtime.GC()
	}
	err = errors.Join(err, forgetPeak())
	now, fault := readFootprint()
	now.files -= p.programs.files()
	if err = errors.Join(err, fault); err == nil {
		if p.baseline == (footprint{}) {
			p.baseline = now
		}
		err = now.compare(p.baseline)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "faasmrun executor: not fit for another job:", err)
	}
	return err == nil
}

// idleGarbage is how much garbage may stay on the heap between two jobs; collecting costs milliseconds.
const idleGarbage = 16 << 20

// heapBytes is what the Go heap has, garbage included.
func heapBytes() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// restPause is how long a process is idle before it gives memory back that it could use again.
const restPause = time.Second

// wait waits for the next job, for at most a time. nil: there will be none.
func (p *process) wait(most time.Duration) (*control.Start, error) {
	resting := time.AfterFunc(min(restPause, most/2), debug.FreeOSMemory)
	defer resting.Stop()
	return p.agent.NextStart(most)
}

// footprint is what a job could leave in its process.
type footprint struct {
	goroutines, files int
	resident          uint64 // bytes
}

// How much more than at the first time is allowed: what leaks does so with every job.
const (
	spareGoroutines = 4
	maxIdleResident = 192 << 20
)

func (t footprint) compare(first footprint) error {
	switch {
	case t.goroutines > first.goroutines+spareGoroutines:
		return fmt.Errorf("%d goroutines are left; at first there were %d", t.goroutines, first.goroutines)
	case t.files > first.files:
		return fmt.Errorf("%d files are open; at first there were %d", t.files, first.files)
	case t.resident > maxIdleResident:
		return fmt.Errorf("it occupies %d MiB, which is more than the %d an idle one may", t.resident>>20,
			maxIdleResident>>20)
	}
	return nil
}

func readFootprint() (t footprint, err error) {
	t.goroutines = runtime.NumGoroutine()
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return t, err
	}
	names, err := dir.Readdirnames(-1)
	if err = errors.Join(err, dir.Close()); err != nil {
		return t, err
	}
	t.files = len(names)
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return t, err
	}
	fields := bytes.Fields(statm)
	if len(fields) < 2 {
		return t, fmt.Errorf("/proc/self/statm: %q", statm)
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 64)
	t.resident = pages * uint64(os.Getpagesize())
	return t, err
}

// peak is the most memory that the process has had since forgetPeak, in bytes. (getrusage counts that of the process
// which started this one, if it was more.)
func peak() uint64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := bytes.Cut(status, []byte("\nVmHWM:"))
	number, _, _ := bytes.Cut(bytes.TrimLeft(rest, " \t"), []byte(" "))
	n, _ := strconv.ParseUint(string(number), 10, 64)
	return n << 10
}

// forgetPeak has the kernel count the most memory that the process has had from now on.
func forgetPeak() error {
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		return fmt.Errorf("the most memory a job has had would count for the next one: %w", err)
	}
	return nil
}
