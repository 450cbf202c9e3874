package client

import (
	"strings"
	"testing"

	"github.com/faasmrun/faasmrun/scheduler"
)

func TestParseConstraint(t *testing.T) {
	for text, want := range map[string]string{
		"gpu":                          "gpu",
		"gpu=a100":                     "gpu=a100",
		" gpu & fast ":                 "gpu&fast",
		"gpu,fast=1":                   "gpu&fast=1",
		"a|b&c|d":                      "a|b&c|d",
		"(a|b)&(c|d)":                  "a&c|a&d|b&c|b&d",
		"((a))&( b | (c) )":            "a&b|a&c",
		"":                             "!a label is missing",
		"a&":                           "!a label is missing",
		"|a":                           "!a label is missing",
		"(a":                           "!not closed",
		"a)":                           `!")" is not expected there`,
		"a b":                          "!no spaces",
		"a=b=c":                        "!no spaces",
		"=b":                           "!has a name",
		"gpu*2":                        "!jobs of several nodes",
		"[a|b]":                        "!jobs of several nodes",
		strings.Repeat("(", 2000):      "!at most 1024",
		strings.Repeat("(a|b)&", 7):    "!more than 64",
		strings.Repeat("a|", 64) + "a": "!more than 64",
		strings.Repeat("n", 65):        "!at most 64",
	} {
		sets, err := ParseConstraint(text)
		if problem, bad := strings.CutPrefix(want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), problem) {
				t.Errorf("%q: %v, want %q", text, err, problem)
			}
		} else if got := ConstraintText(sets); err != nil || got != want {
			t.Errorf("%q: %q (%v), want %q", text, got, err, want)
		}
	}
}

func FuzzParseConstraint(f *testing.F) {
	f.Add("gpu=a100&(fast|big),x")
	f.Fuzz(func(t *testing.T, text string) {
		sets, err := ParseConstraint(text)
		if err != nil {
			return
		}
		for _, set := range sets {
			for _, l := range set.All {
				if err := scheduler.CheckLabel(l.Name, l.Value); err != nil {
					t.Errorf("%q: %v", text, err)
				}
			}
		}
		if again, err := ParseConstraint(ConstraintText(sets)); len(text) < 100 &&
			(err != nil || ConstraintText(again) != ConstraintText(sets)) {
			t.Errorf("%q becomes %q, and that %q: %v", text, ConstraintText(sets), ConstraintText(again), err)
		}
	})
}
