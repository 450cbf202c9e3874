package cli

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/faasmrun/faasmrun/internal/bytesize"
)

// ParseCount reads a number of ranks.
func ParseCount(text string) (int, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || n > MaxRanks {
		return 0, fmt.Errorf("needs a number of ranks from 1 to %d; %q was given", MaxRanks, text)
	}
	return int(n), nil
}

// ParseCPUs reads a number of processors for each rank.
func ParseCPUs(text string) (int, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || n > MaxRanks {
		return 0, fmt.Errorf("needs a number of processors from 1 to %d; %q was given", MaxRanks, text)
	}
	return int(n), nil
}

// ParseBytes reads a size in bytes with a unit of 1024: 512M, 2G, 1.5GiB, 65536.
func ParseBytes(text string) (uint64, error) {
	size, ok := bytesize.Parse(text)
	if !ok {
		return 0, fmt.Errorf("needs a size such as 512M or 2G; %q is none", text)
	}
	return size, nil
}

// ParseSeconds reads a time limit; 0 means none, as with mpirun.
func ParseSeconds(text string) (time.Duration, error) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n < 0 || n != n {
		return 0, fmt.Errorf("needs a number of seconds; %q is none", text)
	}
	return time.Duration(min(n, 1e9) * float64(time.Second)), nil
}

// ParseLimit reads sbatch's forms of a time limit, and 90s, 5m, 2h.
func ParseLimit(text string) (time.Duration, error) {
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return d, nil
	}
	bad := fmt.Errorf("%q is no time; 30 (minutes), 30:00, 2:30:00, 1-12:00:00, 90s and 2h are", text)
	days, clock, hasDays := strings.Cut(text, "-")
	if !hasDays {
		days, clock = "0", text
	}
	fields := strings.Split(clock, ":")
	units := []time.Duration{time.Minute, time.Second}
	if hasDays || len(fields) == 3 {
		units = []time.Duration{time.Hour, time.Minute, time.Second}
	}
	d, err := strconv.ParseUint(days, 10, 16)
	if err != nil || len(fields) > len(units) {
		return 0, bad
	}
	sum := time.Duration(d) * 24 * time.Hour
	for i, field := range fields {
		n, err := strconv.ParseUint(field, 10, 20)
		if err != nil {
			return 0, bad
		}
		sum += time.Duration(n) * units[i]
	}
	if sum <= 0 {
		return 0, bad
	}
	return sum, nil
}

// ParseArray reads 1-10:2%4 and 1,4,7-9.
func ParseArray(text string) (indices []uint32, throttle uint32, err error) {
	list, limit, limited := strings.Cut(text, "%")
	if limited {
		n, err := strconv.ParseUint(limit, 10, 31)
		if err != nil || n == 0 {
			return nil, 0, fmt.Errorf("%q: %q is no number of tasks", text, limit)
		}
		throttle = uint32(n)
	}
	seen, named := map[uint32]bool{}, 0
	for _, item := range strings.Split(list, ",") {
		first, last, step, err := parseIndices(item)
		if err != nil {
			return nil, 0, fmt.Errorf("%q: indices are written as 1-10, 1-9:2 or 1,4,7", text)
		}
		for i := first; i <= last; i += step {
			if named++; named > maxArrayTasks { // those named twice count, or a long list could take for ever
				return nil, 0, fmt.Errorf("%.80q: more than %d tasks", text, maxArrayTasks)
			}
			seen[uint32(i)] = true
		}
	}
	for i := range seen {
		indices = append(indices, i)
	}
	sort.Slice(indices, func(i, j int) bool { return indices[i] < indices[j] })
	return indices, throttle, nil
}

// parseIndices reads 7, 1-10 and 1-9:2.
func parseIndices(item string) (first, last, step uint64, err error) {
	item, by, stepped := strings.Cut(item, ":")
	from, to, ranged := strings.Cut(item, "-")
	if !ranged {
		to = from
	}
	step = 1
	if first, err = strconv.ParseUint(from, 10, 31); err == nil {
		last, err = strconv.ParseUint(to, 10, 31)
	}
	if err == nil && stepped {
		step, err = strconv.ParseUint(by, 10, 31)
	}
	if err == nil && (step == 0 || last < first || stepped && !ranged) {
		err = strconv.ErrRange
	}
	return first, last, step, err
}

// maxArrayTasks bounds what --array can name.
const maxArrayTasks = 10_000

// MaxRanks bounds -np: far beyond what a machine holds, small enough that a slip of the finger is a clear message
// instead of gigabytes of tables.
const MaxRanks = 1 << 20
