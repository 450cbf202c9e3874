// Command faasmrun replaces mpirun: it compiles MPI programs to WebAssembly and runs them. This package owns the command
// line (one verb a file), the programs' output on its way to the terminal, standard input, signals and the exit status, and
// the scheduler and worker that a launcher without a cluster embeds. It leaves queueing and placement to scheduler,
// execution to worker, compiling to toolchain; to all of them it speaks as any client would, through package schedpb.
package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
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
		return runVerb(args)
	}
	if len(args) == 0 {
		writeOverview(os.Stderr)
		return statusFailed
	}
	// Programs and mpirun's options are not cobra's business: only a known verb is.
	if verb, ok := quickVerbs[args[0]]; ok {
		return verb(args[1:])
	}
	if isVerb(args[0]) {
		return cobraVerb(args)
	}
	return runVerb(args)
}

// quickVerbs need no command-line library: they read their arguments themselves, and a launcher starts in milliseconds.
var quickVerbs = map[string]func(args []string) int{
	"run":       runVerb,
	"cc":        func(args []string) int { return compilerVerb("cc", args) },
	"c++":       func(args []string) int { return compilerVerb("c++", args) },
	"submit":    submitVerb,
	"cmake":     cmakeVerb,
	"configure": configureVerb,
	"version":   func([]string) int { return versionVerb() },
	"executor":  executorVerb,
	"compile":   compileVerb,
}

// verbNames are the verbs that help and suggestions know.
var verbNames = []string{"run", "cc", "c++", "cmake", "configure", "toolchain", "submit", "queue", "history", "show", "explain", "cancel", "hold", "release",
	"requeue", "attach", "wait", "logs", "top", "nodes", "drain", "resume", "reservation", "usage", "simulate", "auth", "scheduler", "worker",
	"version", "help", "completion"}

func isVerb(word string) bool {
	for _, v := range verbNames {
		if v == word {
			return true
		}
	}
	return strings.HasPrefix(word, cobra.ShellCompRequestCmd)
}

// cobraVerb runs a verb that has flags of its own.
func cobraVerb(args []string) int {
	root := rootCommand()
	root.SetArgs(args)
	if err := root.Execute(); err != nil {
		return fail(err)
	}
	return 0
}

// rootCommand is the tree of verbs for cobra: parsing of the daemons' flags, help and completion.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use: "faasmrun", SilenceErrors: true, SilenceUsage: true, DisableFlagParsing: true, Args: cobra.ArbitraryArgs,
		Run:               func(*cobra.Command, []string) {},
		ValidArgsFunction: completeOptions(optionsOf(false)),
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		switch c.Name() {
		case "faasmrun":
			writeOverview(os.Stdout)
		case "run":
			writeRunHelp(os.Stdout)
		case "submit":
			writeSubmitHelp(os.Stdout)
		case "cc", "c++":
			os.Exit(compilerVerb(c.Name(), []string{"--help"}))
		default:
			long := c.Long
			if long == "" {
				long = "faasmrun " + c.Name() + ": " + c.Short + "."
			}
			os.Stdout.WriteString(long + "\n\n" + c.UsageString())
		}
	})
	own := func(use, short string) *cobra.Command {
		return &cobra.Command{Use: use, Short: short, DisableFlagParsing: true, Run: func(*cobra.Command, []string) {}}
	}
	run := own("run", "run a program on N ranks")
	run.ValidArgsFunction = completeOptions(optionsOf(false))
	submit := own("submit", "hand a job to a cluster")
	submit.ValidArgsFunction = completeOptions(optionsOf(true))
	root.AddCommand(run, own("cc", "compile C"), own("c++", "compile C++"), own("cmake", "run cmake with these compilers"),
		own("configure", "run a configure script with these compilers"), own("version", "show the version"),
		submit, toolchainCommand(), schedulerCommand(), workerCommand())
	root.AddCommand(jobCommands()...)
	root.AddCommand(topCommand(), nodesCommand(), drainCommand(), resumeCommand(), usageCommand(), reservationCommand(), simulateCommand(), authCommand())
	sayUsage(root)
	return root
}

// sayUsage has a command that is given too few words, or too many, say what it takes.
func sayUsage(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, words []string) error {
			if check(c, words) != nil {
				return usagef("usage: %s", c.UseLine())
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		sayUsage(sub)
	}
}

// completeOptions completes options of a table, and leaves programs and other files to the shell.
func completeOptions(table []*option) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		if !strings.HasPrefix(word, "-") {
			return nil, cobra.ShellCompDirectiveDefault
		}
		var found []string
		for _, o := range table {
			for _, name := range o.shownNames() {
				if d := dashed(name); o.help != "" && strings.HasPrefix(d, word) {
					found = append(found, d+"\t"+o.help)
				}
			}
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}
