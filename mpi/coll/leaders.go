package coll

// Between processes a collective has three steps: the participants of each process share an instance; the last to
// arrive is the leader, and exchanges with the leaders of the other processes what its own process has gathered; then
// it lets its own participants go. This file is the middle step. Costs are written with p processes, m bytes, a the
// time of a message between two of them and b that to move a byte.

// Peers carries messages between leaders. Messages between two leaders arrive in order. All its methods return when
// their buffers may be used again.
type Peers interface {
	Send(to int, data []byte)
	Receive(from int, into []byte)
	// Exchange sends and receives at the same time, so that leaders in a circle do not wait for each other.
	Exchange(to int, data []byte, from int, into []byte)
}

// Leader is one process's leader among Size.
type Leader struct {
	Peers
	Me, Size int
}

// Barrier waits until every leader has called it, by dissemination: in step k each tells the one 2^k further. Cost
// ⌈log p⌉ a.
func (l Leader) Barrier() {
	for step := 1; step < l.Size; step *= 2 {
		l.Exchange((l.Me+step)%l.Size, nil, (l.Me-step+l.Size)%l.Size, nil)
	}
}

// Bcast gives everyone the root's data by a binomial tree. Cost ⌈log p⌉ (a + mb). Chosen for small and large data, as
// long as processes are few; cutting the data in pieces would pay from some ten on.
func (l Leader) Bcast(root int, data []byte) {
	relative := (l.Me - root + l.Size) % l.Size // the root's is 0
	step := 1
	for ; step < l.Size; step *= 2 {
		if relative&step != 0 {
			l.Receive((l.Me-step+l.Size)%l.Size, data)
			break
		}
	}
	for step /= 2; step > 0; step /= 2 {
		if relative+step < l.Size {
			l.Send((l.Me+step)%l.Size, data)
		}
	}
}

// Reduce combines everyone's data in the order of processes and leaves the result at the root. It goes up a binomial
// tree to process 0, which keeps the order, and from there to the root. Cost ⌈log p⌉ (a + mb + mg) + a + mb. in is as
// long as data and holds what arrives; where the caller is not the root, data is spoilt.
func (l Leader) Reduce(root int, data, in []byte, combine func(acc, in []byte)) {
	for step := 1; step < l.Size; step *= 2 {
		if l.Me&step != 0 {
			l.Send(l.Me-step, data)
			break
		}
		if l.Me+step < l.Size {
			l.Receive(l.Me+step, in)
			combine(data, in)
		}
	}
	switch {
	case root == 0:
	case l.Me == 0:
		l.Send(root, data)
	case l.Me == root:
		l.Receive(0, data)
	}
}

// Allreduce is Reduce to process 0 and Bcast of the result, so that all have the same bits. Cost 2 ⌈log p⌉ (a + mb) +
// ⌈log p⌉ mg. Recursive doubling would halve the first term for small data, but break the order where the number of
// processes is no power of two.
func (l Leader) Allreduce(data, in []byte, combine func(acc, in []byte)) {
	l.Reduce(0, data, in, combine)
	l.Bcast(0, data)
}

// Allgather gives everyone each one's block, around a ring. Cost (p-1) a + (total of the blocks) b. Blocks may differ
// in length; the caller's own block is already in blocks.
func (l Leader) Allgather(blocks [][]byte) {
	to, from := (l.Me+1)%l.Size, (l.Me-1+l.Size)%l.Size
	for step := range l.Size - 1 {
		out := (l.Me - step + l.Size) % l.Size
		l.Exchange(to, blocks[out], from, blocks[(out-1+l.Size)%l.Size])
	}
}

// Alltoall gives each its block of out and fills in, pair by pair. Cost (p-1)(a + mb). The caller's own block is the
// caller's to copy.
func (l Leader) Alltoall(out, in [][]byte) {
	for step := 1; step < l.Size; step++ {
		to, from := (l.Me+step)%l.Size, (l.Me-step+l.Size)%l.Size
		l.Exchange(to, out[to], from, in[from])
	}
}
