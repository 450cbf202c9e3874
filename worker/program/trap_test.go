package program

import "testing"

func TestBacktrace(t *testing.T) {
	got := Backtrace([]string{"f", "f", "f", "g", "f", Omitted})
	if want := "\n    at f (3 times)\n    at g\n    at f\n    ..."; got != want {
		t.Errorf("%s", got)
	}
	if Backtrace(nil) != "" {
		t.Error("no frames, no lines")
	}
}
