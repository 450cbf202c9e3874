package session

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// play feeds a display with a script, one event a line: RANK STREAM TEXT, the text with \n for a newline; STREAM is 1
// or 2, and "?" behind it says that the rank then waits for input.
func play(t *testing.T, d *display, script string) {
	t.Helper()
	for _, line := range strings.Split(script, "\n") {
		if line == "" {
			continue
		}
		var rank uint32
		var stream, text string
		if _, err := fmt.Sscanf(line, "%d %s", &rank, &stream); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if parts := strings.SplitN(line, " ", 3); len(parts) == 3 {
			text = strings.ReplaceAll(parts[2], `\n`, "\n")
		}
		d.Output(&schedpb.Output{Rank: rank, Stream: schedpb.Stream(stream[0] - '1'), Data: []byte(text),
			AtUnixNs: time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local).UnixNano(), AwaitsInput: strings.HasSuffix(stream, "?")})
	}
}

func TestDisplay(t *testing.T) {
	for _, c := range []struct {
		name           string
		options        OutputOptions
		ranks          int
		script         string
		stdout, stderr string
	}{
		{"lines are put together", OutputOptions{}, 2, "0 1 hel\n1 1 wor\n0 1 lo\\n\n1 1 ld\\n", "hello\nworld\n", ""},
		{"streams are apart", OutputOptions{}, 2, "0 1 a\n0 2 b\\n\n0 1 c\\n", "ac\n", "b\n"},
		{"several lines in one write", OutputOptions{}, 2, "0 1 a\\nb\\nc\n1 1 x\\n\n0 1 d\\n", "a\nb\nx\ncd\n", ""},
		{"the end shows what is unfinished, by rank", OutputOptions{}, 3, "2 1 c\n0 1 a\n1 1 b", "abc", ""},
		{"one rank's bytes pass as they come", OutputOptions{}, 1, "0 1 a\n0 1 b\\nc", "ab\nc", ""},
		{"a prompt is shown", OutputOptions{}, 2, "0 1? n: \n0 1 4\\n", "n: 4\n", ""},
		{"a prompt is not torn", OutputOptions{}, 2, "0 1? n: \n1 1 x\\n\n0 1 4\\n", "n: \nx\n4\n", ""},
		{"an event without bytes shows the prompt of either stream", OutputOptions{}, 2, "0 1 a \n0 2 b \n0 1?", "a ", "b "},
		{"merged", OutputOptions{Merge: true}, 2, "0 1 a\\n\n1 2 b\\n", "a\nb\n", ""},
		{"tagged", OutputOptions{Tag: TagJobRank}, 2, "0 1 a\\nb\n1 2 c\\n", "[1,0]<stdout>:a\n[1,0]<stdout>:b\n",
			"[1,1]<stderr>:c\n"},
		{"tagged, one rank", OutputOptions{Tag: TagJobRank}, 1, "0 1 a\n0 1 b\\n\\n", "[1,0]<stdout>:ab\n[1,0]<stdout>:\n",
			""},
		{"tagged and merged", OutputOptions{Tag: TagJobRank, Merge: true}, 2, "0 1 a\\n\n0 2 c\\n",
			"[1,0]<stdout>:a\n[1,0]<stderr>:c\n", ""},
		{"labelled", OutputOptions{Tag: TagRank}, 2, "0 1 a\\n\n1 2 c\\n", "0: a\n", "1: c\n"},
		{"with the time", OutputOptions{Timestamp: true}, 2, "0 1 a\\n", "Fri Jan  2 03:04:05 2026<stdout>:a\n", ""},
		{"tagged with the time", OutputOptions{Timestamp: true, Tag: TagJobRank}, 2, "1 1 a\\n",
			"Fri Jan  2 03:04:05 2026[1,1]<stdout>:a\n", ""},
		{"a tagged prompt goes on in its line", OutputOptions{Tag: TagRank}, 2, "0 1? n: \n0 1 4\\n5\\n", "0: n: 4\n0: 5\n",
			""},
		{"a tagged prompt is not torn", OutputOptions{Tag: TagRank}, 2, "0 1? n: \n1 1 x\\n\n0 1 4\\n",
			"0: n: \n1: x\n0+: 4\n", ""},
		{"an unfinished tagged prompt ends its line", OutputOptions{Tag: TagRank}, 2, "0 1? n: ", "0: n: \n", ""},
		{"files only", OutputOptions{dir: "d", FilesOnly: true}, 2, "0 1 a\\n", "", ""},
	} {
		var stdout, stderr bytes.Buffer
		d := NewDisplay(c.options, c.ranks, &stdout, &stderr)
		play(t, d, c.script)
		d.Finish()
		if stdout.String() != c.stdout || stderr.String() != c.stderr {
			t.Errorf("%s:\n got %q and %q\nwant %q and %q", c.name, stdout.String(), stderr.String(), c.stdout, c.stderr)
		}
		if d.held != 0 {
			t.Errorf("%s: %d bytes are still counted as held", c.name, d.held)
		}
	}
}

// TestLongLines: a line beyond the bound goes out in pieces, whole in the end, and not torn.
func TestLongLines(t *testing.T) {
	var stdout bytes.Buffer
	d := NewDisplay(OutputOptions{}, 2, &stdout, &bytes.Buffer{})
	long := bytes.Repeat([]byte("a"), maxLine+1)
	d.Output(&schedpb.Output{Data: long})
	d.Output(&schedpb.Output{Rank: 1, Data: []byte("b\n")})
	d.Output(&schedpb.Output{Data: []byte("c\n")})
	d.Finish()
	if got, want := stdout.String(), string(long)+"\nb\nc\n"; got != want {
		t.Errorf("%d bytes, want %d; the end is %q", len(got), len(want), got[len(got)-8:])
	}

	stdout.Reset()
	d = NewDisplay(OutputOptions{Tag: TagRank}, 2, &stdout, &bytes.Buffer{})
	d.Output(&schedpb.Output{Data: long})
	d.Output(&schedpb.Output{Rank: 1, Data: []byte("b\n")})
	d.Output(&schedpb.Output{Data: []byte("c\n")})
	d.Finish()
	if got, want := stdout.String(), "0: "+string(long)+"\n1: b\n0+: c\n"; got != want {
		t.Errorf("%d bytes, want %d", len(got), len(want))
	}
}

// TestHeldBytesAreBounded: many ranks with unfinished lines do not fill the memory.
func TestHeldBytesAreBounded(t *testing.T) {
	var stdout bytes.Buffer
	d := NewDisplay(OutputOptions{}, 200, &stdout, &bytes.Buffer{})
	piece := bytes.Repeat([]byte("x"), maxLine)
	for rank := uint32(0); rank < 100; rank++ {
		d.Output(&schedpb.Output{Rank: rank, Data: piece})
		if d.held > maxHeld {
			t.Fatalf("%d bytes are held", d.held)
		}
	}
	d.Finish()
	if got := bytes.Count(stdout.Bytes(), []byte("x")); got != 100*maxLine {
		t.Errorf("%d bytes came out of %d", got, 100*maxLine)
	}
}

// TestEveryByteOnce: random writes of random ranks come out complete, in each stream's order, in whole lines.
func TestEveryByteOnce(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for round := 0; round < 200; round++ {
		var stdout, stderr bytes.Buffer
		d := NewDisplay(OutputOptions{Tag: TagJobRank}, 4, &stdout, &stderr)
		var written [4][2]string
		for i := 0; i < 50; i++ {
			rank, stream := random.Intn(4), random.Intn(2)
			text := strings.Repeat(string(rune('a'+rank)), random.Intn(5)) + strings.Repeat("\n", random.Intn(2))
			written[rank][stream] += text
			d.Output(&schedpb.Output{Rank: uint32(rank), Stream: schedpb.Stream(stream), Data: []byte(text),
				AwaitsInput: random.Intn(10) == 0})
		}
		d.Finish()
		for stream, out := range []string{stdout.String(), stderr.String()} {
			var got [4]string
			for _, line := range strings.SplitAfter(out, "\n") {
				if line == "" {
					continue
				}
				m := regexp.MustCompile(`(?s)^\[1,(\d)\]<std(?:out|err)>\+?:(.*)$`).FindStringSubmatch(line)
				if m == nil || strings.Trim(m[2], string(rune('a'+m[1][0]-'0'))+"\n") != "" {
					t.Fatalf("round %d: a torn line %q", round, line)
				}
				got[m[1][0]-'0'] += m[2]
			}
			for rank := range got {
				// Newlines that tags add where a line was left unfinished don't count.
				if strings.ReplaceAll(got[rank], "\n", "") != strings.ReplaceAll(written[rank][stream], "\n", "") {
					t.Fatalf("round %d, rank %d: got %q, want %q", round, rank, got[rank], written[rank][stream])
				}
			}
		}
	}
}

func TestOutputFiles(t *testing.T) {
	for _, c := range []struct {
		name, option string
		files        map[string]string
	}{
		{"directory", "dir=DIR", map[string]string{"1/rank.0/stdout": "a0\nb", "1/rank.0/stderr": "",
			"1/rank.1/stdout": "a1\n", "1/rank.1/stderr": "e1\n"}},
		{"a name", "file=DIR/out", map[string]string{"out.0": "a0\nb", "out.1": "a1\ne1\n"}},
		{"a pattern with the rank", "file=DIR/sub/%x-%j-%3t.txt:pattern",
			map[string]string{"sub/prog-7-000.txt": "a0\nb", "sub/prog-7-001.txt": "a1\ne1\n"}},
		{"one file for all", "file=DIR/all%%:pattern,rank", map[string]string{"all%": "0: a0\n1: a1\n1: e1\n0: b\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			var o OutputOptions
			if err := o.SetDirectives(strings.ReplaceAll(c.option, "DIR", dir) + ",nocopy"); err != nil {
				t.Fatal(err)
			}
			files, err := openOutputFiles(o, 2, patternFields{job: 7, name: "prog"})
			if err != nil {
				t.Fatal(err)
			}
			d := NewDisplay(o, 2, nil, nil)
			d.files = files.of
			play(t, d, "0 1 a0\\nb\n1 1 a1\\n\n1 2 e1\\n")
			d.Finish()
			if failure := files.close(); failure != nil {
				t.Fatal(failure)
			}
			for name, want := range c.files {
				got, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil || string(got) != want {
					t.Errorf("%s: got %q, %v; want %q", name, got, err, want)
				}
			}
		})
	}
}

func TestOutputFileErrors(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := openOutputFiles(OutputOptions{dir: filepath.Join(dir, "file")}, 2, patternFields{})
	if want := "output directory " + dir + "/file/1/rank.0 cannot be made: not a directory"; err == nil ||
		err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	full, err := openOutputFiles(OutputOptions{File: "/dev/full"}, 1, patternFields{})
	if err != nil {
		t.Fatal(err)
	}
	full.of(streamKey{}).write([]byte("lost"))
	if failure := full.close(); failure == nil ||
		failure.Error() != "/dev/full cannot be written: no space left on device" {
		t.Errorf("got %v", failure)
	}
}

func BenchmarkDisplay(b *testing.B) {
	d := NewDisplay(OutputOptions{Tag: TagJobRank}, 4, discard{}, discard{})
	event := &schedpb.Output{Rank: 3, Data: bytes.Repeat([]byte("a line of an ordinary length, as programs print them\n"),
		100)}
	b.SetBytes(int64(len(event.Data)))
	b.ReportAllocs()
	for b.Loop() {
		d.Output(event)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
