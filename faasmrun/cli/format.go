package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
)

// Table prints rows in columns under a heading.
func Table(w io.Writer, heading string, rows [][]string) error {
	b := bufio.NewWriterSize(w, 64<<10) // a tabwriter writes cell by cell, and there may be 100,000 rows
	t := tabwriter.NewWriter(b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, strings.ReplaceAll(heading, " ", "\t"))
	for _, row := range rows {
		for i := range row {
			row[i] = FirstLine(row[i])
		}
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return b.Flush()
}

// PrintJSON prints an array; no records make an empty one. It writes as it goes: there may be 100,000.
func PrintJSON[T any](w io.Writer, records []T) error {
	b := bufio.NewWriterSize(w, 64<<10)
	b.WriteString("[")
	for i := range records {
		text, err := json.MarshalIndent(&records[i], "  ", "  ")
		if err != nil {
			return err
		}
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n  ")
		b.Write(text)
	}
	if len(records) > 0 {
		b.WriteString("\n")
	}
	b.WriteString("]\n")
	return b.Flush()
}

// FirstLine is what of a text fits in a row of a list; the rest is for show.
func FirstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return Plain(line)
}

// Plain takes out what a terminal would act on: texts of jobs come from programs.
func Plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text)
}
