package schedule

// own is the participant's buffer in a broadcast.
func (p *Plan) own() Buffer {
	if p.isRoot() {
		return SendBuffer
	}
	return ReceiveBuffer
}

// bcastBinomial passes the data down a binomial tree. Cost ⌈log n⌉ (a + mb). Chosen for small data, and among few.
func (p *Plan) bcastBinomial(i int, s *steps) {
	v, all := p.relative(), block(p.own(), 0)
	if i == 0 {
		if v != 0 {
			s.receive(p.at(parent(v)), all)
		}
		return
	}
	p.children(v, func(child int) { s.send(p.at(child), all) })
}

// bcastScatter cuts the data into a piece for each, scatters them down a binomial tree, and passes them on around
// a ring. Cost (⌈log n⌉ + n - 1) a + 2mb. Chosen for large data. A buffer with holes is packed before, or unpacked
// afterwards.
func (p *Plan) bcastScatter(i int, s *steps) {
	v, n := p.relative(), p.Group.Count
	switch {
	case i == 0:
		if v != 0 {
			s.receive(p.at(parent(v)), p.pieces(v, p.branch(v)))
		} else if p.Whole {
			s.copy(scratch(0, p.Bytes), block(SendBuffer, 0))
		}
	case i == 1:
		p.children(v, func(child int) { s.send(p.at(child), p.pieces(child, p.branch(child))) })
	case i <= n:
		if v != 0 { // the root has all
			s.receive(p.at(v-1), p.pieces(p.Group.after(v, 1-i), 1))
		}
		if v != n-1 {
			s.send(p.at(v+1), p.pieces(p.Group.after(v, 2-i), 1))
		}
	case v != 0 && p.Whole:
		s.copy(block(ReceiveBuffer, 0), scratch(0, p.Bytes))
	}
}

func bcastScatterRounds(p *Plan) int { return p.Group.Count + 2 }

func bcastScatterScratch(p *Plan) int64 {
	if p.Whole {
		return p.Bytes
	}
	return 0
}

// pieces are those of consecutive relative ranks.
func (p *Plan) pieces(first, count int) Region {
	piece := (p.Bytes + int64(p.Group.Count) - 1) / int64(p.Group.Count)
	low := min(int64(first)*piece, p.Bytes)
	r := Region{Buffer: p.own(), Offset: low, Length: min(int64(first+count)*piece, p.Bytes) - low}
	if p.Whole {
		r.Buffer = Scratch
	}
	return r
}

// bcastLinear sends from the root to each of the other group. Cost n (a + mb). Chosen in an intercommunicator.
func (p *Plan) bcastLinear(_ int, s *steps) {
	if !p.isRoot() {
		s.receive(p.Root, block(ReceiveBuffer, 0))
		return
	}
	for i := range p.Peers.Count {
		s.send(p.Peers.First+i, block(SendBuffer, 0))
	}
}
