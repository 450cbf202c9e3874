package omp

import (
	"strings"
	"testing"
)

func TestFormats(t *testing.T) {
	value := func(name string) string {
		return map[string]string{"thread_num": "7", "host": "node", "num_threads": "12"}[name]
	}
	for _, c := range []struct{ format, want string }{
		{"", ""},
		{"plain", "plain"},
		{"%n of %N on %H", "7 of 12 on node"},
		{"%{thread_num}%%%{host}", "7%node"},
		{"<%4n|%.4n|%0.4n>", "<7   |   7|0007>"},
		{"<%6H|%.6H|%0.6H>", "<node  |  node|  node>"},
		{"<%1H>", "<node>"},
		{"%z %{nothing} %{unclosed", "undefined undefined undefined"},
		{"%", ""}, {"%0.5", ""}, {"50%", "50"},
		{"%99999999999999999999n", "7" + strings.Repeat(" ", mostWidth-1)},
	} {
		if got := expand(c.format, value); got != c.want {
			t.Errorf("%q: %q, want %q", c.format, got, c.want)
		}
	}
}

// What is captured is cut to the buffer, and displayed by each thread; OMP_DISPLAY_AFFINITY shows each once.
func TestAffinity(t *testing.T) {
	h := newRank(t, 3, 2)
	format, buffer := h.room(64), h.room(64)
	copy(h.memory[format:], "%n.%N.%L.%a.%T\x00")
	h.call("omp_set_affinity_format", format)
	if n := h.call("omp_get_affinity_format", buffer, 6); n != 14 || string(h.memory[buffer:buffer+6]) != "%n.%N\x00" {
		t.Errorf("%d: %q", n, h.memory[buffer:buffer+6])
	}
	h.runtime.settings.DisplayAffinity = true
	for range 2 {
		h.parallel(func(h *thread) {
			at := h.room(64)
			n := h.call("omp_capture_affinity", at, 64, 0)
			if got := string(h.memory[at : at+n+1]); got != string('0'+byte(h.region.number))+".3.1.0.1\x00" {
				t.Errorf("thread %d: %q", h.region.number, got)
			}
		})
	}
	for _, line := range []string{"0.3.1.0.1\n", "1.3.1.0.1\n", "2.3.1.0.1\n"} {
		if strings.Count(h.printed[1], line) != 1 {
			t.Errorf("%q is not once in %q", line, h.printed[1])
		}
	}
}

func TestDisplay(t *testing.T) {
	h := newRank(t, 3, 2)
	h.Announce()
	if h.printed[2] != "" {
		t.Errorf("nobody has asked for %q", h.printed[2])
	}
	h.call("omp_display_env", 0)
	for _, line := range []string{"OPENMP DISPLAY ENVIRONMENT BEGIN\n", "   _OPENMP='202011'\n",
		"  [host] OMP_NUM_THREADS='3'\n",
		"  [host] OMP_SCHEDULE='static'\n", "  [host] OMP_STACKSIZE='32K'\n", "  [host] OMP_DYNAMIC='FALSE'\n",
		"OPENMP DISPLAY ENVIRONMENT END\n"} {
		if !strings.Contains(h.printed[2], line) {
			t.Errorf("%q is not in %s", line, h.printed[2])
		}
	}
	s, _ := Environment([]string{"OMP_DISPLAY_ENV=verbose", "OMP_SCHEDULE=monotonic:guided,4", "OMP_NUM_THREADS=4,2",
		"OMP_ALLOCATOR=OMP_HIGH_BW_MEM_ALLOC", "OMP_DEFAULT_DEVICE=3"}, 2, 64)
	found := map[string]string{}
	for _, v := range s.variables() {
		found[v[0]] = v[1]
	}
	for name, want := range map[string]string{"OMP_SCHEDULE": "monotonic:guided,4", "OMP_NUM_THREADS": "4,2",
		"OMP_DISPLAY_ENV": "TRUE",
		"OMP_ALLOCATOR":   "omp_high_bw_mem_alloc", "OMP_DEFAULT_DEVICE": "3"} {
		if found[name] != want {
			t.Errorf("%s is %q", name, found[name])
		}
	}
}
