package schedule

// scanGather brings to each the vectors of those before it, doubling them in each round; each combines them for itself.
// Cost ⌈log n⌉ a + (n-1)(mb + mg). Chosen for small vectors.
func (p *Plan) scanGather(i int, s *steps) {
	if p.collectBefore(i, s) {
		return
	}
	s.foldAll(p.index()+1, p.before, vector(ReceiveBuffer, p.Bytes))
}

// exscanGather is scanGather without the participant's own vector.
func (p *Plan) exscanGather(i int, s *steps) {
	if p.collectBefore(i, s) || p.index() == 0 {
		return
	}
	s.foldAll(p.index(), p.before, vector(ReceiveBuffer, p.Bytes))
}

func scanRounds(p *Plan) int { return doublings(p) + 1 }

// before is a vector of those that a scan has brought, each at its index.
func (p *Plan) before(index int) Region {
	if index == p.index() {
		return vector(SendBuffer, p.Bytes)
	}
	return scratch(int64(index)*p.Bytes, p.Bytes)
}

// collectBefore reports whether the round is one of its own.
func (p *Plan) collectBefore(i int, s *steps) bool {
	me, step := p.index(), 1<<i
	if i == 0 && p.Group.Count > 1 {
		s.copy(scratch(int64(me)*p.Bytes, p.Bytes), block(SendBuffer, 0))
	}
	if step >= p.Group.Count {
		return false
	}
	if from := me - step; from >= 0 { // it has those from 2 step - 1 before this one on
		low := max(0, from-step+1)
		s.receive(p.member(from), scratch(int64(low)*p.Bytes, int64(from-low+1)*p.Bytes))
	}
	if me+step < p.Group.Count {
		low := max(0, me-step+1)
		s.send(p.member(me+step), scratch(int64(low)*p.Bytes, int64(me-low+1)*p.Bytes))
	}
	return true
}

// chainBytes is how much of a vector goes down a chain at once, about.
const chainBytes = 64 << 10

// segment is as many bytes of a vector as go down a chain at once: whole elements, and chainBytes of them about.
func (p *Plan) segment() int64 {
	element := max(p.Element, 1)
	return min(max(1, chainBytes/element)*element, p.Bytes)
}

// segments is how many there are.
func (p *Plan) segments() int {
	if p.Bytes == 0 {
		return 0
	}
	return int((p.Bytes + p.segment() - 1) / p.segment())
}

// scanChain passes what has come together so far from each to the next, a segment in each round. Cost (n - 1 + s)
// (a + mb/s + mg/s) for s segments. Chosen for large vectors.
func (p *Plan) scanChain(i int, s *steps) { p.chain(i, s, false) }

// exscanChain is scanChain where each stores what it receives, not what it passes on.
func (p *Plan) exscanChain(i int, s *steps) { p.chain(i, s, true) }

// chain: in round i segment i-1, which has come, is combined and goes on, and segment i comes. The scratch memory holds
// one that comes and one that goes.
func (p *Plan) chain(i int, s *steps, exclusive bool) {
	me, last, each := p.index(), p.Group.Count-1, p.segment()
	length := func(i int) int64 { return min(each, p.Bytes-int64(i)*each) }
	if i > 0 {
		at, bytes := int64(i-1)*each, length(i-1)
		in, out := scratch(0, bytes), scratch(each, bytes)
		own, result := Region{SendBuffer, 0, at, bytes}, Region{ReceiveBuffer, 0, at, bytes}
		sum := func(i int) Region { return [2]Region{in, own}[i] }
		switch {
		case me == 0:
			if out = own; !exclusive && !p.InPlace {
				s.copy(result, own)
			}
		case exclusive:
			if me < last {
				s.foldAll(2, sum, out)
			}
			s.copy(result, in)
		default:
			s.foldAll(2, sum, result)
			out = result
		}
		if me < last {
			s.send(p.member(me+1), out)
		}
	}
	if i < p.segments() && me > 0 {
		s.receive(p.member(me-1), scratch(0, length(i)))
	}
}

func chainRounds(p *Plan) int { return p.segments() + 1 }

func chainScratch(p *Plan) int64 { return 2 * p.segment() }
