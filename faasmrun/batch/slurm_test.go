package batch

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Each name stands in one table, once, and each option of ours is one.
func TestSlurmOptions(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range sbatchOptions {
		for _, name := range strings.Fields(o.names) {
			if seen[name] {
				t.Errorf("%s stands there twice", name)
			}
			seen[name] = true
		}
		if (o.fate == refused) != (strings.Contains(o.ours, " ")) {
			t.Errorf("%+v", o)
		}
	}
}

func TestSlurmWords(t *testing.T) {
	for text, want := range map[string][2]string{ // ours, without effect
		"-n4 --ntasks=8 -n 2":                            {"-n 4 -n 8 -n 2", ""},
		"-A proj --mail-type=ALL --mail-user a@b":        {"", ""},
		"-p fast --export-file=f --unknown x -v":         {"", "-p fast|--export-file=f|--unknown x"},
		"--exclusive=user --exclusive":                   {"--exclusive --exclusive", ""},
		"--nice=5 --nice":                                {"--nice=5 --nice", ""},
		"--propagate=STACK --get-user-env -s":            {"", ""},
		"-G 2 --gpus-per-node=a100:1 --tasks-per-node=3": {"--gpus 2 --gpus a100:1 --ntasks-per-node 3", ""},
		"-W -Q -i in --test-only":                        {"--wait -q --input in --test-only", ""},
	} {
		ours, without, err := slurmWords(strings.Fields(text))
		if err != nil || strings.Join(ours, " ") != want[0] || strings.Join(without, "|") != want[1] {
			t.Errorf("%s: %q, %q, %v", text, ours, without, err)
		}
	}
	for text, want := range map[string]string{"-L lic:1": "--gres NAME:N takes", "--gpus-per-task=2": "--gpus N says",
		"-t": "needs a value", "--hold=yes": "takes no value", "word": "is no option", "--uid=root": "its submitter's"} {
		if _, _, err := slurmWords(strings.Fields(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestVariableWords(t *testing.T) {
	set := map[string]string{"SBATCH_TIMELIMIT": "5", "SBATCH_REQUEUE": "", "SBATCH_PARTITION": "fast", "SBATCH_WAIT": "1"}
	words, notes, err := variableWords(func(name string) (string, bool) { v, ok := set[name]; return v, ok })
	if err != nil || strings.Join(words, " ") != "--requeue --time 5 --wait" ||
		!reflect.DeepEqual(notes, []string{"SBATCH_PARTITION=fast has no effect here"}) {
		t.Errorf("%q, %q, %v", words, notes, err)
	}
	set = map[string]string{"SBATCH_GPUS_PER_TASK": "1"}
	if _, _, err := variableWords(func(name string) (string, bool) { v, ok := set[name]; return v, ok }); err == nil ||
		!strings.Contains(err.Error(), "SBATCH_GPUS_PER_TASK=1: --gpus-per-task 1 is not there") {
		t.Error(err)
	}
}

func TestOtherDirectives(t *testing.T) {
	for line, want := range map[string]string{
		"#PBS -l walltime=1:00:00": "#PBS -l walltime=1:00:00 is not read; #SBATCH -t TIME says it",
		"#PBS -N name":             "#PBS -N name is not read; #SBATCH -J NAME says it",
		"#PBS -l nodes=2:ppn=4":    "#PBS -l nodes=2:ppn=4 is not read; #SBATCH -N NODES --ntasks-per-node=N says it",
		"#BSUB -W 10":              "#BSUB -W 10 is not read; #SBATCH -t TIME says it",
		"#PBS -Z":                  "#PBS -Z is not read; options stand in #SBATCH lines",
		"#PBS":                     "", "# PBS -N x": "", "#PBSX -N x": "",
	} {
		if got := otherDirective(line); got != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

var update = flag.Bool("update", false, "write docs/slurm.md anew")

// The page about sbatch's options is made of the tables.
func TestSlurmPage(t *testing.T) {
	const file = "../../docs/slurm.md"
	page := slurmPage()
	if *update {
		if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if old, err := os.ReadFile(file); err != nil || string(old) != page {
		t.Errorf("docs/slurm.md is not what the tables say (%v); go test ./faasmrun/batch -run SlurmPage -update", err)
	}
}

func slurmPage() string {
	var b strings.Builder
	b.WriteString(`# Options of sbatch

Made from the tables in faasmrun/batch/slurm.go by ` + "`go test ./faasmrun/batch -run SlurmPage -update`" + `. They hold for
` + "`#SBATCH`" + ` lines, for ` + "`sbatch`" + ` (this program by that name) and, where a variable is named, for the environment. A script's lines
give way to the environment, and that to the command line. ` + "`faasmrun submit --help`" + ` says what our options mean.

| sbatch | here |
|---|---|
`)
	row := func(o slurm, ours string) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", dashes(o), ours)
	}
	for _, o := range slurmOptions {
		row(o, "`"+o.ours+"`")
	}
	b.WriteString("\n## Without effect, and silently\n\nThey say what is so anyway, or what nobody here acts on; " +
		"a job runs no other way, time or place without them.\n\n")
	words := func(table []slurm) {
		for _, o := range table {
			fmt.Fprintf(&b, "- `%s`\n", dashes(o))
		}
	}
	words(silentOptions)
	b.WriteString("\n## Without effect, and a line says so\n\n")
	words(notedOptions)
	b.WriteString("\n## Refused\n\nTo leave them out would change when, where or as what the job runs.\n\n" +
		"| sbatch | in its stead |\n|---|---|\n")
	for _, o := range refusedOptions {
		row(o, o.ours)
	}
	b.WriteString("\n## Variables\n\n| variable | option |\n|---|---|\n")
	for _, v := range slurmVariables {
		fmt.Fprintf(&b, "| `%s` | `%s` |\n", v.name, v.option)
	}
	b.WriteString("\n## Lines of other systems\n\n`#PBS` and `#BSUB` lines are not read; " +
		"submit names each with what says the same:\n\n" +
		"| line | here |\n|---|---|\n")
	for _, system := range []string{"#PBS", "#BSUB"} {
		for _, name := range slices.Sorted(maps.Keys(otherSystems[system])) {
			fmt.Fprintf(&b, "| `%s %s` | `%s` |\n", system, name, otherSystems[system][name])
		}
	}
	return b.String()
}

// dashes writes an option's names as they are typed.
func dashes(o slurm) string {
	var names []string
	for _, name := range strings.Fields(o.names) {
		if len(name) > 1 {
			name = "-" + name
		}
		names = append(names, "-"+name)
	}
	return strings.Join(names, ", ")
}
