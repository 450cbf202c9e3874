package main

import (
	"io"
)

const overview = `faasmrun runs MPI programs: it is mpirun and mpicc for programs compiled to WebAssembly.

  faasmrun cc -O2 -o app.wasm app.c      compile, where one typed mpicc
  faasmrun -np 16 app.wasm input.dat     run, where one typed mpirun

Verbs:
  run         run a program on N ranks; the verb may be left out
  cc, c++     compile C and C++ (also as faasmcc, faasmc++, mpicc, mpicxx)
  cmake       run cmake with these compilers; configure: a configure script; make
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
