package main

import (
	"fmt"
	"io"
	"strings"
)

const overview = `faasmrun runs MPI programs: it is mpirun and mpicc for programs compiled to WebAssembly.

  faasmrun cc -O2 -o app.wasm app.c      compile, where one typed mpicc
  faasmrun -np 16 app.wasm input.dat     run, where one typed mpirun

Verbs:
  run         run a program on N ranks; the verb may be left out
  cc, c++     compile C and C++ (also as faasmcc, faasmc++, mpicc, mpicxx)
  cmake       run cmake with these compilers; configure: a configure script
  submit      hand a job to a cluster, and go on; attach: look at one as its launcher would
  queue       the jobs that wait or run; history: those that have ended
  show        everything about jobs; explain: why one waits, and when it should start
  cancel      end jobs; hold, release, requeue
  wait        until jobs have ended; logs: what they have printed
  top         the queue and the workers, live
  nodes       the workers; drain, resume; usage: what each tenant has used
  reservation nodes or slots kept for tenants: create, list, delete
  simulate    compare scheduling policies on a trace; --live: what if?
  auth        certificates for a cluster of several machines
  scheduler   serve a queue of jobs
  worker      run a scheduler's jobs on this machine
  toolchain   install the C and C++ libraries, or show what is there
  version     show the version
  completion  completion for a shell: bash, zsh, fish

'faasmrun --help' shows the options of run, 'faasmrun help VERB' a verb's.
`

func writeOverview(w io.Writer) { io.WriteString(w, overview) }

const runHead = `faasmrun [run] [options] PROGRAM [arguments] [: [options] PROGRAM [arguments]]…

Runs PROGRAM, a WebAssembly module made by faasmrun cc, on a number of ranks; with ":" several programs as one job. The first word
that is no option is the program, everything behind it is the program's own. Options take mpirun's forms: -np 4, --np 4, --np=4.

Examples:
  faasmrun -np 4 app.wasm                     four ranks
  faasmrun -np 1 main.wasm : -np 3 help.wasm  two programs, one world of four ranks
  faasmrun -np 8 --tag-output app.wasm        each line begins with its rank
  faasmrun -np 4 -x DEBUG=1 --timeout 60 app.wasm
  faasmrun -np 4 --dir /data:ro app.wasm /data/input
`

const runTail = `
A program sees the working directory as / and under its own name, and what --dir adds; nothing else of this machine's files.

Ctrl-C ends the job and shows where each rank stands, twice kills it, three times leaves it; Ctrl-\ shows where each rank stands
and lets the job go on. SIGUSR1, SIGUSR2 and Ctrl-Z reach the ranks.

Exit status: 0, or that of the lowest rank that failed by itself; 128+n as for signal n when a rank trapped; what MPI_Abort was given;
1 interrupted, or a mistake in the command line; 110 after --timeout; 131 the file is no program, 132 it can't be read, 134 it was
not found, 135 no such directory.

Environment: FAASMRUN_SCHEDULER (as --scheduler), FAASMRUN_HOME (state and cache; by default below XDG_STATE_HOME and
XDG_CACHE_HOME), MPIEXEC_TIMEOUT. The ranks get the launcher's variables and their rank in OMPI_COMM_WORLD_RANK, PMI_RANK, ….
`

// helpColumn is where explanations begin, helpWidth where they are broken.
const (
	helpColumn = 34
	helpWidth  = 118
)

// writeRunHelp prints the option table.
func writeRunHelp(w io.Writer) {
	io.WriteString(w, runHead)
	writeOptions(w, optionsOf(false))
	io.WriteString(w, runTail)
}

func writeOptions(w io.Writer, table []*option) {
	group := ""
	for _, o := range table {
		if o.help == "" || o.group == "" {
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

func writeOption(w io.Writer, o *option) {
	var names []string
	for _, n := range o.shownNames() {
		names = append(names, dashed(n))
	}
	left := "  " + strings.Join(names, ", ")
	if o.optional() {
		left += o.values
	} else if o.values != "" {
		left += " " + o.values
	}
	lines := wrap(o.help, helpWidth-helpColumn)
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
				names = append(names, dashed(n))
			}
		}
	}
	fmt.Fprintf(w, "\n%s:\n", groupIgnored)
	for _, line := range wrap(strings.Join(names, " "), helpWidth-2) {
		fmt.Fprintf(w, "  %s\n", line)
	}
}

// wrap breaks text into lines between words.
func wrap(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len([]rune(*last))+1+len([]rune(word)) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}
