package schedule

// gatherBinomial collects the blocks up a binomial tree. Cost ⌈log n⌉ a + (n-1) mb. Chosen for small blocks of one
// length.
func (p *Plan) gatherBinomial(i int, s *steps) {
	if i == 0 || !p.isRoot() {
		p.gatherUp(i, s)
		return
	}
	for v := 1; v < p.Group.Count; v++ {
		s.copy(block(ReceiveBuffer, p.at(v)-p.Group.First), p.gathered(v))
	}
	if !p.InPlace {
		s.copy(block(ReceiveBuffer, p.index()), block(SendBuffer, 0))
	}
}

// gatherUp receives the children's blocks into the scratch memory, and sends them on with the participant's own.
func (p *Plan) gatherUp(i int, s *steps) {
	v := p.relative()
	if i == 0 {
		p.children(v, func(child int) {
			s.receive(p.at(child), scratch(int64(child-v)*p.Bytes, int64(p.branch(child))*p.Bytes))
		})
		if v != 0 && p.branch(v) > 1 {
			s.copy(scratch(0, p.Bytes), block(SendBuffer, 0))
		}
		return
	}
	switch {
	case v == 0:
	case p.branch(v) == 1:
		s.send(p.at(parent(v)), vector(SendBuffer, p.Bytes))
	default:
		s.send(p.at(parent(v)), scratch(0, int64(p.branch(v))*p.Bytes))
	}
}

// gathered is the block of a relative rank, at the root.
func (p *Plan) gathered(relative int) Region { return scratch(int64(relative)*p.Bytes, p.Bytes) }

func gatherScratch(p *Plan) int64 {
	if v := p.relative(); p.branch(v) > 1 {
		return int64(p.branch(v)) * p.Bytes
	}
	return 0
}

// gatherLinear sends every block to the root. Cost (n-1)(a + mb). Chosen for large blocks, for blocks of different
// lengths, which only the root knows, and in an intercommunicator.
func (p *Plan) gatherLinear(_ int, s *steps) {
	if !p.isRoot() {
		s.send(p.Root, block(SendBuffer, 0))
		return
	}
	for i := range p.Peers.Count {
		if from := p.Peers.First + i; from != p.Me {
			s.receive(from, block(ReceiveBuffer, i))
		} else if !p.InPlace {
			s.copy(block(ReceiveBuffer, i), block(SendBuffer, 0))
		}
	}
}
