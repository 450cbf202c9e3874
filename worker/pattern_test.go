package worker

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

func TestOutputFiles(t *testing.T) {
	placed := func(restarts uint32, appending bool, array uint64) *job {
		return &job{w: &Worker{Config: Config{Name: "n1"}}, key: jobKey{12, 3}, as: &identity{name: "alice"},
			spec:  &schedpb.JobSpec{AppendOutput: appending, Apps: []*schedpb.App{{Dir: "/home/a"}}},
			order: &schedpb.StartJob{FirstRank: 2, Ranks: 2, Name: "../x", Restarts: restarts, ArrayId: array, ArrayIndex: 7}}
	}
	for _, c := range []struct {
		pattern string
		job     *job
		want    []string
	}{
		{"", placed(0, false, 0), nil}, {"none", placed(0, false, 0), nil},
		{"out-%j", placed(0, false, 0), []string{"/home/a/out-12"}},
		{"/abs/%5j.%x", placed(0, false, 0), []string{"/abs/00012..._x"}},
		{"%A_%3a", placed(0, false, 4), []string{"/home/a/4_007"}},
		{"%A_%a", placed(0, false, 0), []string{"/home/a/12_4294967294"}},
		{"%u%N%n%%", placed(0, false, 0), []string{"/home/a/alicen10%"}},
		{"%t", placed(0, false, 0), []string{"/home/a/2", "/home/a/3"}},
		{"out", placed(2, false, 0), []string{"/home/a/out.2"}}, {"out", placed(2, true, 0), []string{"/home/a/out"}},
		{"%r/out", placed(2, false, 0), []string{"/home/a/2/out"}},
		{"%q%", placed(0, false, 0), []string{"/home/a/%q%"}},
		{"%99999999999999999999j", placed(0, false, 0), []string{"/home/a/12"}},
		{"%99j", placed(0, false, 0), []string{"/home/a/0000000012"}}, {"%%j", placed(0, false, 0), []string{"/home/a/%j"}},
	} {
		if got := c.job.outputFiles(c.pattern); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q, not %q", c.pattern, got, c.want)
		}
	}
}

// What ranks print is in the files as they asked, and in the log.
func TestOutputIsFiled(t *testing.T) {
	b := newBench(t, nil)
	app := b.app("hello", 2)
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(app.Dir, name))
		if err != nil {
			t.Error(err)
		}
		return string(text)
	}
	spec := batch(app)
	spec.StdoutPath = "rank-%t"
	o := b.run(spec)
	for rank := range 2 {
		if want := o.out[fmt.Sprint(rank)]; read(fmt.Sprint("rank-", rank)) != want || want == "" {
			t.Errorf("rank %d: %q", rank, want)
		}
	}
	for _, c := range []struct {
		appending bool
		times     int
	}{{false, 1}, {false, 1}, {true, 2}} {
		spec.StdoutPath, spec.StderrPath, spec.AppendOutput = "both", "errors", c.appending
		one := b.run(spec)
		if got, want := len(read("both")),
			c.times*(len(one.out["0"])+len(one.out["1"])); got != want || read("errors") != "" {
			t.Errorf("%d bytes, not %d", got, want)
		}
	}
	spec.StdoutPath = "no/such/directory"
	if o := b.run(spec); o.End.State != "F" || len(o.out) > 0 {
		t.Errorf("ended %v after %q", o.End, o.out)
	}
}

func TestArguments(t *testing.T) {
	j := &job{w: &Worker{}, key: jobKey{12, 3}, spec: &schedpb.JobSpec{},
		order: &schedpb.StartJob{ArrayId: 4, ArrayIndex: 7}}
	for text, want := range map[string]string{"": "", "plain": "plain", "in-%a.dat": "in-7.dat", "%A_%3a:%j": "4_007:12",
		"%%a": "%a", "%%3a%a": "%3a7",
		"100%%": "100%%", "%%%a": "%%7", "%d%s%": "%d%s%", "%u%x%N%t": "%u%x%N%t", "é%a\xff": "é7\xff", "%5": "%5",
		"%%": "%%"} {
		if got := j.argument(text); got != want {
			t.Errorf("%q becomes %q, not %q", text, got, want)
		}
	}
	j.order.ArrayId = 0
	if got := j.argument("%a %A %j"); got != "%a %A 12" {
		t.Errorf("in no array: %q", got)
	}
	j.spec.Interactive = true
	if got := j.argument("%j"); got != "%j" {
		t.Errorf("typed at a terminal: %q", got)
	}
}

func TestUserName(t *testing.T) {
	for tenant, want := range map[string]string{"uid:0": "root", "uid:4000000000": "4000000000", "alice": "alice",
		"../x": ".._x"} {
		j := &job{w: &Worker{}, order: &schedpb.StartJob{Tenant: tenant}}
		if got := j.userName(); got != want {
			t.Errorf("%s is %q, not %q", tenant, got, want)
		}
	}
}
