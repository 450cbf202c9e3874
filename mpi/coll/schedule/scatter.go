package schedule

// scatterBinomial hands the blocks down a binomial tree. Cost ⌈log n⌉ a + (n-1) mb. Chosen for small blocks of one
// length.
func (p *Plan) scatterBinomial(i int, s *steps) {
	v := p.relative()
	inner := v != 0 && p.branch(v) > 1
	switch {
	case i == 0 && v == 0:
		for to := 1; to < p.Group.Count; to++ {
			s.copy(p.gathered(to), block(SendBuffer, p.at(to)-p.Group.First))
		}
		if !p.InPlace {
			s.copy(block(ReceiveBuffer, 0), block(SendBuffer, p.index()))
		}
	case i == 0 && inner:
		s.receive(p.at(parent(v)), scratch(0, int64(p.branch(v))*p.Bytes))
	case i == 0:
		s.receive(p.at(parent(v)), vector(ReceiveBuffer, p.Bytes))
	default:
		if inner {
			s.copy(block(ReceiveBuffer, 0), scratch(0, p.Bytes))
		}
		p.children(v, func(child int) {
			s.send(p.at(child), scratch(int64(child-v)*p.Bytes, int64(p.branch(child))*p.Bytes))
		})
	}
}

func scatterScratch(p *Plan) int64 { return gatherScratch(p) }

// scatterLinear sends every block from the root. Cost (n-1)(a + mb). Chosen for large blocks, for blocks of different
// lengths, which only the root knows, and in an intercommunicator.
func (p *Plan) scatterLinear(_ int, s *steps) {
	if !p.isRoot() {
		s.receive(p.Root, block(ReceiveBuffer, 0))
		return
	}
	for i := range p.Peers.Count {
		if to := p.Peers.First + i; to != p.Me {
			s.send(to, block(SendBuffer, i))
		} else if !p.InPlace {
			s.copy(block(ReceiveBuffer, 0), block(SendBuffer, i))
		}
	}
}
