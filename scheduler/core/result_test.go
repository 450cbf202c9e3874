package core

import (
	"reflect"
	"testing"
)

// The end that a worker reports becomes the job's: the state decides the status where no rank did.
func TestResult(t *testing.T) {
	running := &Job{State: Running}
	limited := &Job{State: Completing, Ending: Ending{State: TimedOut, ExitCode: 110, Reason: "time limit of 1m reached"}}
	for _, c := range []struct {
		name      string
		job       *Job
		end, want End
	}{
		{"completed", running, End{State: Completed}, End{State: Completed}},
		{"completed with a status", running, End{State: Completed, ExitCode: 3}, End{State: Completed}},
		{"a rank failed", running, End{State: Failed, ExitCode: 42, Reason: "rank 1", Detail: []byte{1}, CPU: 2, MaxRSS: 3},
			End{State: Failed, ExitCode: 42, Reason: "rank 1", Detail: []byte{1}, CPU: 2, MaxRSS: 3}},
		{"failed with 0", running, End{State: Failed}, End{State: Failed, ExitCode: 1}},
		{"out of memory", running, End{State: OutOfMemory, ExitCode: 137}, End{State: OutOfMemory, ExitCode: 137}},
		{"out of memory with 0", running, End{State: OutOfMemory}, End{State: OutOfMemory, ExitCode: 1}},
		{"preempted", running, End{State: Preempted}, End{State: Preempted, ExitCode: 1}},
		{"cancelled", running, End{State: Cancelled, ExitCode: 137}, End{State: Cancelled, ExitCode: 1}},
		{"an unknown state", running, End{State: 99, ExitCode: 2}, End{State: Failed, ExitCode: 2}},
		{"no end", running, End{State: Running}, End{State: Failed, ExitCode: 1}},
		{"the time limit", limited, End{State: TimedOut, ExitCode: 143},
			End{State: TimedOut, ExitCode: 110, Reason: "time limit of 1m reached"}},
		{"the time limit, with a reason", limited, End{State: TimedOut, Reason: "killed"},
			End{State: TimedOut, ExitCode: 110, Reason: "killed"}},
		{"done before the limit reached it", limited, End{State: Completed}, End{State: Completed}},
		{"failed before the limit reached it", limited, End{State: Failed, ExitCode: 5}, End{State: Failed, ExitCode: 5}},
	} {
		if got := result(c.job, c.end); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
