package executor

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/faasmrun/faasmrun/worker/control"
)

// line is the way to the agent. That of an interactive job ends with its agent, and the job with it. A batch job outlives
// its agent: a later one finds the executor at a socket in the job's directory and goes on where the earlier one was.
type line struct {
	start    *control.Start
	listener *net.UnixListener // nil: interactive

	mu   sync.Mutex // guards conn; never held while sending
	conn *control.Conn
}

func newLine(conn *control.Conn, start *control.Start) *line { return &line{start: start, conn: conn} }

// listen opens the socket that later agents come to.
func (l *line) listen() error {
	err := control.AtShortPath(l.start.SocketPath, func(path string) (err error) {
		os.Remove(path) // of an executor that died before it began
		l.listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		return err
	})
	if err != nil {
		return fmt.Errorf("open the socket that a restarted worker finds this process by: %w", err)
	}
	l.listener.SetUnlinkOnClose(false) // the name it knows leads nowhere any more
	return nil
}

func (l *line) send(m control.Message) error {
	l.mu.Lock()
	conn := l.conn
	l.mu.Unlock()
	if conn == nil {
		return nil // a later agent is told what matters
	}
	return conn.Send(m)
}

// follow follows the agents' orders for the rest of the process's life. The end of the connection is the end of the agent,
// and of an interactive job.
func (l *line) follow(j *job) {
	for {
		l.obey(j)
		if l.listener == nil {
			os.Exit(1)
		}
		l.set(nil)
		if err := l.await(); err != nil {
			fmt.Fprintln(os.Stderr, "faasmrun executor: no worker can find this process any more:", err)
			return // the lease ends it
		}
		l.send(&control.Started{})
		j.out.again()
	}
}

// obey follows one agent's orders until it is gone.
func (l *line) obey(j *job) {
	for {
		m, err := l.conn.Receive() // only follow's goroutine changes conn
		if err != nil {
			return
		}
		j.obey(m)
	}
}

func (l *line) set(conn *control.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn = conn
}

// await waits for the next agent.
func (l *line) await() error {
	for {
		socket, err := l.listener.AcceptUnix()
		if err != nil {
			return err
		}
		conn, err := l.admit(socket)
		if err == nil {
			l.set(conn)
			return nil
		}
		socket.Close()
		if !errors.Is(err, io.EOF) {
			fmt.Fprintln(os.Stderr, "faasmrun executor: a caller was turned away:", err)
		}
	}
}

// patience is how long a caller may take to say what it wants, while no other can.
const patience = 5 * time.Second

// admit lets the worker's user in, and nobody else.
func (l *line) admit(socket *net.UnixConn) (*control.Conn, error) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	var peer *unix.Ucred
	var fault error
	if err := raw.Control(func(fd uintptr) { peer, fault = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return nil, err
	}
	if fault != nil {
		return nil, fault
	}
	if peer.Uid != l.start.AgentUID {
		return nil, fmt.Errorf("it is user %d, the worker is user %d", peer.Uid, l.start.AgentUID)
	}
	socket.SetReadDeadline(time.Now().Add(patience))
	conn := control.NewConn(socket)
	m, err := conn.Receive()
	if err != nil {
		return nil, err
	}
	if _, ok := m.(*control.Resume); !ok {
		return nil, fmt.Errorf("its first message is a %T", m)
	}
	return conn, socket.SetReadDeadline(time.Time{})
}
