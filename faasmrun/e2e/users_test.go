package e2e

import (
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
}

func (w *warm) person(name string) *person {
	account, err := user.Lookup(name)
	if err != nil {
		w.b.Skip(err)
	}
	uid, _ := strconv.Atoi(account.Uid)
	gid, _ := strconv.Atoi(account.Gid)
	p := &person{w, filepath.Join(w.dir, name), uint32(uid), uint32(gid)}
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		w.b.Fatal(err)
	}
	if err := os.Chown(p.dir, uid, gid); err != nil {
		w.b.Fatal(err)
	}
	return p
}

func (p *person) run(args ...string) (string, error) {
	c := exec.Command(p.w.binary, args...)
	c.Dir = p.dir
	c.Env = append(os.Environ(), "FAASMRUN_SCHEDULER="+p.w.socket, "FAASMRUN_HOME="+filepath.Join(p.dir, "home"),
		"HOME="+p.dir)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: p.uid, Gid: p.gid}}
	out, err := c.CombinedOutput()
	return strings.TrimSpace(string(out)), err
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
