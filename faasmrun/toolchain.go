package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/faasmrun/faasmrun/faasmrun/toolchain"
)

// toolchainCommand is faasmrun toolchain: the C and C++ libraries that programs are compiled against.
func toolchainCommand() *cobra.Command {
	c := &cobra.Command{Use: "toolchain", Short: "install the C and C++ libraries, or show what is there",
		Long: "The C and C++ libraries for WebAssembly are built once from the sources of Debian's packages, into the " +
			"cache.\n" +
			"The first faasmrun cc does it by itself.", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(&cobra.Command{Use: "install", Short: "build the libraries unless they are there", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
			defer stop()
			dir, err := toolchain.Install(ctx, toolchain.System(), toolchain.PrintProgress(os.Stderr, "toolchain"))
			if err == nil {
				fmt.Println(dir)
			}
			return err
		}})
	c.AddCommand(&cobra.Command{Use: "status", Short: "show the compiler and the libraries", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := toolchain.Status(toolchain.System())
			fmt.Print(text)
			return err
		}})
	return c
}
