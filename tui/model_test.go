package tui

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

var update = flag.Bool("update", false, "write the screens that the transcripts give now")

// fakeRequests records what the model asks for.
type fakeRequests struct{ words []string }

func (a *fakeRequests) Ranks(job uint64) { a.words = append(a.words, fmt.Sprintf("ranks %d", job)) }
func (a *fakeRequests) Reasons(jobs []uint64) {
	a.words = append(a.words, "reasons "+strings.Trim(fmt.Sprint(jobs), "[]"))
}
func (a *fakeRequests) Logs(job uint64)   { a.words = append(a.words, fmt.Sprintf("logs %d", job)) }
func (a *fakeRequests) NoLogs()           { a.words = append(a.words, "nologs") }
func (a *fakeRequests) Cancel(job uint64) { a.words = append(a.words, fmt.Sprintf("cancel %d", job)) }

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// TestScreens replays the transcripts of testdata. Their lines are events, and what they must show:
//
//	size W H · after SECONDS · key NAME … · type TEXT · feed JSON (a WatchResponse)
//	first JSON (that begins a feed)
//	lost WHY · ranks JOB LINE|LINE… · reasons JSON (jobs of a WatchResponse) · log JOB TEXT (\n for newlines)
//	over JOB · answer TEXT
//	asked WORDS (what the model asked for since) · screen (the lines behind it, up to "=====")
func TestScreens(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { replay(t, file) })
	}
}

func replay(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	a := &fakeRequests{}
	m := newModel("unix:sock", a, start)
	var out strings.Builder
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "screen":
			var want []string
			for i++; i < len(lines) && lines[i] != "====="; i++ {
				want = append(want, lines[i])
			}
			got := screenOf(t, m)
			if !*update && got != strings.Join(want, "\n") {
				t.Errorf("%s line %d: the screen is\n%s\nand should be\n%s", file, i+1, got, strings.Join(want, "\n"))
			}
			fmt.Fprintf(&out, "screen\n%s\n=====\n", got)
			continue
		case "asked":
			got := strings.Join(a.words, ", ")
			if a.words = nil; !*update && got != rest {
				t.Errorf("%s line %d: asked for %q, not %q", file, i+1, got, rest)
			}
			line = strings.TrimSuffix("asked "+got, " ")
		case "", "#":
		default:
			play(t, m, word, rest)
		}
		out.WriteString(line + "\n")
	}
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// screenOf is the screen without trailing blanks, after a look at its size.
func screenOf(t *testing.T, m *model) string {
	lines := strings.Split(ansi.Strip(m.text()), "\n")
	if len(lines) != m.height {
		t.Errorf("the screen has %d lines of %d", len(lines), m.height)
	}
	for i := range lines {
		if w := ansi.StringWidth(lines[i]); w > m.width {
			t.Errorf("line %d is %d columns wide", i+1, w)
		}
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}

func play(t *testing.T, m *model, word, rest string) {
	number := func() (n uint64) {
		text, more, _ := strings.Cut(rest, " ")
		fmt.Sscan(text, &n)
		rest = more
		return n
	}
	switch word {
	case "size":
		w := number()
		m.Update(tea.WindowSizeMsg{Width: int(w), Height: int(number())})
	case "after":
		m.Update(clock(m.now.Add(time.Duration(number()) * time.Second)))
	case "key":
		for _, name := range strings.Fields(rest) {
			m.Update(keyOf(name))
		}
	case "type":
		for _, r := range rest {
			m.Update(tea.KeyPressMsg{Code: r, Text: string(r)})
		}
	case "feed", "first":
		w := &schedpb.WatchResponse{}
		if err := protojson.Unmarshal([]byte(rest), w); err != nil {
			t.Fatalf("%s: %v", rest, err)
		}
		m.Update(feedEvent{w, word == "first"})
	case "lost":
		m.Update(lost{rest})
	case "ranks":
		job, lines := number(), strings.Split(rest, "|")
		if rest == "" {
			lines = nil
		}
		m.Update(ranks{job, lines})
	case "reasons":
		w := &schedpb.WatchResponse{}
		if err := protojson.Unmarshal([]byte(rest), w); err != nil {
			t.Fatalf("%s: %v", rest, err)
		}
		m.Update(reasons(w.Jobs))
	case "log":
		m.Update(logText{job: number(), text: strings.ReplaceAll(rest, `\n`, "\n")})
	case "over":
		m.Update(logText{job: number(), over: true})
	case "answer":
		m.Update(answer(rest))
	default:
		t.Fatalf("no event is called %q", word)
	}
}

func keyOf(name string) tea.KeyPressMsg {
	for key, its := range map[rune]string{tea.KeyEnter: "enter", tea.KeyEsc: "esc", tea.KeyBackspace: "backspace",
		tea.KeyUp:   "up",
		tea.KeyDown: "down", tea.KeyPgDown: "pgdown"} {
		if its == name {
			return tea.KeyPressMsg{Code: key}
		}
	}
	return tea.KeyPressMsg{Code: []rune(name)[0], Text: name}
}

// TestAnySize sees that no size, and no key at it, breaks a screen.
func TestAnySize(t *testing.T) {
	m := newModel("unix:sock", &fakeRequests{}, start)
	w := &schedpb.WatchResponse{}
	for i := uint64(1); i < 60; i++ {
		w.Jobs = append(w.Jobs, &schedpb.JobInfo{Id: i, Name: "名前の長い仕事\x1b[31m", State: "R", Tenant: "uid:1000",
			Ranks:         uint32(i),
			StartedUnixNs: start.UnixNano(), Nodes: []*schedpb.NodeRanks{{Node: "n1", Ranks: 3}}})
		w.Nodes = append(w.Nodes, &schedpb.NodeInfo{Name: fmt.Sprintf("n%d", i), Slots: 4, Connected: true})
	}
	m.Update(feedEvent{w, true})
	for width := 1; width < 200; width += 13 {
		for height := 1; height < 60; height += 7 {
			m.Update(tea.WindowSizeMsg{Width: width, Height: height})
			for _, key := range []string{"j", "G", "k", "s", "enter", "j", "G", "l", "G", "k", "esc", "?", "x", "x", "n", "g",
				"pgdown", "esc"} {
				m.Update(keyOf(key))
				m.Update(ranks{m.selected, strings.Split(strings.Repeat("rank: computing|", 40), "|")})
				m.Update(logText{job: m.selected, text: strings.Repeat("a line\t\x1b[2J\n", 30)})
				if screenOf(t, m); t.Failed() {
					t.Fatalf("after %s at %dx%d", key, width, height)
				}
			}
		}
	}
	if strings.Contains(m.text(), "\x1b[2J") {
		t.Error("a job's escape sequences reach the terminal")
	}
}
