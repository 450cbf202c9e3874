package omp

import (
	"fmt"
	"slices"
	"strings"

	"github.com/faasmrun/faasmrun/internal/openmp"
)

// Settings are what environment variables say.
type Settings struct {
	icvs
	ThreadLimit  int
	StackSize    uint64 // of a thread's stack, in bytes,
	LeastStack   uint64 // and of those of large teams, and where the memory has no such room
	Passive      bool   // OMP_WAIT_POLICY=passive
	MaxPriority  int    // of tasks
	Cancellation bool   // constructs may be cancelled

	Display         bool   // at the beginning, what the variables say
	DisplayAffinity bool   // where threads are
	AffinityFormat  string // and how that is shown
}

// Threads is how many threads a team has that is in no other.
func (s Settings) Threads() int { return s.threads[0] }

// Bounds and defaults of what variables say.
const (
	mostLevels   = 64      // of active regions; engines bound how deep calls back nest
	defaultStack = 8 << 20 // main's, and what threads have on Linux
	smallStack   = 1 << 20
	stacksRoom   = 512 << 20 // of a team's stacks together, as long as each has smallStack
	leastStack   = 32 << 10
	mostStack    = 1 << 30
)

// Environment reads the variables whose names begin with OMP_. One that makes no sense is left out, and a warning says
// so and what is done instead. processors is how many threads a team has where nothing says how many, limit is the
// most that a rank has.
func Environment(env []string, processors, limit int) (s Settings, warnings []string) {
	s = Settings{ThreadLimit: limit, StackSize: defaultStack, LeastStack: smallStack,
		AffinityFormat: defaultFormat}
	s.icvs = icvs{threads: []int{min(max(processors, 1), limit)}, maxLevels: 1, schedule: schedule{kind: static},
		allocator: defaultAllocator}
	found := map[string]string{}
	for _, v := range env {
		if name, value, ok := strings.Cut(v, "="); ok && strings.HasPrefix(name, "OMP_") {
			found[name] = strings.TrimSpace(value)
		}
	}
	take := func(name, expected string, set func(value string) (warning string, ok bool)) {
		value := found[name]
		if value == "" { // as one that is not there: scripts take a variable back so
			return
		}
		warning, ok := set(value)
		if !ok {
			warning = "expected " + expected + "; it is ignored"
		}
		if warning != "" {
			warnings = append(warnings, fmt.Sprintf("%s=%q: %s", name, value, warning))
		}
	}
	take("OMP_THREAD_LIMIT", "a number from 1 on", func(v string) (string, bool) {
		n, ok := openmp.Number(v, 1)
		s.ThreadLimit = min(max(n, 1), limit)
		if !ok {
			s.ThreadLimit = limit
		}
		return tooMany(n, limit), ok
	})
	take("OMP_NUM_THREADS", "numbers from 1 on, with commas between those of nested regions",
		func(v string) (warning string, ok bool) {
			list, ok := openmp.List(v)
			for i, n := range list {
				if n > s.ThreadLimit {
					list[i], warning = s.ThreadLimit, tooMany(n, s.ThreadLimit)
				}
			}
			if ok {
				s.threads = list
				if len(list) > 1 {
					s.maxLevels = mostLevels
				}
			}
			return warning, ok
		})
	take("OMP_DYNAMIC", "true or false", func(v string) (string, bool) { return truth(v, &s.dynamic) })
	take("OMP_NESTED", "true or false", func(v string) (_ string, ok bool) {
		var nested bool
		if _, ok = truth(v, &nested); ok {
			s.maxLevels = map[bool]int{false: 1, true: mostLevels}[nested]
		}
		return "", ok
	})
	take("OMP_MAX_ACTIVE_LEVELS", "a number from 0 on", func(v string) (string, bool) {
		n, ok := openmp.Number(v, 0)
		if ok {
			s.maxLevels = min(n, mostLevels)
		}
		return "", ok
	})
	take("OMP_SCHEDULE", "static, dynamic, guided or auto, and a chunk behind a comma", func(v string) (string, bool) {
		found, ok := scheduleOf(v)
		if ok {
			s.schedule = found
		}
		return "", ok
	})
	take("OMP_STACKSIZE", "a size from 32K to 1G (512K, 16M)", func(v string) (string, bool) {
		size, ok := sizeOf(v)
		if ok {
			s.StackSize, s.LeastStack = size, size
		}
		return "", ok
	})
	take("OMP_CANCELLATION", "true or false", func(v string) (string, bool) { return truth(v, &s.Cancellation) })
	take("OMP_DISPLAY_ENV", "true, false or verbose", func(v string) (string, bool) {
		if strings.EqualFold(v, "verbose") {
			s.Display = true
			return "", true
		}
		return truth(v, &s.Display)
	})
	take("OMP_DISPLAY_AFFINITY", "true or false", func(v string) (string, bool) { return truth(v, &s.DisplayAffinity) })
	take("OMP_AFFINITY_FORMAT", "a text", func(v string) (string, bool) {
		s.AffinityFormat = v
		return "", true
	})
	take("OMP_DEFAULT_DEVICE", "a number from 0 on", func(v string) (string, bool) {
		n, ok := openmp.Number(v, 0)
		s.device = n
		return "", ok
	})
	take("OMP_ALLOCATOR", "the name of an allocator that is there from the beginning", func(v string) (string, bool) {
		handle := slices.Index(allocatorNames[:], strings.ToLower(v))
		if handle > 0 {
			s.allocator = uint64(handle)
		}
		return "", handle > 0
	})
	take("OMP_NUM_TEAMS", "a number from 1 on", func(v string) (string, bool) {
		n, ok := openmp.Number(v, 1)
		s.teams = n
		return "", ok
	})
	take("OMP_TEAMS_THREAD_LIMIT", "a number from 1 on", func(v string) (string, bool) {
		n, ok := openmp.Number(v, 1)
		s.teamLimit = n
		return "", ok
	})
	take("OMP_MAX_TASK_PRIORITY", "a number from 0 on", func(v string) (string, bool) {
		n, ok := openmp.Number(v, 0)
		if ok {
			s.MaxPriority = n
		}
		return "", ok
	})
	take("OMP_WAIT_POLICY", "active or passive", func(v string) (string, bool) {
		s.Passive = strings.EqualFold(v, "passive")
		return "", s.Passive || strings.EqualFold(v, "active")
	})
	return s, warnings
}

// tooMany is a warning where n is more than there can be.
func tooMany(n, most int) string {
	if n <= most {
		return ""
	}
	return fmt.Sprintf("a rank has %d threads at most, and so many are taken", most)
}

func truth(v string, to *bool) (warning string, ok bool) {
	switch strings.ToLower(v) {
	case "true", "1", "yes", "on":
		*to = true
	case "false", "0", "no", "off":
		*to = false
	default:
		return "", false
	}
	return "", true
}

var kinds = map[string]kind{"static": static, "dynamic": dynamic, "guided": guided, "auto": auto}

func scheduleOf(v string) (s schedule, ok bool) {
	v = strings.ToLower(v)
	if modifier, rest, given := strings.Cut(v, ":"); given {
		if modifier = strings.TrimSpace(modifier); modifier != "monotonic" && modifier != "nonmonotonic" {
			return s, false
		}
		s.monotonic, v = modifier == "monotonic", rest
	}
	name, chunk, given := strings.Cut(v, ",")
	if s.kind, ok = kinds[strings.TrimSpace(name)]; ok && given {
		var n int
		n, ok = openmp.Number(chunk, 1)
		s.chunk = int64(n)
	}
	if ok && !given && s.kind != static {
		s.chunk = 1
	}
	return s, ok
}

// sizeOf reads a size: of kibibytes, where no letter says what of.
func sizeOf(v string) (uint64, bool) {
	shift := 10
	if v != "" {
		if i := strings.IndexByte("BKMG", v[len(v)-1]&^0x20); i >= 0 {
			shift, v = 10*i, v[:len(v)-1]
		}
	}
	n, ok := openmp.Number(v, 1)
	size := uint64(n) << shift
	return size, ok && size >= leastStack && size <= mostStack
}
