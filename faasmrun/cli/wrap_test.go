package cli

import "testing"

func TestFill(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "",
		"one":                            "one",
		"one two three":                  "one two\nthree",
		"one\ntwo three":                 "one two\nthree",
		"one two three\n\nfour\nsix":     "one two\nthree\n\nfour six",
		"so:\n  one   two   three\nfour": "so:\n  one   two   three\nfour",
		"äöü äö x\n":                     "äöü äö x\n",
		"incomprehensible a":             "incomprehensible\na",
	} {
		if got := Fill(text, 8); got != want {
			t.Errorf("%q becomes %q, not %q", text, got, want)
		}
	}
}
