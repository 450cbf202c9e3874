package schedpb

import (
	"testing"
	"time"
)

func TestWaitedAndRan(t *testing.T) {
	now := time.Unix(100, 0)
	at := func(s int64) int64 { return s * int64(time.Second) }
	for name, c := range map[string]struct {
		job         *JobInfo
		waited, ran time.Duration
	}{
		"waits": {&JobInfo{SubmittedUnixNs: at(90)}, 10 * time.Second, 0},
		"runs":  {&JobInfo{SubmittedUnixNs: at(90), StartedUnixNs: at(94)}, 4 * time.Second, 6 * time.Second},
		"has run": {&JobInfo{SubmittedUnixNs: at(90), StartedUnixNs: at(94), EndedUnixNs: at(95)},
			4 * time.Second, time.Second},
		"never ran":       {&JobInfo{SubmittedUnixNs: at(90), EndedUnixNs: at(97)}, 7 * time.Second, 0},
		"another's clock": {&JobInfo{SubmittedUnixNs: at(110), StartedUnixNs: at(120)}, 10 * time.Second, 0},
		"ahead of ours":   {&JobInfo{SubmittedUnixNs: at(110)}, 0, 0},
	} {
		if w, r := c.job.Waited(now), c.job.Ran(now); w != c.waited || r != c.ran {
			t.Errorf("%s: waited %v, ran %v", name, w, r)
		}
	}
}
