package omp

import (
	"fmt"
	"strings"
	"testing"
)

// What the variables say, and what is said of those that make no sense.
func TestEnvironment(t *testing.T) {
	standard := "[2] false 1 {1 0} 64 8192 false"
	for _, c := range []struct{ env, want, warning string }{
		{"", standard, ""},
		{"OMP_NUM_THREADS=8", "[8] false 1 {1 0} 64 8192 false", ""},
		{"OMP_NUM_THREADS= 8 , 2", "[8 2] false 64 {1 0} 64 8192 false", ""},
		{"OMP_NUM_THREADS=-3", standard, `OMP_NUM_THREADS="-3": expected numbers from 1 on, with commas`},
		{"OMP_NUM_THREADS= OMP_SCHEDULE= OMP_DYNAMIC= OMP_STACKSIZE= OMP_THREAD_LIMIT=", standard, ""},
		{"OMP_NUM_THREADS=4,", standard, "it is ignored"},
		{"OMP_NUM_THREADS=0", standard, "it is ignored"},
		{"OMP_NUM_THREADS=4,x", standard, "it is ignored"},
		{"OMP_NUM_THREADS=100000", "[64] false 1 {1 0} 64 8192 false", "64 threads at most, and so many are taken"},
		{"OMP_NUM_THREADS=99999999999999999999", "[64] false 1 {1 0} 64 8192 false", "64 threads at most"},
		{"OMP_NUM_THREADS=9 OMP_THREAD_LIMIT=5", "[5] false 1 {1 0} 5 8192 false", "5 threads at most"},
		{"OMP_THREAD_LIMIT=0", standard, "OMP_THREAD_LIMIT"},
		{"OMP_DYNAMIC=TRUE OMP_MAX_ACTIVE_LEVELS=3", "[2] true 3 {1 0} 64 8192 false", ""},
		{"OMP_DYNAMIC=maybe", standard, "expected true or false"},
		{"OMP_NESTED=true", "[2] false 64 {1 0} 64 8192 false", ""},
		{"OMP_MAX_ACTIVE_LEVELS=-1", standard, "OMP_MAX_ACTIVE_LEVELS"},
		{"OMP_SCHEDULE=dynamic", "[2] false 1 {2 1} 64 8192 false", ""},
		{"OMP_SCHEDULE=nonmonotonic:Guided,4", "[2] false 1 {3 4} 64 8192 false", ""},
		{"OMP_SCHEDULE=static,0", standard, "OMP_SCHEDULE"},
		{"OMP_SCHEDULE=fair", standard, "expected static, dynamic, guided or auto"},
		{"OMP_STACKSIZE=512", "[2] false 1 {1 0} 64 512 false", ""},
		{"OMP_STACKSIZE=16m", "[2] false 1 {1 0} 64 16384 false", ""},
		{"OMP_STACKSIZE=65536B", "[2] false 1 {1 0} 64 64 false", ""},
		{"OMP_STACKSIZE=1", standard, "expected a size from 32K to 1G"},
		{"OMP_STACKSIZE=9999999999G", standard, "OMP_STACKSIZE"},
		{"OMP_WAIT_POLICY=passive", "[2] false 1 {1 0} 64 8192 true", ""},
		{"OMP_WAIT_POLICY=later", standard, "expected active or passive"},
		{"OMP_SOMETHING=else NUM=1", standard, ""},
	} {
		env := strings.Fields(c.env)
		if strings.Contains(c.env, " , ") {
			env = []string{c.env}
		}
		s, warnings := Environment(env, 2, 64)
		got := fmt.Sprint(s.threads, s.dynamic, s.maxLevels,
			fmt.Sprintf(" {%d %d} ", s.schedule.kind, s.schedule.chunk), s.ThreadLimit, s.StackSize>>10, s.Passive)
		if said := strings.Join(warnings, "\n"); got != c.want || !strings.Contains(said, c.warning) ||
			c.warning == "" && said != "" {
			t.Errorf("%s: %s; %s", c.env, got, said)
		}
	}
}
