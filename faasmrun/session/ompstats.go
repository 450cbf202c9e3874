package session

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/omp/profile"
)

// showOpenMPStats shows and keeps what the ranks' OpenMP has left.
func (s *Session) showOpenMPStats() {
	stats, err := s.Display.openMPStats()
	switch {
	case err != nil:
		s.note("%v", err)
	case stats == nil && s.Options.OpenMPStats:
		s.note("there are no OpenMP statistics: the process that ran the ranks did not live to write them")
	case stats == nil:
		return
	default:
		writeOpenMPStats(s.Notes, stats)
	}
	if s.openMPStats == nil {
		return
	}
	if stats == nil {
		s.openMPStats.Close()
		os.Remove(s.openMPStats.Name())
		return
	}
	_, err = s.openMPStats.Write(stats.Encode())
	if err = errors.Join(err, s.openMPStats.Close()); err != nil {
		s.note("file %s cannot be written: %s", s.openMPStats.Name(), cli.Reason(err))
	}
}

// openMPStats gives the figures that have come, nil if none have.
func (d *display) openMPStats() (*profile.Job, error) {
	var all *profile.Job
	for _, rank := range slices.Sorted(maps.Keys(d.ofOpenMP)) {
		job, err := profile.Decode(d.ofOpenMP[rank])
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = job
		} else {
			all.Merge(job)
		}
	}
	return all, nil
}

// Bounds of the table; the file has everything.
const (
	maxStatRegions = 20
	maxStatWaits   = 20
)

// writeOpenMPStats writes --omp-stats' table: of all ranks together.
func writeOpenMPStats(w io.Writer, j *profile.Job) {
	regions, waits := map[profile.Place]*profile.Region{}, map[profile.Wait]*profile.Wait{}
	var wall, inside time.Duration
	for _, r := range j.Ranks {
		wall += r.Wall
		for _, one := range r.Regions {
			inside += one.Time
			if regions[one.Place] == nil {
				regions[one.Place] = &profile.Region{Place: one.Place}
			}
			regions[one.Place].Add(one)
		}
		for _, one := range r.Waits {
			key := profile.Wait{Place: one.Place, Construct: one.Construct}
			if waits[key] == nil {
				waits[key] = &key
			}
			waits[key].Add(one)
		}
	}
	if len(regions) == 0 {
		fmt.Fprintln(w, "OpenMP statistics: no rank has come to a parallel region")
		return
	}
	fmt.Fprintf(w, "OpenMP statistics: %s of the ranks' time was in parallel regions\n", share(inside, wall))
	writeRegions(w, slices.Collect(maps.Values(regions)), wall)
	writeWaits(w, slices.Collect(maps.Values(waits)))
}

func writeRegions(w io.Writer, regions []*profile.Region, wall time.Duration) {
	slices.SortFunc(regions, func(a, b *profile.Region) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.String(), b.String()))
	})
	shown := regions[:min(len(regions), maxStatRegions)]
	rows := [][]string{{"region", "count", "threads", "time", "of all", "each", "imbalance", "in barriers",
		"for critical", "in critical"}}
	for _, r := range shown {
		rows = append(rows, []string{cli.Visible(r.String()), fmt.Sprint(r.Count), fmt.Sprint(r.Threads), duration(r.Time),
			share(r.Time, wall), duration(r.Time / time.Duration(max(r.Count, 1))), fmt.Sprintf("%.1f%%", 100*r.Imbalance()),
			share(r.Barrier, r.ThreadTime), share(r.Critical, r.ThreadTime), share(r.Held, r.ThreadTime)})
	}
	writeAligned(w, rows)
	if rest := len(regions) - len(shown); rest > 0 {
		fmt.Fprintf(w, "%d more regions took less time\n", rest)
	}
}

func writeWaits(w io.Writer, waits []*profile.Wait) {
	if len(waits) == 0 {
		return
	}
	slices.SortFunc(waits, func(a, b *profile.Wait) int {
		return cmp.Or(cmp.Compare(b.Time+b.Held, a.Time+a.Held), cmp.Compare(a.String(), b.String()),
			cmp.Compare(a.Construct, b.Construct))
	})
	shown := waits[:min(len(waits), maxStatWaits)]
	rows := [][]string{{"construct", "where", "waits", "time", "each", "inside"}}
	for _, x := range shown {
		where := x.String()
		if x.Line == "" && x.Construct == "lock" || x.Construct == "nestable lock" {
			where = "-"
		}
		each, inside := "-", "-"
		if x.Count > 0 {
			each = duration(x.Time / time.Duration(x.Count))
		}
		if x.Held > 0 {
			inside = duration(x.Held)
		}
		rows = append(rows, []string{x.Construct, cli.Visible(where), fmt.Sprint(x.Count), duration(x.Time), each, inside})
	}
	writeAligned(w, rows)
	if rest := len(waits) - len(shown); rest > 0 {
		fmt.Fprintf(w, "%d more constructs took less time\n", rest)
	}
}
