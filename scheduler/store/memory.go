package store

import (
	"errors"
	"fmt"
	"iter"
)

// Memory is a store that lasts as long as its process, for tests and the simulator. Reopen gives what a restart would
// find.
type Memory struct {
	mark     mark
	pieces   [][]byte // framed, as a disk would hold them
	records  [][]byte // framed; the first is number mark.upTo+1
	next     Seq
	closed   bool
	FailNext error // given back by the next Append, once: a full disk
}

// NewMemory is an empty store.
func NewMemory() *Memory { return &Memory{next: 1} }

var errClosed = errors.New("the store is closed")

func (m *Memory) Load(piece, record func([]byte) error) error {
	for i, framed := range m.pieces {
		if err := handOut(pieceKey(m.mark.upTo, i), framed, piece); err != nil {
			return err
		}
	}
	for i, framed := range m.records {
		if err := handOut(recordKey(m.mark.upTo+1+Seq(i)), framed, record); err != nil {
			return err
		}
	}
	return nil
}

func handOut(key, framed []byte, to func([]byte) error) error {
	payload, err := unseal(key, framed)
	if err != nil {
		return err
	}
	if err := to(payload); err != nil {
		return fmt.Errorf("%s: %w", name(key), err)
	}
	return nil
}

func (m *Memory) Append(record []byte) error {
	if m.closed {
		return errClosed
	}
	if err := m.FailNext; err != nil {
		m.closed = true
		return err
	}
	m.records = append(m.records, seal(recordKey(m.next), record))
	m.next++
	return nil
}

func (m *Memory) Snapshot(pieces iter.Seq[[]byte]) error {
	if m.closed {
		return errClosed
	}
	upTo := m.next - 1
	var all [][]byte
	for p := range pieces {
		all = append(all, seal(pieceKey(upTo, len(all)), p))
	}
	m.mark, m.pieces, m.records = mark{upTo, len(all)}, all, nil
	return nil
}

func (m *Memory) Size() int { return len(m.records) }

func (m *Memory) Close() error {
	m.closed = true
	return nil
}

// Reopen is the store after a restart.
func (m *Memory) Reopen() *Memory {
	return &Memory{mark: m.mark, pieces: m.pieces, records: m.records, next: m.next}
}
