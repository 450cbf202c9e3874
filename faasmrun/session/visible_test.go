package session

import (
	"bytes"
	"testing"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
)

func TestVisible(t *testing.T) {
	for _, c := range []struct{ in, line, lines string }{
		{"plain é", "plain é", "plain é"},
		{"caf\xe9", `caf\xe9`, `caf\xe9`},
		{"a\n\tb", `a\n\tb`, "a\n\tb"},
		{"\x1b[2J\r\u202e", `\x1b[2J\r\u202e`, `\x1b[2J\r\u202e`},
	} {
		if got := cli.Visible(c.in); got != c.line {
			t.Errorf("visible(%q) = %q", c.in, got)
		}
		if got := cli.VisibleLines(c.in); got != c.lines {
			t.Errorf("visibleLines(%q) = %q", c.in, got)
		}
	}
}

// What a scheduler or a worker says reaches the terminal as words.
func TestSaidWordsCommandNothing(t *testing.T) {
	var out bytes.Buffer
	cli.Say(&out, "the job failed: %s", "f\x1b]0;owned\a\nat g")
	if got, want := out.String(), "faasmrun: the job failed: f\\x1b]0;owned\\a\n  at g\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
