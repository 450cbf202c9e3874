package result

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// OneLine is a name, a program's say, as it may stand in a line of ours.
func OneLine(name string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return '?'
		}
		return c
	}, name)
}

// Text makes text that comes from an executor, and in part from a program (a function's name, say), fit to be sent and
// shown: valid UTF-8 without terminal control sequences, at most limit bytes.
func Text(s string, limit int) string {
	const more = " …"
	s = strings.Map(func(c rune) rune {
		if c == '\n' || c == '\t' || unicode.IsPrint(c) {
			return c
		}
		return utf8.RuneError
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) <= limit {
		return s
	}
	if limit <= len(more) {
		return ""
	}
	return strings.ToValidUTF8(s[:limit-len(more)], "") + more
}
