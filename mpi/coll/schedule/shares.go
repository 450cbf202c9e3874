package schedule

// Large vectors are reduced in shares: each participant gets its share of all vectors and combines them in rank order.

// share is a participant's share of a vector: where it begins and how long it is. Of n sharers each has as many
// elements as another, or one more.
func (p *Plan) share(index, n int) (at, bytes int64) {
	if p.Shares != nil {
		return p.Shares[index], p.Shares[index+1] - p.Shares[index]
	}
	elements := p.Bytes / max(p.Element, 1)
	low, high := int64(index)*elements/int64(n), int64(index+1)*elements/int64(n)
	return low * p.Element, (high - low) * p.Element
}

// shareIn is a share of the group's in a buffer.
func (p *Plan) shareIn(b Buffer, index int) Region {
	at, bytes := p.share(index, p.Group.Count)
	return Region{Buffer: b, Offset: at, Length: bytes}
}

// scatterShares sends each peer its share of the participant's vector, and receives what the participant combines.
func (p *Plan) scatterShares(s *steps) {
	p.exchange(s, func(i int) Region {
		at, bytes := p.share(i, p.Peers.Count)
		return Region{Buffer: SendBuffer, Offset: at, Length: bytes}
	}, p.contribution)
}

// contribution is what a peer has sent for the participant's share; its own is where it was.
func (p *Plan) contribution(index int) Region {
	if p.Peers.First+index == p.Me {
		return p.shareIn(SendBuffer, p.index())
	}
	_, bytes := p.share(p.index(), p.Group.Count)
	return scratch(int64(index)*bytes, bytes)
}

// ownShare is where a participant that does not want the result keeps its share of it: its own contribution's place.
func (p *Plan) ownShare() Region {
	_, bytes := p.share(p.index(), p.Group.Count)
	return scratch(int64(p.index())*bytes, bytes)
}

func sharesScratch(p *Plan) int64 {
	_, bytes := p.share(p.index(), p.Group.Count)
	return int64(p.Peers.Count) * bytes
}
