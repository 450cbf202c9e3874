package child

import (
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/faasmrun/faasmrun/worker/control"
)

// newConnectedAgent makes an executor's connection to its agent, and gives the agent's end, too.
func newConnectedAgent(t *testing.T) (*Conn, *control.Conn, net.Conn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours := os.NewFile(uintptr(fds[0]), "agent")
	agent, err := net.FileConn(ours)
	ours.Close()
	if err != nil {
		t.Fatal(err)
	}
	null, err := syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewConn(fds[1], null)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { agent.Close(); <-c.gone; c.socket.Close() })
	go c.Serve()
	return c, control.NewConn(agent), agent
}

func TestAgentConn(t *testing.T) {
	c, agent, _ := newConnectedAgent(t)
	if start, err := c.NextStart(time.Millisecond); start != nil || err != nil {
		t.Fatalf("%v, %v without a word", start, err)
	}
	for job := range uint64(2) {
		// the first two crossed an end
		for _, m := range []control.Message{&control.Lease{Until: 1}, &control.QueryRanks{}, &control.Start{Job: job}} {
			if err := agent.Send(m); err != nil {
				t.Fatal(err)
			}
		}
		start, err := c.NextStart(0)
		if err != nil || start.Job != job {
			t.Fatalf("%v, %v", start, err)
		}
		if !c.Detach() {
			t.Fatal("its agent is gone")
		}
	}
}

// An agent that gives two jobs at once is none to go on with, and one that is gone gives none.
func TestAgentConnEnds(t *testing.T) {
	c, agent, _ := newConnectedAgent(t)
	for range 2 {
		if err := agent.Send(&control.Start{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.NextStart(0); err != nil {
		t.Fatal(err)
	}
	c.Attach(deaf{})
	<-c.gone
	if c.Detach() {
		t.Error("there is an agent")
	}

	c, _, end := newConnectedAgent(t)
	end.Close()
	if start, err := c.NextStart(0); start != nil || err != nil {
		t.Errorf("%v, %v from nobody", start, err)
	}
}

// deaf is a job to which nothing that comes matters.
type deaf struct{}

func (deaf) HandleMessage(control.Message) {}
func (deaf) Resume() *control.InputTaken   { return &control.InputTaken{} }
func (deaf) ResendAll()                    {}
