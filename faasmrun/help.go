package main

import (
	"io"
)

const overview = `faasmrun runs MPI programs: it is mpirun and mpicc for programs compiled to WebAssembly.

  faasmrun cc -O2 -o app.wasm app.c      compile, where one typed mpicc
  faasmrun -np 16 app.wasm input.dat     run, where one typed mpirun

Programs:
  run          run a program on N ranks; the verb may be left out
  cc, c++      compile C and C++ (also as faasmcc, faasmc++, mpicc, mpicxx)
  cmake        run cmake with these compilers
  configure    run a configure script with these compilers
  make         run make with these compilers
  compile      compile programs for this machine beforehand
  inspect      say which engines of this machine can run a program, and why not
  toolchain    install the C and C++ libraries, or show what is installed

Jobs of a cluster:
  submit       queue a job and return at once
  attach       follow a job as its launcher would: output, signals, exit status
  logs         print what a job's ranks have printed
  wait         wait until jobs have ended
  queue        list the jobs that wait or run
  history      list the jobs that have ended
  show         print everything about jobs
  explain      say why jobs wait, and when they should start
  steps        list what a job's script has run
  cancel       end jobs
  hold         keep waiting jobs from starting; release lets them start
  requeue      end running jobs and queue them again
  top          watch the queue and the workers

Clusters:
  scheduler    serve a queue of jobs
  worker       run a scheduler's jobs on this machine
  nodes        list the workers and what is free on them
  drain        keep new jobs off workers; resume undoes it
  usage        list what each tenant has used
  reservation  keep nodes or slots for tenants: create, list, delete
  simulate     compare scheduling policies on a trace, or on the live queue
  auth         issue certificates for a cluster of several machines

  version      print the version
  completion   print completion for a shell: bash, zsh, fish

'faasmrun --help' shows the options of run, 'faasmrun help VERB' those of a verb.
`

func writeOverview(w io.Writer) { io.WriteString(w, overview) }
