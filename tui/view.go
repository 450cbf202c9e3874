package tui

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/faasmrun/faasmrun/internal/bytesize"
	"github.com/faasmrun/faasmrun/internal/timespan"
	"github.com/faasmrun/faasmrun/scheduler/jobstate"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// Colour is never the only sign: states have their codes, what is selected has its ">", and a terminal without colours
// (NO_COLOR) shows the same text.
var (
	titleStyle    = lipgloss.NewStyle().Bold(true)
	headStyle     = lipgloss.NewStyle().Faint(true)
	staleStyle    = lipgloss.NewStyle().Faint(true)
	selectedStyle = lipgloss.NewStyle().Reverse(true)
	alarmStyle    = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Color("1"))
	failedStyle   = lipgloss.NewStyle().Foreground(lipgloss.Color("1"))
	stateStyles   = map[string]lipgloss.Style{
		jobstate.Running:     lipgloss.NewStyle().Foreground(lipgloss.Color("2")),
		jobstate.Pending:     lipgloss.NewStyle().Foreground(lipgloss.Color("3")),
		jobstate.Failed:      failedStyle,
		jobstate.TimedOut:    failedStyle,
		jobstate.OutOfMemory: failedStyle,
	}
)

// column is one of the queue's. Those of higher rank go first when the terminal is narrow.
type column struct {
	name  string
	width int // 0: what is left
	rank  int
}

// columns stand in the order of cells.
var columns = []column{{"JOB", 7, 0}, {"NAME", 14, 0}, {"TENANT", 9, 0}, {"ST", 3, 0}, {"RANKS", 5, 0}, {"TIME", 8, 0},
	{"LIMIT", 9, 3}, {"NODE", 12, 1}, {"QOS", 6, 4}, {"REASON", 0, 0}}

// Where some cells are: the time, which changes by itself, and the node, which stands in the last one where there is no
// room for it and no reason.
const (
	timeCell = 5
	nodeCell = 7
	lastCell = 9
)

// minReason is what the last column needs before another one is shown.
const minReason = 24

func cells(j *schedpb.JobInfo, now time.Time) []string {
	node := ""
	if len(j.Nodes) > 0 {
		node = j.Nodes[0].Node
	}
	reason, _, _ := strings.Cut(j.Reason, "\n")
	return []string{strconv.FormatUint(j.Id, 10), plain(j.Name), j.Tenant, j.State, strconv.Itoa(int(j.Ranks)),
		timespan.String(j.Ran(now)), timespan.Limit(j.TimeLimit()), node, j.Qos, plain(reason)}
}

// View implements tea.Model.
func (m *model) View() tea.View {
	view := tea.NewView(m.text())
	view.AltScreen = true
	return view
}

// text is the screen's lines, with colours; the terminal's own number of colours is the library's business.
func (m *model) text() string {
	var lines []string
	switch {
	case m.help:
		lines = m.helpLines()
	case m.screen == queueScreen:
		lines = m.queueLines()
	case m.screen == jobScreen:
		lines = m.jobLines()
	default:
		lines = m.logLines()
	}
	lines = append([]string{m.title()}, lines...)
	for len(lines) < m.height-1 {
		lines = append(lines, "")
	}
	lines = append(lines[:m.height-1], m.footer())
	for i, line := range lines {
		lines[i] = ansi.Truncate(line, m.width, "…")
		if !m.connected && i > 0 && i < len(lines)-1 {
			lines[i] = staleStyle.Render(ansi.Strip(lines[i]))
		}
	}
	return strings.Join(lines, "\n")
}

func (m *model) title() string {
	slots, used := uint32(0), uint32(0)
	for _, n := range m.nodes {
		if n.Connected {
			slots, used = slots+n.Slots, used+n.UsedSlots
		}
	}
	left := titleStyle.Render("faasmrun top") +
		fmt.Sprintf("  %d running  %d waiting  %d/%d slots  %s", m.states[jobstate.Running], m.states[jobstate.Pending], used,
			slots, m.address)
	right := m.now.Format("15:04:05")
	if !m.complete {
		right = "reading the queue … " + right
	}
	if !m.connected {
		left = titleStyle.Render("faasmrun top") + "  " + m.address
		right = alarmStyle.Render(fmt.Sprintf("disconnected %d s, retrying", int(m.now.Sub(m.lostAt).Seconds())))
	}
	return spread(left, right, m.width)
}

func (m *model) footer() string {
	j := m.jobs[m.selected]
	switch {
	case m.filtering:
		return "filter: " + m.filter + "_   Enter keeps it, Esc drops it"
	case m.asking != 0:
		name := ""
		if j != nil && j.Name != "" {
			name = " (" + plain(j.Name) + ")"
		}
		return alarmStyle.Render(fmt.Sprintf("cancel job %d%s? y cancels it, any other key does not", m.asking, name))
	case m.message != "":
		return m.message
	case !m.connected:
		return m.lostWhy
	case m.help:
		return "any key goes back"
	case m.screen == jobScreen:
		return "l logs  x cancel  Esc back  ? help  q quit"
	case m.screen == logScreen:
		where := "following"
		if m.logOver {
			where = "the whole log"
		} else if !m.following {
			where = "not at the end: G follows"
		}
		return spread("Enter job  x cancel  Esc back  ? help  q quit", where, m.width)
	}
	state := "sorted by " + sortOrders[m.sort].name
	if m.filter != "" {
		state = "filter " + m.filter + "  " + state
	}
	return spread("Enter job  l logs  x cancel  / filter  s sort  ? help  q quit", state, m.width)
}

// workersShown is how many lines the workers get: a quarter of the screen at most.
func (m *model) workersShown() int { return min(len(m.nodes), max(1, m.height/4)) }

// queueHeight is how many jobs fit: the title, two headings, a blank line and the footer are taken.
func (m *model) queueHeight() int { return max(1, m.height-5-max(1, m.workersShown())) }

func (m *model) queueLines() []string {
	lines := []string{headStyle.Render(pad("  WORKER", 18) + pad("STATE", 10) + pad("SLOTS", 24) + pad("MEMORY", 18) +
		"JOBS")}
	names := slices.Sorted(maps.Keys(m.nodes))
	for i, name := range names[:m.workersShown()] {
		if i == m.workersShown()-1 && len(names) > i+1 {
			lines = append(lines, fmt.Sprintf("  … and %d more workers", len(names)-i))
			break
		}
		lines = append(lines, m.workerLine(m.nodes[name]))
	}
	switch {
	case len(names) == 0 && !m.complete:
		lines = append(lines, "")
	case len(names) == 0:
		lines = append(lines, "  none yet: faasmrun worker --scheduler "+m.address)
	}
	shown := m.shownColumns()
	lines = append(lines, "", headStyle.Render("  "+m.row(shown, columnNames(shown))))
	if len(m.rows) == 0 {
		return append(lines, m.emptyQueue())
	}
	for _, j := range m.visible() {
		line := m.row(shown, cells(j, m.now))
		switch style, ok := stateStyles[j.State]; {
		case j.Id == m.selected:
			line = selectedStyle.Render(pad("> "+line, m.width))
		case ok:
			line = style.Render("  " + line)
		default:
			line = "  " + line
		}
		lines = append(lines, line)
	}
	return lines
}

func (m *model) emptyQueue() string {
	if !m.complete {
		return ""
	}
	if m.filter != "" {
		return "  no job matches " + m.filter + "; Esc drops the filter"
	}
	return "  no job waits or runs: faasmrun submit -np 4 app.wasm; a shows those that have ended"
}

func (m *model) workerLine(n *schedpb.NodeInfo) string {
	state := "up"
	switch {
	case n.Stopped:
		state = "stopped"
	case !n.Connected:
		state = "lost"
	case n.Draining != "" || n.Unfit != "":
		state = "draining"
	}
	return pad("  "+plain(n.Name), 18) + pad(state, 10) +
		pad(bar(n.UsedSlots, n.Slots, 12)+fmt.Sprintf(" %d/%d", n.UsedSlots, n.Slots), 24) +
		pad(bytesize.Short(n.UsedMemBytes)+"/"+bytesize.Short(n.MemBytes), 18) + strconv.Itoa(len(n.Jobs))
}

func columnNames(shown []bool) []string {
	var names []string
	for _, c := range columns {
		names = append(names, c.name)
	}
	if !shown[nodeCell] {
		names[lastCell] = "NODE or REASON"
	}
	return names
}

// shownColumns leaves out columns, those of the highest rank first, until the rest fits.
func (m *model) shownColumns() []bool {
	shown := make([]bool, len(columns))
	for rank := 9; rank >= 0; rank-- {
		width := 2 + minReason
		for i, c := range columns {
			if shown[i] = c.rank <= rank; shown[i] && c.width > 0 {
				width += c.width + 1
			}
		}
		if width <= m.width {
			break
		}
	}
	return shown
}

func (m *model) row(shown []bool, cells []string) string {
	if !shown[nodeCell] && cells[lastCell] == "" {
		cells[lastCell] = cells[nodeCell]
	}
	var b strings.Builder
	for i, c := range columns {
		switch {
		case !shown[i]:
		case c.width == 0:
			b.WriteString(cells[i])
		default:
			b.WriteString(pad(cells[i], c.width) + " ")
		}
	}
	return b.String()
}

func (m *model) jobHead() (lines []string) {
	j := m.jobs[m.selected]
	if j == nil {
		return []string{fmt.Sprintf("job %d is gone", m.selected)}
	}
	lines = append(lines, titleStyle.Render(fmt.Sprintf("job %d  %s", j.Id, plain(j.Name))))
	add := func(name, value string) {
		if value != "" {
			lines = append(lines, fact(name, value))
		}
	}
	c := cells(j, m.now)
	add("state", c[3])
	if reason := m.reasonLines(); len(reason) == 1 {
		add("reason", reason[0])
	}
	add("tenant", c[2])
	add("ranks", c[4])
	if slots := j.TakenSlots(); slots != j.Ranks {
		add("slots", strconv.Itoa(int(slots)))
	}
	for _, n := range j.Nodes {
		add("node", fmt.Sprintf("%s: ranks %d-%d", n.Node, n.FirstRank, n.FirstRank+n.Ranks-1))
	}
	add("time", c[5]+" of "+c[6])
	if j.PromisedUnixNs != 0 {
		add("promised", moment(time.Unix(0, j.PromisedUnixNs).In(m.now.Location()), m.now)+" on "+j.PromisedNode)
	}
	if j.EndedUnixNs != 0 {
		add("exit code", strconv.Itoa(int(j.ExitCode)))
	}
	return append(lines, "")
}

// factColumn is where the values of a job's facts begin.
const factColumn = 13

func fact(name, value string) string { return "  " + pad(name, factColumn-3) + " " + value }

// moment is a time of day, with the day where it is not today's.
func moment(at, now time.Time) string {
	if at.Year() == now.Year() && at.YearDay() == now.YearDay() {
		return at.Format("15:04:05")
	}
	return at.Format("Mon 2 Jan 15:04:05")
}

// reasonLines is why a job waits, or how it ended: with a stack that may be long, broken into lines that fit.
func (m *model) reasonLines() []string {
	j := m.jobs[m.selected]
	if j == nil || j.Reason == "" {
		return nil
	}
	return wrapped(plain(strings.TrimRight(j.Reason, "\n")), m.width-factColumn)
}

// wrapped breaks a text between words, and within those that are too long.
func wrapped(text string, width int) []string {
	return strings.Split(ansi.Wrap(text, max(width, 8), ""), "\n")
}

// jobBody is what of a job can be scrolled: a reason of more than a line, and where its ranks stand.
func (m *model) jobBody() (lines []string) {
	if reason := m.reasonLines(); len(reason) > 1 {
		for i, line := range reason {
			name := ""
			if i == 0 {
				name = "reason"
			}
			lines = append(lines, fact(name, line))
		}
		lines = append(lines, "")
	}
	lines = append(lines, headStyle.Render("  where the ranks stand"))
	switch {
	case len(m.ranks) == 0 && m.asked:
		return append(lines, "  asking the worker …")
	case len(m.ranks) == 0:
		return append(lines, "  none runs")
	}
	for _, line := range m.ranks {
		for i, part := range wrapped(plain(line), m.width-4) {
			if i > 0 {
				part = "  " + part
			}
			lines = append(lines, "  "+part)
		}
	}
	return lines
}

// bodyHeight is how many lines are left for a job's body.
func (m *model) bodyHeight() int { return max(1, m.height-2-len(m.jobHead())) }

func (m *model) jobLines() []string {
	lines, body := m.jobHead(), m.jobBody()
	if m.jobs[m.selected] == nil {
		return lines
	}
	from := min(m.rankTop, len(body))
	return append(lines, body[from:min(len(body), from+m.bodyHeight())]...)
}

func (m *model) logHeight() int { return max(1, m.height-3) }

func (m *model) logLines() []string {
	lines := []string{titleStyle.Render(fmt.Sprintf("log of job %d", m.selected))}
	if len(m.log) == 0 || len(m.log) == 1 && m.log[0] == "" {
		return append(lines, "  nothing has been printed yet")
	}
	return append(lines, m.log[m.logTop:min(len(m.log), m.logTop+m.logHeight())]...)
}

func (m *model) helpLines() []string {
	return strings.Split(`
  j k, arrows      down, up          g G      first, last
  Space, PgDn PgUp a page
  Enter            a job, and where its ranks stand
  l                what a job has printed, and prints
  x                cancel a job (asks)
  /                show the jobs that match a word; Esc drops it
  s                sort by id, state, time, ranks, tenant
  a                show those that have ended, too
  Esc              back
  q, Ctrl-C        leave; jobs go on

  States: PD waits, CF starts, R runs, CG ends, RQ is queued again; ended: CD
  completed, F failed, CA cancelled, TO out of time, NF node lost, OOM memory.`, "\n")
}

// pad makes a text so wide, and cuts it if it is wider.
func pad(text string, width int) string {
	text = ansi.Truncate(text, width, "…")
	return text + strings.Repeat(" ", max(0, width-ansi.StringWidth(text)))
}

// spread puts one text to the left and one to the right; the left one gives way.
func spread(left, right string, width int) string {
	return pad(left, max(0, width-ansi.StringWidth(right)-1)) + " " + right
}

func bar(used, of uint32, width int) string {
	full := 0
	if of > 0 {
		full = int(uint64(min(used, of)) * uint64(width) / uint64(of))
	}
	return strings.Repeat("#", full) + strings.Repeat(".", width-full)
}

// plain takes out what a terminal would act on: texts of jobs come from programs.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			return r
		case r == '\t':
			return ' '
		}
		return -1
	}, text)
}
