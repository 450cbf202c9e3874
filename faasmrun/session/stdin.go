package session

import (
	"bytes"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// stdinChunk is what one message carries, and stdinWindow what may be on its way: sent, and not yet taken by the ranks.
const (
	stdinChunk  = 64 << 10
	stdinWindow = 256 << 10
)

// stdinPump reads the launcher's standard input for the ranks. It begins only when a rank wants input, so that a
// launcher in a shell's loop over a file leaves the file to the loop, and it never stops for reading a terminal from
// the background: it waits until it is in the foreground.
type stdinPump struct {
	file   *os.File
	chunks chan []byte // closed at the end of input
	wake   [2]int      // a pipe; closing the writing end stops the pump
	done   chan struct{}
}

// foregroundEvery is how often a launcher in the background looks whether it has come to the foreground while a rank
// waits for input. The shell sends no signal when it resumes a job that was running.
const foregroundEvery = 200 * time.Millisecond

func startStdin(file *os.File) (*stdinPump, error) {
	p := &stdinPump{file: file, chunks: make(chan []byte), done: make(chan struct{})}
	if err := unix.Pipe2(p.wake[:], unix.O_CLOEXEC); err != nil {
		return nil, err
	}
	go p.run()
	return p, nil
}

// stop ends the pump and waits for it. Input that nobody took is left unread.
func (p *stdinPump) stop() {
	unix.Close(p.wake[1])
	for range p.chunks {
	}
	<-p.done
	unix.Close(p.wake[0])
}

func (p *stdinPump) run() {
	defer close(p.done)
	defer close(p.chunks)
	fd := int(p.file.Fd())
	buf := make([]byte, stdinChunk)
	for {
		switch p.wait(fd) {
		case stopped:
			return
		case background:
			continue
		}
		n, err := unix.Read(fd, buf)
		switch {
		case n > 0:
			p.chunks <- bytes.Clone(buf[:n]) // which may be kept for a while, and be little
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
		case errors.Is(err, unix.EIO) && !inForeground(fd):
			// Sent to the background between the question and the read.
		default:
			return // the end of input; an error (a directory, a terminal that hung up) is one, too
		}
	}
}

type readiness int

const (
	ready readiness = iota
	background
	stopped
)

// wait waits until there is input that this process may read.
func (p *stdinPump) wait(fd int) readiness {
	timeout := -1
	events := []unix.PollFd{{Fd: int32(p.wake[0]), Events: unix.POLLIN}, {Fd: int32(fd), Events: unix.POLLIN}}
	if !inForeground(fd) {
		timeout, events = int(foregroundEvery/time.Millisecond), events[:1]
	}
	for {
		n, err := unix.Poll(events, timeout)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		switch {
		case err != nil || events[0].Revents != 0:
			return stopped
		case n == 0:
			return background
		case !inForeground(fd):
			return background
		}
		return ready
	}
}

// inForeground reports whether fd may be read from here: it is no terminal of this process's, or no other processes
// have it.
func inForeground(fd int) bool {
	group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err != nil || group == unix.Getpgrp()
}
