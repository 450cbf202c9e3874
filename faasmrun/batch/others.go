package batch

import (
	"fmt"
	"strings"
)

// What the options of other batch systems are called here, by their first word in a script's comments. They are named
// and not read: the same letters mean other things there.
var otherSystems = map[string]map[string]string{
	"#PBS": {
		"-N": "-J NAME", "-l walltime": "-t TIME", "-l nodes": "-N NODES --ntasks-per-node=N",
		"-l select": "-N NODES " +
			"--ntasks-per-node=N -c N", "-l mem": "--mem=SIZE", "-l ncpus": "-c N", "-l procs": "-n N",
		"-q": "-p PARTITION",
		"-o": "-o FILE", "-e": "-e FILE", "-j": "-o FILE alone, for both", "-A": "-A ACCOUNT", "-t": "-a LIST",
		"-J":        "-a LIST",
		"-W depend": "-d LIST", "-V": "--export=ALL", "-v": "--export=NAME=VALUE", "-m": "--mail-type=EVENTS",
		"-M": "--mail-user=ADDRESS", "-a": "--begin=MOMENT", "-h": "--hold", "-r": "--requeue", "-p": "--nice=N",
		"-d": "-D DIRECTORY",
	},
	"#BSUB": {
		"-J": "-J NAME, or -a LIST", "-n": "-n N", "-W": "-t TIME", "-q": "-p PARTITION", "-o": "-o FILE",
		"-oo": "-o FILE",
		"-e":  "-e FILE", "-eo": "-e FILE", "-R": "-C LABELS, --mem-per-cpu=SIZE or --ntasks-per-node=N",
		"-M": "--mem-per-cpu=SIZE",
		"-w": "-d LIST", "-P": "-A ACCOUNT", "-b": "--begin=MOMENT", "-t": "--deadline=MOMENT",
		"-x": "--exclusive", "-H": "--hold",
		"-r": "--requeue", "-m": "-w NODE,…", "-cwd": "-D DIRECTORY", "-gpu": "--gpus=N", "-env": "--export=NAMES",
		"-B": "--mail-type=BEGIN", "-N": "--mail-type=END", "-u": "--mail-user=ADDRESS",
	},
}

// otherDirective says what stands for an option of another batch system; "" where the line is none.
func otherDirective(line string) string {
	word, rest, _ := strings.Cut(line, " ")
	table := otherSystems[word]
	if table == nil {
		return ""
	}
	words := strings.Fields(rest)
	if len(words) == 0 {
		return ""
	}
	name := words[0]
	if len(words) > 1 {
		resource, _, _ := strings.Cut(words[1], "=")
		if same := table[name+" "+resource]; same != "" {
			return fmt.Sprintf("%s is not read; #SBATCH %s says it", line, same)
		}
	}
	if same := table[name]; same != "" {
		return fmt.Sprintf("%s is not read; #SBATCH %s says it", line, same)
	}
	return line + " is not read; options stand in #SBATCH lines"
}
