package worker

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/scheduler/jobstate"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// A batch job that failed says why behind its output, where its user looks first: the reason with the stack, and where
// the ranks stood. The worker writes it, not the executor: that may have been killed, and does not know why it was told
// to end.

// appendEnd appends how a job ended to its file for errors, unless it completed. What can't be written is in the job's
// record anyway.
func (j *job) appendEnd(end *schedpb.JobEnd) {
	if end.GetState() == jobstate.Completed || j.spec.GetInteractive() {
		return
	}
	pattern := j.spec.GetStderrPath()
	if pattern == "" || pattern == noOutput {
		pattern = j.spec.GetStdoutPath()
	}
	paths := j.outputFiles(pattern)
	who, err := j.w.identityOf(j.order.GetTenant())
	if len(paths) == 0 || err != nil {
		return
	}
	path := paths[0]
	if at := int(failedRank(end)) - int(j.order.GetFirstRank()); at > 0 && at < len(paths) {
		path = paths[at]
	}
	// a pipe that nobody reads must not hold the worker
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND | unix.O_NONBLOCK | unix.O_NOCTTY
	if j.neverBegan() && !j.spec.GetAppendOutput() && !j.shared(pattern) {
		flags |= os.O_TRUNC // as the executor would have, had it come to that
	}
	err = as(who, func() error {
		f, err := os.OpenFile(path, flags, 0o666)
		if err != nil {
			return err
		}
		defer f.Close()
		if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
			return err
		}
		_, err = f.WriteString(j.endText(end))
		return err
	})
	if err != nil {
		j.w.Logger.Info("a job's end is not in its file", "job", j.key.id, "err", err)
	}
}

// failedRank is the lowest rank that failed by itself, 0 if none did.
func failedRank(end *schedpb.JobEnd) uint32 {
	for _, x := range end.GetExits() {
		if !x.GetConsequence() {
			return x.GetRank()
		}
	}
	return 0
}

func (j *job) endText(end *schedpb.JobEnd) string {
	name := fmt.Sprint(j.key.id)
	if j.order.GetArrayId() != 0 {
		name += fmt.Sprintf(" (%d_%d)", j.order.GetArrayId(), j.order.GetArrayIndex())
	}
	why := end.GetReason()
	if why == "" {
		why = "ended with status " + fmt.Sprint(end.GetExitCode())
	}
	lines := []string{fmt.Sprintf("job %s: %s", name, strings.TrimRight(why, "\n"))}
	if states := end.GetRankStates().FirstLines(); len(states) > 0 {
		lines = append(append(lines, "where the ranks stood:"), states...)
	}
	return "faasmrun: " + strings.ReplaceAll(strings.Join(lines, "\n"), "\n", "\n  ") + "\n"
}

// as runs do with the file access rights of a user. The user chose the paths, which may be links to anywhere: opened as
// root they would be a way to write where only root may. File systems check the thread's own user and groups, which C
// and Go otherwise keep the same for all threads; this thread ends with its goroutine. nil is the worker's own user.
func as(who *identity, do func() error) error {
	if who == nil {
		return do()
	}
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good
		err := become(who)
		if err == nil {
			err = do()
		}
		result <- err
	}()
	return <-result
}

// become gives the calling thread another user's identity for file systems. The capabilities that override permissions
// go with root's number.
func become(who *identity) error {
	var groups unsafe.Pointer
	if len(who.groups) > 0 {
		groups = unsafe.Pointer(&who.groups[0])
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(who.groups)), uintptr(groups), 0); errno != 0 {
		return fmt.Errorf("take the groups of user %s: %w", who.name, errno)
	}
	// Neither call reports whether it succeeded; called with an invalid number it returns the one in force.
	const none = -1
	unix.SetfsgidRetGid(int(who.gid))
	unix.SetfsuidRetUid(int(who.uid))
	gid, err := unix.SetfsgidRetGid(none)
	uid, err2 := unix.SetfsuidRetUid(none)
	if err := errors.Join(err, err2); err != nil || uid != int(who.uid) || gid != int(who.gid) {
		return fmt.Errorf("take on user %s for files: %w", who.name, errors.Join(err, unix.EPERM))
	}
	return nil
}
