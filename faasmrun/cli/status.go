// Package cli owns what every command shares: the errors and exit statuses of the command line, the one function where
// errors become them, words for the terminal, sizes, times and tables. It knows no verb and no scheduler.
package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/jobstate"
)

// Statuses that the launcher gives by itself.
const (
	StatusFailed      = 1 // wrong usage, and whatever kept the launcher from its work
	StatusInterrupted = 1 // as mpirun
	StatusTimedOut    = jobstate.ExitTimedOut
	StatusFindings    = jobstate.ExitFindings
	StatusBrokenPipe  = jobstate.ExitSignalled + int(unix.SIGPIPE)
)

// LaunchError is why a job was not started, with the status that mpirun gives.
type LaunchError struct {
	Status int
	Text   string
}

// Failure is a launchError with a status and a text.
func Failure(status int, text string) error { return &LaunchError{status, text} }

func (e *LaunchError) Error() string { return e.Text }

// UsageError is a mistake on the command line: the user is pointed to the help.
type UsageError struct{ Text string }

func (e *UsageError) Error() string { return e.Text }

func Usagef(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }

// statusError ends the command with a status and no further words.
type statusError struct{ Status int }

// Silently ends the command with a status.
func Silently(status int) error { return &statusError{status} }

func (e *statusError) Error() string { return "" }

// Fail prints an error and gives the status that goes with it.
func Fail(err error) int {
	var quiet *statusError
	if errors.As(err, &quiet) {
		return quiet.Status
	}
	Say(os.Stderr, "%v", err)
	var usage *UsageError
	if errors.As(err, &usage) {
		fmt.Fprintln(os.Stderr, "Try 'faasmrun --help'.")
	}
	var launch *LaunchError
	if errors.As(err, &launch) {
		return launch.Status
	}
	return StatusFailed
}

// Reason gives a file error's cause without repeating the file's name.
func Reason(err error) string {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err.Error()
	}
	return err.Error()
}

// Refusal turns a scheduler's answer into the launcher's last words.
func Refusal(err error) error {
	switch status.Code(err) {
	case codes.Unavailable:
		return Failure(StatusFailed, fmt.Sprintf("no scheduler answers: %s", Explain(err)))
	case codes.InvalidArgument, codes.ResourceExhausted:
		return Failure(StatusFailed, Explain(err))
	}
	return Failure(StatusFailed, fmt.Sprintf("the job cannot be submitted: %s", Explain(err)))
}

// Explain gives a gRPC error's message without its envelope.
func Explain(err error) string {
	if err == nil || errors.Is(err, io.EOF) {
		return "it closed the connection"
	}
	if st, ok := status.FromError(err); ok {
		return strings.TrimPrefix(st.Message(), "connection error: desc = ")
	}
	return err.Error()
}

// Say writes a message of the launcher's: its first line begins with the command's name, the others are indented.
func Say(w io.Writer, format string, args ...any) {
	text := VisibleLines(strings.TrimRight(fmt.Sprintf(format, args...), "\n"))
	fmt.Fprintf(w, "faasmrun: %s\n", strings.ReplaceAll(text, "\n", "\n  "))
}
