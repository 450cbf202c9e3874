package scheduler

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// What is asked and what happens is in the log, with who and what came of it, and nothing of a job's arguments or
// environment.
func TestAudit(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t, Config{Admins: []string{"alice"}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	f := w.connect(hello("n1", 1))
	spec := w.spec(1)
	spec.Name = "weather"
	spec.Apps[0].Args = []string{"--password=hunter2"}
	spec.Apps[0].Env = []*schedpb.EnvVar{{Name: "TOKEN", Value: "s3cret"}}
	first := w.submit(spec)
	start := f.start()
	f.started(start.Job)
	second := w.submit(w.spec(1))
	if _, err := w.jobs.Submit(w.ctx, &schedpb.SubmitRequest{Spec: &schedpb.JobSpec{}}); err == nil {
		t.Error("a job without a program is taken")
	}
	cancel := func(tenant string, id uint64) {
		_, err := w.jobs.Change(as(w.ctx, tenant),
			&schedpb.ChangeRequest{Ids: []uint64{id}, Action: schedpb.Action_ACTION_CANCEL})
		ok(t, err)
	}
	cancel("bob", second)
	cancel("alice", second)
	_, err := w.cluster.Drain(as(w.ctx, "bob"), &schedpb.DrainRequest{Node: "n1"})
	if err == nil {
		t.Error("bob drains")
	}
	_, err = w.cluster.Drain(w.ctx, &schedpb.DrainRequest{Node: "n1", Reason: "new disk"})
	ok(t, err)
	f.ended(start.Job, &schedpb.JobEnd{State: "F", ExitCode: 3, Reason: "it printed s3cret"})
	for f.recv().GetAckEnded() == nil {
	}
	w.stop()
	for _, want := range []string{
		`msg="worker joined" worker=n1 slots=1`,
		"msg=request what=submit who=alice job=1 name=weather ranks=1 result=done",
		`msg="job placed" job=1 epoch=1 on=n1 ranks=1`,
		`msg="job started" job=1 epoch=1`,
		"msg=request what=submit who=alice job=2",
		`level=WARN msg=request what=submit who=alice job=0 name="" ranks=0 result="refused: the job has no program"`,
		`level=WARN msg=request what=cancel who=bob job=2 kill=false result="refused: there is no job 2"`,
		"msg=request what=cancel who=alice job=2 kill=false result=done",
		`msg="job ended" job=2 state=CA exit=`,
		`level=WARN msg=request what=drain who=bob worker=n1 reason="" ` +
			`result="refused: bob is no administrator of this scheduler"`,
		`msg=request what=drain who=alice worker=n1 reason="new disk" result=done`,
		`msg="worker drained" worker=n1 reason="new disk"`,
		`msg="job ended" job=1 state=F exit=3`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s", want)
		}
	}
	for _, secret := range []string{"hunter2", "s3cret", "TOKEN", "password"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log tells %s", secret)
		}
	}
	if t.Failed() {
		t.Logf("job %d:\n%s", first, &log)
	}
}

// Another policy holds from when it is set, for those who wait already; what Config says on top stays.
func TestSetPolicy(t *testing.T) {
	p := core.DefaultPolicy()
	p.Others.Running = 1
	w := newWorld(t, Config{Policy: &p, TimeLimit: 7 * 60e9})
	f := w.connect(hello("n1", 4))
	w.submit(w.spec(1))
	f.start()
	second := w.submit(w.spec(1))
	p.Others.Running = 0
	p.TimeLimit = core.Hour
	ok(t, w.server.SetPolicy(p))
	equal(t, "the job that the quota kept back", f.start().Job.JobId, second)
	third := w.submit(w.spec(1))
	f.start()
	list, err := w.jobs.List(w.ctx, &schedpb.ListRequest{Ids: []uint64{third}})
	ok(t, err)
	equal(t, "time limit in ms", list.Jobs[0].TimeLimitMs, 7*60*1000)
	w.stop()
	if err := w.server.SetPolicy(p); err == nil {
		t.Error("a scheduler that has stopped takes a policy")
	}
}
