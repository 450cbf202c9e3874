package schedule

// disseminate: in round k each tells the one 2^k further, and waits for the one 2^k before. Cost ⌈log n⌉ a. Always
// chosen; an intercommunicator's groups are one circle.
func (p *Plan) disseminate(i int, s *steps) {
	all := Range{0, p.Group.Count}
	step := 1 << i
	s.list = append(s.list,
		Step{Action: Receive, Peer: all.after(p.Me, -step), To: vector(ReceiveBuffer, 0)},
		Step{Action: Send, Peer: all.after(p.Me, step), From: vector(SendBuffer, 0)})
}
