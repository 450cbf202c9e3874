package mpi

import (
	"fmt"
	"strings"
	"sync"

	"github.com/faasmrun/faasmrun/mpi/datatype"
	"github.com/faasmrun/faasmrun/mpi/group"
	"github.com/faasmrun/faasmrun/mpi/match"
)

// Checks that WorldConfig.Check asks for: what a program does wrong without breaking here.

// Site is a call site in the program; 0 is an unknown one.
type Site uint32

// checker is what checking keeps of a rank; nil without.
type checker struct {
	r      *Rank
	report func(rank int, text string)
	made   map[uint32]origin // by handle

	mu    sync.Mutex
	found map[finding]int // how often; guarded by mu
	said  int             // guarded by mu
}

// origin is the call that made an object, and its site.
type origin struct {
	call uint32
	site Site
}

// finding is a mistake that is told once, however often it is made.
type finding struct {
	what string
	call uint32
	site Site
}

// maxFindings bounds what is said of one rank.
const maxFindings = 100

func newChecker(r *Rank, report func(rank int, text string)) *checker {
	c := &checker{r: r, report: report, made: map[uint32]origin{}, found: map[finding]int{}}
	r.comms.made, r.groups.made, r.types.made, r.ops.made = c.note, c.note, c.note, c.note
	r.messages.made, r.errhandlers.made, r.infos.made, r.requests.table.made = c.note, c.note, c.note, c.note
	return c
}

// note remembers the call that made the object with a new handle.
func (c *checker) note(handle uint32) { c.made[handle] = c.r.calling().here() }

// here is the call that the thread is in.
func (t *Thread) here() origin { return origin{call: t.call.Load(), site: t.host.Site()} }

// find reports a mistake of the rank in a call, unless it was reported before for the same call site. Other ranks call
// it too.
func (c *checker) find(at origin, what, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := finding{what, at.call, at.site}
	c.found[f]++
	if c.found[f] > 1 || c.said > maxFindings {
		return
	}
	if c.said++; c.said > maxFindings {
		c.report(int(c.r.rank), fmt.Sprintf("more than %d findings, of which the others are left out", maxFindings))
		return
	}
	c.report(int(c.r.rank), callName(at.call)+": "+oneLine(fmt.Sprintf(format, args...))+c.r.at(at.site))
}

// frames are the lines of a call site, if it is known.
func (r *Rank) frames(s Site) []string {
	if s == 0 {
		return nil
	}
	return r.main.host.Frames(s)
}

// at is a call site as lines below a message.
func (r *Rank) at(s Site) string {
	var b strings.Builder
	for _, line := range r.frames(s) {
		b.WriteString("\n    at " + line)
	}
	return b.String()
}

// by names within a sentence a call of the rank, with its innermost frame.
func (r *Rank) by(o origin) string {
	if lines := r.frames(o.site); len(lines) > 0 {
		return callName(o.call) + " at " + lines[0]
	}
	return callName(o.call)
}

// parcel is what checking knows of a message: its sender, and the datatype and count it was sent with.
type parcel struct {
	sender group.WorldRank
	origin origin
	typ    *datatype.Type // nil: not known
	count  int64
}

// parcel describes what a call sends.
func (c *checker) parcel(at origin, s *datatype.Span) *parcel {
	p := &parcel{sender: c.r.rank, origin: at, count: s.Count}
	if c.owns(s) {
		p.typ = s.Type
	}
	return p
}

// owns reports whether a buffer is the program's own, and no copy made by MPI.
func (c *checker) owns(s *datatype.Span) bool {
	mem := c.r.main.host.Memory()
	return len(s.Mem) > 0 && len(mem) > 0 && &s.Mem[0] == &mem[0]
}

// checker is that of a rank; nil where nothing is checked. A checked job runs in one process.
func (w *World) checker(r group.WorldRank) *checker {
	if w.checkers == nil {
		return nil
	}
	return w.checkers[r]
}

// received compares a message with the receive that takes it.
func (w *World) received(q *request, p *parcel) {
	if p.typ == nil {
		return
	}
	if d := datatype.Differ(p.typ, p.count, q.Buffer.Type, q.Buffer.Count); d != nil {
		q.owner.check.find(q.origin, "type",
			"%s of the message from rank %d, tag %d, %s was sent as %s and is received as %s (by %s)", elementOf(d), q.Source,
			q.Tag, q.comm.title(), d.Sent, d.Received, w.checker(p.sender).r.by(p.origin))
	}
}

// elementOf names the element at which two signatures differ.
func elementOf(d *datatype.Mismatch) string {
	if d.After == 0 {
		return "the first element"
	}
	return fmt.Sprintf("element %d", d.After)
}

// checkBlock reports a block of a collective whose sent and received signatures differ.
func (mv *mover) checkBlock(to, from *part, d, s *datatype.Span) {
	c := mv.t.world.checker(to.rank)
	if c == nil {
		return
	}
	sender := mv.t.world.checker(from.rank).r
	if d.Bytes() > s.Bytes() {
		c.find(to.origin, "length", "on %s it receives a block of %d bytes from rank %d, which sends %d (by %s)",
			to.comm.title(), d.Bytes(), from.comm.rank, s.Bytes(), sender.by(from.origin))
		return
	}
	if x := datatype.Differ(s.Type, s.Count, d.Type, d.Count); x != nil {
		c.find(to.origin, "type", "on %s %s of the block from rank %d is received as %s and was sent as %s (by %s)",
			to.comm.title(), elementOf(x), from.comm.rank, x.Received, x.Sent, sender.by(from.origin))
	}
}

// checkReduction reports datatypes of a reduction that differ although they hold the same kind of value.
func (w *World) checkReduction(ref, p *part) {
	c := w.checker(p.rank)
	if c == nil || !p.reduces() || !ref.reduces() {
		return
	}
	if x := datatype.Differ(ref.typ, ref.count, p.typ, p.count); x != nil {
		c.find(p.origin, "type", "on %s it reduces %s, and rank %d reduces %s (by %s)", p.comm.title(),
			x.Received, ref.comm.rank, x.Sent, w.checker(ref.rank).r.by(ref.origin))
	}
}

// aliased names a collective whose two buffers share memory.
func (c *checker) aliased(at origin, p *part) {
	if p.inPlace || p.send.number == 0 || p.recv.number == 0 || len(p.send.counts)+len(p.recv.counts) > 0 {
		return
	}
	send, recv := p.send.span, p.recv.span
	send.Count *= p.send.number
	recv.Count *= p.recv.number
	if datatype.Overlap(&send, &recv) {
		c.find(at, "alias",
			"the send buffer at %#x and the receive buffer at %#x share memory; MPI_IN_PLACE is for that", send.Addr, recv.Addr)
	}
}

// shares names a communication whose buffer is in use by another that is not complete. Two may send the same bytes.
func (c *checker) shares(at origin, q *request) {
	if !c.owns(&q.Buffer) {
		return
	}
	for _, other := range c.r.requests.table.objects {
		if other == nil || other == q || !other.active {
			continue
		}
		if (q.kind == requestReceive && other.kind <= requestReceive ||
			q.kind == requestSend && other.kind == requestReceive) &&
			q.peer != procNull && other.peer != procNull && datatype.Overlap(&q.Buffer, &other.Buffer) {
			c.find(at, "overlap",
				"the buffer at %#x, %d bytes, shares memory with that of a request that is not complete (%s)", q.Buffer.Addr,
				q.Buffer.Bytes(), c.r.by(other.origin))
			return
		}
	}
}

// leaks names what a rank has not freed when it finalizes.
func (c *checker) leaks(call uint32) {
	r := c.r
	for _, q := range r.requests.table.objects {
		switch {
		case q == nil:
		case q.persistent:
			c.find(c.made[q.handle], "leak", "its persistent request was not freed before MPI_Finalize")
		default:
			w := q.waitState()
			c.find(c.made[q.handle], "leak", "its request was never completed: %s", w.object())
		}
	}
	for _, o := range r.comms.objects {
		if o != nil {
			c.find(c.made[o.handle], "leak", "%s with %s was not freed before MPI_Finalize", o.title(),
				counted(int(o.group.Size()), "rank"))
		}
	}
	for _, handle := range r.f90 { // nobody frees these
		r.types.remove(handle)
	}
	lost(c, &r.types, kindDatatype, "a datatype was not freed before MPI_Finalize")
	lost(c, &r.groups, kindGroup, "a group was not freed before MPI_Finalize")
	lost(c, &r.ops, kindOp, "an operation was not freed before MPI_Finalize")
	lost(c, &r.infos, kindInfo, "an info object was not freed before MPI_Finalize")
	lost(c, &r.errhandlers, kindErrhandler, "an error handler was not freed before MPI_Finalize")
	lost(c, &r.messages, kindMessage, "a message that it took was never received")
	r.endpoint.Unexpected(func(k match.Key, bytes int64, note any) {
		at := origin{call: call}
		by := "rank " + fmt.Sprint(k.Source)
		if p, ok := note.(*parcel); ok {
			by += "'s " + r.world.checker(p.sender).r.by(p.origin)
			at.site = p.origin.site
		}
		c.find(at, fmt.Sprint("unreceived ", k), "a message of %d bytes, tag %d, was never received (by %s)", bytes, k.Tag,
			by)
	})
	c.repeated()
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// lost names the objects of one kind that are left.
func lost[T any](c *checker, t *table[T], k handleKind, what string) {
	for i, o := range t.objects {
		if o != nil {
			c.find(c.made[t.handle(k, uint32(i))], what, "%s", what)
		}
	}
}

// repeated says how often more was made what was said once.
func (c *checker) repeated() {
	c.mu.Lock()
	defer c.mu.Unlock()
	more := 0
	for _, n := range c.found {
		more += n - 1
	}
	if more > 0 && c.said <= maxFindings {
		c.report(int(c.r.rank), fmt.Sprintf("%s of the same by the same calls", counted(more, "more finding")))
	}
}
