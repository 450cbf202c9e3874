package schedule

// reduceGather collects the vectors up a binomial tree; the root combines them. Cost ⌈log n⌉ a + (n-1)(mb + mg).
// Chosen for small vectors.
func (p *Plan) reduceGather(i int, s *steps) {
	if i == 0 || !p.isRoot() {
		p.gatherUp(i, s)
		return
	}
	s.foldAll(p.Group.Count, func(rank int) Region {
		if v := p.Group.after(rank, p.Group.First-p.Root); v != 0 {
			return p.gathered(v)
		}
		return vector(SendBuffer, p.Bytes)
	}, vector(ReceiveBuffer, p.Bytes))
}

// reduceShares has each participant combine its share of the vectors; the root collects them. Cost 2(n-1) a + 2mb + mg.
// Chosen for large vectors.
func (p *Plan) reduceShares(i int, s *steps) {
	switch i {
	case 0:
		p.scatterShares(s)
	case 1:
		into := p.ownShare()
		if p.isRoot() {
			into = p.shareIn(ReceiveBuffer, p.index())
		}
		s.foldAll(p.Peers.Count, p.contribution, into)
	case 2:
		if !p.isRoot() {
			s.send(p.Root, p.ownShare())
			return
		}
		for index := range p.Group.Count {
			if index != p.index() {
				s.receive(p.member(index), p.shareIn(ReceiveBuffer, index))
			}
		}
	}
}

// reduceLinear sends every vector to the root, which combines them. Cost n (a + mb + mg). Chosen in an
// intercommunicator.
func (p *Plan) reduceLinear(i int, s *steps) {
	if p.isRoot() {
		p.reducePeers(i, s, vector(ReceiveBuffer, p.Bytes))
	} else if i == 0 {
		s.send(p.Root, vector(SendBuffer, p.Bytes))
	}
}

// reducePeers receives the vector of each peer, none of which is the participant itself, and combines them.
func (p *Plan) reducePeers(i int, s *steps, into Region) {
	part := func(index int) Region { return scratch(int64(index)*p.Bytes, p.Bytes) }
	if i == 1 {
		s.foldAll(p.Peers.Count, part, into)
		return
	}
	for index := range p.Peers.Count {
		s.receive(p.Peers.First+index, part(index))
	}
}

// linearScratch is for a vector of each peer, where they are combined, and for the result.
func linearScratch(p *Plan) int64 {
	if p.isRoot() || p.Root == NoRoot && p.index() == 0 {
		return int64(p.Peers.Count+1) * p.Bytes
	}
	return 0
}
