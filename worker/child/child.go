// Package child is what the two kinds of process have in common that a worker starts for a job, the executor of its
// ranks and the supervisor of its script: the connection to the agent and its adoption by a later one, the watch that
// ends the process with its agent, the lease, reports of how far the log is, and the files that the user wants the
// output in. What they do for the job is their own.
package child

// The descriptors that such a process starts with, beside standard input, output and error.
const (
	ControlFD  = 3 // the socket to the agent
	WatchFD    = 4 // a pipe whose other end the agent holds and never writes to
	AdoptionFD = 5 // a socket to which a later agent connects
)
