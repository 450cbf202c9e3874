package schedule

// allreduceGather brings every vector to everyone, as allgatherBruck does; each combines them for itself. Cost
// ⌈log n⌉ a + (n-1)(mb + mg). Chosen for small vectors.
func (p *Plan) allreduceGather(i int, s *steps) {
	if p.collect(i, s) {
		return
	}
	s.foldAll(p.Group.Count, func(rank int) Region {
		if j := p.Group.after(rank, -p.index()); j != 0 {
			return scratch(int64(j)*p.Bytes, p.Bytes)
		}
		return vector(SendBuffer, p.Bytes)
	}, vector(ReceiveBuffer, p.Bytes))
}

// allreduceShares has each participant combine its share of the vectors; the results go around a ring. Cost 2(n-1) a +
// 2mb + mg. Chosen for large vectors, and in an intercommunicator, where each group combines the other's vectors.
func (p *Plan) allreduceShares(i int, s *steps) {
	switch i {
	case 0:
		p.scatterShares(s)
	case 1:
		s.foldAll(p.Peers.Count, p.contribution, p.shareIn(ReceiveBuffer, p.index()))
	default:
		p.pass(i-2, s, func(index int) Region { return p.shareIn(ReceiveBuffer, index) })
	}
}

func allreduceRounds(p *Plan) int { return p.Group.Count + 1 }
