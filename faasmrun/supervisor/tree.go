package supervisor

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// What a script starts is found by who started whom: this process inherits all that is left of its descendants, so none
// of them can get out of the tree below it.

// process is one of the machine's, at a moment.
type process struct {
	pid, parent, session int
	zombie               bool
	name                 string
}

type table map[int]process

// processes lists all that are to be seen.
func processes() table {
	t := table{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return t
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if p, err := look(pid); err == nil {
				t[pid] = p
			}
		}
	}
	return t
}

var errNoProcess = errors.New("there is no such process")

// look reads what the kernel says of a process: "12 (name) S 11 12 12 …".
func look(pid int) (process, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return process{}, errNoProcess
	}
	fields := bytes.Fields(b[end+1:])
	if len(fields) < 4 {
		return process{}, errNoProcess
	}
	parent, err := strconv.Atoi(string(fields[1]))
	session, err2 := strconv.Atoi(string(fields[3]))
	return process{pid, parent, session, string(fields[0]) == "Z", string(b[open+1 : end])}, errors.Join(err, err2)
}

// below lists the descendants of a process, each behind its parent.
func (t table) below(root int) (list []process) {
	children := map[int][]process{}
	for _, p := range t {
		children[p.parent] = append(children[p.parent], p)
	}
	queue := []int{root}
	for len(queue) > 0 {
		of := children[queue[0]]
		queue = queue[1:]
		slices.SortFunc(of, func(a, b process) int { return a.pid - b.pid })
		for _, p := range of {
			list = append(list, p)
			queue = append(queue, p.pid)
		}
	}
	return list
}

// isExecutor reports whether the process is a child that the steps' worker has started: of this program, in a session
// of its own. A launcher that was sent to the background so is taken for one, and killed with them.
func (p process) isExecutor() bool {
	return p.parent == os.Getpid() && p.session == p.pid && p.name == ownName()
}

var ownName = sync.OnceValue(func() string {
	p, _ := look(os.Getpid())
	return p.name
})

// threadsOf counts a user's processes, each thread by itself, as the kernel does.
func threadsOf(uid uint32) (n uint64) {
	tasks, _ := filepath.Glob("/proc/[0-9]*/task/[0-9]*")
	for _, task := range tasks {
		var st syscall.Stat_t
		if syscall.Stat(task, &st) == nil && st.Uid == uid {
			n++
		}
	}
	return n
}

// maxDepth bounds how far up a process's ancestors are looked for.
const maxDepth = 1 << 16

// isMember is nil for a descendant of this process; for any other an error says why it is none.
func isMember(pid int) error {
	at := pid
	for range maxDepth {
		p, err := look(at)
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("process %d is gone", at)
			}
			return err
		}
		if at = p.parent; at == os.Getpid() {
			return nil
		}
		if at <= 1 {
			break
		}
	}
	return fmt.Errorf("process %d is no part of that job", pid)
}

// killPause is left to what was killed, before a look at what is left.
const killPause = time.Millisecond

// kill kills the descendants of this process until there are none, and waits for them: without all, not the executors
// of steps, for which others wait. The script itself is waited for elsewhere, too.
func kill(script int, all bool) {
	for {
		left := 0
		for _, p := range processes().below(os.Getpid()) {
			switch {
			case !all && p.isExecutor():
			case !p.zombie:
				left++
				syscall.Kill(p.pid, syscall.SIGSTOP) // it starts no others meanwhile
			case p.pid != script && p.parent == os.Getpid():
				syscall.Wait4(p.pid, nil, syscall.WNOHANG, nil)
			}
		}
		if left == 0 {
			return
		}
		for _, p := range processes().below(os.Getpid()) {
			if all || !p.isExecutor() {
				syscall.Kill(p.pid, syscall.SIGKILL)
			}
		}
		time.Sleep(killPause)
	}
}

// reapEvery is how often what the script has left and what has ended is waited for.
const reapEvery = 5 * time.Second

// zombies are the children that had ended at the last look. The steps' executors are waited for by who started them,
// which takes no time; what has stayed from one look to the next is nobody's.
type zombies map[int]bool

func (z zombies) reap(script int) zombies {
	now := zombies{}
	for _, p := range processes() {
		if p.parent != os.Getpid() || !p.zombie || p.pid == script || p.isExecutor() {
			continue
		}
		if z[p.pid] {
			syscall.Wait4(p.pid, nil, syscall.WNOHANG, nil)
		} else {
			now[p.pid] = true
		}
	}
	return now
}
