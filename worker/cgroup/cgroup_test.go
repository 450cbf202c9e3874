package cgroup

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// tree makes a machine of files. The kernel's own make files in new directories; here they are there before.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func (c *Group) read(t *testing.T, h *hierarchy, name string) string {
	t.Helper()
	b, err := os.ReadFile(c.file(h, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestVersion2(t *testing.T) {
	const own = "sys/fs/cgroup/a.service/"
	root := tree(t, map[string]string{"proc/self/cgroup": "0::/a.service\n",
		"sys/fs/cgroup/cgroup.controllers": "cpu memory\n",
		own + "cgroup.subtree_control":     "", own + "faasmrun-n_1/cgroup.subtree_control": "",
		own + "faasmrun-n_1/j/memory.max":       "max",
		own + "faasmrun-n_1/j/memory.oom.group": "0", own + "faasmrun-n_1/j/cpu.weight": "100",
		own + "faasmrun-n_1/j/cgroup.procs": "",
		own + "faasmrun-n_1/j/cgroup.kill":  "", own + "faasmrun-n_1/j/memory.events": "oom 3\noom_kill 0\n"})
	g := Detect(root, "n/1")
	if got := g.String(); got != "memory limits (version 2), processor shares (version 2), killing as one (version 2)" {
		t.Fatal(got)
	}
	c, err := g.New("j", Limits{Memory: 1 << 20, Weight: 3})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Add(42); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"memory.max": "1048576", "memory.oom.group": "1", "cpu.weight": "300",
		"cgroup.procs": "42"} {
		if got := c.read(t, g.memory, name); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	if c.OutOfMemory() {
		t.Error("out of memory")
	}
	if err := os.WriteFile(c.file(g.memory, "memory.events"), []byte("oom 3\noom_kill 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if !c.OutOfMemory() {
		t.Error("not out of memory")
	}
	if err := c.Kill(); err != nil || c.read(t, g.kill, "cgroup.kill") != "1" {
		t.Error("not killed", err)
	}
}

// The limits of a group are set anew for each job, and only if they differ; what it holds is what the kernel can't take
// back.
func TestLimitsAnew(t *testing.T) {
	const own = "sys/fs/cgroup/memory/a/"
	root := tree(t, map[string]string{"proc/self/cgroup": "3:memory:/a\n", "sys/fs/cgroup/memory/cgroup.procs": "",
		own + "cgroup.procs": "", own + "faasmrun-n/cgroup.procs": "",
		own + "faasmrun-n/j/memory.limit_in_bytes": "",
		own + "faasmrun-n/j/memory.stat":           "cache 9000\nrss 300\nrss_huge 7\nshmem 40\ntotal_rss 300\n",
		own + "faasmrun-n/kept/x":                  ""})
	g := Detect(root, "n")
	c, err := g.New("j", Limits{Memory: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2097152", "1048576"} {
		n, _ := strconv.ParseUint(want, 10, 64)
		if err := c.Limit(Limits{Memory: n}); err != nil || c.read(t, g.memory, "memory.limit_in_bytes") != want {
			t.Errorf("the limit is %s, not %s, %v", c.read(t, g.memory, "memory.limit_in_bytes"), want, err)
		}
	}
	file := c.file(g.memory, "memory.limit_in_bytes")
	if err := os.WriteFile(file, []byte("untouched"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := c.Limit(Limits{Memory: 1 << 20}); err != nil || c.read(t, g.memory, "memory.limit_in_bytes") != "untouched" {
		t.Error("the same limit was set again", err)
	}
	if held := c.Held(); held != 340 {
		t.Errorf("it holds %d", held)
	}
	if err := os.Mkdir(filepath.Join(g.memory.dir, "old"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := g.Sweep(func(name string) bool { return name != "old" }); err != nil {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(g.memory.dir); len(entries) != 3 { // cgroup.procs, j, kept
		t.Errorf("left are %v", entries)
	}
}

// What may not be used is not used, and said.
func TestNothingToBeHad(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"no groups":      {},
		"nonsense":       {"proc/self/cgroup": "x\n::\n5:memory\n"},
		"no mount":       {"proc/self/cgroup": "0::/\n3:memory:/\n2:cpu:/\n"},
		"not ours in v1": {"proc/self/cgroup": "3:memory:/a\n", "sys/fs/cgroup/memory/cgroup.procs": ""},
	} {
		g := Detect(tree(t, files), "n")
		if got := g.String(); got != "no memory limits, no processor shares, no killing as one" {
			t.Errorf("%s: %s", name, got)
		}
		c, err := g.New("j", Limits{1, 1})
		if err != nil || c.Add(1) != nil || c.Kill() != nil || c.Remove() != nil || c.OutOfMemory() {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The machine's own groups, where this process may use any: a process dies of its memory, or with its group.
func TestThisMachine(t *testing.T) {
	g := Detect("/", "test")
	t.Log(g)
	there := func(h *hierarchy) bool { _, err := os.Stat(h.dir); return err == nil }
	t.Cleanup(func() {
		g.Leave()
		for _, h := range g.all() {
			if there(h) {
				t.Errorf("%s stays behind", h.dir)
			}
		}
	})
	if g.memory == nil && g.kill == nil {
		t.Skip("this process may use no control groups here")
	}
	start := func(c *Group, script string) *exec.Cmd {
		cmd := exec.Command("sh", "-c", "read go; "+script)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if err := c.Add(cmd.Process.Pid); err != nil {
			t.Fatal(err)
		}
		in.Write([]byte("go\n"))
		return cmd
	}
	c, err := g.New("killed", Limits{Weight: 2})
	if err != nil {
		t.Fatal(err)
	}
	cmd := start(c, "sleep 1000; true")
	g.Leave()
	for _, h := range g.all() {
		if !there(h) {
			t.Errorf("%s is gone with a process in it", h.dir)
		}
	}
	if err := c.Remove(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("the process: %v", err)
	}
	if g.memory == nil {
		t.Skip("this process may limit no memory here")
	}
	if c, err = g.New("hungry", Limits{Memory: 16 << 20}); err != nil {
		t.Fatal(err)
	}
	defer c.Remove()
	err = start(c, "head -c 200m /dev/zero | tail -c 100m >/dev/null").Wait()
	if !c.OutOfMemory() {
		t.Errorf("100 MiB in 16: %v, and nothing was killed", err)
	}
}

// The directory of our groups stands empty between two jobs: who removes it then keeps no job from starting.
func TestRemovedMeanwhile(t *testing.T) {
	const own = "sys/fs/cgroup/a.service/"
	root := tree(t, map[string]string{"proc/self/cgroup": "0::/a.service\n",
		"sys/fs/cgroup/cgroup.controllers": "cpu memory\n",
		own + "cgroup.subtree_control":     ""})
	g := Detect(root, "n1")
	if g.kill == nil {
		t.Fatal(g)
	}
	if err := os.RemoveAll(g.kill.dir); err != nil {
		t.Fatal(err)
	}
	if _, err := g.New("j", Limits{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(g.kill.dir, "j")); err != nil {
		t.Error(err)
	}
	if err := os.RemoveAll(filepath.Join(root, own)); err != nil { // nor can it be made
		t.Fatal(err)
	}
	if _, err := g.New("k", Limits{}); err == nil {
		t.Error("made below nothing")
	}
}
