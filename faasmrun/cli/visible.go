package cli

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Visible makes text of others, names of programs say, fit for a terminal and for one line of it: what is no printable
// character is shown as Go would write it, as \n or \xe9.
func Visible(s string) string { return show(s, "") }

// VisibleLines does so with text of several lines.
func VisibleLines(s string) string { return show(s, "\n\t") }

// AllVisible does so with lines.
func AllVisible(lines []string) []string {
	for i, line := range lines {
		lines[i] = Visible(line)
	}
	return lines
}

func show(s, kept string) string {
	fine := func(c rune) bool { return unicode.IsPrint(c) || strings.ContainsRune(kept, c) }
	if utf8.ValidString(s) && strings.IndexFunc(s, func(c rune) bool { return !fine(c) }) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		c, n := utf8.DecodeRuneInString(s[i:])
		switch part := s[i : i+n]; {
		case c == utf8.RuneError && n == 1, !fine(c):
			quoted := fmt.Sprintf("%q", part)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteString(part)
		}
		i += n
	}
	return b.String()
}
