package control

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// SendLend sends an open directory along with the message that says which descriptor it is to be.
func SendLend(socket *net.UnixConn, dir *os.File, descriptor int) error {
	frame := Append(nil, &Lend{Descriptor: uint32(descriptor)})
	if _, _, err := socket.WriteMsgUnix(frame, unix.UnixRights(int(dir.Fd())), nil); err != nil { // too short to be cut
		return fmt.Errorf("lend %s: %w", dir.Name(), err)
	}
	return nil
}

// Borrower reads from a socket and keeps the open files that come with the bytes.
type Borrower struct {
	*net.UnixConn
	lent []int // descriptors that were not installed yet; of the reader's goroutine
}

// maxLent bounds what may come at once, and what may wait.
const maxLent = 1

// Read implements io.Reader.
func (b *Borrower) Read(p []byte) (int, error) {
	oob := make([]byte, unix.CmsgSpace(4*maxLent))
	n, oobn, _, _, err := b.ReadMsgUnix(p, oob)
	if oobn > 0 {
		if fault := b.keep(oob[:oobn]); fault != nil && err == nil {
			err = fault
		}
	}
	return max(n, 0), err // it is -1 where the call failed
}

func (b *Borrower) keep(oob []byte) error {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return fmt.Errorf("an open file that was sent: %w", err)
	}
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return fmt.Errorf("an open file that was sent: %w", err)
		}
		b.lent = append(b.lent, fds...)
	}
	if len(b.lent) > maxLent {
		return errors.New("more open files were sent than messages announced")
	}
	return nil
}

// Install makes the file that came with m the descriptor that m says, in place of what that was.
func (b *Borrower) Install(m *Lend) error {
	if len(b.lent) == 0 {
		return errors.New("no open file came with the message that lends one")
	}
	fd := b.lent[0]
	b.lent = b.lent[1:]
	defer unix.Close(fd)
	if err := unix.Dup3(fd, int(m.Descriptor), unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("make an open file that was lent descriptor %d: %w", m.Descriptor, err)
	}
	return nil
}
