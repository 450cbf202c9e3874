// Command faasmrun replaces mpirun: it compiles MPI programs to WebAssembly and runs them. This package knows which
// word of the command line is which verb, and its help. It leaves launching to launch, following jobs to session, jobs
// of a cluster to batch and jobs, daemons to daemon, compiling to toolchain; to the scheduler they are clients like
// any other, through package schedpb.
package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/faasmrun/batch"
	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/daemon"
	"github.com/faasmrun/faasmrun/faasmrun/jobs"
	"github.com/faasmrun/faasmrun/faasmrun/launch"
	"github.com/faasmrun/faasmrun/faasmrun/supervisor"
	"github.com/faasmrun/faasmrun/faasmrun/toolchain"
)

func main() { os.Exit(command(os.Args)) }

// command runs a command line. The program's own name counts: installed as mpicc or mpirun it is that.
func command(args []string) int {
	name, args := filepath.Base(args[0]), args[1:]
	switch name {
	case "faasmcc", "mpicc":
		return compilerVerb("cc", args)
	case "faasmc++", "mpicxx", "mpic++", "mpiCC":
		return compilerVerb("c++", args)
	case "mpirun", "mpiexec":
		return launch.RunVerb(args)
	case "srun":
		return batch.SrunVerb(args)
	case "sbatch":
		return batch.SbatchVerb(args, jobs.Wait)
	}
	if toolchain.IsBinutil(name) {
		return toolchain.Binutil(name, args, toolchain.System())
	}
	if len(args) == 0 {
		writeOverview(os.Stderr)
		return cli.StatusFailed
	}
	// Programs and mpirun's options are not cobra's business: only a known verb is.
	if verb, ok := quickVerbs[args[0]]; ok {
		return verb(args[1:])
	}
	if cli.IsVerb(args[0]) {
		return cobraVerb(args)
	}
	return launch.RunVerb(args)
}

// quickVerbs need no command-line library: they read their arguments themselves, and a launcher starts in milliseconds.
var quickVerbs = map[string]func(args []string) int{
	"run":        launch.RunVerb,
	"cc":         func(args []string) int { return compilerVerb("cc", args) },
	"c++":        func(args []string) int { return compilerVerb("c++", args) },
	"submit":     func(args []string) int { return batch.SubmitVerb(args, jobs.Wait) },
	"cmake":      cmakeVerb,
	"configure":  configureVerb,
	"make":       makeVerb,
	"version":    func([]string) int { return cli.VersionVerb() },
	"executor":   daemon.ExecutorVerb,
	"supervisor": supervisor.Main,
	"prepare":    daemon.PrepareVerb,
	"object":     daemon.ObjectVerb,
	"clang":      daemon.ClangVerb,
}

// cobraVerb runs a verb that has flags of its own.
func cobraVerb(args []string) int {
	root := rootCommand()
	root.SetArgs(args)
	if err := root.Execute(); err != nil {
		return cli.Fail(err)
	}
	return 0
}

// rootCommand is the tree of verbs for cobra: parsing of the daemons' flags, help and completion.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use: "faasmrun", SilenceErrors: true, SilenceUsage: true, DisableFlagParsing: true, Args: cobra.ArbitraryArgs,
		Run:               func(*cobra.Command, []string) {},
		ValidArgsFunction: completeOptions(launch.OptionsOf(false)),
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		switch c.Name() {
		case "faasmrun":
			writeOverview(os.Stdout)
		case "run":
			launch.WriteRunHelp(os.Stdout)
		case "submit":
			batch.WriteSubmitHelp(os.Stdout)
		case "cc", "c++":
			os.Exit(compilerVerb(c.Name(), []string{"--help"}))
		default:
			long := c.Long
			if long == "" {
				long = c.CommandPath() + ": " + c.Short + "."
			}
			os.Stdout.WriteString(cli.Fill(long, cli.HelpWidth) + "\n\n" + c.UsageString())
		}
	})
	own := func(use, short string) *cobra.Command {
		return &cobra.Command{Use: use, Short: short, DisableFlagParsing: true, Run: func(*cobra.Command, []string) {}}
	}
	run := own("run", "run a program on N ranks")
	run.ValidArgsFunction = completeOptions(launch.OptionsOf(false))
	submit := own("submit", "queue a job and return at once")
	submit.ValidArgsFunction = completeOptions(launch.OptionsOf(true))
	root.AddCommand(run, own("cc", "compile C"), own("c++", "compile C++"), own("cmake", "run cmake with these compilers"),
		own("configure", "run a configure script with these compilers"), own("make", "run make with these compilers"),
		own("version", "show the version"),
		submit, toolchainCommand(), daemon.SchedulerCommand(), daemon.WorkerCommand(), daemon.CompileCommand(),
		daemon.InspectCommand())
	root.AddCommand(jobs.JobCommands()...)
	root.AddCommand(jobs.TopCommand(), jobs.NodesCommand(), jobs.DrainCommand(), jobs.ResumeCommand(), jobs.UsageCommand(),
		jobs.ReservationCommand(), jobs.SimulateCommand(), daemon.AuthCommand())
	sayUsage(root)
	return root
}

// sayUsage has a command that is given too few words, or too many, say what it takes.
func sayUsage(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, words []string) error {
			if check(c, words) != nil {
				return cli.Usagef("usage: %s", c.UseLine())
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		sayUsage(sub)
	}
}

// completeOptions completes options of a table, and leaves programs and other files to the shell.
func completeOptions(table []*launch.Option) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		if !strings.HasPrefix(word, "-") {
			return nil, cobra.ShellCompDirectiveDefault
		}
		var found []string
		for _, o := range table {
			for _, name := range o.ShownNames() {
				if d := launch.Dashed(name); o.Help != "" && strings.HasPrefix(d, word) {
					found = append(found, d+"\t"+o.Help)
				}
			}
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}
