package worker

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/faasmrun/faasmrun/worker/control"
)

// Bounds of the logs of batch jobs that have ended, where Config says none.
const (
	DefaultKeepLogs     = 10_000
	DefaultKeepLogBytes = 10 << 30
)

// pruneEvery is how many jobs end between two prunes; so many more than the bound there may be.
const pruneEvery = 100

// oldLog is what is left of a job that has ended.
type oldLog struct {
	dir   string
	bytes int64
	ended time.Time
}

// pruneSometimes is called when a job has been forgotten.
func (w *Worker) pruneSometimes() {
	if w.forgotten.Add(1)%pruneEvery == 0 {
		w.prune()
	}
}

// prune removes the logs of the jobs that ended first until what is left keeps within the bounds. Whoever reads one has
// it open and reads on.
func (w *Worker) prune() {
	logs := w.oldLogs()
	slices.SortFunc(logs, func(a, b oldLog) int { return b.ended.Compare(a.ended) })
	var bytes uint64
	for i, l := range logs {
		bytes += uint64(l.bytes)
		if i < w.KeepLogs && bytes <= w.KeepLogBytes {
			continue
		}
		if err := os.RemoveAll(l.dir); err != nil {
			w.Logger.Warn("removing an old log", "dir", l.dir, "err", err)
		}
	}
}

// removeTemporary removes what a job that is over had in its /tmp. A link in it is not followed.
func (w *Worker) removeTemporary(jobDir string) {
	if err := os.RemoveAll(filepath.Join(jobDir, control.TemporaryDir)); err != nil {
		w.Logger.Warn("removing a job's temporary files", "dir", jobDir, "err", err)
	}
}

// sweepTemporary removes the temporary files of jobs that ended with an earlier worker: what it did not come to, or
// what an executor left that it killed and never reported.
func (w *Worker) sweepTemporary() {
	root := filepath.Join(w.Dir, "jobs")
	entries, err := os.ReadDir(root)
	if err != nil {
		w.Logger.Warn("temporary files of old jobs", "err", err)
	}
	held := map[string]bool{}
	for _, j := range w.held() {
		held[j.key.String()] = true
	}
	for _, e := range entries {
		if !held[e.Name()] {
			w.removeTemporary(filepath.Join(root, e.Name()))
		}
	}
}

// oldLogs lists the directories of jobs that this worker does not hold. One that it takes on again has another epoch
// and so another directory.
func (w *Worker) oldLogs() (logs []oldLog) {
	root := filepath.Join(w.Dir, "jobs")
	entries, err := os.ReadDir(root)
	if err != nil {
		w.Logger.Warn("old logs", "err", err)
	}
	held := map[string]bool{} // after the listing: a job is held before it has a directory
	for _, j := range w.held() {
		held[j.key.String()] = true
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || held[e.Name()] {
			continue
		}
		l := oldLog{dir: filepath.Join(root, e.Name()), ended: info.ModTime()}
		filepath.WalkDir(l.dir, func(_ string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				if info, err := d.Info(); err == nil {
					l.bytes += info.Size()
				}
			}
			return nil
		})
		logs = append(logs, l)
	}
	return logs
}
