package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestParseSubmit(t *testing.T) {
	r, o, err := parseSubmit(strings.Fields("-np 4 --job-name=x -t 1:30:00 -x A=1 --hold -d afterok:3:4,singleton -a 1-5:2%2 prog.wasm -t 5 : -np 2 other.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(r.name, r.timeout, r.segments[0].ranks, r.segments[0].args, r.segments[1].program, o.spec.Hold, o.spec.Singleton,
		o.spec.After[1].JobId, o.spec.Array, o.spec.ArrayThrottle)
	if want := "x1h30m0s 4 [-t 5]other.wasmtrue true 4 [1 3 5] 2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for line, words := range map[string]string{
		"-np 1":               "no program was named",
		"-t":                  "needs a value",
		"--hold=1 x.wasm":     "takes no value",
		"-d sometime x.wasm":  "is none of",
		"-d afterok:x x.wasm": "is no job's id",
		"-a 5-1 x.wasm":       "indices are written",
		"-a 0-99999 x.wasm":   "more than 10000 tasks",
		"--wat x.wasm":        "unknown option",
	} {
		if _, _, err := parseSubmit(strings.Fields(line)); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: expected %q, got %v", line, words, err)
		}
	}
}

func TestParseLimit(t *testing.T) {
	for text, want := range map[string]time.Duration{"30": 30 * time.Minute, "30:05": 30*time.Minute + 5*time.Second, "2:30:00": 150 * time.Minute,
		"1-12": 36 * time.Hour, "1-12:30": 36*time.Hour + 30*time.Minute, "90s": 90 * time.Second, "1.5h": 90 * time.Minute} {
		if got, err := parseLimit(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "-5", "1:2:3:4", "x", "1-", "-1s"} {
		if got, err := parseLimit(text); err == nil {
			t.Errorf("%q became %v", text, got)
		}
	}
}

func FuzzParseArray(f *testing.F) {
	f.Add("1-10:2%4")
	f.Add("1,4,7-9")
	f.Fuzz(func(t *testing.T, text string) {
		indices, _, err := parseArray(text)
		for i := 1; err == nil && i < len(indices); i++ {
			if indices[i] <= indices[i-1] {
				t.Fatalf("%q: %v", text, indices)
			}
		}
	})
}
