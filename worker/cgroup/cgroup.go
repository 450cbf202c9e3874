// Package cgroup puts each executor into a control group of its own, of version 2 or 1 of the kernel's interface,
// whichever the worker may use: it bounds the memory of all that is in it, shares processors out by weight, counts, and
// kills whatever is left in it. It knows files below the control groups' file systems and nothing of jobs.
package cgroup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Groups makes groups below the one that this process is in.
type Groups struct {
	memory, cpu, kill *hierarchy // nil: not to be had
}

// hierarchy is a mounted file system of groups, and the directory in it where ours are.
type hierarchy struct {
	v2          bool
	dir         string
	parent      string
	controllers []string // handed down to dir
}

// Limits of a group.
type Limits struct {
	Memory uint64 // bytes; 0: none
	Weight uint64 // of processors, beside other groups': 1 a slot
}

// Detect finds out what can be used, by trying. root is the machine's "/", name that of the worker, for its directory.
// Nothing at all is no error: String says what is in force.
func Detect(root, name string) *Groups {
	g := &Groups{}
	own, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return g
	}
	name = "faasmrun-" + strings.Map(plain, name)
	for line := range bytes.Lines(own) {
		parts := strings.SplitN(strings.TrimSpace(string(line)), ":", 3)
		if len(parts) != 3 {
			continue
		}
		if parts[0] == "0" && parts[1] == "" {
			g.useV2(root, parts[2], name)
			continue
		}
		for _, controller := range strings.Split(parts[1], ",") {
			g.useV1(root, controller, parts[1], parts[2], name)
		}
	}
	return g
}

func plain(c rune) rune {
	if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
		return c
	}
	return '_'
}

// useV2 uses what is delegated to this process's group. A hybrid machine has the groups of version 2 without
// controllers, which still can kill.
func (g *Groups) useV2(root, group, name string) {
	for _, mount := range []string{"sys/fs/cgroup", "sys/fs/cgroup/unified"} {
		base := filepath.Join(root, mount)
		if _, err := os.Stat(filepath.Join(base, "cgroup.controllers")); err != nil {
			continue
		}
		parent := within(base, group)
		dir := filepath.Join(parent, name)
		if err := makeDir(dir); err != nil {
			return
		}
		h := &hierarchy{v2: true, dir: dir, parent: parent}
		g.kill = h
		for controller, to := range map[string]**hierarchy{"memory": &g.memory, "cpu": &g.cpu} {
			if delegate(parent, dir, controller) == nil {
				*to = h
				h.controllers = append(h.controllers, controller)
			}
		}
		return
	}
}

// delegate enables a controller in the groups in dir. The kernel allows it only where no process is in the groups
// above, the root excepted: a service that a worker is alone in needs a group of its own for it (systemd: Delegate=yes
// and DelegateSubgroup=).
func delegate(parent, dir, controller string) error {
	for _, at := range []string{parent, dir} {
		if err := write(filepath.Join(at, "cgroup.subtree_control"), "+"+controller); err != nil {
			return err
		}
	}
	return nil
}

func (g *Groups) useV1(root, controller, joint, group, name string) {
	to := map[string]**hierarchy{"memory": &g.memory, "cpu": &g.cpu}[controller]
	if to == nil || *to != nil {
		return
	}
	for _, mount := range []string{controller, joint} {
		base := filepath.Join(root, "sys/fs/cgroup", mount)
		if _, err := os.Stat(filepath.Join(base, "cgroup.procs")); err != nil {
			continue
		}
		dir := filepath.Join(within(base, group), name)
		if makeDir(dir) == nil && unix.Access(filepath.Join(dir, "cgroup.procs"), unix.W_OK) == nil {
			*to = &hierarchy{dir: dir}
		}
		return
	}
}

// within is a group's directory; inside a container the path may not be there, and the container's own group is the
// root.
func within(base, group string) string {
	dir := filepath.Join(base, group)
	if _, err := os.Stat(dir); err != nil {
		return base
	}
	return dir
}

func makeDir(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// String lists what is in force.
func (g *Groups) String() string {
	say := func(h *hierarchy, what string) string {
		switch {
		case h == nil:
			return "no " + what
		case h.v2:
			return what + " (version 2)"
		}
		return what + " (version 1)"
	}
	return say(g.memory, "memory limits") + ", " + say(g.cpu, "processor shares") + ", " + say(g.kill, "killing as one")
}

// Kills reports whether all that is in a group can be killed as one, whatever it forks meanwhile. g may be nil.
func (g *Groups) Kills() bool { return g != nil && len(g.all()) > 0 }

// Leave removes the directories that Detect has made, unless groups of executors that live on are in them.
func (g *Groups) Leave() {
	for _, h := range g.all() {
		os.Remove(h.dir) // the kernel refuses what is in use
	}
}

// Group is one executor's.
type Group struct {
	g      *Groups
	name   string
	limits Limits // as they were set
}

// New makes a group. One of the name that is there is used.
func (g *Groups) New(name string, l Limits) (*Group, error) {
	group := g.Find(name)
	for _, h := range g.all() {
		err := makeDir(filepath.Join(h.dir, name))
		if errors.Is(err, fs.ErrNotExist) { // somebody has removed ours, which stands empty between two jobs
			if err = h.restore(); err == nil {
				err = makeDir(filepath.Join(h.dir, name))
			}
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("make the control group of %s: %w", name, err), group.Remove())
		}
	}
	if err := group.Limit(l); err != nil {
		return nil, errors.Join(fmt.Errorf("limit the control group of %s: %w", name, err), group.Remove())
	}
	return group, nil
}

// restore makes the directory of our groups anew, as Detect did.
func (h *hierarchy) restore() error {
	err := makeDir(h.dir)
	for _, controller := range h.controllers {
		err = errors.Join(err, delegate(h.parent, h.dir, controller))
	}
	return err
}

// Sweep removes every group but those to keep, with all that is in it.
func (g *Groups) Sweep(keep func(name string) bool) error {
	var errs []error
	for _, h := range g.all() {
		entries, err := os.ReadDir(h.dir)
		errs = append(errs, err)
		for _, e := range entries {
			if e.IsDir() && !keep(e.Name()) {
				errs = append(errs, g.Find(e.Name()).Remove())
			}
		}
	}
	return errors.Join(errs...)
}

// Find is a group that an earlier process of the same name made.
func (g *Groups) Find(name string) *Group { return &Group{g: g, name: name} }

func (g *Groups) all() (list []*hierarchy) {
	for _, h := range []*hierarchy{g.memory, g.cpu, g.kill} {
		if h != nil && (len(list) == 0 || list[len(list)-1] != h) {
			list = append(list, h)
		}
	}
	return list
}

func (c *Group) file(h *hierarchy, name string) string { return filepath.Join(h.dir, c.name, name) }

// Weights of one slot: what the kernel gives a group that nobody asked about.
const weightV2, sharesV1, maxWeightV2, maxSharesV1 = 100, 1024, 10000, 262144

// Limit sets its limits anew.
func (c *Group) Limit(l Limits) error {
	if l == c.limits {
		return nil
	}
	c.limits = Limits{} // whatever they are, if something fails
	if err := c.set(l); err != nil {
		return err
	}
	c.limits = l
	return nil
}

func (c *Group) set(l Limits) error {
	var errs []error
	if h := c.g.memory; h != nil && l.Memory > 0 {
		if h.v2 {
			errs = append(errs, write(c.file(h, "memory.max"), strconv.FormatUint(l.Memory, 10)))
			if err := write(c.file(h, "memory.oom.group"), "1"); !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		} else {
			errs = append(errs, write(c.file(h, "memory.limit_in_bytes"), strconv.FormatUint(l.Memory, 10)))
		}
	}
	if h := c.g.cpu; h != nil && l.Weight > 0 {
		if h.v2 {
			errs = append(errs, write(c.file(h, "cpu.weight"), strconv.FormatUint(min(l.Weight*weightV2, maxWeightV2), 10)))
		} else {
			errs = append(errs, write(c.file(h, "cpu.shares"), strconv.FormatUint(min(l.Weight*sharesV1, maxSharesV1), 10)))
		}
	}
	return errors.Join(errs...)
}

// Add puts a process in, with all of its threads.
func (c *Group) Add(pid int) error {
	for _, h := range c.g.all() {
		if err := write(c.file(h, "cgroup.procs"), strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("put process %d into its control group: %w", pid, err)
		}
	}
	return nil
}

// OutOfMemory reports whether something in it was killed for want of memory.
func (c *Group) OutOfMemory() bool {
	h := c.g.memory
	if h == nil {
		return false
	}
	file := "memory.oom_control"
	if h.v2 {
		file = "memory.events"
	}
	b, _ := os.ReadFile(c.file(h, file))
	for line := range bytes.Lines(b) {
		if words := bytes.Fields(line); len(words) == 2 && string(words[0]) == "oom_kill" {
			return string(words[1]) != "0"
		}
	}
	return false
}

// Held is how many bytes are charged to it that the kernel can't take back when it likes: what processes have, and what
// they left in file systems of memory. It is 0 where memory is not counted.
func (c *Group) Held() (bytes uint64) {
	h := c.g.memory
	if h == nil {
		return 0
	}
	stat, _ := os.ReadFile(c.file(h, "memory.stat"))
	for line := range strings.Lines(string(stat)) {
		name, number, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "shmem" || h.v2 && name == "anon" || !h.v2 && name == "rss" {
			n, _ := strconv.ParseUint(number, 10, 64)
			bytes += n
		}
	}
	return bytes
}

// Kill kills whatever is in it.
func (c *Group) Kill() error {
	if h := c.g.kill; h != nil && write(c.file(h, "cgroup.kill"), "1") == nil {
		return nil
	}
	var errs []error
	for _, h := range c.g.all() {
		b, err := os.ReadFile(c.file(h, "cgroup.procs"))
		if err != nil {
			continue // gone, and so is all that was in it
		}
		for _, word := range bytes.Fields(b) {
			if pid, err := strconv.Atoi(string(word)); err == nil && pid > 1 {
				if err := unix.Kill(pid, unix.SIGKILL); err != unix.ESRCH {
					errs = append(errs, err)
				}
			}
		}
	}
	return errors.Join(errs...)
}

// How long a group may take to be empty once all that is in it has been killed.
const removeTries, removePause = 50, 2 * time.Millisecond

// Remove kills what is left and takes the group away.
func (c *Group) Remove() error {
	var errs []error
	for range removeTries {
		errs = nil
		for _, h := range c.g.all() {
			if err := unix.Rmdir(filepath.Join(h.dir, c.name)); err != nil && err != unix.ENOENT {
				errs = append(errs, fmt.Errorf("remove the control group %s: %w", c.name, err))
			}
		}
		if errs == nil {
			return nil
		}
		c.Kill() // again: what was not to be killed as one may have forked meanwhile
		time.Sleep(removePause)
	}
	return errors.Join(errs...)
}

// write writes to a file that there is, in one call, as the kernel wants it.
func write(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
