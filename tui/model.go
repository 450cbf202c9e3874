// Package tui is faasmrun top: a cluster's queue and workers on a terminal, live. What it shows is a function of the
// events that have come in so far (updates of the cluster, keys, the clock), so that recorded events show the same
// screens again. It leaves the connection to whoever starts it, who hands in a Cluster.
package tui

import (
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// The events, beside bubbletea's own.
type (
	// feedEvent is an update from a feed. The first of a feed begins a new picture.
	feedEvent struct {
		*schedpb.WatchResponse
		first bool
	}
	// lost is the end of a feed.
	lost struct{ why string }
	// clock is the time of day, every second.
	clock time.Time
	// ranks is where a job's ranks stand.
	ranks struct {
		job   uint64
		lines []string
	}
	// logText is more of a job's log; over when it ended or broke.
	logText struct {
		job  uint64
		text string
		over bool
	}
	// reasons are jobs that wait, as they are now.
	reasons []*schedpb.JobInfo
	// answer is what became of a command.
	answer string
)

// requests is what the model asks of its runner, which answers by events.
type requests interface {
	Ranks(job uint64)
	Reasons(jobs []uint64)
	Logs(job uint64) // the stream of an earlier one ends
	NoLogs()
	Cancel(job uint64)
}

type screen int

const (
	queueScreen screen = iota
	jobScreen
	logScreen
)

// maxLogLines bounds what is kept of a log.
const maxLogLines = 10_000

// model is all that a screen depends on.
type model struct {
	address string
	asks    requests

	width, height int
	now           time.Time
	connected     bool
	lostAt        time.Time
	lostWhy       string

	jobs     map[uint64]*schedpb.JobInfo
	states   map[string]int // how many jobs are in each
	rows     []*schedpb.JobInfo
	complete bool // the feed has sent all that there was
	drawn    bool // a whole picture is shown, of this feed or of an earlier one

	replacing bool // it is an earlier one's
	kept      []feedEvent

	nodes map[string]*schedpb.NodeInfo

	screen    screen
	help      bool
	selected  uint64 // job
	top       int    // first row shown of the queue
	sort      int    // in sortOrders
	ended     bool   // those that have ended are shown, too
	filter    string
	filtering bool
	asking    uint64 // cancel this one?
	message   string

	ranks     []string
	asked     bool // where they stand, and no answer has come yet
	rankTop   int
	log       []string
	logOver   bool
	logTop    int
	following bool
}

func newModel(address string, a requests, now time.Time) *model {
	return &model{address: address, asks: a, width: 80, height: 24, now: now, lostAt: now, lostWhy: "connecting",
		jobs: map[uint64]*schedpb.JobInfo{}, states: map[string]int{}, nodes: map[string]*schedpb.NodeInfo{}}
}

// Init implements tea.Model.
func (m *model) Init() tea.Cmd { return nil }

// Update implements tea.Model.
func (m *model) Update(event tea.Msg) (tea.Model, tea.Cmd) {
	switch e := event.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = max(e.Width, 20), max(e.Height, 8)
	case clock:
		m.now = time.Time(e)
		if m.connected && m.now.Unix()%2 == 0 {
			m.request()
		}
	case reasons:
		m.refresh(e)
	case feedEvent:
		m.handleFeed(e)
	case lost:
		if m.connected {
			m.lostAt = m.now
		}
		m.connected, m.lostWhy = false, e.why
	case ranks:
		if e.job == m.selected {
			m.ranks, m.asked = e.lines, false
		}
	case logText:
		m.print(e)
	case answer:
		m.message = string(e)
	case tea.PasteMsg:
		if m.filtering {
			m.typed(e.Content)
		}
	case tea.KeyPressMsg:
		if m.filtering && e.Text != "" { // there may be several, and they may look like the name of a key
			m.typed(e.Text)
		} else if m.key(e.String()) {
			return m, tea.Quit
		}
	}
	m.settle()
	return m, nil
}

// request asks for what is shown and in no feed.
func (m *model) request() {
	if m.screen == jobScreen {
		m.asks.Ranks(m.selected)
	}
	if ids := m.waiting(); len(ids) > 0 && m.screen != logScreen {
		m.asks.Reasons(ids)
	}
}

// handleFeed takes an update. The picture of the last connection stays until that of the next is complete.
func (m *model) handleFeed(e feedEvent) {
	m.connected = true
	if e.first {
		m.complete, m.replacing, m.kept = false, m.drawn, nil
		if !m.replacing {
			m.clear()
		}
	}
	m.complete = m.complete || e.Complete
	m.drawn = m.drawn || m.complete
	switch {
	case !m.replacing:
		m.draw(e)
	case !m.complete:
		m.kept = append(m.kept, e)
	default:
		m.clear()
		for _, e := range append(m.kept, e) {
			m.draw(e)
		}
		m.replacing, m.kept = false, nil
	}
}

func (m *model) clear() {
	clear(m.jobs)
	clear(m.states)
	clear(m.nodes)
	m.rows = nil
}

func (m *model) draw(e feedEvent) {
	for _, j := range e.Jobs {
		m.put(j)
	}
	for _, n := range e.Nodes {
		m.nodes[n.Name] = n
	}
	for _, id := range e.ForgottenJobs {
		m.drop(id)
	}
	for _, name := range e.ForgottenNodes {
		delete(m.nodes, name)
	}
}

func (m *model) print(e logText) {
	if e.job != m.selected || m.screen != logScreen {
		return
	}
	if len(m.log) == 0 {
		m.log = []string{""}
	}
	lines := strings.Split(plain(e.text), "\n")
	m.log[len(m.log)-1] += lines[0]
	m.log = append(m.log, lines[1:]...)
	if more := len(m.log) - maxLogLines; more > 0 {
		m.log = slices.Clone(m.log[more:])
		m.logTop -= more
	}
	m.logOver = m.logOver || e.over
}

// key acts on a key, and reports whether it ends the program.
func (m *model) key(key string) (quit bool) {
	if key == "ctrl+c" {
		return true
	}
	m.message = ""
	switch {
	case m.filtering:
		m.filterKey(key)
	case m.asking != 0:
		if key == "y" {
			m.asks.Cancel(m.asking)
		}
		m.asking = 0
	case m.help:
		m.help = false
	case key == "q":
		return true
	case key == "?":
		m.help = true
	case m.screen == queueScreen:
		m.queueKey(key)
	default:
		m.jobKey(key)
	}
	return false
}

func (m *model) filterKey(key string) {
	switch key {
	case "enter":
		m.filtering = false
	case "esc":
		m.filtering = false
		m.setFilter("")
	case "backspace":
		if r := []rune(m.filter); len(r) > 0 {
			m.setFilter(string(r[:len(r)-1]))
		}
	}
}

// maxFilter bounds a filter's bytes.
const maxFilter = 64

func (m *model) typed(text string) {
	if text = plain(text); len(m.filter)+len(text) <= maxFilter {
		m.setFilter(m.filter + text)
	}
}

func (m *model) setFilter(text string) {
	if text != m.filter {
		m.filter = text
		m.arrange()
	}
}

func (m *model) queueKey(key string) {
	at := m.position()
	move := func(to int) {
		if len(m.rows) > 0 {
			m.selected = m.rows[min(max(to, 0), len(m.rows)-1)].Id
		}
	}
	switch key {
	case "j", "down":
		move(at + 1)
	case "k", "up":
		move(at - 1)
	case "pgdown", "space":
		move(at + m.queueHeight())
	case "pgup":
		move(at - m.queueHeight())
	case "g", "home":
		move(0)
	case "G", "end":
		move(len(m.rows) - 1)
	case "s":
		m.sort = (m.sort + 1) % len(sortOrders)
		m.arrange()
	case "a":
		m.ended = !m.ended
		m.arrange()
	case "/":
		m.filtering = true
		m.setFilter("")
	case "esc":
		m.setFilter("")
	case "enter":
		if len(m.rows) > 0 {
			m.openJob()
		}
	case "l":
		if len(m.rows) > 0 {
			m.openLog()
		}
	case "x":
		m.askCancel()
	}
}

func (m *model) openJob() {
	m.screen, m.ranks, m.asked, m.rankTop = jobScreen, nil, true, 0
	m.asks.Ranks(m.selected)
}

func (m *model) openLog() {
	m.screen, m.log, m.logTop, m.logOver, m.following = logScreen, nil, 0, false, true
	m.asks.Logs(m.selected)
}

// askCancel asks before a job is cancelled that can be.
func (m *model) askCancel() {
	if j := m.jobs[m.selected]; j != nil && j.EndedUnixNs == 0 {
		m.asking = j.Id
	}
}

// jobKey is for the screens of one job.
func (m *model) jobKey(key string) {
	at, page := &m.rankTop, m.height-3
	if m.screen == logScreen {
		at = &m.logTop
	}
	switch key {
	case "esc", "backspace", "h", "left":
		if m.screen == logScreen {
			m.asks.NoLogs()
		}
		m.screen = queueScreen
	case "j", "down":
		*at++
	case "k", "up":
		*at--
		m.following = false
	case "pgdown", "space":
		*at += page
	case "pgup":
		*at -= page
		m.following = false
	case "g", "home":
		*at = 0
		m.following = false
	case "G", "end":
		*at = 1 << 30
	case "l":
		if m.screen == jobScreen {
			m.openLog()
		}
	case "enter":
		if m.screen == logScreen {
			m.asks.NoLogs()
			m.openJob()
		}
	case "x":
		m.askCancel()
	}
}

// settle brings what is selected and scrolled back to what there is.
func (m *model) settle() {
	if m.screen == queueScreen && len(m.rows) > 0 && (m.complete || m.selected == 0 || m.jobs[m.selected] != nil) {
		at := m.position()
		m.selected = m.rows[at].Id
		height := m.queueHeight()
		m.top = max(min(m.top, at, len(m.rows)-height), at-height+1, 0)
	}
	bottom := max(0, len(m.log)-m.logHeight())
	if m.following || m.logTop >= bottom {
		m.logTop, m.following = bottom, true // at the bottom it follows
	}
	m.logTop = max(m.logTop, 0)
	if m.screen == jobScreen {
		m.rankTop = max(0, min(m.rankTop, len(m.jobBody())-m.bodyHeight()))
	}
}
