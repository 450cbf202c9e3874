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

// BytesText writes sizes as people do.
func BytesText(n uint64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	for shift, unit := range []string{10: "K", 20: "M", 30: "G", 40: "T", 50: "P"} {
		if unit != "" && n < 1<<(shift+10) {
			return fmt.Sprintf("%.1f%s", float64(n)/float64(uint64(1)<<shift), unit)
		}
	}
	return fmt.Sprintf("%.1fE", float64(n)/(1<<60))
}

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
