package coll

// ReduceScatter combines each rank's share of the vectors, in rank order, and stores it there. An item is one rank's
// share. Cost nmg + mc, of which each processor does its share. Always chosen inside a process. A rank that reduces in
// place has brought a copy of its vector, because its result lies in the way of others' shares.
var ReduceScatter = Algorithm{
	Items: perReceiver,
	Do: func(m Mover, s Shape, w Way, item int) {
		to := w.To[0] + item
		begin, end := m.Segment(to)
		for lo := begin; lo < end; lo += s.Chunk {
			hi := min(lo+s.Chunk, end)
			combine(m, w, lo, hi)
			m.Store(to, lo-begin, hi-lo)
		}
	},
}
