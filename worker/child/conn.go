package child

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

// Job is what a process does for its agent, as the connection sees it.
type Job interface {
	// HandleMessage handles one message of the agent. It is called on a goroutine of its own.
	HandleMessage(control.Message)
	// Resume is the first message to a later agent: where numbered input goes on.
	Resume() *control.InputTaken
	// ResendAll repeats to a later agent, after that message, what the earlier one was told.
	ResendAll()
}

// Conn is the connection to the agent, for the process's life. An executor without a job and that of an
// interactive one end with their agent. A batch job's executor outlives it: a later agent connects to the adoption
// socket and goes on where the earlier one was.
type Conn struct {
	socket    *control.Borrower   // to the agent that started this process
	newStarts chan *control.Start // one at a time: the agent waits for the end of a job
	adoption  *net.UnixListener   // where later agents connect; nil: there will be none
	gone      chan struct{}       // closed when nobody can give orders any more
	fault     error               // why, if it was not the end of the agent; set before gone is closed

	handling sync.Mutex // held while a message is handled; before mu

	mu      sync.Mutex // guards all below; never held while sending
	conn    *control.Conn
	adopted bool           // conn is a later agent's
	start   *control.Start // nil: idle
	began   chan struct{}  // closed when there is a job for start
	job     Job            // nil before it runs and after its end
}

// NewConn takes over the descriptors to the agent and of the adoption socket.
func NewConn(agentFD, adoptionFD int) (*Conn, error) {
	agent, adoption := os.NewFile(uintptr(agentFD), "control"), os.NewFile(uintptr(adoptionFD), "adoption")
	defer agent.Close() // a copy stays
	defer adoption.Close()
	socket, err := net.FileConn(agent)
	if err != nil {
		return nil, err
	}
	c := &Conn{socket: &control.Borrower{UnixConn: socket.(*net.UnixConn)}, newStarts: make(chan *control.Start, 1),
		gone: make(chan struct{})}
	c.conn = control.NewConn(c.socket)
	if listener, err := net.FileListener(adoption); err == nil { // else it is no socket: the agent has no successor
		c.adoption = listener.(*net.UnixListener)
	}
	return c, nil
}

// NextStart waits for a job; for at most a time, if that is not 0. nil: there will be none.
func (c *Conn) NextStart(most time.Duration) (*control.Start, error) {
	var late <-chan time.Time
	if most > 0 {
		late = time.After(most)
	}
	select {
	case start := <-c.newStarts:
		return start, nil
	case <-c.gone:
		return nil, c.fault
	case <-late:
		return nil, nil
	}
}

// Send sends a message to the agent that there is.
func (c *Conn) Send(m control.Message) error {
	c.mu.Lock()
	conn := c.conn
	c.mu.Unlock()
	if conn == nil {
		return nil // ResendAll sends what matters to a later agent
	}
	return conn.Send(m)
}

// Attach lets a job handle the orders that come.
func (c *Conn) Attach(j Job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.job = j
	close(c.began)
}

// Detach ends Attach, and waits for an order that is being handled. It reports whether an agent is left that could give
// this process another job: only the one that started it can.
func (c *Conn) Detach() bool {
	c.mu.Lock()
	c.job = nil
	c.mu.Unlock()
	c.handling.Lock() // what was under way is through
	defer c.handling.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.adopted || c.conn == nil {
		return false
	}
	c.start = nil
	return true
}

// Serve handles the agents' messages for the rest of the process's life. The end of the connection is the end of the
// agent, and of whatever does not outlive it.
func (c *Conn) Serve() {
	defer close(c.gone)
	for {
		fault := c.serveAgent()
		switch start := c.disconnect(); {
		case start == nil:
			c.fault = fault
			return
		case start.Interactive:
			os.Exit(1)
		}
		<-c.began // or the process ends
		if err := c.awaitAdoption(); err != nil {
			fmt.Fprintln(os.Stderr, "faasmrun: no worker can find this process any more:", errors.Join(err, fault))
			return // the lease ends it
		}
	}
}

// serveAgent handles one agent's messages until its connection ends, and returns what else went wrong.
func (c *Conn) serveAgent() error {
	c.mu.Lock()
	conn := c.conn // only follow's goroutine changes it
	c.mu.Unlock()
	for {
		m, err := conn.Receive()
		if err == nil {
			err = c.handleMessage(m)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// handleMessage handles one message. One for a job that has ended was sent before its end arrived.
func (c *Conn) handleMessage(m control.Message) error {
	c.handling.Lock()
	defer c.handling.Unlock()
	c.mu.Lock()
	job, busy := c.job, c.start != nil
	start, starts := m.(*control.Start)
	if starts && !busy {
		c.start, c.began = start, make(chan struct{})
	}
	c.mu.Unlock()
	lend, lends := m.(*control.Lend)
	switch {
	case (starts || lends) && busy:
		return fmt.Errorf("a %T while there is a job", m)
	case starts:
		c.newStarts <- start
	case lends:
		return c.socket.Install(lend)
	case job != nil:
		job.HandleMessage(m)
	}
	return nil
}

// disconnect notes that the agent is gone. It returns the start of the job that is running, if there is one.
func (c *Conn) disconnect() *control.Start {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conn = nil
	return c.start
}

// awaitAdoption waits for the next agent, and repeats to it what the earlier one knew.
func (c *Conn) awaitAdoption() error {
	if c.adoption == nil {
		return errors.New("it has no adoption socket")
	}
	for {
		socket, err := c.adoption.AcceptUnix()
		if err != nil {
			return err
		}
		conn, err := authenticate(socket, c.agentUID())
		if err == nil {
			c.mu.Lock()
			c.conn, c.adopted = conn, true
			j := c.job
			c.mu.Unlock()
			if j == nil { // it has just ended, and sends Ended next
				c.Send(&control.Started{})
				return nil
			}
			c.Send(j.Resume()) // first: after Started the agent lets input come
			c.Send(&control.Started{})
			j.ResendAll()
			return nil
		}
		socket.Close()
		if !errors.Is(err, io.EOF) {
			fmt.Fprintln(os.Stderr, "faasmrun: a caller was turned away:", err)
		}
	}
}

func (c *Conn) agentUID() uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.start.AgentUID
}

// helloTimeout is how long a caller may take to send its first message, while no other can connect.
const helloTimeout = 5 * time.Second

// authenticate accepts the worker's user, and nobody else.
func authenticate(socket *net.UnixConn, uid uint32) (*control.Conn, error) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	var peer *unix.Ucred
	var fault error
	if err := raw.Control(func(fd uintptr) {
		peer, fault = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return nil, err
	}
	if fault != nil {
		return nil, fault
	}
	if peer.Uid != uid {
		return nil, fmt.Errorf("it is user %d, the worker is user %d", peer.Uid, uid)
	}
	socket.SetReadDeadline(time.Now().Add(helloTimeout))
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
