package batch

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
)

// slurm is one of sbatch's options, by its names: the option of ours that it becomes, or what to do in its stead.
type slurm struct {
	names string
	value bool   // it takes one
	ours  string // "": it needs no counterpart
	fate  fate
}

// fate is what becomes of an option.
type fate int

const (
	taken   fate = iota
	noted        // a line says that it has no effect
	refused      // to leave it out would change when, where or as what a job runs
)

// slurmOptions are those that have an effect here.
var slurmOptions = []slurm{
	{"n ntasks", true, "-n", taken}, {"c cpus-per-task", true, "--cpus-per-rank", taken},
	{"N nodes", true, "--nodes", taken},
	{"ntasks-per-node tasks-per-node", true, "--ntasks-per-node", taken}, {"signal", true, "--signal", taken},
	{"mem", true, "--mem", taken}, {"mem-per-cpu", true, "--mem-per-cpu", taken},
	{"t time", true, "--time", taken}, {"J job-name", true, "--name", taken},
	{"a array", true, "--array", taken},
	{"d dependency", true, "--dependency", taken}, {"w nodelist", true, "--nodelist", taken},
	{"H hold", false, "--hold", taken},
	{"requeue", false, "--requeue", taken}, {"no-requeue", false, "--no-requeue", taken},
	{"exclusive", false, "--exclusive", taken}, {"q qos", true, "--qos", taken},
	{"D chdir workdir", true, "--wdir", taken},
	{"C constraint", true, "--constraint", taken}, {"reservation", true, "--reservation", taken},
	{"export", true, "--export", taken},
	{"parsable", false, "--parsable", taken}, {"W wait", false, "--wait", taken},
	{"test-only", false, "--test-only", taken},
	{"b begin", true, "--begin", taken}, {"deadline", true, "--deadline", taken},
	{"x exclude", true, "--exclude", taken},
	{"nice", false, "--nice", taken}, {"gres", true, "--gres", taken},
	{"G gpus gpus-per-node", true, "--gpus", taken},
	{"o output", true, "--output", taken}, {"e error", true, "--error", taken}, {"i input", true, "--input", taken},
	{"open-mode", true, "--open-mode", taken}, {"wrap", true, "--wrap", taken}, {"Q quiet", false, "-q", taken},
}

// silentOptions say what is so anyway, or is nobody's business here: to leave them out changes neither when nor where
// a job runs, nor how. docs/slurm.md lists them.
var silentOptions = []slurm{
	{"A account", true, "", taken}, {"acctg-freq", true, "", taken}, {"comment", true, "", taken},
	{"cpu-bind", true, "", taken},
	{"mem-bind", true, "", taken}, {"m distribution", true, "", taken}, {"contiguous", false, "", taken},
	{"core-spec S", true, "", taken},
	{"get-user-env", false, "", taken}, {"hint", true, "", taken}, {"ignore-pbs", false, "", taken},
	{"k no-kill", false, "", taken},
	{"mail-user", true, "", taken}, {"mail-type", true, "", taken},
	{"mcs-label", true, "", taken},
	{"s oversubscribe share", false, "", taken}, {"power", true, "", taken},
	{"profile", true, "", taken},
	{"propagate", false, "", taken}, {"spread-job", false, "", taken}, {"switches", true, "", taken},
	{"thread-spec", true, "", taken},
	{"use-min-nodes", false, "", taken}, {"v verbose", false, "", taken}, {"wckey", true, "", taken},
	{"wait-all-nodes", true, "", taken},
	{"gpu-bind", true, "", taken}, {"gpu-freq", true, "", taken}, {"gres-flags", true, "", taken},
	{"cpu-freq", true, "", taken},
	{"delay-boot", true, "", taken}, {"reboot", false, "", taken}, {"threads-per-core", true, "", taken},
	{"time-min", true, "", taken},
	{"no-shell", false, "", taken},
}

// notedOptions have no effect yet, and a line says so: a partition's limits, for one, may be why it was asked for.
var notedOptions = []slurm{{"p partition", true, "", noted}, {"export-file", true, "", noted},
	{"kill-on-invalid-dep", true, "", noted}}

// refusedOptions would change when, where or as what a job runs; ours says what to do in place of them.
var refusedOptions = []slurm{
	{"gpus-per-task", true, "--gpus N says how many the whole job takes", refused},
	{"gpus-per-socket", true, "--gpus N says how many the whole job takes", refused},
	{"cpus-per-gpu", true, "-c N says how many processors each task has", refused},
	{"mem-per-gpu", true, "--mem SIZE says what the whole job takes", refused},
	{"ntasks-per-core", true, "the number of tasks is said with --ntasks or --ntasks-per-node", refused},
	{"ntasks-per-gpu", true, "the number of tasks is said with --ntasks or --ntasks-per-node", refused},
	{"ntasks-per-socket", true, "the number of tasks is said with --ntasks or --ntasks-per-node", refused},
	{"sockets-per-node", true, "-C LABEL chooses among nodes", refused},
	{"cores-per-socket", true, "-C LABEL chooses among nodes", refused},
	{"B extra-node-info", true, "-C LABEL chooses among nodes", refused},
	{"F nodefile", true, "-w NODE,… names nodes", refused},
	{"L licenses", true, "--gres NAME:N takes what a worker announces", refused},
	{"M clusters", true, "--scheduler ADDRESS names a cluster", refused},
	{"cluster-constraint", true, "--scheduler ADDRESS names a cluster", refused},
	{"O overcommit", false, "-n N says how many tasks there are, and each takes a slot", refused},
	{"uid", true, "a job is its submitter's", refused}, {"gid", true, "a job is its submitter's", refused},
	{"bb", true, "there are no burst buffers", refused}, {"bbf", true, "there are no burst buffers", refused},
	{"tmp", true, "-C LABEL chooses among nodes", refused},
	{"mincpus", true, "-n N and -c N say how many processors there are", refused},
	{"priority", true, "--nice=N lowers it, --qos NAME may raise it", refused},
	{"container", true, "a script starts its containers itself", refused},
}

// slurmOption looks a word such as --time=5, -t or -t5 up, and reports whether its value is in it.
func slurmOption(table []slurm, word string) (value string, found *slurm, attached bool) {
	name := strings.TrimLeft(word, "-")
	if strings.HasPrefix(word, "--") {
		name, value, attached = strings.Cut(name, "=")
	} else if len(name) > 1 {
		name, value, attached = name[:1], strings.TrimPrefix(name[1:], "="), true
	}
	for i := range table {
		for _, n := range strings.Fields(table[i].names) {
			if n == name {
				return value, &table[i], attached
			}
		}
	}
	return value, nil, attached
}

// sbatchOptions are all that are known, whatever becomes of them.
var sbatchOptions = slices.Concat(slurmOptions, silentOptions, notedOptions, refusedOptions)

// slurmWords puts sbatch's options into ours. Those that have no effect are named with their values; those that would
// change the job, and can't be had, are errors.
func slurmWords(words []string) (ours, without []string, err error) {
	return slurmIn(sbatchOptions, words)
}

func slurmIn(table []slurm, words []string) (ours, without []string, err error) {
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		if len(word) < 2 || word[0] != '-' {
			return nil, nil, fmt.Errorf("%q is no option", word)
		}
		value, o, attached := slurmOption(table, word)
		whole := word
		if !attached && len(words) > 0 && (o == nil && !strings.HasPrefix(words[0], "-") || o != nil && o.value) {
			value, words = words[0], words[1:]
			whole += " " + value
		} else if !attached && o != nil && o.value {
			return nil, nil, fmt.Errorf("%s needs a value", word)
		}
		switch {
		case o == nil || o.fate == noted:
			without = append(without, whole)
		case o.fate == refused:
			return nil, nil, fmt.Errorf("%s is not there: %s", whole, o.ours)
		case o.value && o.ours != "":
			ours = append(ours, o.ours, value)
		case o.value || o.ours == "":
		case attached && o.ours == "--nice":
			ours = append(ours, "--nice="+value)
		case attached && (o.ours != "--exclusive" || value != "user" && value != "mcs"): // to be alone is more than these
			return nil, nil, fmt.Errorf("%s takes no value here", word)
		default:
			ours = append(ours, o.ours)
		}
	}
	return ours, without, nil
}

// slurmVariables are sbatch's, in the order in which they are read, and what each is: an option, which takes the
// variable's value if it takes one. A script's options give way to them, and they to the command line.
var slurmVariables = []struct{ name, option string }{
	{"SBATCH_ARRAY_INX", "--array"}, {"SBATCH_CONSTRAINT", "--constraint"}, {"SBATCH_EXCLUSIVE", "--exclusive"},
	{"SBATCH_EXPORT", "--export"}, {"SBATCH_GPUS", "--gpus"}, {"SBATCH_GPUS_PER_NODE", "--gpus-per-node"},
	{"SBATCH_GRES", "--gres"}, {"SBATCH_JOB_NAME", "--job-name"}, {"SBATCH_MEM_PER_CPU", "--mem-per-cpu"},
	{"SBATCH_MEM_PER_NODE", "--mem"}, {"SBATCH_OPEN_MODE", "--open-mode"}, {"SBATCH_PARTITION", "--partition"},
	{"SBATCH_QOS", "--qos"}, {"SBATCH_REQUEUE", "--requeue"}, {"SBATCH_NO_REQUEUE", "--no-requeue"},
	{"SBATCH_RESERVATION", "--reservation"}, {"SBATCH_SIGNAL", "--signal"}, {"SBATCH_TIMELIMIT", "--time"},
	{"SBATCH_WAIT", "--wait"}, {"SBATCH_GPUS_PER_TASK", "--gpus-per-task"}, {"SBATCH_CLUSTERS", "--clusters"},
}

// variableWords are the options that the environment gives.
func variableWords(lookup func(string) (string, bool)) (ours, notes []string, err error) {
	for _, v := range slurmVariables {
		value, set := lookup(v.name)
		if !set {
			continue
		}
		words := []string{v.option}
		if _, o, _ := slurmOption(sbatchOptions, v.option); o.value {
			words = append(words, value)
		}
		more, without, err := slurmWords(words)
		if err != nil {
			return nil, nil, cli.Usagef("%s=%s: %v", v.name, value, err)
		}
		for range without {
			notes = append(notes, fmt.Sprintf("%s=%s has no effect here", v.name, value))
		}
		ours = append(ours, more...)
	}
	return ours, notes, nil
}

// SbatchVerb is sbatch: submit with Slurm's options, and its words for what was done.
func SbatchVerb(args []string, wait Waiter) int {
	end := optionsEnd(sbatchOptions, args)
	words, without, err := slurmWords(args[:end])
	if err != nil {
		return cli.Fail(cli.Usagef("%v", err))
	}
	for _, w := range without {
		cli.Say(os.Stderr, "%s has no effect here", w)
	}
	if end == len(args) && !slices.Contains(words, "--wrap") {
		args, end = append(args, "-"), len(args) // sbatch reads the script from its standard input
	}
	return submitVerb(append(words, args[end:]...), wait, true)
}

// optionsEnd is where the options end in a command line of Slurm's: at the first word that is neither one nor its
// value.
func optionsEnd(table []slurm, args []string) int {
	end := 0
	for end < len(args) && len(args[end]) > 1 && args[end][0] == '-' && args[end] != "--" {
		_, o, attached := slurmOption(table, args[end])
		if o != nil && o.value && !attached {
			end++
		}
		end++
	}
	return min(end, len(args))
}
