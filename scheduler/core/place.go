package core

import (
	"fmt"
	"strings"
)

// plan is what one pass has given away so far, beside what the books say.
type plan struct {
	s     *State
	slots map[WorkerName]uint32
	mem   map[WorkerName]uint64
}

// place goes over the queue, first come, first served: the first job that has to wait makes all behind it wait.
func (s *State) place(now Time) []Transition {
	p := plan{s, map[WorkerName]uint32{}, map[WorkerName]uint64{}}
	var ts []Transition
	for _, j := range s.queue {
		if j.Interactive && !j.Attached {
			continue // it does not run before its launcher is there, and holds up nobody
		}
		if why := s.impossible(&j.Request); why != "" {
			ts = append(ts, &JobFinished{j.ID, End{State: Failed, ExitCode: 1, Reason: why}, now})
			continue
		}
		w := p.best(&j.Request)
		if w == nil {
			break
		}
		p.slots[w.Name] += j.Ranks
		p.mem[w.Name] += j.mem()
		ts = append(ts, &JobPlaced{JobRef{j.ID, j.Epoch + 1}, []Span{{w.Name, 0, j.Ranks}}, now})
	}
	return ts
}

// best packs: of the workers that have room, the one with the fewest slots left over.
func (p *plan) best(r *Request) *Worker {
	var best *Worker
	var left uint32
	for _, w := range p.s.workers {
		booked := *w
		booked.UsedSlots += p.slots[w.Name]
		booked.UsedMem += p.mem[w.Name]
		if !booked.has(r) {
			continue
		}
		if rest := booked.Slots - booked.UsedSlots - r.Ranks; best == nil || rest < left {
			best, left = w, rest
		}
	}
	return best
}

// impossible says why no worker can ever run the request: only where the set of workers is fixed.
func (s *State) impossible(r *Request) string {
	if !s.Policy.Fixed || len(s.workers) == 0 {
		return ""
	}
	return s.tooLarge(r)
}

// tooLarge says why the request fits no worker registered now, even if it were empty; "" if it fits one.
func (s *State) tooLarge(r *Request) string {
	var slots uint32
	var mem uint64
	for _, w := range s.workers {
		if w.fits(r) {
			return ""
		}
		slots, mem = max(slots, w.Slots), max(mem, w.Mem)
	}
	switch {
	case r.Ranks > slots:
		return fmt.Sprintf("needs %d slots; the largest worker has %d", r.Ranks, slots)
	case r.mem() > mem:
		return fmt.Sprintf("needs %s of memory (%d ranks of %s); the largest worker has %s", size(r.mem()), r.Ranks,
			size(r.MemPerRank), size(mem))
	}
	return fmt.Sprintf("needs %d slots and %s of memory together; no worker has both", r.Ranks, size(r.mem()))
}

// Waiting says why a job waits; "" when it does not.
func (s *State) Waiting(j *Job) string {
	switch {
	case j.State != Pending:
		return ""
	case j.Interactive && !j.Attached:
		return "waits for its launcher to attach"
	case len(s.workers) == 0:
		return "no worker is registered"
	}
	if why := s.tooLarge(&j.Request); why != "" {
		return why
	}
	free, connected := uint32(0), false
	for _, w := range s.workers {
		if connected = connected || w.Connected; w.Connected && w.Slots > w.UsedSlots {
			free = max(free, w.Slots-w.UsedSlots)
		}
	}
	switch ahead := s.queue.find(j); {
	case !connected:
		return "no worker is connected"
	case free < j.Ranks:
		return fmt.Sprintf("needs %d slots; the most that are free on one worker now are %d", j.Ranks, free)
	case ahead > 0:
		return fmt.Sprintf("%d jobs are ahead of it", ahead)
	}
	return "needs " + size(j.mem()) + " of memory, which is in use"
}

// size writes bytes as a person would.
func size(n uint64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	i, tenths := 0, uint64(0)
	for ; n >= 1024 && i < len(units)-1; i++ {
		n, tenths = n/1024, n%1024*10/1024
	}
	if tenths == 0 || n >= 100 {
		return fmt.Sprintf("%d %s", n, units[i])
	}
	return fmt.Sprintf("%d.%d %s", n, tenths, units[i])
}

// String writes a duration as people type limits: 90s, 5m, 2h30m.
func (d Duration) String() string {
	if d < Second {
		return fmt.Sprintf("%dms", int64(d/Millisecond))
	}
	var b strings.Builder
	for _, u := range []struct {
		unit Duration
		name string
	}{{Hour, "h"}, {Minute, "m"}, {Second, "s"}} {
		if n := d / u.unit; n > 0 {
			fmt.Fprintf(&b, "%d%s", int64(n), u.name)
			d %= u.unit
		}
	}
	return b.String()
}
