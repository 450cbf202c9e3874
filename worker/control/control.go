// Package control owns the protocol between a worker's agent and its children: the frames, their bytes, and the records
// that children leave in files. It moves messages over a connection and knows nothing of what they cause: that is the
// agent's (package worker) and the executor's (worker/executor).
//
// A frame is
//
//	u32 little-endian: length of what follows
//	u8                 version of this protocol
//	u8                 kind of message
//	…                  the message's fields in order: integers as uvarints, strings and lists behind their length
//
// The agent sends the first message (Start), the executor the last one (Ended), unless that announces that it waits for
// another Start. Neither end trusts the other's bytes.
package control

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Version is raised when a message changes its meaning. A restarted worker may meet executors of its predecessor, also
// of the release before its own: it uses Oldest with those (Conn.SetVersion), lets them finish, and gives them no other
// job. Version 5 added Input, InputTaken and files that tasks of an array share (Start) and scripts; its Ended has no
// result.
const (
	Version = 5
	Oldest  = 4 // of release 0.1.0
)

// MaxFrame bounds a frame. Start is the longest: the arguments and environment of every program of a job.
const MaxFrame = 16 << 20

const headerSize = 6

// Message is one of the message types of this package.
type Message interface {
	kind() kind
	encode(*encoder)
}

// Conn sends and receives messages. Send may be called from any goroutine, Receive from one.
type Conn struct {
	rw      io.ReadWriter
	br      *bufio.Reader
	version byte // of what is sent

	mu  sync.Mutex // makes frames whole: guards buf and the write, which by its nature waits for the peer
	buf []byte
}

// NewConn sends and receives over rw, which it does not close.
func NewConn(rw io.ReadWriter) *Conn {
	return &Conn{rw: rw, br: bufio.NewReader(rw), version: Version}
}

// SetVersion sets the version of what is sent, before anything is: that of the other end. A connection of an older
// version sends none of the messages that this version does not know.
func (c *Conn) SetVersion(version int) error {
	if version < Oldest || version > Version {
		return fmt.Errorf("it uses version %d of the protocol, this program knows %d to %d", version, Oldest, Version)
	}
	c.version = byte(version)
	return nil
}

// Version is the version of what is sent.
func (c *Conn) Version() int { return int(c.version) }

// Send writes one message, in one write.
func (c *Conn) Send(m Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buf = appendAs(c.buf[:0], m, c.version)
	if len(c.buf)-4 > MaxFrame {
		return fmt.Errorf("a %T message of %d bytes is more than the %d allowed", m, len(c.buf), MaxFrame)
	}
	if _, err := c.rw.Write(c.buf); err != nil {
		return fmt.Errorf("send %T: %w", m, err)
	}
	if cap(c.buf) > 1<<20 { // a Start's buffer is not kept for a job's life
		c.buf = nil
	}
	return nil
}

// Receive returns the next message; io.EOF when the peer has closed between two of them.
func (c *Conn) Receive() (Message, error) { return Read(c.br) }

// Append appends a message's frame to b.
func Append(b []byte, m Message) []byte { return appendAs(b, m, Version) }

func appendAs(b []byte, m Message, version byte) []byte {
	start := len(b)
	e := encoder{b: append(b, 0, 0, 0, 0, version, byte(m.kind()))}
	m.encode(&e)
	binary.LittleEndian.PutUint32(e.b[start:], uint32(len(e.b)-start-4))
	return e.b
}

// Read reads one frame.
func Read(r io.Reader) (Message, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err // io.EOF before the first byte only
	}
	length := binary.LittleEndian.Uint32(header[:])
	if length < headerSize-4 || length > MaxFrame {
		return nil, fmt.Errorf("a control frame of %d bytes is out of bounds", length)
	}
	if header[4] < Oldest || header[4] > Version {
		return nil, fmt.Errorf("a control frame of version %d; this program knows %d to %d", header[4], Oldest, Version)
	}
	body, err := readBody(r, int(length)-(headerSize-4))
	if err != nil {
		return nil, err
	}
	return decode(kind(header[5]), body)
}

// readBody allocates only as bytes arrive: a wrong length costs no memory.
func readBody(r io.Reader, length int) ([]byte, error) {
	const step = 1 << 20
	body := make([]byte, 0, min(length, step))
	for len(body) < length {
		have := len(body)
		body = append(body, make([]byte, min(length-have, step))...)
		if _, err := io.ReadFull(r, body[have:]); err != nil {
			return nil, fmt.Errorf("a control frame ends early: %w", noEOF(err))
		}
	}
	return body, nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func decode(k kind, body []byte) (Message, error) {
	read, ok := readers[k]
	if !ok {
		return nil, fmt.Errorf("a control frame of unknown kind %d", k)
	}
	d := decoder{b: body}
	m := read(&d)
	if d.err == nil && len(d.b) > 0 {
		d.err = fmt.Errorf("%d bytes too many", len(d.b))
	}
	if d.err != nil {
		return nil, fmt.Errorf("control frame %T: %w", m, d.err)
	}
	return m, nil
}
