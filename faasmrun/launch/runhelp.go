package launch

import (
	"fmt"
	"io"
	"strings"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
)

// WriteRunHelp prints the option table.
func WriteRunHelp(w io.Writer) {
	io.WriteString(w, runHead)
	WriteOptions(w, OptionsOf(false))
	fmt.Fprintf(w, runTail, cli.StatusTimedOut, statusNotAProgram, statusNotReadable, statusNotFound,
		statusNoDirectory)
}

const runHead = `faasmrun [run] [options] PROGRAM [arguments] [: [options] PROGRAM [arguments]]…

Runs PROGRAM, a WebAssembly module made by faasmrun cc, on a number of ranks; with ":", several programs as one job. The
first word that is no option is the program; every word behind it is an argument of the program. Options take mpirun's
forms: -np 4, --np 4, --np=4.

Examples:
  faasmrun -np 4 app.wasm                     four ranks
  faasmrun -np 1 main.wasm : -np 3 help.wasm  two programs, one world of four ranks
  faasmrun -np 8 --tag-output app.wasm        each line begins with its rank
  faasmrun -np 4 -x DEBUG=1 --timeout 60 app.wasm
  faasmrun -np 4 --dir /data:ro app.wasm /data/input
`

const runTail = `
Files: a program sees the working directory, as / and under its own path, and the directories that --dir adds. It sees no
other files of this machine.

Signals: Ctrl-C ends the job and shows where each rank stands; a second one kills the job, a third one leaves without
waiting. Ctrl-\ shows where each rank stands, and the job goes on. SIGUSR1, SIGUSR2 and Ctrl-Z reach the ranks.

Exit status:
  0      all ranks succeeded; else the status of the lowest rank that failed by itself, or what MPI_Abort was given
  128+n  a rank ended as by signal n: 139 after an access outside of its memory
  1      interrupted, or a mistake in the command line
  %d    --timeout was over
  %d    the file is not a program; %d: it cannot be read; %d: it was not found; %d: there is no such directory

Environment:
  FAASMRUN_SCHEDULER   as --scheduler
  FAASMRUN_ENGINE      as --engine
  FAASMRUN_HOME        the directory of state and cache (otherwise below XDG_STATE_HOME and XDG_CACHE_HOME)
  MPIEXEC_TIMEOUT      as --timeout
The ranks get the launcher's variables, and their rank in OMPI_COMM_WORLD_RANK, PMI_RANK and others.
`

func WriteOptions(w io.Writer, table []*Option) {
	group := ""
	for _, o := range table {
		if o.Help == "" || o.group == "" {
			continue
		}
		if o.group != group {
			group = o.group
			fmt.Fprintf(w, "\n%s:\n", group)
		}
		writeOption(w, o)
	}
	writeIgnored(w)
}

func writeOption(w io.Writer, o *Option) {
	var names []string
	for _, n := range o.ShownNames() {
		names = append(names, Dashed(n))
	}
	left := "  " + strings.Join(names, ", ")
	if o.optional() {
		left += o.values
	} else if o.values != "" {
		left += " " + o.values
	}
	lines := cli.Wrap(o.Help, cli.HelpWidth-helpColumn)
	if width := len([]rune(left)); width >= helpColumn {
		fmt.Fprintln(w, left)
	} else {
		fmt.Fprintf(w, "%s%s%s\n", left, strings.Repeat(" ", helpColumn-width), lines[0])
		lines = lines[1:]
	}
	for _, line := range lines {
		fmt.Fprintf(w, "%s%s\n", strings.Repeat(" ", helpColumn), line)
	}
}

// writeIgnored lists what is accepted and does nothing.
func writeIgnored(w io.Writer) {
	var names []string
	for i := range options {
		if options[i].group == groupIgnored {
			for _, n := range options[i].allNames() {
				names = append(names, Dashed(n))
			}
		}
	}
	fmt.Fprintf(w, "\n%s:\n", groupIgnored)
	for _, line := range cli.Wrap(strings.Join(names, " "), cli.HelpWidth-2) {
		fmt.Fprintf(w, "  %s\n", line)
	}
}

// helpColumn is where explanations begin.
const helpColumn = 34
