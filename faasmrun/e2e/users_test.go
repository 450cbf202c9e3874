package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/faasmrun/faasmrun/faasmrun/daemon"
)

// person is a user of the machine, with a directory of its own.
type person struct {
	w        *warm
	dir      string
	uid, gid uint32
	env      []string // beside its own
}

func (w *warm) person(name string) *person {
	account, err := user.Lookup(name)
	if err != nil {
		w.b.Skip(err)
	}
	uid, _ := strconv.Atoi(account.Uid)
	gid, _ := strconv.Atoi(account.Gid)
	p := &person{w: w, dir: filepath.Join(w.dir, name), uid: uint32(uid), gid: uint32(gid)}
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		w.b.Fatal(err)
	}
	if err := os.Chown(p.dir, uid, gid); err != nil {
		w.b.Fatal(err)
	}
	return p
}

func (p *person) command(args ...string) *exec.Cmd {
	c := exec.Command(p.w.binary, args...)
	c.Dir = p.dir
	c.Env = append(os.Environ(), "FAASMRUN_SCHEDULER="+p.w.socket, "FAASMRUN_HOME="+filepath.Join(p.dir, "home"),
		"HOME="+p.dir)
	c.Env = append(c.Env, p.env...)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: p.uid, Gid: p.gid}}
	return c
}

func (p *person) run(args ...string) (string, error) {
	out, err := p.command(args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// line is the rest of the first line that begins so of what a command prints, which is then ended.
func (p *person) line(prefix string, args ...string) string {
	p.w.b.Helper()
	c := p.command(args...)
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		p.w.b.Fatal(err)
	}
	defer c.Wait()
	defer c.Process.Kill()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if rest, found := strings.CutPrefix(lines.Text(), prefix); found {
			return rest
		}
	}
	p.w.b.Fatalf("faasmrun %s printed no line %q", strings.Join(args, " "), prefix)
	return ""
}

func (p *person) may(args ...string) string {
	p.w.b.Helper()
	out, err := p.run(args...)
	if err != nil {
		p.w.b.Errorf("uid %d: faasmrun %s: %v: %s", p.uid, strings.Join(args, " "), err, out)
	}
	return out
}

// Two users of a machine share root's scheduler: each runs and reads its own jobs and has no hand in the other's.
func TestUsersShareOneSocket(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be two users, and run ranks as theirs")
	}
	w := newWarm(t, "4", "--all-users")
	// tests' directories are closed to others
	for _, dir := range []string{w.dir, filepath.Dir(w.dir), filepath.Dir(w.binary)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	one, two := w.person("daemon"), w.person("nobody")
	jobs := map[*person]string{}
	for _, p := range []*person{one, two} {
		if out := p.may("-np", "2", w.wasm); strings.Count(out, "hello from") != 2 {
			t.Errorf("uid %d: %q", p.uid, out)
		}
		id := p.may("submit", "--parsable", "-np", "1", w.wasm)
		p.may("wait", id)
		if out := p.may("logs", id); out != "hello from 0" {
			t.Errorf("uid %d: the log of job %s is %q", p.uid, id, out)
		}
		info, err := os.Stat(filepath.Join(p.dir, "faasmrun-"+id+".out"))
		if err != nil {
			t.Error(err)
		} else if owner := info.Sys().(*syscall.Stat_t).Uid; owner != p.uid {
			t.Errorf("the output of user %d belongs to %d", p.uid, owner)
		}
		jobs[p] = id
	}
	waiting := one.may("submit", "--parsable", "--hold", "-np", "1", w.wasm)
	for _, id := range []string{jobs[one], waiting} {
		for _, verb := range []string{"logs", "attach", "cancel", "requeue", "release", "hold"} {
			if out, err := two.run(verb, id); err == nil || !strings.Contains(out, "not yours") {
				t.Errorf("another's %s of job %s: %v: %s", verb, id, err, out)
			}
		}
	}
	if out, err := two.run("drain", "w1"); err == nil || !strings.Contains(out, "no administrator") {
		t.Errorf("a user drains: %v: %s", err, out)
	}
	if out := two.may("history", "--everyone"); !strings.Contains(out, daemon.UserTenant(one.uid)) ||
		strings.Count(out, "hello.wasm") != 2 {
		t.Errorf("another's jobs are listed without their names:\n%s", out)
	}
	one.may("cancel", waiting)
}

// A script runs as its tenant's user, without a way to more, and nobody from outside of the job runs steps in it.
func TestScriptsOfUsers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be two users, and run scripts as theirs")
	}
	w := newWarm(t, "4", "--all-users")
	for _, dir := range []string{w.dir, filepath.Dir(w.dir), filepath.Dir(w.binary)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	one, two := w.person("daemon"), w.person("nobody")
	script := filepath.Join(one.dir, "who.sh")
	if err := os.WriteFile(script, []byte(`#!/bin/bash
echo "as $(id -un) in $(pwd)"
grep NoNewPrivs /proc/self/status
echo "processes $(ulimit -u)"
srun -n 2 `+w.wasm+`
echo "steps: $FAASMRUN_STEPS"
for n in {1..1200}; do test -f go && break; sleep 0.05; done
srun -n 2 `+w.wasm+`
`), 0o755); err != nil {
		t.Fatal(err)
	}
	id := one.may("submit", "--parsable", "-n", "2", "-o", "out.txt", script)
	socket := one.line("steps: ", "logs", "-f", id)
	root := &person{w: w, dir: one.dir}
	for who, want := range map[*person]string{one: "is no part of that job", two: "permission denied",
		root: "by processes of the job's own user"} {
		who.env = []string{"FAASMRUN_STEPS=" + socket, "FAASMRUN_JOB_ID=" + id, "FAASMRUN_SLOTS=2"}
		if out, err := who.run("-np", "1", w.wasm); err == nil || !strings.Contains(out, want) {
			t.Errorf("a step from outside, by uid %d: %v: %s", who.uid, err, out)
		}
		who.env = nil
	}
	if err := os.WriteFile(filepath.Join(one.dir, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	one.may("wait", id)
	out, err := os.ReadFile(filepath.Join(one.dir, "out.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"as daemon in " + one.dir + "\n", "NoNewPrivs:\t1\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in the output %q", want, out)
		}
	}
	var most int
	if _, rest, found := strings.Cut(string(out), "processes "); found {
		fmt.Sscan(rest, &most)
	}
	if most < 1000 || most > 8192 {
		t.Errorf("the script may start %d processes: %s", most, out)
	}
	if n := strings.Count(string(out), "hello from"); n != 4 {
		t.Errorf("%d ranks of two steps have run: %s", n, out)
	}
	if _, err := os.Stat(filepath.Dir(socket)); !os.IsNotExist(err) {
		t.Errorf("the job's private directory: %v", err)
	}
	one.env = []string{"FAASMRUN_STEPS=" + socket, "FAASMRUN_JOB_ID=" + id}
	if out, err := one.run("-np", "1", w.wasm); err == nil || !strings.Contains(out, "is over") {
		t.Errorf("a step after the end: %v: %s", err, out)
	}
}
