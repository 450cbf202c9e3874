package mpi

import "github.com/faasmrun/faasmrun/mpi/coll"

// sheet holds data that a card has no room for. Its owner lengthens it when it writes.
type sheet []byte

// of gives n bytes of the sheet.
func (s *sheet) of(n int) []byte {
	if n > len(*s) {
		*s = make(sheet, max(n, 2*len(*s)))
	}
	return (*s)[:n]
}

// write puts what a member sends on its card.
func (row *row) write(place int, p *part) {
	mine := &row.cards[place]
	mine.bytes = 0
	if p.send.number == 0 {
		return
	}
	all := p.send.span
	all.count *= p.send.number
	mine.bytes = uint16(all.bytes())
	data := whole(row.room(place, int(mine.bytes)))
	copySpan(&data, &all)
}

// room is where a card's data is.
func (row *row) room(place, bytes int) []byte {
	if bytes <= cardLine {
		return row.cards[place].data[:bytes]
	}
	return row.sheets[place].of(bytes)
}

// combine combines the cards of the first n members, in rank order.
func combine(result []byte, row *row, n int) {
	copy(result, row.data(0))
	kernel := kernels[row.cards[0].code][row.cards[0].typ]
	for from := 1; from < n; from++ {
		kernel(result, row.data(from))
	}
}

// data is what a card holds.
func (row *row) data(from int) []byte { return row.room(from, int(row.cards[from].bytes)) }

// reader takes data from the cards of a round for one rank.
type reader struct {
	r   *Rank
	c   *comm
	p   *part
	row *row
}

func (h *reader) who() coll.Reader {
	return coll.Reader{Me: h.c.place, Root: h.p.root, Size: len(h.row.cards)}
}

func (h *reader) Take(from, part, parts, block int) {
	data := h.row.data(from)
	n := len(data) / parts
	data = data[part*n : (part+1)*n]
	if from != h.c.place {
		h.r.world.count(h.c.group.ranks[from], h.r.rank, int64(n))
	} else if h.p.inPlace {
		return
	}
	dst, src := h.p.recv.at(block), whole(data)
	if dst.bytes() < src.bytes() {
		h.p.failure = h.c.failf(errTruncate, "rank %d of %s sends a block of %d bytes and rank %d receives one of %d", from, h.c.title(),
			src.bytes(), h.c.place, dst.bytes())
	}
	copySpan(&dst, &src)
}

// Combine leaves a result for Store. That of all cards is there already where the last to come has made it.
func (h *reader) Combine(n int) {
	row, bytes := h.row, int(h.row.cards[h.c.place].bytes)
	if collectives[h.p.kind].little.Combines && !h.c.meetings.board.few() {
		h.r.result = row.result[:bytes]
		return
	}
	h.r.result = h.r.own.of(bytes)
	combine(h.r.result, row, n)
}

func (h *reader) Store() {
	src := whole(h.r.result)
	copySpan(&h.p.recv.span, &src)
}
