// Command faasmrun replaces mpirun: it compiles MPI programs to WebAssembly and runs them.
package main

func main() {}
