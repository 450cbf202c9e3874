package worker

import (
	"os"
	"os/user"
	"strconv"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// A script runs as its tenant's own user or not at all.
func TestWhoseScriptsRun(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Skip(err)
	}
	for name, c := range map[string]struct {
		config Config
		tenant string
		as     *identity
		want   string // in the refusal; "": it runs
	}{
		"the worker's own":  {Config{}, localTenant + strconv.Itoa(os.Geteuid()), nil, ""},
		"another's":         {Config{}, "stranger", nil, "could only run that of stranger as its own user, " + me.Username},
		"another local":     {Config{}, localTenant + "64123", nil, "could only run that of uid:64123"},
		"by a certificate":  {Config{}, me.Username, nil, ""},
		"by --user":         {Config{Users: map[string]string{"stranger": me.Username}}, "stranger", nil, ""},
		"another's mapping": {Config{Users: map[string]string{me.Username: "other"}}, me.Username, nil, "could only run"},
		"as another":        {Config{}, "stranger", &identity{name: "stranger", uid: 64123}, ""},
		"refused":           {Config{NoScripts: true}, localTenant + strconv.Itoa(os.Geteuid()), nil, "runs no scripts"},
		"embedded":          {Config{Ephemeral: true}, localTenant + strconv.Itoa(os.Geteuid()), nil, "runs no scripts"},
	} {
		c.config.Name = "w1"
		j := &job{w: &Worker{Config: c.config}, as: c.as, order: &schedpb.StartJob{Tenant: c.tenant}}
		if err := j.mayRunScript(); (err == nil) != (c.want == "") ||
			err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if os.Geteuid() == 0 {
		w := &Worker{Config: Config{Name: "w1"}}
		if _, err := w.identityOf("no-such-tenant"); err == nil ||
			!strings.Contains(err.Error(), "no-such-tenant is no user") {
			t.Errorf("a tenant without a user: %v", err)
		}
	}
}

func TestEntries(t *testing.T) {
	env := []byte("A=1\x00FAASMRUN_JOB_MARK=x/1.1\x00B=2\x00")
	for entry, want := range map[string]bool{"FAASMRUN_JOB_MARK=x/1.1": true, "FAASMRUN_JOB_MARK=x/1.": false, "A=": false,
		"B=2": true} {
		if hasEntry(env, []byte(entry)) != want {
			t.Errorf("%s: %t", entry, !want)
		}
	}
}
