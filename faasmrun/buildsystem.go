package main

import "github.com/faasmrun/faasmrun/faasmrun/toolchain"

// cmakeVerb is faasmrun cmake: cmake with our compilers.
func cmakeVerb(args []string) int { return toolchain.CMake(args, toolchain.System()) }

// configureVerb is faasmrun configure: a configure script as a cross build with our compilers.
func configureVerb(args []string) int { return toolchain.Configure(args, toolchain.System()) }

// makeVerb is faasmrun make: make with our compilers and tools.
func makeVerb(args []string) int { return toolchain.Make(args, toolchain.System()) }
