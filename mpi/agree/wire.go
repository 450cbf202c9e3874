package agree

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/faasmrun/faasmrun/mpi/group"
)

// A proposal as bytes, for participants in other processes: numbers as variable-length ones of package encoding/binary,
// the rank and its side left out, which who receives it knows.

// Told is the error of a leader, as the others are told of it.
type Told struct {
	Code   int32
	Reason string
}

func (t *Told) Error() string { return t.Reason }

// refusals are the errors that have a number.
var refusals = []error{1: ErrOverlap, ErrGroups, ErrLeaders, ErrContexts}

// What a proposal has.
const (
	hasHigh = 1 << iota
	hasGroup
	hasLeaders
	wireFlags
)

// Append encodes a proposal. An error of the leaders is one of this package's, or Told.
func (p *Proposal) Append(b []byte) []byte {
	flags := uint64(0)
	if p.High {
		flags |= hasHigh
	}
	if p.Group != nil {
		flags |= hasGroup
	}
	if p.Leaders != nil {
		flags |= hasLeaders
	}
	b = binary.AppendUvarint(b, flags)
	b = binary.AppendUvarint(b, uint64(p.Context))
	b = binary.AppendVarint(binary.AppendVarint(b, p.Color), p.Key)
	if p.Group != nil {
		b = appendGroup(b, p.Group)
	}
	b = binary.AppendUvarint(b, uint64(len(p.Edges)))
	for _, e := range p.Edges {
		b = binary.AppendVarint(binary.AppendVarint(binary.AppendVarint(b, e.From), e.To), e.Weight)
	}
	if p.Leaders != nil {
		b = p.Leaders.append(b)
	}
	return b
}

// appendGroup encodes a group; nil as an empty one.
func appendGroup(b []byte, g *group.Group) []byte {
	if g == nil {
		g = group.Empty
	}
	b = binary.AppendUvarint(b, uint64(len(g.Ranks)))
	for _, r := range g.Ranks {
		b = binary.AppendUvarint(b, uint64(r))
	}
	return b
}

// append encodes what came of Bridge: a reason why nothing did, 0 for none, or Told behind the last of them.
func (out *Outcome) append(b []byte) []byte {
	if t := (*Told)(nil); errors.As(out.Err, &t) {
		b = binary.AppendVarint(binary.AppendUvarint(b, uint64(len(refusals))), int64(t.Code))
		return append(binary.AppendUvarint(b, uint64(len(t.Reason))), t.Reason...)
	}
	for i, err := range refusals {
		if err != nil && errors.Is(out.Err, err) {
			return binary.AppendUvarint(b, uint64(i))
		}
	}
	second := uint64(0)
	if out.Second {
		second = 1
	}
	b = binary.AppendUvarint(binary.AppendUvarint(binary.AppendUvarint(b, 0), uint64(out.Context)), second)
	return appendGroup(appendGroup(b, out.Local), out.Remote)
}

// reading reads a proposal that an outsider has sent.
type reading struct {
	b     []byte
	ranks int // of the world
	err   error
}

// ReadProposal reads a proposal of one kind, of which nobody vouches for anything, in a world of so many ranks, by one
// of so many participants. Settle can be given it.
func ReadProposal(kind Kind, b []byte, ranks, participants int) (Proposal, error) {
	r := reading{b: b, ranks: ranks}
	flags := r.below(wireFlags)
	p := Proposal{High: flags&hasHigh != 0, Context: uint32(r.below(LastContext + 1)), Color: r.number(), Key: r.number()}
	if flags&hasGroup != 0 {
		p.Group = r.group()
	}
	for n := r.below(uint64(len(r.b)) + 1); n > 0 && r.err == nil; n-- {
		e := Edge{r.number(), r.number(), r.number()}
		if e.From < 0 || e.To < 0 || e.From >= int64(participants) || e.To >= int64(participants) {
			r.fail("an edge from %d to %d, of %d participants", e.From, e.To, participants)
		}
		p.Edges = append(p.Edges, e)
	}
	if flags&hasLeaders != 0 {
		p.Leaders = r.outcome()
	}
	if len(r.b) > 0 {
		r.fail("%d bytes too much", len(r.b))
	}
	if (kind == Create || kind == Bridge) != (p.Group != nil) || kind != Follow && p.Leaders != nil ||
		kind != Graph && p.Edges != nil {
		r.fail("it is not of kind %d", kind)
	}
	return p, r.err
}

func (r *reading) fail(format string, arguments ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("a proposal: "+format, arguments...)
	}
}

// below reads a number that is less than another.
func (r *reading) below(limit uint64) uint64 {
	x, n := binary.Uvarint(r.b)
	if n <= 0 || x >= limit {
		r.fail("a number is not there, or too large")
		return 0
	}
	r.b = r.b[n:]
	return x
}

func (r *reading) number() int64 {
	x, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail("a number is not there")
		return 0
	}
	r.b = r.b[n:]
	return x
}

// group reads a group: different ranks of the world.
func (r *reading) group() *group.Group {
	g := &group.Group{}
	seen := map[group.WorldRank]bool{}
	for n := r.below(uint64(r.ranks) + 1); n > 0 && r.err == nil; n-- {
		rank := group.WorldRank(r.below(uint64(r.ranks)))
		if seen[rank] {
			r.fail("rank %d is twice in a group", rank)
		}
		seen[rank] = true
		g.Ranks = append(g.Ranks, rank)
	}
	return g
}

func (r *reading) outcome() *Outcome {
	switch why := r.below(uint64(len(refusals)) + 1); {
	case why == uint64(len(refusals)):
		t := &Told{Code: int32(r.number())}
		n := r.below(uint64(len(r.b)) + 1)
		if r.err != nil || n > uint64(len(r.b)) {
			r.fail("a reason is not there")
			return &Outcome{Err: t}
		}
		t.Reason, r.b = string(r.b[:n]), r.b[n:]
		return &Outcome{Err: t}
	case why > 0:
		return &Outcome{Err: refusals[why]}
	}
	context := uint32(r.below(LastContext + 1))
	return &Outcome{Context: context, Second: r.below(2) == 1, Local: r.group(), Remote: r.group()}
}
