package batch

import (
	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/launch"
)

// SrunVerb is srun: a launcher with Slurm's options. In a job's script it runs a step.
func SrunVerb(args []string) int {
	words, err := srunWords(args)
	if err != nil {
		return cli.Fail(err)
	}
	return launch.RunVerb(words)
}

// srunOptions are srun's that have an effect; "" are true anyway: a step has its slots to itself, and runs on one node.
var srunOptions = []slurm{
	{"n ntasks", true, "-n", taken}, {"c cpus-per-task", true, "--cpus-per-rank", taken},
	{"t time", true, "--time", taken},
	{"J job-name", true, "--job-name", taken}, {"l label", false, "-l", taken}, {"export", true, "--export", taken},
	{"D chdir", true, "--wdir", taken},
	{"exclusive", false, "", taken}, {"exact", false, "", taken}, {"overlap", false, "--oversubscribe", taken},
	{"s oversubscribe", false, "", taken},
	{"N nodes", true, "", taken}, {"mpi", true, "", taken}, {"cpu-bind", true, "", taken},
	{"mem-bind", true, "", taken}, {"u unbuffered", false, "", taken},
	{"K kill-on-bad-exit", false, "", taken}, {"Q quiet", false, "-q", taken}, {"v verbose", false, "-v", taken},
	{"hint", true, "", taken},
	{"distribution m", true, "", taken},
}

// srunWords puts srun's options into the launcher's.
func srunWords(args []string) ([]string, error) {
	end := optionsEnd(srunOptions, args)
	ours, without, err := slurmIn(srunOptions, args[:end])
	if err == nil && len(without) > 0 {
		err = cli.Usagef("srun's %s has no counterpart here", without[0])
	}
	return append(ours, args[end:]...), err
}
