package session

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/internal/bytesize"
	"github.com/faasmrun/faasmrun/mpi/profile"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// OpenStats makes the files for --mpi-stats=FILE and --omp-stats=FILE before the job begins.
func (s *Session) OpenStats() (err error) {
	if s.stats, err = createStats(s.Options.StatsFile); err != nil {
		return err
	}
	s.openMPStats, err = createStats(s.Options.OpenMPStatsFile)
	return err
}

func createStats(file string) (*os.File, error) {
	if file == "" {
		return nil, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, cli.Failure(cli.StatusFailed, fmt.Sprintf("file %s cannot be written: %s", file, cli.Reason(err)))
	}
	return f, nil
}

// showStats shows and keeps what the ranks' MPI has left.
func (s *Session) showStats() {
	stats, err := s.Display.mpiStats()
	switch {
	case err != nil:
		s.note("%v", err)
	case stats == nil && s.Options.Stats:
		s.note("there are no MPI statistics: the process that ran the ranks did not live to write them")
	case stats == nil:
		return
	default:
		writeStats(s.Notes, stats)
	}
	if s.stats == nil {
		return
	}
	if stats == nil {
		s.stats.Close()
		os.Remove(s.stats.Name())
		return
	}
	_, err = s.stats.Write(stats.Encode())
	if err = errors.Join(err, s.stats.Close()); err != nil {
		s.note("file %s cannot be written: %s", s.stats.Name(), cli.Reason(err))
	}
}

func writeStatsFile(name string, stats []byte) error {
	if err := os.WriteFile(name, stats, 0o666); err != nil {
		return cli.Failure(cli.StatusFailed, fmt.Sprintf("file %s cannot be written: %s", name, cli.Reason(err)))
	}
	return nil
}

// maxStats bounds the figures of one process's ranks: those of 2,000 ranks of which each has sent to each take so much.
const maxStats = 256 << 20

// keepStats keeps the figures as they come; each process of the job leaves its own, under its first rank.
func keepStats(stats map[uint32][]byte, o *schedpb.Output) map[uint32][]byte {
	if stats == nil {
		stats = map[uint32][]byte{}
	}
	if have := stats[o.Rank]; len(have)+len(o.Data) <= maxStats {
		stats[o.Rank] = append(have, o.Data...)
	}
	return stats
}

// mpiStats gives the figures that have come, nil if none have.
func (d *display) mpiStats() (*profile.Job, error) {
	var all *profile.Job
	for _, rank := range slices.Sorted(maps.Keys(d.stats)) {
		job, err := profile.Decode(d.stats[rank])
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
	maxStatRanks     = 32 // listed each; of more ranks, those with the largest and the smallest share in MPI
	maxStatFunctions = 20
	maxStatMatrix    = 8 // ranks of which every pair is shown; of more, the heaviest pairs
	maxStatPairs     = 16
)

// writeStats writes --mpi-stats' table.
func writeStats(w io.Writer, j *profile.Job) {
	ranks := slices.DeleteFunc(slices.Clone(j.Ranks), func(r profile.Rank) bool { return r.Wall == 0 })
	if len(ranks) == 0 {
		fmt.Fprintln(w, "MPI statistics: no rank has called MPI_Init")
		return
	}
	s := statTable{ranks: ranks}
	for i := range ranks {
		s.total.Wall += ranks[i].Wall
		s.total.MPI += ranks[i].MPI
		s.total.Threads += max(ranks[i].Threads, 1)
		s.threads += ranks[i].ThreadTime()
		s.several = s.several || ranks[i].Threads > 1
	}
	whose := "ranks' time"
	if s.several {
		whose = "time of the ranks' threads"
	}
	fmt.Fprintf(w, "MPI statistics: %s of the %s was in MPI\n", share(s.total.MPI, s.threads), whose)
	s.writeRanks(w)
	s.writeFunctions(w)
	s.writePairs(w)
}

// statTable is what the table is about: the ranks that used MPI, and their times together.
type statTable struct {
	ranks []profile.Rank
	total profile.Rank
	// threads is the time of all threads that called MPI, several whether a rank has more than one of these.
	threads time.Duration
	several bool
}

func (s *statTable) writeRanks(w io.Writer) {
	shown, rest := s.ranks, 0
	if len(shown) > maxStatRanks {
		shown = slices.Clone(shown)
		slices.SortStableFunc(shown, func(a, b profile.Rank) int { return cmp.Compare(shareOf(b), shareOf(a)) })
		rest = len(shown) - maxStatRanks
		shown = slices.Delete(shown, maxStatRanks/2, maxStatRanks/2+rest)
	}
	rows := [][]string{{"rank", "threads", "wall", "in MPI", "share", "calls", "sent", "received", ""}}
	for _, r := range shown {
		note := ""
		if !r.Finalized {
			note = "ended early"
		}
		rows = append(rows, rankRow(fmt.Sprint(r.Rank), r, r.ThreadTime(), usage([]profile.Rank{r}), note))
	}
	rows = append(rows, rankRow("all", s.total, s.threads, usage(s.ranks), ""))
	if !s.several {
		for i, row := range rows {
			rows[i] = slices.Delete(row, 1, 2)
		}
	}
	writeAligned(w, rows)
	if rest > 0 {
		fmt.Fprintf(w, "%d ranks with shares between these are left out\n", rest)
	}
}

func rankRow(who string, r profile.Rank, of time.Duration, functions map[string]*profile.Function,
	note string) []string {
	var all profile.Function
	for _, f := range functions {
		addUse(&all, *f)
	}
	return []string{who, fmt.Sprint(r.Threads), duration(r.Wall), duration(r.MPI), share(r.MPI, of),
		fmt.Sprint(all.Calls), bytesize.Short(all.SentBytes),
		bytesize.Short(all.ReceivedBytes), note}
}

func shareOf(r profile.Rank) float64 { return float64(r.MPI) / float64(r.ThreadTime()) }

// usage is the ranks' use of each function together.
func usage(ranks []profile.Rank) map[string]*profile.Function {
	byName := map[string]*profile.Function{}
	for _, r := range ranks {
		for _, f := range r.Functions {
			if byName[f.Name] == nil {
				byName[f.Name] = &profile.Function{Name: f.Name}
			}
			addUse(byName[f.Name], f)
		}
	}
	return byName
}

func addUse(to *profile.Function, f profile.Function) {
	to.Calls += f.Calls
	to.Time += f.Time
	to.SentBytes += f.SentBytes
	to.ReceivedBytes += f.ReceivedBytes
}

func (s *statTable) writeFunctions(w io.Writer) {
	functions := slices.SortedFunc(maps.Values(usage(s.ranks)), func(a, b *profile.Function) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.Name, b.Name))
	})
	shown := functions[:min(len(functions), maxStatFunctions)]
	rows := [][]string{{"function", "calls", "time", "of MPI", "of all", "each", "sent", "received"}}
	for _, f := range shown {
		rows = append(rows, []string{f.Name, fmt.Sprint(f.Calls), duration(f.Time), share(f.Time, s.total.MPI),
			share(f.Time, s.threads),
			duration(f.Time / time.Duration(f.Calls)), bytesize.Short(f.SentBytes), bytesize.Short(f.ReceivedBytes)})
	}
	writeAligned(w, rows)
	if rest := len(functions) - len(shown); rest > 0 {
		fmt.Fprintf(w, "%d more functions took less time\n", rest)
	}
}

// statPair is what one rank sent another.
type statPair struct {
	from int
	profile.Sent
}

func (s *statTable) writePairs(w io.Writer) {
	var pairs []statPair
	for _, r := range s.ranks {
		for _, to := range r.Sent {
			pairs = append(pairs, statPair{r.Rank, to})
		}
	}
	switch {
	case len(pairs) == 0:
	case len(s.ranks) <= maxStatMatrix:
		s.writeMatrix(w, "messages", func(to profile.Sent) string { return fmt.Sprint(to.Messages) })
		s.writeMatrix(w, "bytes", func(to profile.Sent) string { return bytesize.Short(to.Bytes) })
	default:
		writeHeaviest(w, pairs)
	}
}

// writeMatrix has a row for each sender and a column for each receiver.
func (s *statTable) writeMatrix(w io.Writer, what string, cell func(profile.Sent) string) {
	head := []string{what + " from \\ to"}
	for _, r := range s.ranks {
		head = append(head, fmt.Sprint(r.Rank))
	}
	rows := [][]string{head}
	for _, from := range s.ranks {
		row := []string{fmt.Sprint(from.Rank)}
		for _, to := range s.ranks {
			i := slices.IndexFunc(from.Sent, func(sent profile.Sent) bool { return sent.To == to.Rank })
			if i < 0 {
				row = append(row, "-")
			} else {
				row = append(row, cell(from.Sent[i]))
			}
		}
		rows = append(rows, row)
	}
	writeAligned(w, rows)
}

func writeHeaviest(w io.Writer, pairs []statPair) {
	slices.SortStableFunc(pairs, func(a, b statPair) int { return cmp.Compare(b.Bytes, a.Bytes) })
	shown := pairs[:min(len(pairs), maxStatPairs)]
	rows := [][]string{{"from", "to", "messages", "bytes"}}
	for _, p := range shown {
		rows = append(rows, []string{fmt.Sprint(p.from), fmt.Sprint(p.To), fmt.Sprint(p.Messages), bytesize.Short(p.Bytes)})
	}
	writeAligned(w, rows)
	if rest := len(pairs) - len(shown); rest > 0 {
		fmt.Fprintf(w, "%d more pairs of ranks sent less\n", rest)
	}
}

// writeAligned writes rows behind an empty line, every column but the first aligned to the right.
func writeAligned(w io.Writer, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	fmt.Fprintln(w)
	for _, row := range rows {
		line := fmt.Sprintf("%-*s", widths[0], row[0])
		for i, cell := range row[1:] {
			line += fmt.Sprintf("  %*s", widths[i+1], cell)
		}
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}

// share is a part of a whole in percent.
func share(part, whole time.Duration) string {
	if whole <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(part)/float64(whole))
}

// duration writes a time in the unit that fits.
func duration(d time.Duration) string {
	switch {
	case d >= time.Second:
		return fmt.Sprintf("%.2fs", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%.2fms", float64(d)/1e6)
	}
	return fmt.Sprintf("%.2fµs", float64(d)/1e3)
}
