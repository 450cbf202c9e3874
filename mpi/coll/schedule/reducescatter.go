package schedule

// reduceScatterShares has each participant combine its share of the vectors. Cost (n-1) a + mb + mg. Always chosen
// inside a communicator.
func (p *Plan) reduceScatterShares(i int, s *steps) {
	if i == 0 {
		p.scatterShares(s)
		return
	}
	_, bytes := p.share(p.index(), p.Group.Count)
	s.foldAll(p.Peers.Count, p.contribution, vector(ReceiveBuffer, bytes))
}

// reduceScatterLinear has the first of each group combine the other's vectors and hand out the shares: who sends does
// not know how the other group shares. Cost n (a + mb + mg) + n a + mb. Chosen in an intercommunicator.
func (p *Plan) reduceScatterLinear(i int, s *steps) {
	first := p.index() == 0
	result := int64(p.Peers.Count) * p.Bytes
	switch {
	case i < 2:
		if first {
			p.reducePeers(i, s, scratch(result, p.Bytes))
		}
		if i == 0 {
			s.send(p.Peers.First, vector(SendBuffer, p.Bytes))
		}
	case !first:
		_, bytes := p.share(p.index(), p.Group.Count)
		s.receive(p.member(0), vector(ReceiveBuffer, bytes))
	default:
		for index := range p.Group.Count {
			at, bytes := p.share(index, p.Group.Count)
			if index == 0 {
				s.copy(vector(ReceiveBuffer, bytes), scratch(result+at, bytes))
			} else {
				s.send(p.member(index), scratch(result+at, bytes))
			}
		}
	}
}
