package main

import "github.com/faasmrun/faasmrun/faasmrun/toolchain"

// compilerVerb is faasmrun cc and faasmrun c++.
func compilerVerb(name string, args []string) int {
	return toolchain.Main(name, args, toolchain.System())
}
