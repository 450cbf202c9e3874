package scheduler

import (
	"reflect"
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/scheduler/core"
)

const somePolicy = `{"time_limit": "2h", "half_life": "14d", "backfill": false, "depth": 50,
	"qos": {"low": {"points": -5, "preempted": "requeue"}, "high": {"points": 7, "preempts": ["low", ""]}},
	"tenants": {"uid:7": {"shares": 3, "slots": 64, "mem": "64G", "running": 5, "pending": 9, "output": "10M"}},
	"others": {"shares": 2}}`

func TestParsePolicy(t *testing.T) {
	p, err := ParsePolicy([]byte(somePolicy), core.DefaultPolicy())
	if err != nil {
		t.Fatal(err)
	}
	want := core.DefaultPolicy()
	want.TimeLimit, want.HalfLife, want.Backfill, want.Depth = 2*core.Hour, 14*24*core.Hour, false, 50
	want.QOS = map[string]core.QOS{"": {}, "low": {Points: -5, Preempted: core.PreemptRequeue},
		"high": {Points: 7, Preempts: []string{"low", ""}}}
	want.Tenants = map[core.Tenant]core.Quota{"uid:7": {Shares: 3, Slots: 64, Mem: 64 << 30, Running: 5, Pending: 9,
		Output: 10 << 20}}
	want.Others = core.Quota{Shares: 2}
	if !reflect.DeepEqual(p, want) {
		t.Errorf("read  %+v\nwant %+v", p, want)
	}
	text, err := EncodePolicy(p)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ParsePolicy(text, core.Policy{}); err != nil || again.Depth != 50 ||
		!reflect.DeepEqual(again.QOS, want.QOS) ||
		!reflect.DeepEqual(again.Tenants, want.Tenants) || again.HalfLife != want.HalfLife ||
		again.KeepEnded != want.KeepEnded {
		t.Errorf("%v: %s", err, text)
	}
}

func TestBadPolicies(t *testing.T) {
	for words, text := range map[string]string{
		`unknown field "dept"`:         `{"dept": 3}`,
		"there is more behind its end": `{} {}`,
		"is no duration":               `{"time_limit": "soon"}`,
		"is no size":                   `{"others": {"mem": "9999999999T"}}`,
		"preempted is one of":          `{"qos": {"low": {"preempted": "shot"}}}`,
		`preempts "lwo"`:               `{"qos": {"high": {"preempts": ["lwo"]}}}`,
		"depth is 0":                   `{"depth": 0}`,
		"quota of tenant x":            `{"tenants": {"x": {"running": -1}}}`,
		"half_life in seconds is 0":    `{"half_life": "0s"}`,
		"cannot unmarshal number":      `{"qos": {"low": {"points": 9e20}}}`,
	} {
		_, err := ParsePolicy([]byte(text), core.DefaultPolicy())
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: expected %q, got %v", text, words, err)
		}
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add([]byte(somePolicy))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParsePolicy(text, core.DefaultPolicy())
		if err != nil {
			return
		}
		again, err := EncodePolicy(p)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParsePolicy(again, core.Policy{}); err != nil {
			t.Errorf("%s is read, and written as %s: %v", text, again, err)
		}
	})
}
