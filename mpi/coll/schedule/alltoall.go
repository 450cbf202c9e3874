package schedule

// alltoallBruck sends on, in round k, what has 2^k in its way, together: block j of the scratch memory goes to the
// participant j further than its sender. Cost ⌈log n⌉ (a + nmb/2), and 3 copies. Chosen for small blocks of one
// length.
func (p *Plan) alltoallBruck(i int, s *steps) {
	me, n := p.index(), p.Group.Count
	if i == 0 {
		for j := range n {
			s.copy(scratch(int64(j)*p.Bytes, p.Bytes), block(SendBuffer, p.Group.after(me, j)))
		}
	} else { // what the round before has brought
		p.hops(i-1, func(j, at int) { s.copy(scratch(int64(j)*p.Bytes, p.Bytes), p.packed(n+(n+1)/2+at, 1)) })
	}
	step := 1 << i
	if step >= n {
		for j := range n {
			s.copy(block(ReceiveBuffer, p.Group.after(me, -j)), scratch(int64(j)*p.Bytes, p.Bytes))
		}
		return
	}
	count := 0
	p.hops(i, func(j, at int) {
		s.copy(p.packed(n+at, 1), scratch(int64(j)*p.Bytes, p.Bytes))
		count++
	})
	s.receive(p.member(me-step+n), p.packed(n+(n+1)/2, count))
	s.send(p.member(me+step), p.packed(n, count))
}

// hops calls f for the blocks that move in round k, with their number among these.
func (p *Plan) hops(k int, f func(j, at int)) {
	at := 0
	for j := range p.Group.Count {
		if j>>k&1 != 0 {
			f(j, at)
			at++
		}
	}
}

// packed are blocks of the scratch memory.
func (p *Plan) packed(at, count int) Region { return scratch(int64(at)*p.Bytes, int64(count)*p.Bytes) }

// alltoallBruckScratch is for all blocks, those that go and those that come.
func alltoallBruckScratch(p *Plan) int64 {
	n := int64(p.Group.Count)
	return (n + 2*((n+1)/2)) * p.Bytes
}

// alltoallPairwise exchanges, in round k, with the one k further and the one k before. Cost (n-1)(a + mb). Chosen for
// large blocks and for blocks of different lengths.
func (p *Plan) alltoallPairwise(i int, s *steps) {
	me := p.index()
	to, from := p.Group.after(me, i), p.Group.after(me, -i)
	if i == 0 {
		s.copy(block(ReceiveBuffer, me), block(SendBuffer, me))
		return
	}
	s.receive(p.member(from), block(ReceiveBuffer, from))
	s.send(p.member(to), block(SendBuffer, to))
}

// alltoallInPlace swaps blocks with one participant in each round: the pairs are those whose indexes add up to the
// round's number, in a circle. What goes is copied aside. Cost (n-1)(a + mb) + nm copied. Chosen with MPI_IN_PLACE.
func (p *Plan) alltoallInPlace(i int, s *steps) {
	me := p.index()
	other := p.Group.after(i, -me)
	if other == me {
		return
	}
	aside := Region{Buffer: Scratch, Block: other, Length: Whole}
	s.copy(aside, block(ReceiveBuffer, other))
	s.receive(p.member(other), block(ReceiveBuffer, other))
	s.send(p.member(other), aside)
}

// alltoallLinear sends every block at once. Cost n (a + mb). Chosen in an intercommunicator.
func (p *Plan) alltoallLinear(_ int, s *steps) {
	p.exchange(s, func(i int) Region { return block(SendBuffer, i) },
		func(i int) Region { return block(ReceiveBuffer, i) })
}
