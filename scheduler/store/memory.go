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
	return m.View().Load(piece, record)
}

// memoryView has slices of its own of what never changes.
type memoryView struct {
	mark            mark
	pieces, records [][]byte
}

// View implements Store.
func (m *Memory) View() View { return &memoryView{m.mark, m.pieces, m.records} }

func (v *memoryView) Load(piece, record func([]byte) error) error {
	for i, framed := range v.pieces {
		if err := deliver(pieceKey(v.mark.upTo, i), framed, piece); err != nil {
			return err
		}
	}
	for i, framed := range v.records {
		if err := deliver(recordKey(v.mark.upTo+1+Seq(i)), framed, record); err != nil {
			return err
		}
	}
	return nil
}

func (v *memoryView) Draft(pieces iter.Seq[[]byte]) (Draft, error) {
	d := Draft{mark: mark{upTo: v.mark.upTo + Seq(len(v.records))}}
	for p := range pieces {
		d.pieces = append(d.pieces, seal(pieceKey(d.mark.upTo, d.mark.pieces), p))
		d.mark.pieces++
	}
	return d, nil
}

func (v *memoryView) Close() error { return nil }

func deliver(key, framed []byte, to func([]byte) error) error {
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

// Install implements Store.
func (m *Memory) Install(d Draft) error {
	if m.closed {
		return errClosed
	}
	if d.mark.upTo > m.mark.upTo {
		m.mark, m.pieces, m.records = d.mark, d.pieces, m.records[d.mark.upTo-m.mark.upTo:]
	}
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
