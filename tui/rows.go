package tui

import (
	"cmp"
	"slices"
	"strings"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// rows are the jobs that the queue shows, in its order. They are kept as jobs come and go: to sort a long queue for
// each event would leave no time for anything else.

// sortOrders are what s goes through; jobs that are equal stand by their ids. None depends on the time.
var sortOrders = []struct {
	name string
	less func(a, b *schedpb.JobInfo) int
}{
	{"id", func(a, b *schedpb.JobInfo) int { return 0 }},
	{"state", func(a, b *schedpb.JobInfo) int { return -strings.Compare(a.State, b.State) }}, // R before PD
	{"time", func(a, b *schedpb.JobInfo) int { return compareStarts(a.StartedUnixNs, b.StartedUnixNs) }},
	{"ranks", func(a, b *schedpb.JobInfo) int { return int(int64(b.Ranks) - int64(a.Ranks)) }},
	{"tenant", func(a, b *schedpb.JobInfo) int { return strings.Compare(a.Tenant, b.Tenant) }},
}

// compareStarts puts those that have run longest first, and those that have not begun last.
func compareStarts(a, b int64) int {
	switch {
	case a == b:
		return 0
	case a == 0 || b != 0 && b < a:
		return 1
	}
	return -1
}

func (m *model) compare(a, b *schedpb.JobInfo) int {
	return cmp.Or(sortOrders[m.sort].less(a, b), cmp.Compare(a.Id, b.Id))
}

// find is where a job stands among the rows, or would stand.
func (m *model) find(j *schedpb.JobInfo) (at int, found bool) {
	return slices.BinarySearchFunc(m.rows, j, m.compare)
}

// put takes a job as it is now.
func (m *model) put(j *schedpb.JobInfo) {
	m.drop(j.Id)
	m.jobs[j.Id] = j
	m.states[j.State]++
	if m.shows(j) {
		at, _ := m.find(j)
		m.rows = slices.Insert(m.rows, at, j)
	}
}

// drop forgets a job.
func (m *model) drop(id uint64) {
	j := m.jobs[id]
	if j == nil {
		return
	}
	delete(m.jobs, id)
	m.states[j.State]--
	if at, found := m.find(j); found {
		m.rows = slices.Delete(m.rows, at, at+1)
	}
}

// arrange finds the rows anew, after what is shown of them has changed.
func (m *model) arrange() {
	m.rows = m.rows[:0]
	for _, j := range m.jobs {
		if m.shows(j) {
			m.rows = append(m.rows, j)
		}
	}
	slices.SortFunc(m.rows, m.compare)
}

// shows reports whether the queue shows a job. A filter looks at all that stands in the row but the time.
func (m *model) shows(j *schedpb.JobInfo) bool {
	if j.EndedUnixNs != 0 && !m.ended {
		return false
	}
	if m.filter == "" {
		return true
	}
	words := cells(j, m.now)
	words[timeCell] = ""
	return strings.Contains(strings.ToLower(strings.Join(words, " ")), strings.ToLower(m.filter))
}

// position is where the selected job stands, or where one stands that may take its place.
func (m *model) position() int {
	if j := m.jobs[m.selected]; j != nil {
		if at, found := m.find(j); found {
			return at
		}
	}
	return max(0, min(m.top, len(m.rows)-1))
}

// visible are the rows on the screen.
func (m *model) visible() []*schedpb.JobInfo {
	return m.rows[min(m.top, len(m.rows)):min(len(m.rows), m.top+m.queueHeight())]
}

// waiting are the jobs on the screen that wait. Why they do changes without any event of their own.
func (m *model) waiting() (ids []uint64) {
	shown := m.visible()
	if m.screen != queueScreen {
		shown = nil
		if j := m.jobs[m.selected]; j != nil {
			shown = []*schedpb.JobInfo{j}
		}
	}
	for _, j := range shown {
		if j.State == "PD" {
			ids = append(ids, j.Id)
		}
	}
	return ids
}

// refresh takes why jobs wait. The feed knows better what else has become of them.
func (m *model) refresh(jobs []*schedpb.JobInfo) {
	for _, j := range jobs {
		if known := m.jobs[j.Id]; known != nil && known.State == "PD" && j.State == "PD" && known.Epoch == j.Epoch {
			m.put(j)
		}
	}
}
