package mpi

import (
	"github.com/faasmrun/faasmrun/mpi/coll"
	"github.com/faasmrun/faasmrun/mpi/datatype"
)

// overflowBuffer holds a slot's data beyond slotBytes. Its owner lengthens it when it writes.
type overflowBuffer []byte

// of gives n bytes of the buffer.
func (b *overflowBuffer) of(n int) []byte {
	if n > len(*b) {
		*b = make(overflowBuffer, max(n, 2*len(*b)))
	}
	return (*b)[:n]
}

// fill makes the slot of a communicator's member say what it has called, with its data.
func (row *row) fill(c *comm, p *part) {
	mine := &row.slots[c.member]
	mine.kind, mine.inline, mine.root, mine.code, mine.typ = p.kind, true, int32(p.root), 0, 0
	if p.reduces() {
		mine.code, mine.typ = p.op.code, p.typ.Kind()
	}
	mine.past = c.past
	row.write(c.member, p)
}

// write puts what a member sends into its slot.
func (row *row) write(member int, p *part) {
	mine := &row.slots[member]
	mine.bytes = 0
	if p.send.number == 0 {
		return
	}
	all := p.send.span
	all.Count *= p.send.number
	mine.bytes = uint16(all.Bytes())
	data := datatype.Whole(row.storage(member, int(mine.bytes)))
	data.CopyFrom(&all)
}

// storage is the memory of a slot's data.
func (row *row) storage(member, bytes int) []byte {
	if bytes <= slotBytes {
		return row.slots[member].data[:bytes]
	}
	return row.overflows[member].of(bytes)
}

// combine combines the slots of the first n members, in rank order.
func combine(result []byte, row *row, n int) {
	copy(result, row.data(0))
	kernel := row.slots[0].code.Kernel(row.slots[0].typ)
	for from := 1; from < n; from++ {
		kernel(result, row.data(from))
	}
}

// data is a slot's data.
func (row *row) data(from int) []byte { return row.storage(from, int(row.slots[from].bytes)) }

// reader takes data from the slots of a round for the calling rank.
type reader struct {
	t   *Thread
	c   *comm
	p   *part
	row *row
}

func (rd *reader) identity() coll.Reader {
	return coll.Reader{Me: rd.c.member, Root: rd.p.root, Size: len(rd.row.slots)}
}

func (rd *reader) Take(from, part, parts, block int) {
	data := rd.row.data(from)
	n := len(data) / parts
	data = data[part*n : (part+1)*n]
	if from != rd.c.member {
		rd.t.world.fabric.Moved(rd.c.group.Ranks[from], rd.t.rank, int64(n))
	} else if rd.p.inPlace {
		return
	}
	dst, src := rd.p.recv.at(block), datatype.Whole(data)
	if dst.Bytes() < src.Bytes() {
		rd.p.failure = rd.c.failf(errTruncate, "rank %d of %s sends a block of %d bytes and rank %d receives one of %d", from,
			rd.c.title(), src.Bytes(), rd.c.member, dst.Bytes())
	}
	dst.CopyFrom(&src)
}

// Combine leaves a result for Store. In a large communicator the last to arrive has already combined all slots.
func (rd *reader) Combine(n int) {
	row, bytes := rd.row, int(rd.row.slots[rd.c.member].bytes)
	if collectives[rd.p.kind].inline.Combines && !rd.c.instances.slots.few() {
		rd.t.result = row.result[:bytes]
		return
	}
	rd.t.result = rd.t.own.of(bytes)
	combine(rd.t.result, row, n)
}

func (rd *reader) Store() {
	src := datatype.Whole(rd.t.result)
	rd.p.recv.span.CopyFrom(&src)
}
