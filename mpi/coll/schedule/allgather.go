package schedule

// allgatherBruck doubles what each has in each round, from its own block on in a circle, and turns the circle at the
// end. Cost ⌈log n⌉ a + (n-1) mb + 2nm copied. Chosen for small blocks of one length.
func (p *Plan) allgatherBruck(i int, s *steps) {
	if p.collect(i, s) {
		return
	}
	me := p.index()
	for j := 1; j < p.Group.Count; j++ {
		s.copy(block(ReceiveBuffer, p.Group.after(me, j)), scratch(int64(j)*p.Bytes, p.Bytes))
	}
	if !p.InPlace {
		s.copy(block(ReceiveBuffer, me), block(SendBuffer, 0))
	}
}

func bruckRounds(p *Plan) int { return doublings(p) + 1 }

// collect brings everyone's block into the scratch memory: at j blocks from its beginning that of the participant j
// further than this one. It reports whether the round is one of its own.
func (p *Plan) collect(i int, s *steps) bool {
	have, n := 1<<i, p.Group.Count
	if i == 0 && n > 1 {
		s.copy(scratch(0, p.Bytes), block(SendBuffer, 0))
	}
	if have >= n {
		return false
	}
	more := int64(min(have, n-have))
	s.receive(p.member(p.index()+have), scratch(int64(have)*p.Bytes, more*p.Bytes))
	s.send(p.member(p.index()-have+n), scratch(0, more*p.Bytes))
	return true
}

// allgatherRing passes the blocks on around a ring. Cost (n-1)(a + mb). Chosen for large blocks and for blocks of
// different lengths.
func (p *Plan) allgatherRing(i int, s *steps) {
	me := p.index()
	if i == 0 && !p.InPlace {
		s.copy(block(ReceiveBuffer, me), block(SendBuffer, 0))
	}
	p.pass(i, s, func(index int) Region { return block(ReceiveBuffer, index) })
}

func ringRounds(p *Plan) int { return max(1, p.Group.Count-1) }

// pass is a round around a ring of regions, one for each of the group, of which everyone has its own.
func (p *Plan) pass(i int, s *steps, region func(index int) Region) {
	if p.Group.Count == 1 {
		return
	}
	me := p.index()
	s.receive(p.member(me-1+p.Group.Count), region(p.Group.after(me, -1-i)))
	s.send(p.member(me+1), region(p.Group.after(me, -i)))
}

// allgatherLinear sends every block to each of the other group. Cost n (a + mb). Chosen in an intercommunicator.
func (p *Plan) allgatherLinear(_ int, s *steps) {
	p.exchange(s, func(int) Region { return block(SendBuffer, 0) },
		func(i int) Region { return block(ReceiveBuffer, i) })
}

// exchange sends a region to each peer but the participant itself, and receives one. Each begins behind itself, so
// that not all send to the same one first.
func (p *Plan) exchange(s *steps, out, in func(index int) Region) {
	n := p.Peers.Count
	for i := range n {
		if from := p.Peers.after(p.index(), -1-i); p.Peers.First+from != p.Me {
			s.receive(p.Peers.First+from, in(from))
		}
	}
	for i := range n {
		if to := p.Peers.after(p.index(), 1+i); p.Peers.First+to != p.Me {
			s.send(p.Peers.First+to, out(to))
		}
	}
}
