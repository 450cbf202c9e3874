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

func TestScript(t *testing.T) {
	text := `#!/bin/sh
#SBATCH -n 4 --job-name="my job"
#SBATCH -t10 -p long
#FAASMRUN --hold
# a comment
export OMP_NUM_THREADS=1 MODE=x
cd /data
set -e
mpirun -x A=1 app.wasm "$@" end
`
	s, err := readScript("job.sh", strings.NewReader(text), []string{"one", "two words"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(s.options, "|"), "-np|4|--job-name|my job|-t|10|--hold"; got != want {
		t.Errorf("options %s, want %s", got, want)
	}
	if got, want := strings.Join(s.body, "|"), "-x|OMP_NUM_THREADS=1|-x|MODE=x|-wdir|/data|-x|A=1|app.wasm|one|two words|end"; got != want {
		t.Errorf("body %s, want %s", got, want)
	}
	if fmt.Sprint(s.ignored) != "[-p]" {
		t.Errorf("ignored %v", s.ignored)
	}
	for body, words := range map[string]string{
		"make":                             `line 2: "make" can't be run`,
		"#SBATCH -N 2\nsrun a.wasm":        "a job runs on one node",
		"#SBATCH --wat\nsrun a.wasm":       "unknown option --wat",
		"#SBATCH -t\nsrun a.wasm":          "needs a value",
		"#SBATCH words\nsrun a.wasm":       "is no option",
		"srun a.wasm $HOME":                "needs a shell",
		"srun a.wasm | cat":                "needs a shell",
		"srun a.wasm\nsrun b.wasm":         "behind the launch line",
		"echo":                             "can't be run",
		"# nothing":                        "launches nothing",
		"srun 'a":                          "is not closed",
		strings.Repeat("x", maxScriptLine): "cannot be read",
	} {
		if _, err := readScript("job.sh", strings.NewReader("#!/bin/sh\n"+body), nil); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%.40s: expected %q, got %v", body, words, err)
		}
	}
}

func FuzzScript(f *testing.F) {
	f.Add("#!/bin/sh\n#SBATCH -n4\nsrun x")
	f.Fuzz(func(t *testing.T, text string) { readScript("job.sh", strings.NewReader(text), []string{"a"}) })
}
