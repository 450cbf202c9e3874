package sim

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"github.com/faasmrun/faasmrun/scheduler/core"
)

// Metrics are what a policy is judged by.
type Metrics struct {
	Jobs, Completed int
	First, Last     core.Time // submission, end
	SlotTime        float64   // seconds of slots that ran ranks
	waits           []float32 // seconds
	slowdowns       []float32
	tenants         map[core.Tenant]*tenantSum
}

type tenantSum struct {
	slowdown float64
	jobs     int
}

// boundedAt is the running time below which slowdown is not blamed on the scheduler.
const boundedAt = 10.0

func (m *Metrics) ended(j *Job, rec *core.Job) {
	if m.Jobs == 0 {
		m.First = rec.Submitted
		m.tenants = map[core.Tenant]*tenantSum{}
	}
	m.First = min(m.First, rec.Submitted)
	m.Jobs++
	m.Last = max(m.Last, rec.Ended)
	if rec.End.State == core.Completed {
		m.Completed++
	}
	if rec.Started == 0 {
		return
	}
	wait, ran := seconds(rec.Started-rec.Submitted), seconds(rec.Ended-rec.Started)
	m.SlotTime += ran * float64(j.slots())
	slow := max(1, (wait+ran)/max(ran, boundedAt))
	m.waits = append(m.waits, float32(wait))
	m.slowdowns = append(m.slowdowns, float32(slow))
	t := m.tenants[j.Tenant]
	if t == nil {
		t = &tenantSum{}
		m.tenants[j.Tenant] = t
	}
	t.slowdown += slow
	t.jobs++
}

func seconds(t core.Time) float64 { return float64(t) / float64(core.Second) }

// Makespan is from the first submission to the last end.
func (m *Metrics) Makespan() float64 { return seconds(m.Last - m.First) }

// Utilisation is the part of the slots' time that ran ranks.
func (m *Metrics) Utilisation(slots uint64) float64 {
	return m.SlotTime / (m.Makespan() * float64(slots))
}

// Wait is the waiting time in seconds that a part of the jobs stayed below.
func (m *Metrics) Wait(part float64) float64 { return percentile(m.waits, part) }

// Slowdown is the mean bounded slowdown.
func (m *Metrics) Slowdown() float64 {
	sum := 0.0
	for _, s := range m.slowdowns {
		sum += float64(s)
	}
	return sum / math.Max(1, float64(len(m.slowdowns)))
}

// Jain is the fairness of the tenants' mean slowdowns: 1 when all are the same.
func (m *Metrics) Jain() float64 {
	var sum, squares float64
	var means []float64
	for _, t := range m.tenants {
		means = append(means, t.slowdown/float64(t.jobs))
	}
	sort.Float64s(means) // sums of floats depend on their order
	for _, x := range means {
		sum += x
		squares += x * x
	}
	if squares == 0 {
		return 1
	}
	return sum * sum / (float64(len(means)) * squares)
}

func percentile(values []float32, part float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := append([]float32(nil), values...)
	sort.Slice(s, func(i, j int) bool { return s[i] < s[j] })
	return float64(s[min(len(s)-1, int(part*float64(len(s))))])
}

// Summary is what a workload came to under a policy, in seconds.
type Summary struct {
	Policy      string  `json:"policy"`
	Jobs        int     `json:"jobs"`
	Makespan    float64 `json:"makespan_seconds"`
	WaitP50     float64 `json:"wait_p50_seconds"`
	WaitP95     float64 `json:"wait_p95_seconds"`
	Slowdown    float64 `json:"bounded_slowdown"`
	Utilisation float64 `json:"utilisation"`
	Fairness    float64 `json:"jain_index"`
}

// Summary is of a cluster with so many slots.
func (m *Metrics) Summary(policy string, slots uint64) Summary {
	return Summary{policy, m.Jobs, m.Makespan(), m.Wait(0.5), m.Wait(0.95), m.Slowdown(), m.Utilisation(slots), m.Jain()}
}

// String is a line for a person.
func (s Summary) String() string {
	return fmt.Sprintf("%-10s jobs %d  makespan %.0f s  wait p50 %.0f s p95 %.0f s  slowdown %.2f  "+
		"utilisation %.3f  fairness %.3f",
		s.Policy, s.Jobs, s.Makespan, s.WaitP50, s.WaitP95, s.Slowdown, s.Utilisation, s.Fairness)
}

// Plot draws how waiting times are distributed, one line for each policy, as an SVG.
func Plot(names []string, all []*Metrics) string {
	const w, h, pad = 640.0, 400.0, 50.0
	longest := 1.0
	for _, m := range all {
		longest = max(longest, m.Wait(0.999))
	}
	x := func(wait float64) float64 { return pad + (w-2*pad)*math.Log1p(wait)/math.Log1p(longest) }
	y := func(part float64) float64 { return h - pad - (h-2*pad)*part }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" `+
		`height="%.0f" font-family="sans-serif" font-size="12">`+"\n", w, h)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/>`+
		`<path d="M%.0f %.0fV%.0fH%.0f" fill="none" stroke="black"/>`+"\n", pad, pad, h-pad, w-pad)
	for _, t := range []float64{1, 10, 60, 600, 3600, 36000, 360000} {
		if t <= longest {
			fmt.Fprintf(&b, `<text x="%.1f" y="%.0f" text-anchor="middle">%s</text>`+"\n", x(t), h-pad+16,
				core.Duration(t*float64(core.Second)))
		}
	}
	for part := 0.0; part <= 1; part += 0.25 {
		fmt.Fprintf(&b, `<text x="%.0f" y="%.1f" text-anchor="end">%.2f</text>`+"\n", pad-6, y(part)+4, part)
	}
	fmt.Fprintf(&b, `<text x="%.0f" y="%.0f" text-anchor="middle">waiting time</text>`+
		`<text x="%.0f" y="%.0f">part of the jobs that waited no longer</text>`+"\n", w/2, h-10, pad, pad-14)
	colours := []string{"#0072b2", "#d55e00", "#009e73", "#cc79a7"}
	for i, m := range all {
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s" points="`, colours[i%4],
			[]string{"none", "6 3", "2 2", "8 2 2 2"}[i%4])
		for part := 0.0; part < 1; part += 0.01 {
			fmt.Fprintf(&b, "%.1f,%.1f ", x(m.Wait(part)), y(part))
		}
		fmt.Fprintf(&b, `"/><text x="%.0f" y="%.0f" fill="%s">%s</text>`+"\n", pad+20, pad+16*float64(i+1), colours[i%4],
			names[i])
	}
	b.WriteString("</svg>\n")
	return b.String()
}
