package transport

import (
	"encoding/binary"
	"fmt"

	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/match"
)

// Frame is what the fabrics of two processes exchange: plain data, and no pointer of one means anything to the other.
// Data is the frame's as long as the Link says.
type Frame struct {
	Kind     FrameKind
	From, To group.WorldRank // whose endpoints it is between
	Key      match.Key       // of a message
	Bytes    int64           // see FrameKind
	Serial   uint64          // of the sender's sends
	Send     Reference       // the sender's operation
	Receive  Reference       // the receiver's
	Offset   int64           // of Data in the message
	Data     []byte
	// Sent, if not nil, is called once the link has no more need of Data. Else Data may be used again after Link.Send.
	Sent func()
}

// Reference is an ID whose rank is known.
type Reference struct {
	Slot       Slot
	Generation uint32
}

func (id ID) reference() Reference { return Reference{id.Slot, id.Generation} }

func (r Reference) id(rank group.WorldRank) ID { return ID{rank, r.Slot, r.Generation} }

// FrameKind is what a frame says.
type FrameKind uint8

const (
	FrameEager     FrameKind = iota + 1 // a message, with its data
	FrameOffer                          // a message of so many bytes, which stay with Send until they are fetched
	FrameFetch                          // Receive has matched Send's message, and wants so many bytes of it
	FrameData                           // bytes for Receive from Offset on, of so many in all
	FrameWithdraw                       // Send's message is to be given back
	FrameWithdrawn                      // and was, if Bytes is 1; else a receive has it
	FrameCredit                         // the receiver has room again for so many bytes of eager messages
	frameKinds
)

// frameVersion is that of the encoding below. A link makes sure at its beginning that both ends write the same.
const frameVersion = 1

const (
	frameHeader = 72
	// maxFrameData bounds the data of one frame, so that what is urgent need not wait for all of a large message.
	maxFrameData = 256 << 10
)

// Append encodes the frame: version, kind, two bytes of 0; the ranks; context, source and tag; bytes, serial; slot and
// generation of both operations; offset; how much data, and the data. Numbers are little-endian.
func (f *Frame) Append(b []byte) []byte {
	le := binary.LittleEndian
	b = append(b, frameVersion, byte(f.Kind), 0, 0)
	for _, x := range []uint32{uint32(f.From), uint32(f.To), f.Key.Context, uint32(f.Key.Source), uint32(f.Key.Tag)} {
		b = le.AppendUint32(b, x)
	}
	b = le.AppendUint64(le.AppendUint64(b, uint64(f.Bytes)), f.Serial)
	for _, x := range []uint32{uint32(f.Send.Slot), f.Send.Generation, uint32(f.Receive.Slot), f.Receive.Generation} {
		b = le.AppendUint32(b, x)
	}
	b = le.AppendUint64(b, uint64(f.Offset))
	b = le.AppendUint64(b, uint64(len(f.Data)))
	return append(b, f.Data...)
}

// ReadFrame reads a frame at the beginning of what an outsider has sent, and gives its length; 0 if it is not complete.
// Its data is part of b.
func ReadFrame(b []byte) (f Frame, length int, err error) {
	if len(b) < frameHeader {
		return f, 0, nil
	}
	le := binary.LittleEndian
	if b[0] != frameVersion || b[1] == 0 || b[1] >= byte(frameKinds) || b[2] != 0 || b[3] != 0 {
		return f, 0, fmt.Errorf("a frame of version %d and kind %d", b[0], b[1])
	}
	word := func(i int) uint32 { return le.Uint32(b[4+4*i:]) }
	f = Frame{Kind: FrameKind(b[1]), From: group.WorldRank(word(0)), To: group.WorldRank(word(1)),
		Key:   match.Key{Context: word(2), Source: match.Rank(word(3)), Tag: int32(word(4))},
		Bytes: int64(le.Uint64(b[24:])), Serial: le.Uint64(b[32:]),
		Send: Reference{Slot(word(9)), word(10)}, Receive: Reference{Slot(word(11)), word(12)},
		Offset: int64(le.Uint64(b[56:]))}
	n := le.Uint64(b[64:])
	if n > maxFrameData || f.Bytes < 0 || f.Offset < 0 {
		return f, 0, fmt.Errorf("a frame with %d bytes of data, of %d, at %d", n, f.Bytes, f.Offset)
	}
	if uint64(len(b)-frameHeader) < n {
		return f, 0, nil
	}
	f.Data = b[frameHeader : frameHeader+int(n) : frameHeader+int(n)]
	return f, frameHeader + int(n), nil
}
