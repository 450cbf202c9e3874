package main

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseArray(t *testing.T) {
	for _, c := range []struct {
		text     string
		indices  []uint32
		throttle uint32
		bad      bool
	}{
		{"1-3", []uint32{1, 2, 3}, 0, false}, {"0-8:4%2", []uint32{0, 4, 8}, 2, false}, {"7,1,4-5,4", []uint32{1, 4, 5, 7}, 0, false},
		{"", nil, 0, true}, {"3-1", nil, 0, true}, {"1-9:0", nil, 0, true}, {"5:2", nil, 0, true}, {"1%0", nil, 0, true}, {"1-20000", nil, 0, true},
		{"-1", nil, 0, true}, {"4294967296", nil, 0, true},
	} {
		indices, throttle, err := parseArray(c.text)
		if (err != nil) != c.bad || !c.bad && (!reflect.DeepEqual(indices, c.indices) || throttle != c.throttle) {
			t.Errorf("%q: %v %d %v", c.text, indices, throttle, err)
		}
	}
}

func TestParseLimit(t *testing.T) {
	for text, want := range map[string]time.Duration{"30": 30 * time.Minute, "30:15": 30*time.Minute + 15*time.Second,
		"2:30:00": 150 * time.Minute, "1-12": 36 * time.Hour, "1-12:30": 36*time.Hour + 30*time.Minute, "90s": 90 * time.Second, "2h": 2 * time.Hour,
		"0": 0, "": 0, "-5": 0, "x": 0, "1:2:3:4": 0, "1-": 0, "0:00": 0, "99999999999": 0} {
		if got, err := parseLimit(text); got != want || (err != nil) != (want == 0) {
			t.Errorf("%q: %v %v", text, got, err)
		}
	}
}

// TestBatchOptionTable holds submit's table to run's rules, and what it leaves out of run's to names that exist.
func TestBatchOptionTable(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range optionsOf(true) {
		for _, name := range o.allNames() {
			if seen[name] {
				t.Errorf("option %s stands in the table twice", name)
			}
			seen[name] = true
		}
	}
	for name := range liveOptions {
		if o := findOption(name); o == nil || o.allNames()[0] != name {
			t.Errorf("%s is left out and is no first name of an option", name)
		}
	}
}

func TestBatchScripts(t *testing.T) {
	r, notes, err := parseScriptJob("job.sh", []byte("#!/bin/sh\n#SBATCH -n4 --time=1:00 -p fast --exclusive\n#SBATCH --mem 4G\n"+
		"# a comment\n#FAASMRUN -J mine -x A=1\n\nexec=1.wasm 'a b' \"c\" \\\n  d # e\n"), []string{"-np", "8", "-x", "A=2"})
	if err != nil {
		t.Fatal(err)
	}
	s := r.segments[0]
	if got := describe(r); r.name != "mine" || r.timeout != time.Minute || !r.batch.exclusive || s.ranks != 8 ||
		!reflect.DeepEqual(s.args, []string{"a b", "c", "d"}) || len(s.env) != 2 || s.env[1].value != "2" {
		t.Errorf("%s, %+v %+v", got, r, r.batch)
	}
	if want := []string{"job.sh line 2: -p fast has no effect here", "job.sh line 3: --mem 4G has no effect here"}; !reflect.DeepEqual(notes, want) {
		t.Errorf("notes: %q", notes)
	}
	for text, want := range map[string]string{
		"":                          "no command",
		"a.wasm\nb.wasm":            "line 2: a second command",
		"a.wasm\n#SBATCH -n 2":      "line 2: options stand before",
		"#FAASMRUN -np 2 a.wasm\nb": `"a.wasm" is no option`,
		"#FAASMRUN -np x\nb":        "--np|-np needs a number",
		"#SBATCH word\nb":           `"word" is no option`,
		"#SBATCH -t\nb":             "-t needs a value",
		"#SBATCH --hold=1\nb":       "takes no value here",
		"echo $HOME":                "asks for a shell",
		`a.wasm "$X"`:               "asks for a shell",
		"a.wasm 'open":              "is not closed",
		"mpirun a : b":              "--app FILE",
		"mpirun -np 2":              "no program is named",
		"srun --mpi=pmix a.wasm":    "--mpi=pmix has no counterpart here",
		"faasmrun queue":            "launches nothing",
	} {
		_, _, err := parseScriptJob("job.sh", []byte(text), nil)
		if want, _, _ = strings.Cut(want, "|"); err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(want, "-")) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzScript(f *testing.F) {
	f.Add("#!/bin/sh\n#SBATCH -n 4 -t 1:00\nsrun -n 2 a.wasm 'x y' \\\n z\n")
	f.Add("#FAASMRUN -np 2 --array=1-3%2\nmpirun a.wasm\n")
	f.Add("#SBATCH --ntasks-per-node=3\n#SBATCH -p \"a b\"\nfaasmrun run -x A a.wasm\n")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "app") || strings.Contains(text, "file") {
			return // options that read files
		}
		r, _, err := parseScriptJob("job.sh", []byte(text), nil)
		if err == nil && (len(r.segments) != 1 || r.segments[0].program == "") && !r.help && !r.version {
			t.Errorf("a job without a program: %+v", r)
		}
	})
}
