package control

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// pair is two ends of a socket.
func pair(t *testing.T) (a, b *net.UnixConn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]*net.UnixConn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "end")
		c, err := net.FileConn(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		ends[i] = c.(*net.UnixConn)
	}
	return ends[0], ends[1]
}

// A directory that is lent takes the place of the one before, and comes with its message, whatever else is sent.
func TestLend(t *testing.T) {
	sender, receiver := pair(t)
	borrower := &Borrower{UnixConn: receiver}
	to, from := NewConn(sender), NewConn(borrower)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	number := int(null.Fd())
	for _, word := range []string{"one", "two"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "word"), []byte(word), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		err = to.Send(&Signal{Number: 1})
		if err == nil {
			err = SendLend(sender, f, number)
		}
		if err == nil {
			err = to.Send(&Signal{Number: 2})
		}
		if f.Close(); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			m, err := from.Receive()
			if err != nil {
				t.Fatal(err)
			}
			if lend, ok := m.(*Lend); ok {
				if err := borrower.Install(lend); err != nil {
					t.Fatal(err)
				}
			}
		}
		fd, err := unix.Openat(number, "word", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		read := os.NewFile(uintptr(fd), "word")
		b := make([]byte, 8)
		n, _ := read.Read(b)
		read.Close()
		if string(b[:n]) != word {
			t.Errorf("it holds %q, not %q", b[:n], word)
		}
	}
	if err := to.Send(&Lend{Descriptor: uint32(number)}); err != nil {
		t.Fatal(err)
	}
	m, err := from.Receive()
	if err != nil {
		t.Fatal(err)
	}
	if err := borrower.Install(m.(*Lend)); err == nil || !strings.Contains(err.Error(), "no open file") {
		t.Errorf("nothing was lent: %v", err)
	}
}

// An agent that is killed leaves words unread, and its end of the socket is reset: that is an error, as any end is.
func TestReadAfterReset(t *testing.T) {
	sender, receiver := pair(t)
	if err := NewConn(receiver).Send(&Signal{Number: 1}); err != nil {
		t.Fatal(err)
	}
	sender.Close()
	borrower := &Borrower{UnixConn: receiver}
	if m, err := NewConn(borrower).Receive(); err == nil {
		t.Errorf("it says %v", m)
	}
	if n, err := borrower.Read(make([]byte, 8)); n != 0 || err == nil {
		t.Errorf("%d bytes and %v", n, err)
	}
}
