package cli

import (
	"os"
	"os/signal"
	"syscall"
)

// Listen asks for the signals that a launcher acts on. Those that were ignored when it started stay ignored: nohup, and
// jobs that a shell has put in the background.
func Listen() chan os.Signal {
	signals := make(chan os.Signal, 16)
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGTSTP,
		syscall.SIGUSR1, syscall.SIGUSR2} {
		if !signal.Ignored(sig) {
			signal.Notify(signals, sig)
		}
	}
	// A closed pipe is an error of a write, and reading a terminal from the background is one of a read.
	signal.Ignore(syscall.SIGPIPE, syscall.SIGTTIN)
	return signals
}
