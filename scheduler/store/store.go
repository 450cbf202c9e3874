// Package store owns what the scheduler must not lose: an ordered journal of records and, now and then, a snapshot that
// stands for all records before it. It knows nothing of what the bytes mean. A record is there whole and for ever once
// Append has returned; a record whose Append never returned may be there or not, and nothing in between. Every record
// carries a version and a checksum of its own, whatever the layer below it promises.
package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
)

// Seq numbers records from 1 without a gap.
type Seq uint64

// Store is a journal with snapshots. It is used by one goroutine at a time. A snapshot that takes time keeps nobody
// from appending: another goroutine reads what there is through a View, and writes what is to stand for it.
type Store interface {
	// Load hands out the pieces of the newest snapshot, then each record behind it, in order. It comes first, once. The
	// bytes are the callee's until it returns. What is damaged is an error that wraps ErrCorrupt and says where.
	Load(piece, record func([]byte) error) error
	// Append makes a record durable before it returns. After an error nothing more can be appended.
	Append(record []byte) error
	// View is what is there now. It takes as long with many records as with few.
	View() View
	// Install makes a draft stand for all records of its view and drops those. A crash leaves the old snapshot with its
	// records or the new one. It takes as long for many pieces as for few. After an error nothing more can be appended.
	Install(Draft) error
	// Size is how many records stand behind the newest snapshot.
	Size() int
	// Close comes after every View's.
	Close() error
}

// View is what a store held at one moment, whatever is appended or installed afterwards. Any one goroutine may use it.
type View interface {
	// Load hands out what Store.Load would have.
	Load(piece, record func([]byte) error) error
	// Draft writes the pieces of a snapshot of what the view holds. They count for nothing until they are installed. One
	// draft is written at a time.
	Draft(pieces iter.Seq[[]byte]) (Draft, error)
	Close() error
}

// Draft is a snapshot that is written and not installed. One that is let go costs nothing after the next Open.
type Draft struct {
	mark   mark
	path   string   // of its table
	pieces [][]byte // framed, of one in memory
}

// ErrCorrupt is wrapped by every complaint about bytes that are not as they were written.
var ErrCorrupt = errors.New("corrupt journal")

// frameVersion opens every record and piece; a checksum of the rest ends its header.
const frameVersion = 1

const frameHeader = 5

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal puts the header before a payload. The checksum covers the key too: a record under another number is as wrong as
// a changed one.
func seal(key, payload []byte) []byte {
	b := make([]byte, frameHeader, frameHeader+len(payload))
	b[0] = frameVersion
	binary.LittleEndian.PutUint32(b[1:], checksum(key, payload))
	return append(b, payload...)
}

// unseal checks the header and returns the payload.
func unseal(key, framed []byte) ([]byte, error) {
	if len(framed) < frameHeader {
		return nil, fmt.Errorf("%w: %s is %d bytes long, its header alone has %d", ErrCorrupt, name(key), len(framed),
			frameHeader)
	}
	if framed[0] != frameVersion {
		return nil, fmt.Errorf("%w: %s has format %d, this program reads %d: "+
			"start the release of faasmrun that wrote it, or a later one", ErrCorrupt, name(key), framed[0], frameVersion)
	}
	payload := framed[frameHeader:]
	if sum := binary.LittleEndian.Uint32(framed[1:]); sum != checksum(key, payload) {
		return nil, fmt.Errorf("%w: %s fails its checksum", ErrCorrupt, name(key))
	}
	return payload, nil
}

func checksum(key, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, payload)
}

// Keys: 'j' and the record's number; 's', the number of the last record that the snapshot stands for, and the piece's
// number; 'm' holds the snapshot in force.
func recordKey(s Seq) []byte { return binary.BigEndian.AppendUint64([]byte{'j'}, uint64(s)) }

func pieceKey(upTo Seq, i int) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte{'s'}, uint64(upTo)), uint64(i))
}

var markKey = []byte{'m'}

// mark says which snapshot is in force and how many pieces it has.
type mark struct {
	upTo   Seq
	pieces int
}

func (m mark) encode() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(m.upTo)), uint64(m.pieces))
}

func decodeMark(b []byte) (mark, error) {
	if len(b) != 16 {
		return mark{}, fmt.Errorf("%w: the snapshot's mark is %d bytes long", ErrCorrupt, len(b))
	}
	return mark{Seq(binary.BigEndian.Uint64(b)), int(binary.BigEndian.Uint64(b[8:]))}, nil
}

// name says in words what a key holds.
func name(key []byte) string {
	switch {
	case len(key) == 9 && key[0] == 'j':
		return fmt.Sprintf("record %d", binary.BigEndian.Uint64(key[1:]))
	case len(key) == 17 && key[0] == 's':
		return fmt.Sprintf("piece %d of the snapshot at record %d", binary.BigEndian.Uint64(key[9:]),
			binary.BigEndian.Uint64(key[1:]))
	case len(key) == 1 && key[0] == 'm':
		return "the snapshot's mark"
	}
	return fmt.Sprintf("key %x", key)
}
