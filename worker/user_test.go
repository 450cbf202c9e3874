package worker

import (
	"fmt"
	"math"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
	"github.com/faasmrun/faasmrun/worker/cgroup"
)

// otherUser is a user that this process is not, where it may become one.
func otherUser(t *testing.T) *identity {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can run executors as other users")
	}
	account, err := user.Lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	who, err := identityFrom(account)
	if err != nil {
		t.Fatal(err)
	}
	return who
}

// startAs orders a job of a tenant's, and its output.
func (b *bench) startAs(tenant string, spec *schedpb.JobSpec) *schedpb.JobRef {
	b.nextJob++
	ref := &schedpb.JobRef{JobId: b.nextJob, Epoch: 1}
	b.order(&schedpb.SchedulerMessage_Start{Start: &schedpb.StartJob{Job: ref, Spec: spec, Ranks: 1, WorldSize: 1,
		Tenant: tenant}})
	b.order(&schedpb.SchedulerMessage_StreamOutput{StreamOutput: &schedpb.StreamOutput{Job: ref, StreamId: b.nextJob}})
	return ref
}

func TestRunsAsTenant(t *testing.T) {
	who := otherUser(t)
	b := newBench(t, func(c *Config) {
		// Deep below directories that the tenant may not enter.
		c.Dir, c.CacheDir = filepath.Join(t.TempDir(), "closed", "state"), filepath.Join(t.TempDir(), "closed", "cache")
		for _, dir := range []string{c.Dir, c.CacheDir} {
			if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		c.Users = map[string]string{"alice": who.name}
	})
	if err := os.Chmod(filepath.Dir(t.TempDir()), 0o711); err != nil { // the jobs' own directories are below it
		t.Fatal(err)
	}
	for _, tenant := range []string{fmt.Sprint("uid:", who.uid), who.name, "alice"} {
		t.Run(tenant, func(t *testing.T) {
			app := b.app("act", 1, "linger")
			if err := os.Chown(app.Dir, int(who.uid), int(who.gid)); err != nil {
				t.Fatal(err)
			}
			ref := b.startAs(tenant, batch(app))
			select {
			case <-b.started:
			case end := <-b.ended:
				t.Fatalf("ended %v", end)
			}
			pid := b.pid(ref)
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			if err != nil {
				t.Fatal(err)
			}
			fields := map[string]string{}
			for line := range strings.Lines(string(status)) {
				name, value, _ := strings.Cut(line, ":")
				fields[name] = strings.Join(strings.Fields(value), " ")
			}
			uid, gid := fmt.Sprint(who.uid), fmt.Sprint(who.gid)
			for name, want := range map[string]string{"Uid": strings.Join([]string{uid, uid, uid, uid}, " "),
				"Gid": strings.Join([]string{gid, gid, gid, gid}, " "), "CapEff": "0000000000000000", "NoNewPrivs": "1",
				"Seccomp": "2"} {
				if fields[name] != want {
					t.Errorf("%s is %s, not %s", name, fields[name], want)
				}
			}
			var st unix.Stat_t
			if err := unix.Stat(filepath.Join(b.worker.jobDir(keyOf(ref)), "log"), &st); err != nil || st.Uid != who.uid {
				t.Errorf("the log is user %d's, %v", st.Uid, err)
			}
			b.restart()
			wait(t, b.started, "start, said again")
			if got := b.pid(ref); got != pid {
				t.Errorf("executor %d has become %d", pid, got)
			}
			b.wantsOutput(ref)
			release(t, app)
			if o := b.collect(); o.End.State != "CD" || o.out["0"] != "waiting\nlinger ends\n" {
				t.Errorf("ended %v after %q", o.End, o.out)
			}
		})
	}
	t.Run("a directory of another's", func(t *testing.T) {
		app := b.app("hello", 1)
		if err := os.Chmod(app.Dir, 0o700); err != nil {
			t.Fatal(err)
		}
		b.startAs("alice", batch(app))
		if o := b.collect(); o.End.State != "F" || !strings.Contains(o.End.Reason, "permission denied") {
			t.Errorf("ended %v", o.End)
		}
	})
	t.Run("the cache is not theirs", func(t *testing.T) {
		for _, dir := range []string{b.worker.CacheDir, b.worker.modules.dir, b.worker.modules.native()} {
			st, err := os.Stat(dir)
			if err != nil || st.Mode().Perm() != 0o711 {
				t.Errorf("%s: %v, %v", dir, st.Mode(), err)
			}
		}
	})
	for tenant, words := range map[string]string{"uid:4242424": "no user of the machine n1",
		"nobody-knows": "no user of the machine n1",
		"root":         "would run as root", "uid:x": "no user"} {
		b.startAs(tenant, batch(b.app("hello", 1)))
		if o := b.collect(); o.End.State != "F" || !strings.Contains(o.End.Reason, words) {
			t.Errorf("tenant %s: ended %v", tenant, o.End)
		}
	}
}

// A worker that is not root runs no other local user's jobs.
func TestIdentityOf(t *testing.T) {
	own := "uid:" + strconv.Itoa(os.Geteuid())
	for _, c := range []struct {
		tenant    string
		ephemeral bool
	}{{own, false}, {"local", true}, {"uid:4242424", true}} {
		w := &Worker{Config: Config{Name: "n1", Ephemeral: c.ephemeral}}
		if who, err := w.identityOf(c.tenant); who != nil || err != nil {
			t.Errorf("%s: %v, %v", c.tenant, who, err)
		}
	}
}

// What kills an executor for want of memory is told from other kills, by its group.
func TestOutOfMemory(t *testing.T) {
	groups := cgroup.Detect("/", t.Name())
	if strings.Contains(groups.String(), "no memory limits") {
		t.Skipf("this process may limit no memory here: %v", groups)
	}
	b := newBench(t, func(c *Config) { c.Groups, c.MemBytes = groups, 200<<20 })
	o := b.run(interactive(b.app("act", 1, "devour")))
	if o.End.State != "OOM" || o.End.ExitCode != 137 || !strings.Contains(o.End.Reason, "memory") {
		t.Errorf("ended %v", o.End)
	}
	if o := b.run(interactive(b.app("hello", 2))); o.End.State != "CD" || o.MaxRssBytes > math.MaxUint32 {
		t.Errorf("the next one: %v", o.End)
	}
}
