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

// line is the way to the agent, for the process's life. An executor without a job and that of an interactive one end with their
// agent. A batch job outlives it: a later one finds the executor at its door and goes on where the earlier one was.
type line struct {
	socket *control.Borrower   // to the agent that started this process
	starts chan *control.Start // one at a time: the agent waits for the end of a job
	door   *net.UnixListener   // where later agents come; nil: there will be none
	gone   chan struct{}       // closed when nobody can give orders any more
	fault  error               // why, if it was not the end of the agent; set before gone is closed

	obeying sync.Mutex // held while an order is followed; before mu

	mu      sync.Mutex // guards all below; never held while sending
	conn    *control.Conn
	adopted bool           // conn is a later agent's
	start   *control.Start // nil: idle
	began   chan struct{}  // closed when there is a job for start
	job     *job           // nil before its ranks run and behind their end
}

func newLine(agentFD, doorFD int) (*line, error) {
	agent, door := os.NewFile(uintptr(agentFD), "control"), os.NewFile(uintptr(doorFD), "door")
	defer agent.Close() // a copy stays
	defer door.Close()
	socket, err := net.FileConn(agent)
	if err != nil {
		return nil, err
	}
	l := &line{socket: &control.Borrower{UnixConn: socket.(*net.UnixConn)}, starts: make(chan *control.Start, 1), gone: make(chan struct{})}
	l.conn = control.NewConn(l.socket)
	if listener, err := net.FileListener(door); err == nil { // else it is no socket: the agent has no successor
		l.door = listener.(*net.UnixListener)
	}
	return l, nil
}

// next waits for a job; for at most a time, if that is not 0. nil: there will be none.
func (l *line) next(most time.Duration) (*control.Start, error) {
	var late <-chan time.Time
	if most > 0 {
		late = time.After(most)
	}
	select {
	case start := <-l.starts:
		return start, nil
	case <-l.gone:
		return nil, l.fault
	case <-late:
		return nil, nil
	}
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

// give has orders go to a job.
func (l *line) give(j *job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.job = j
	close(l.began)
}

// takeBack has them go nowhere, and waits for one that is being followed. It returns false if there is no agent any more that could
// give this process another job: only the one that started it can.
func (l *line) takeBack() bool {
	l.mu.Lock()
	l.job = nil
	l.mu.Unlock()
	l.obeying.Lock() // what was under way is through
	defer l.obeying.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.adopted || l.conn == nil {
		return false
	}
	l.start = nil
	return true
}

// follow follows the agents' orders for the rest of the process's life. The end of the connection is the end of the agent, and of
// whatever does not outlive it.
func (l *line) follow() {
	defer close(l.gone)
	for {
		fault := l.obey()
		switch start := l.lose(); {
		case start == nil:
			l.fault = fault
			return
		case start.Interactive:
			os.Exit(1)
		}
		<-l.began // or the process ends
		if err := l.await(); err != nil {
			fmt.Fprintln(os.Stderr, "faasmrun executor: no worker can find this process any more:", errors.Join(err, fault))
			return // the lease ends it
		}
	}
}

// obey follows one agent's orders until it is gone, and says what else went wrong.
func (l *line) obey() error {
	l.mu.Lock()
	conn := l.conn // only follow's goroutine changes it
	l.mu.Unlock()
	for {
		m, err := conn.Receive()
		if err == nil {
			err = l.order(m)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// order follows one order. Those for a job that has ended have crossed its end.
func (l *line) order(m control.Message) error {
	l.obeying.Lock()
	defer l.obeying.Unlock()
	l.mu.Lock()
	job, busy := l.job, l.start != nil
	start, starts := m.(*control.Start)
	if starts && !busy {
		l.start, l.began = start, make(chan struct{})
	}
	l.mu.Unlock()
	lend, lends := m.(*control.Lend)
	switch {
	case (starts || lends) && busy:
		return fmt.Errorf("a %T while there is a job", m)
	case starts:
		l.starts <- start
	case lends:
		return l.socket.Place(lend)
	case job != nil:
		job.obey(m)
	}
	return nil
}

// lose notes that the agent is gone. It returns the start of the job that there is, if there is one.
func (l *line) lose() *control.Start {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn = nil
	return l.start
}

// await waits for the next agent, and tells it what the earlier one knew.
func (l *line) await() error {
	if l.door == nil {
		return errors.New("it has no door")
	}
	for {
		socket, err := l.door.AcceptUnix()
		if err != nil {
			return err
		}
		conn, err := admit(socket, l.agentUID())
		if err == nil {
			l.mu.Lock()
			l.conn, l.adopted = conn, true
			j := l.job
			l.mu.Unlock()
			if j == nil { // it has just ended, and says so next
				l.send(&control.Started{})
				return nil
			}
			l.send(j.out.input()) // first: with its start the agent lets input come
			l.send(&control.Started{})
			j.out.again()
			return nil
		}
		socket.Close()
		if !errors.Is(err, io.EOF) {
			fmt.Fprintln(os.Stderr, "faasmrun executor: a caller was turned away:", err)
		}
	}
}

func (l *line) agentUID() uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.start.AgentUID
}

// patience is how long a caller may take to say what it wants, while no other can.
const patience = 5 * time.Second

// admit lets the worker's user in, and nobody else.
func admit(socket *net.UnixConn, uid uint32) (*control.Conn, error) {
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
	if peer.Uid != uid {
		return nil, fmt.Errorf("it is user %d, the worker is user %d", peer.Uid, uid)
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
