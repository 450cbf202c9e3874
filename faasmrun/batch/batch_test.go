package batch

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/faasmrun/machine"
)

func TestBatchScripts(t *testing.T) {
	r, notes, err := parseScriptJob("job.sh",
		[]byte("#!/bin/sh\n#SBATCH -n4 --time=1:00 -p fast --exclusive\n#SBATCH --mem 4G\n"+
			"# a comment\n#FAASMRUN -J mine -x A=1\n\nexec=1.wasm 'a b' \"c\" \\\n  d # e\n"), []string{"-np", "8", "-x", "A=2"})
	if err != nil {
		t.Fatal(err)
	}
	s := r.Segments[0]
	if got := r.Segments; r.Name != "mine" || r.Timeout != time.Minute || !r.Batch.Exclusive || s.Ranks != 8 ||
		!reflect.DeepEqual(s.Args, []string{"a b", "c", "d"}) || len(s.Env) != 2 || s.Env[1].Value != "2" {
		t.Errorf("%+v, %+v %+v", got, r, r.Batch)
	}
	if want := []string{"job.sh line 2: -p fast has no effect here",
		"job.sh line 3: --mem 4G has no effect here"}; !reflect.DeepEqual(notes, want) {
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

// -c is processors for each rank to sbatch and srun, and a number of ranks to mpirun.
func TestCPUsPerRank(t *testing.T) {
	for text, want := range map[string][2]int{ // ranks, slots
		"#SBATCH -n 2 -c 4\na.wasm":                     {2, 8},
		"#SBATCH -n2 -c4\nsrun a.wasm":                  {2, 8},
		"#SBATCH --cpus-per-task=3\nmpirun -c 2 a.wasm": {2, 6},
		"#FAASMRUN -c 4 -np 2\nmpiexec -c3 a.wasm":      {3, 12},
		"srun -n 2 -c 5 a.wasm":                         {2, 10},
		"faasmrun run -c 2 a.wasm":                      {2, 2},
		"faasmrun submit -c 2 -n 3 a.wasm":              {3, 6},
	} {
		r, _, err := parseScriptJob("job.sh", []byte(text), nil)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		slots, err := r.Place(machine.Machine{Cores: 1}, true)
		if got := [2]int{r.Segments[0].Ranks, slots}; err != nil || got != want {
			t.Errorf("%q: ranks and slots %v, not %v; %v", text, got, want, err)
		}
	}
	if r, _, err := parseSubmit([]string{"-c", "4", "-np", "2", "a.wasm"}); err != nil {
		t.Error(err)
	} else if slots, err := r.Place(machine.Machine{Cores: 1}, true); slots != 8 || err != nil {
		t.Errorf("submit -c 4 -np 2 takes %d slots; %v", slots, err)
	}
	for _, text := range []string{"#SBATCH -c 0\na.wasm", "#SBATCH -c -2\na.wasm", "#SBATCH -c 9999999999\na.wasm",
		"srun -c x a.wasm"} {
		if _, _, err := parseScriptJob("job.sh", []byte(text), nil); err == nil ||
			!strings.Contains(err.Error(), "needs a number of processors from 1 to 1048576") {
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
		if err == nil && (len(r.Segments) != 1 || r.Segments[0].Program == "") && !r.Help && !r.Version {
			t.Errorf("a job without a program: %+v", r)
		}
	})
}
