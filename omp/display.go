package omp

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// void omp_display_env(verbose i32): writes what variables say, and defaults, to standard error.
func displayEnv(t *Thread, _ []uint64) { t.host.Print(2, t.runtime.display()) }

// Announce is what OMP_DISPLAY_ENV asks for at the beginning of a program.
func (t *Thread) Announce() {
	if t.runtime.settings.Display {
		displayEnv(t, nil)
	}
}

// version is _OPENMP, the date of the standard that clang 19 compiles by.
const version = 202011

// display says what the rank's settings are, in the standard's form (OpenMP 5.1, 3.15 and 6.12).
func (r *Runtime) display() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "\nOPENMP DISPLAY ENVIRONMENT BEGIN\n   _OPENMP='%d'\n", version)
	for _, v := range r.settings.variables() {
		fmt.Fprintf(&out, "  [host] %s='%s'\n", v[0], v[1])
	}
	out.WriteString("OPENMP DISPLAY ENVIRONMENT END\n\n")
	return out.Bytes()
}

// variables are the names and values of settings, by name.
func (s Settings) variables() [][2]string {
	truth := func(b bool) string { return strings.ToUpper(strconv.FormatBool(b)) }
	return [][2]string{
		{"OMP_AFFINITY_FORMAT", s.AffinityFormat},
		{"OMP_ALLOCATOR", allocatorNames[s.allocator]},
		{"OMP_CANCELLATION", truth(s.Cancellation)},
		{"OMP_DEFAULT_DEVICE", strconv.Itoa(s.device)},
		{"OMP_DISPLAY_AFFINITY", truth(s.DisplayAffinity)},
		{"OMP_DISPLAY_ENV", truth(s.Display)},
		{"OMP_DYNAMIC", truth(s.dynamic)},
		{"OMP_MAX_ACTIVE_LEVELS", strconv.Itoa(s.maxLevels)},
		{"OMP_MAX_TASK_PRIORITY", strconv.Itoa(s.MaxPriority)},
		{"OMP_NUM_TEAMS", strconv.Itoa(s.teams)},
		{"OMP_NUM_THREADS", numbers(s.threads)},
		{"OMP_SCHEDULE", s.schedule.text()},
		{"OMP_STACKSIZE", strconv.FormatUint(s.StackSize>>10, 10) + "K"},
		{"OMP_TEAMS_THREAD_LIMIT", strconv.Itoa(s.teamLimit)},
		{"OMP_THREAD_LIMIT", strconv.Itoa(s.ThreadLimit)},
		{"OMP_WAIT_POLICY", map[bool]string{false: "ACTIVE", true: "PASSIVE"}[s.Passive]},
	}
}

func numbers(list []int) string {
	texts := make([]string, len(list))
	for i, n := range list {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, ",")
}

// text is a schedule as OMP_SCHEDULE has it.
func (s schedule) text() string {
	text := ""
	if s.monotonic {
		text = "monotonic:"
	}
	for name, k := range kinds {
		if k == s.kind {
			text += name
		}
	}
	if s.chunk > 0 {
		text += fmt.Sprint(",", s.chunk)
	}
	return text
}

// allocatorNames are omp.h's of those that are there from the beginning, by their handles.
var allocatorNames = [...]string{"omp_null_allocator", "omp_default_mem_alloc", "omp_large_cap_mem_alloc",
	"omp_const_mem_alloc", "omp_high_bw_mem_alloc", "omp_low_lat_mem_alloc", "omp_cgroup_mem_alloc",
	"omp_pteam_mem_alloc", "omp_thread_mem_alloc"}

// Severities of the error directive, by clang's numbers.
const severityWarning = 1

// void __kmpc_error(loc, severity i32, *message): the error directive, where the program comes to it. A warning is
// written to standard error; what is fatal ends the rank.
func kmpcError(t *Thread, s []uint64) { t.complain(s[1], string(t.text(s[2]))) }

func (t *Thread) complain(severity uint64, message string) {
	if message == "" {
		message = "the program has come to an error directive"
	}
	if int32(severity) != severityWarning {
		fail("%s", message)
	}
	t.host.Print(2, []byte("OpenMP: warning: "+message+"\n"))
}
