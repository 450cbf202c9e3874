package schedule

// neighbourAllgather sends the one block along each edge. Cost d (a + mb) for d neighbours. Always chosen.
func (p *Plan) neighbourAllgather(_ int, s *steps) {
	p.edges(s, func(Edge) Region { return block(SendBuffer, 0) })
}

// neighbourAlltoall sends each edge its block. Cost d (a + mb). Always chosen.
func (p *Plan) neighbourAlltoall(_ int, s *steps) {
	p.edges(s, func(e Edge) Region { return block(SendBuffer, e.Block) })
}

// edges receives on all edges and sends on all. Messages between the same two meet in the order of the senders' blocks,
// in which both have them.
func (p *Plan) edges(s *steps, out func(e Edge) Region) {
	for _, e := range p.In {

		s.receive(e.Peer, block(ReceiveBuffer, e.Block))
	}
	for _, e := range p.Out {
		s.send(e.Peer, out(e))
	}
}
