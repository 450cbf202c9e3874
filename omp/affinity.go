package omp

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Affinity (OpenMP 5.1, 3.3): threads are where the host puts them, and what a program may show of that is in lines of
// its own format.

// defaultFormat is how a thread's affinity is shown where nothing says how.
const defaultFormat = "level %L thread %n affinity %A"

// fields of a format, by their letter and their name.
var fields = map[byte]string{'t': "team_num", 'T': "num_teams", 'L': "nesting_level", 'n': "thread_num",
	'N': "num_threads", 'a': "ancestor_tnum", 'H': "host", 'P': "process_id", 'i': "native_thread_id",
	'A': "thread_affinity"}

// mostWidth bounds the width of a field.
const mostWidth = 1 << 10

// expand puts values into a format: %[[[0].]size]type, where type is a letter or a name in braces, and %% is a percent
// sign. A dot puts the value to the right of a field so wide, and a 0 fills with zeros. value gives "" for what is not
// known.
func expand(format string, value func(name string) string) string {
	var out strings.Builder
	for {
		text, rest, found := strings.Cut(format, "%")
		out.WriteString(text)
		if !found {
			return out.String()
		}
		if strings.HasPrefix(rest, "%") {
			out.WriteByte('%')
			format = rest[1:]
			continue
		}
		var one string
		one, format = field(rest, value)
		out.WriteString(one)
	}
}

// field expands what stands behind a percent sign, and gives what is behind that.
func field(rest string, value func(name string) string) (text, behind string) {
	zeros := strings.HasPrefix(rest, "0")
	if zeros {
		rest = rest[1:]
	}
	right := strings.HasPrefix(rest, ".")
	if right {
		rest = rest[1:]
	}
	digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
	width, _ := strconv.Atoi(rest[:digits])
	width, rest = max(0, min(width, mostWidth)), rest[digits:]
	name := ""
	switch {
	case rest == "":
		return "", ""
	case rest[0] == '{':
		name, rest, _ = strings.Cut(rest[1:], "}")
	default:
		name, rest = fields[rest[0]], rest[1:]
	}
	if text = value(name); text == "" {
		text = "undefined"
	}
	switch _, err := strconv.Atoi(text); {
	case right && zeros && err == nil:
		text = strings.Repeat("0", max(0, width-len(text))) + text
	case right:
		text = fmt.Sprintf("%*s", width, text)
	default:
		text = fmt.Sprintf("%-*s", width, text)
	}
	return text, rest
}

// shown is a field's value for a thread.
func (t *Thread) shown(name string) string {
	n := 0
	switch name {
	case "team_num":
		n = t.leagueOf().number
	case "num_teams":
		n = t.leagueOf().teams
	case "nesting_level":
		n = t.region.team.level
	case "thread_num":
		n = t.region.number
	case "num_threads":
		n = t.region.team.size
	case "ancestor_tnum":
		if n = -1; t.region.team.parent != nil {
			n = t.region.team.parent.number
		}
	case "host":
		return t.runtime.hostname
	case "process_id":
		n = processID
	case "native_thread_id":
		n = processID + t.id
	case "thread_affinity":
		if last := t.runtime.processors - 1; last > 0 {
			return "0-" + strconv.Itoa(last)
		}
		return "0"
	default:
		return ""
	}
	return strconv.Itoa(n)
}

// processID is what getpid gives to each rank, and gettid to main.
const processID = 42

// affinity is a thread's line by a format; nil: that of the rank.
func (t *Thread) affinity(format []byte) string {
	if format == nil {
		return expand(t.format(), t.shown)
	}
	return expand(string(format), t.shown)
}

// format is the rank's.
func (t *Thread) format() string { return *t.runtime.affinityFormat.Load() }

// text is a string in the program's memory; nil: it has none.
func (t *Thread) text(address uint64) []byte {
	if address == 0 {
		return nil
	}
	text := []byte{}
	for size := uint64(64); ; size *= 2 {
		for uint64(len(text)) < size {
			b := t.host.Bytes(address+uint64(len(text)), 1)[0]
			if b == 0 {
				return text
			}
			text = append(text, b)
		}
		if size >= mostText {
			return text
		}
	}
}

// mostText bounds a text that is taken from a program.
const mostText = 64 << 10

// give writes as much of a text as a buffer has room for, with a 0 behind it, and gives the text's length.
func (t *Thread) give(buffer, size uint64, text string) uint64 {
	if size > 0 && buffer != 0 {
		n := min(uint64(len(text)), size-1)
		b := t.host.Bytes(buffer, n+1)
		copy(b, text[:n])
		b[n] = 0
	}
	return uint64(len(text))
}

// void omp_set_affinity_format(*format)
func setAffinityFormat(t *Thread, s []uint64) {
	if text := t.text(s[0]); text != nil {
		format := string(text)
		t.runtime.affinityFormat.Store(&format)
	}
}

// size omp_get_affinity_format(*buffer, size) -> the format's length
func getAffinityFormat(t *Thread, s []uint64) { s[0] = t.give(s[0], s[1], t.format()) }

// size omp_capture_affinity(*buffer, size, *format) -> the line's length
func captureAffinity(t *Thread, s []uint64) { s[0] = t.give(s[0], s[1], t.affinity(t.formatAt(s[2]))) }

// void omp_display_affinity(*format): writes the thread's line to standard output.
func displayAffinity(t *Thread, s []uint64) {
	t.host.Print(1, []byte(t.affinity(t.formatAt(s[0]))+"\n"))
}

// formatAt is a format of the program's; an empty one is none.
func (t *Thread) formatAt(address uint64) []byte {
	if text := bytes.Clone(t.text(address)); len(text) > 0 {
		return text
	}
	return nil
}

// showAffinity is OMP_DISPLAY_AFFINITY: a thread that comes to a region writes its line where that is not what it wrote
// last.
func (t *Thread) showAffinity() {
	if line := t.affinity(nil); line != t.showed {
		t.showed = line
		t.host.Print(1, []byte(line+"\n"))
	}
}
