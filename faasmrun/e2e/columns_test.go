package e2e

import (
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// maxColumns is how long a line of Go may be; a tab counts as one. Raw strings, which are output or regular expressions
// as they stand, may be longer.
const maxColumns = 120

// TestColumns holds the form of the tree's text: its columns, its words, what comments of functions say that give a
// bool, and what is known in one package alone. make verify runs it.
func TestColumns(t *testing.T) {
	t.Run("columns", testColumns)
	t.Run("words", testRetiredWords)
	t.Run("reports whether", testReportsWhether)
	t.Run("said once", testSaidOnce)
}

func testColumns(t *testing.T) {
	for _, dir := range append(goPackages(t), "faasmrun/e2e") {
		files, err := filepath.Glob(filepath.Join("../..", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			if !strings.HasSuffix(path, ".pb.go") {
				checkColumns(t, path)
			}
		}
	}
}

func checkColumns(t *testing.T, path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw := rawLines(text)
	for i, line := range strings.Split(string(text), "\n") {
		if columns := utf8.RuneCountInString(line); columns > maxColumns && !raw[i+1] {
			t.Errorf("%s:%d: %d columns", path, i+1, columns)
		}
	}
}

// rawLines are the numbers of the lines that a raw string touches.
func rawLines(text []byte) map[int]bool {
	files := token.NewFileSet()
	file := files.AddFile("", -1, len(text))
	var s scanner.Scanner
	s.Init(file, text, nil, 0)
	lines := map[int]bool{}
	for {
		pos, kind, literal := s.Scan()
		switch {
		case kind == token.EOF:
			return lines
		case kind == token.STRING && literal[0] == '`':
			first := file.Line(pos)
			for n := range strings.Count(literal, "\n") + 1 {
				lines[first+n] = true
			}
		}
	}
}
