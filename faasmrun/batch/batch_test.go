package batch

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/faasmrun/launch"
	"github.com/faasmrun/faasmrun/faasmrun/machine"
)

// parse reads a script that is a job.
func parse(text string, commandLine ...string) (*launch.Request, []string, error) {
	return parseScriptJob(&script{"job.sh", []byte(text)}, commandLine)
}

func TestBatchScripts(t *testing.T) {
	r, notes, err := parse("#!/bin/sh\n#SBATCH -n4 --time=1:00 -p fast --exclusive\n#SBATCH --mem 4G --signal=B:USR1@30\n"+
		"# a comment\n#FAASMRUN -J mine -x A=1\n\nexport B=$A\n#SBATCH -n 16\nsrun 1.wasm <in >out &\nwait\n",
		"-np", "8", "-x", "A=2")
	if err != nil {
		t.Fatal(err)
	}
	s := r.Segments[0]
	if w := r.Batch.Warning; r.Name != "mine" || r.Timeout != time.Minute || !r.Batch.Exclusive || s.Ranks != 8 ||
		len(s.Env) != 2 || s.Env[1].Value != "2" || w.GetNumber() != 10 || w.GetBeforeMs() != 30000 || !w.GetScript() {
		t.Errorf("%+v %+v", r, r.Batch)
	}
	if r.Batch.Mem != 4<<30 {
		t.Errorf("%d bytes of memory", r.Batch.Mem)
	}
	if want := []string{"job.sh line 8: #SBATCH -n 16 has no effect behind the first command",
		"job.sh line 2: -p fast has no effect here"}; !reflect.DeepEqual(notes, want) {
		t.Errorf("notes: %q", notes)
	}
	for text, want := range map[string]string{
		"#FAASMRUN -np 2 a.wasm\nb":     `"a.wasm" is no option`,
		"#FAASMRUN -np x\nb":            "-np needs a number",
		"#SBATCH word\nb":               `"word" is no option`,
		"#SBATCH -t\nb":                 "-t needs a value",
		"#SBATCH --hold=1\nb":           "takes no value here",
		"#SBATCH -J 'open\nb":           "is not closed",
		"#SBATCH --ntasks-per-core=2\n": "--ntasks-per-core=2 is not there: the number of tasks is said with",
		"#SBATCH --signal=NONE@5\n":     "is no signal",
		"#SBATCH --signal=USR1@65536\n": "up to 65535 seconds",
		"#SBATCH --signal=0\n":          "is no signal",
	} {
		if _, _, err := parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// -c is processors for each task to submit, and -N nodes.
func TestTasks(t *testing.T) {
	for text, want := range map[string][2]int{ // tasks, slots
		"#SBATCH -n 2 -c 4":                               {2, 8},
		"#SBATCH --cpus-per-task=3":                       {1, 3},
		"#FAASMRUN -c 4 -np 2":                            {2, 8},
		"#SBATCH --nodes=1 --ntasks-per-node=4":           {4, 4},
		"#SBATCH -N 2-4 --ntasks-per-node=4 -c2":          {8, 16},
		"#SBATCH -N 2":                                    {2, 2},
		"#SBATCH -N 2 -n 5":                               {5, 5},
		"#SBATCH -N1\n#SBATCH --ntasks-per-node=8 -n 4\n": {4, 4},
	} {
		r, _, err := parse(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		r.Segments[0].Ranks = max(1, r.Segments[0].Ranks)
		slots, err := r.Place(machine.Machine{Cores: 1}, true)
		if got := [2]int{r.Segments[0].Ranks, slots}; err != nil || got != want {
			t.Errorf("%q: tasks and slots %v, not %v; %v", text, got, want, err)
		}
	}
	if r, _, _, err := parseSubmit([]string{"-c", "4", "-np", "2", "a.wasm"}); err != nil {
		t.Error(err)
	} else if slots, err := r.Place(machine.Machine{Cores: 1}, true); slots != 8 || err != nil {
		t.Errorf("submit -c 4 -np 2 takes %d slots; %v", slots, err)
	}
	for _, text := range []string{"#SBATCH -c 0", "#SBATCH -c -2", "#SBATCH -c 9999999999"} {
		if _, _, err := parse(text); err == nil ||
			!strings.Contains(err.Error(), "needs a number of processors from 1 to 1048576") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, _, err := parse("#SBATCH -N 1048576 --ntasks-per-node 1048576"); err == nil {
		t.Error("more tasks than a job can have")
	}
}

func TestWhatIsAScript(t *testing.T) {
	for text, want := range map[string]string{
		"#!/bin/sh\nexit\n":       "",
		"#!/bin/sh":               "",
		"":                        "is empty",
		"echo\n":                  "has no interpreter",
		"#!/bin/bash\r\necho\r\n": "line ends of DOS",
		"#!/bin/sh\n\x00":         "NUL",
		"#!/bin/sh\n" + strings.Repeat("a", 1<<20): "larger than 1024 KiB",
	} {
		if _, err := checkScript(&script{"job.sh", []byte(text)}); (err == nil) != (want == "") ||
			err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

func TestSrun(t *testing.T) {
	for text, want := range map[string]string{
		"-n4 -c 2 --exclusive -N1 a.wasm -n 5": "-n 4 --cpus-per-rank 2 a.wasm -n 5",
		"--mpi=pmix --ntasks=3 -l a.wasm":      "-n 3 -l a.wasm",
		"--overlap -- a.wasm":                  "--oversubscribe -- a.wasm",
		"-n":                                   "needs a value",
		"--pty bash":                           "--pty has no counterpart",
		"--bcast=x a.wasm":                     "has no counterpart",
	} {
		got, err := srunWords(strings.Fields(text))
		if err != nil && !strings.Contains(err.Error(), want) || err == nil && strings.Join(got, " ") != want {
			t.Errorf("srun %s: %q, %v", text, got, err)
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
		r, _, err := parse(text)
		if err == nil && len(r.Segments) != 1 && !r.Help && !r.Version {
			t.Errorf("a job without options: %+v", r)
		}
	})
}
