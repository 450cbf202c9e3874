package datatype

import "slices"

// A datatype's signature is the sequence of its basic types, MPI 5.0 chapter 5.1. What is sent and what receives it
// must have the same, as far as the message goes.

// basic is a basic type: what it holds, and as which of the predefined types the program named it.
type basic struct {
	kind   Kind
	handle uint32
}

// basicRun is n elements of one basic type.
type basicRun struct {
	basic
	n int64
}

// signature is what one element of a datatype consists of; known is false of one with too many runs to look into.
type signature struct {
	runs  []basicRun
	known bool
}

const (
	maxSignature = 4096    // runs of one element
	maxSteps     = 1 << 14 // runs that are compared; signatures that differ, differ early
)

// signatureOf gives a datatype's signature, which is found once. Other ranks ask too.
func signatureOf(t *Type) *signature {
	if s := t.signature.Load(); s != nil {
		return s
	}
	s := &signature{known: true}
	if len(t.members) == 0 && t.size > 0 {
		s.runs = []basicRun{{basic{t.kind, t.handle}, 1}}
	}
	for _, m := range t.members {
		s.append(signatureOf(m.typ), m.count)
	}
	if !s.known {
		s.runs = nil
	}
	t.signature.Store(s)
	return s
}

// append adds n elements of a member.
func (s *signature) append(member *signature, n int64) {
	s.known = s.known && member.known
	if len(member.runs) == 1 {
		s.join(basicRun{member.runs[0].basic, member.runs[0].n * n})
		return
	}
	for range n {
		for _, r := range member.runs {
			s.join(r)
		}
		if s.known = s.known && len(s.runs) <= maxSignature; !s.known || len(member.runs) == 0 {
			return
		}
	}
}

func (s *signature) join(r basicRun) {
	if n := len(s.runs); n > 0 && s.runs[n-1].basic == r.basic {
		s.runs[n-1].n += r.n
	} else if r.n > 0 {
		s.runs = append(s.runs, r)
	}
}

// same reports whether one type may be received as the other. Names of one width are the same (MPI_INT32_T and
// MPI_INT), but not C's own integers among themselves: int and long differ elsewhere. MPI_PACKED receives anything.
func (b basic) same(other basic) bool {
	if b.kind == kindPacked || other.kind == kindPacked {
		return true
	}
	return b.kind == other.kind && (b.handle == other.handle || !ofC(b.handle) || !ofC(other.handle))
}

// ofC reports whether a datatype is one of C's integers from short to unsigned long long, whose widths C leaves open.
func ofC(handle uint32) bool { return handle >= 0x208 && handle <= 0x20f }

func (b basic) title() string {
	i := slices.IndexFunc(predefined[:],
		func(p predefinedType) bool { return p.handle == b.handle || b.handle == 0 && p.kind == b.kind })
	if i < 0 {
		return "another type"
	}
	return predefined[i].name
}

// Mismatch is where two signatures differ.
type Mismatch struct {
	After          int64  // basic elements that are the same
	Sent, Received string // the names of the basic types there
}

// Differ compares the signature of what was sent with that of what receives it, each so many elements of a datatype, up
// to the end of the shorter; nil if they are the same there. What has too many parts is compared as far as that goes.
// Any rank may ask.
func Differ(sent *Type, nSent int64, received *Type, nReceived int64) *Mismatch {
	if sent == received {
		return nil
	}
	a, b := signatureOf(sent), signatureOf(received)
	if len(a.runs) == 0 || len(b.runs) == 0 {
		return nil
	}
	x, y := walk{runs: a.runs, left: nSent}, walk{runs: b.runs, left: nReceived}
	for step := 0; step < maxSteps && x.left > 0 && y.left > 0; step++ {
		p, q := x.runs[x.at], y.runs[y.at]
		if !p.same(q.basic) {
			return &Mismatch{x.done, p.title(), q.title()}
		}
		if len(a.runs) == 1 && len(b.runs) == 1 {
			return nil
		}
		n := min(p.n-x.within, q.n-y.within)
		x.advance(n)
		y.advance(n)
	}
	return nil
}

// walk goes along the signature of several elements.
type walk struct {
	runs   []basicRun
	left   int64 // elements
	at     int
	within int64
	done   int64
}

func (w *walk) advance(n int64) {
	w.done += n
	if w.within += n; w.within < w.runs[w.at].n {
		return
	}
	w.within = 0
	if w.at++; w.at == len(w.runs) {
		w.at = 0
		w.left--
	}
}
