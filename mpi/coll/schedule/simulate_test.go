package schedule

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// participant is one participant of a simulated collective. Its buffers are blocks; in place both are the same memory.
type participant struct {
	plan       Plan
	send, recv [][]byte
	want       [][]byte // what recv is to be; nil where that is undefined
	scratch    []byte
	round      int
	under      int // sends and receives that are not complete
	result     []byte
}

// transfer is a send or a receive under way.
type transfer struct {
	of   *participant
	data []byte // of a send that is complete already, a copy
	sent bool
}

// simulation runs the plans of all participants in a random order of events. A send completes when its receive has
// matched, or, drawn for each, at once.
type simulation struct {
	rng      *rand.Rand
	all      []*participant
	sends    map[[2]int][]*transfer // by sender and receiver, in order
	receives map[[2]int][]*transfer
	matching [][2]int // senders and receivers of which messages can move, as often as there are such
}

// run ends with what is wrong, or with nothing.
func (s *simulation) run() error {
	s.sends, s.receives = map[[2]int][]*transfer{}, map[[2]int][]*transfer{}
	for _, p := range s.all {
		p.scratch = bytes.Repeat([]byte{0xee}, int(p.plan.Scratch()))
	}
	ready := make([]*participant, 0, len(s.all))
	for {
		ready = ready[:0]
		for _, p := range s.all {
			if p.under == 0 && p.round < p.plan.Rounds() {
				ready = append(ready, p)
			}
		}
		if len(ready)+len(s.matching) == 0 {
			return s.over()
		}
		var err error
		if i := s.rng.IntN(len(ready) + len(s.matching)); i < len(ready) {
			err = s.begin(ready[i])
		} else {
			err = s.match(i - len(ready))
		}
		if err != nil {
			return err
		}
	}
}

// over checks that everyone has come to the end, and that nothing is left on the way.
func (s *simulation) over() error {
	for i, p := range s.all {
		if p.under > 0 || p.round < p.plan.Rounds() {
			return fmt.Errorf("participant %d waits for ever in round %d of %d", i, p.round, p.plan.Rounds())
		}
	}
	for k, q := range s.sends {
		if len(q) > 0 {
			return fmt.Errorf("%d messages from %d to %d were never received", len(q), k[0], k[1])
		}
	}
	return nil
}

// begin does a round's steps.
func (s *simulation) begin(p *participant) error {
	steps := p.plan.Round(p.round, nil)
	p.round++
	for i := range steps {
		if err := s.step(p, &steps[i]); err != nil {
			return fmt.Errorf("participant %d, round %d, step %d: %w", p.plan.Me, p.round-1, i, err)
		}
	}
	return nil
}

func (s *simulation) step(p *participant, step *Step) error {
	var from, to []byte
	var err error
	switch step.Action {
	case Send, Copy, Load, Fold:
		if from, err = p.region(step.From); err != nil {
			return err
		}
	}
	switch step.Action {
	case Receive, Copy, Store:
		if to, err = p.region(step.To); err != nil {
			return err
		}
	}
	switch step.Action {
	case Send:
		t := &transfer{of: p, data: from}
		if s.rng.IntN(2) == 0 {
			t.data, t.sent = bytes.Clone(from), true
		} else {
			p.under++
		}
		k := [2]int{p.plan.Me, step.Peer}
		if s.sends[k] = append(s.sends[k], t); len(s.sends[k]) <= len(s.receives[k]) {
			s.matching = append(s.matching, k)
		}
	case Receive:
		p.under++
		k := [2]int{step.Peer, p.plan.Me}
		s.receives[k] = append(s.receives[k], &transfer{of: p, data: to})
		if len(s.receives[k]) <= len(s.sends[k]) {
			s.matching = append(s.matching, k)
		}
	case Copy:
		if len(from) != len(to) {
			return fmt.Errorf("copies %d bytes to %d", len(from), len(to))
		}
		copy(to, from)
	case Load:
		p.result = bytes.Clone(from)
	case Fold:
		if len(from) != len(p.result) {
			return fmt.Errorf("combines %d bytes with %d", len(p.result), len(from))
		}
		combine(p.result, from)
	case Store:
		if len(to) != len(p.result) {
			return fmt.Errorf("stores %d bytes in %d", len(p.result), len(to))
		}
		copy(to, p.result)
	}
	return nil
}

// match moves the first message between two participants.
func (s *simulation) match(i int) error {
	k, last := s.matching[i], len(s.matching)-1
	s.matching[i] = s.matching[last]
	s.matching = s.matching[:last]
	send, receive := s.sends[k][0], s.receives[k][0]
	s.sends[k], s.receives[k] = s.sends[k][1:], s.receives[k][1:]
	if len(send.data) != len(receive.data) {
		return fmt.Errorf("%d sends %d bytes and %d receives %d", k[0], len(send.data), k[1], len(receive.data))
	}
	copy(receive.data, send.data)
	receive.of.under--
	if !send.sent {
		send.of.under--
	}
	return nil
}

// region finds the memory of a region.
func (p *participant) region(r Region) ([]byte, error) {
	blocks := p.recv
	switch r.Buffer {
	case SendBuffer:
		blocks = p.send
	case Scratch:
		n := r.Length
		if n == Whole {
			n = int64(len(p.recv[r.Block]))
		}
		if r.Offset < 0 || r.Offset+n > int64(len(p.scratch)) {
			return nil, fmt.Errorf("%v lies outside of %d bytes of scratch memory", r, len(p.scratch))
		}
		return p.scratch[r.Offset : r.Offset+n], nil
	}
	if r.Block >= len(blocks) {
		return nil, fmt.Errorf("%v: there are %d blocks", r, len(blocks))
	}
	b := blocks[r.Block]
	if r.Length == Whole {
		return b, nil
	}
	if r.Offset < 0 || r.Offset+r.Length > int64(len(b)) {
		return nil, fmt.Errorf("%v lies outside of a block of %d bytes", r, len(b))
	}
	if p.plan.Whole && r.Length < int64(len(b)) {
		return nil, fmt.Errorf("%v cuts a buffer that must not be cut", r)
	}
	return b[r.Offset : r.Offset+r.Length], nil
}

// combine is neither commutative nor associative: another order or other brackets give another result.
func combine(acc, in []byte) {
	for i := range acc {
		acc[i] = byte((int(acc[i])*31 + int(in[i]) + 7) % 251)
	}
}

// elementBytes is the size of an element in the tests of reductions.
const elementBytes = 4

// folded combines vectors from the first on.
func folded(vectors [][]byte) []byte {
	result := bytes.Clone(vectors[0])
	for _, v := range vectors[1:] {
		combine(result, v)
	}
	return result
}

func random(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.IntN(251))
	}
	return b
}

func blocksOf(rng *rand.Rand, n int, length func(i int) int) [][]byte {
	b := make([][]byte, n)
	for i := range b {
		b[i] = random(rng, length(i))
	}
	return b
}

// collective is one to simulate.
type collective struct {
	algorithm Algorithm
	n, root   int
	bytes     int // a block or vector; in the v forms block i differs
	inPlace   bool
	whole     bool
}

// uneven is the length of the block from i to j where they differ.
func (c collective) uneven(i, j int) int { return (c.bytes + 3*i + 5*j) % (c.bytes + 7) }

// simulated makes the participants of a collective in one communicator.
func (c collective) simulated(rng *rand.Rand) []*participant {
	all := make([]*participant, c.n)
	same := func(int) int { return c.bytes }
	for me := range all {
		p := &participant{plan: Plan{Algorithm: c.algorithm, Me: me, Root: c.root, Group: Range{0, c.n},
			Peers: Range{0, c.n}, Bytes: int64(c.bytes), Element: elementBytes, InPlace: c.inPlace, Whole: c.whole}}
		all[me] = p
		switch c.algorithm {
		case BcastBinomial, BcastScatter:
			p.send, p.recv = [][]byte{random(rng, c.bytes)}, [][]byte{random(rng, c.bytes)}
		case GatherBinomial:
			p.send, p.recv = [][]byte{random(rng, c.bytes)}, blocksOf(rng, c.n, same)
		case GatherLinear:
			p.send = [][]byte{random(rng, c.uneven(me, 0))}
			p.recv = blocksOf(rng, c.n, func(i int) int { return c.uneven(i, 0) })
		case ScatterBinomial:
			p.send, p.recv = blocksOf(rng, c.n, same), [][]byte{random(rng, c.bytes)}
		case ScatterLinear:
			p.send = blocksOf(rng, c.n, func(i int) int { return c.uneven(i, 0) })
			p.recv = [][]byte{random(rng, c.uneven(me, 0))}
		case AllgatherBruck:
			p.send, p.recv = [][]byte{random(rng, c.bytes)}, blocksOf(rng, c.n, same)
		case AllgatherRing:
			p.send = [][]byte{random(rng, c.uneven(me, 0))}
			p.recv = blocksOf(rng, c.n, func(i int) int { return c.uneven(i, 0) })
		case AlltoallBruck:
			p.send, p.recv = blocksOf(rng, c.n, same), blocksOf(rng, c.n, same)
		case AlltoallPairwise:
			p.send = blocksOf(rng, c.n, func(i int) int { return c.uneven(me, i) })
			p.recv = blocksOf(rng, c.n, func(i int) int { return c.uneven(i, me) })
		case AlltoallInPlace:
			p.recv = blocksOf(rng, c.n, func(i int) int { return c.uneven(min(i, me), max(i, me)) })
			p.plan.Bytes = int64(c.bytes + 7)
		case ReduceScatterShares:
			p.plan.Shares = []int64{0}
			for i := range c.n {
				p.plan.Shares = append(p.plan.Shares, p.plan.Shares[i]+int64(c.bytes/elementBytes*(i%3)*elementBytes))
			}
			p.plan.Bytes = p.plan.Shares[c.n]
			p.send = [][]byte{random(rng, int(p.plan.Bytes))}
			p.recv = [][]byte{random(rng, int(p.plan.Shares[me+1]-p.plan.Shares[me]))}
		default:
			p.send, p.recv = [][]byte{random(rng, c.bytes)}, [][]byte{random(rng, c.bytes)}
		}
	}
	if c.inPlace {
		c.join(all)
	}
	c.expect(all)
	return all
}

// join makes what MPI_IN_PLACE means of both buffers.
func (c collective) join(all []*participant) {
	for me, p := range all {
		switch c.algorithm {
		case GatherBinomial, GatherLinear:
			if me == c.root {
				p.send = [][]byte{p.recv[me]}
			}
		case ScatterBinomial, ScatterLinear:
			if me == c.root {
				p.recv = [][]byte{p.send[me]}
			}
		case AllgatherBruck, AllgatherRing:
			p.send = [][]byte{p.recv[me]}
		case AlltoallInPlace:
			p.send = p.recv
		case ReduceGather, ReduceShares:
			if me == c.root {
				p.send = p.recv
			}
		default:
			p.send = p.recv
		}
	}
}

// expect says what everyone is to have in the end.
func (c collective) expect(all []*participant) {
	vectors := make([][]byte, c.n)
	for i, p := range all {
		if len(p.send) > 0 {
			vectors[i] = bytes.Clone(p.send[0])
		}
	}
	for me, p := range all {
		p.want = make([][]byte, len(p.recv))
		switch c.algorithm {
		case BarrierDissemination:
		case BcastBinomial, BcastScatter:
			if me != c.root {
				p.want[0] = vectors[c.root]
			}
		case GatherBinomial, GatherLinear:
			if me == c.root {
				p.want = vectors
			}
		case ScatterBinomial, ScatterLinear:
			p.want[0] = bytes.Clone(all[c.root].send[me])
		case AllgatherBruck, AllgatherRing:
			p.want = vectors
		case AlltoallBruck, AlltoallPairwise, AlltoallInPlace:
			for i := range p.want {
				p.want[i] = bytes.Clone(all[i].send[me])
			}
		case ReduceGather, ReduceShares:
			if me == c.root {
				p.want[0] = folded(vectors)
			}
		case AllreduceGather, AllreduceShares:
			p.want[0] = folded(vectors)
		case ReduceScatterShares:
			p.want[0] = folded(vectors)[p.plan.Shares[me]:p.plan.Shares[me+1]]
		case ScanGather, ScanChain:
			p.want[0] = folded(vectors[:me+1])
		case ExscanGather, ExscanChain:
			if me > 0 {
				p.want[0] = folded(vectors[:me])
			}
		}
	}
}

// check runs a simulation and compares.
func check(t *testing.T, what any, rng *rand.Rand, all []*participant) {
	t.Helper()
	s := simulation{rng: rng, all: all}
	if err := s.run(); err != nil {
		t.Fatalf("%+v: %v", what, err)
	}
	for i, p := range all {
		for j, want := range p.want {
			if want != nil && !bytes.Equal(p.recv[j], want) {
				t.Fatalf("%+v: participant %d: block %d is %v, want %v", what, i, j, p.recv[j], want)
			}
		}
	}
}

// TestPlans runs every algorithm of a communicator among 1 to 17, from several roots, with and without MPI_IN_PLACE, in
// random orders of events.
func TestPlans(t *testing.T) {
	rooted := map[Algorithm]bool{BcastBinomial: true, BcastScatter: true, GatherBinomial: true, GatherLinear: true,
		ScatterBinomial: true, ScatterLinear: true, ReduceGather: true, ReduceShares: true}
	apart := map[Algorithm]bool{BarrierDissemination: true, BcastBinomial: true, BcastScatter: true, AlltoallBruck: true,
		AlltoallPairwise: true, ReduceScatterShares: true}
	for a := BarrierDissemination; a <= ExscanChain; a++ {
		switch a {
		case BcastLinear, AllgatherLinear, AlltoallLinear, ReduceLinear, ReduceScatterLinear:
			continue
		}
		t.Run(fmt.Sprintf("%d %v", a, a), func(t *testing.T) {
			for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 17} {
				for root := range n {
					if root > 0 && !rooted[a] || root > 1 && root < n-1 {
						continue
					}
					for _, size := range []int{0, 4, 60} {
						for form := range 2 {
							c := collective{algorithm: a, n: n, root: root, bytes: size, inPlace: form == 1}
							if c.inPlace && apart[a] || !c.inPlace && a == AlltoallInPlace {
								if a != BcastScatter {
									continue
								}
								c.inPlace, c.whole = false, true
							}
							rng := rand.New(rand.NewPCG(uint64(n), uint64(root)))
							for range 3 {
								check(t, c, rng, c.simulated(rng))
							}
						}
					}
				}
			}
		})
	}
}

// TestLongChain: a vector of several segments goes down the chain.
func TestLongChain(t *testing.T) {
	for _, a := range []Algorithm{ScanChain, ExscanChain} {
		for _, inPlace := range []bool{false, true} {
			for _, n := range []int{1, 2, 5} {
				rng := rand.New(rand.NewPCG(1, uint64(n)))
				c := collective{algorithm: a, n: n, bytes: 3*chainBytes + 8, inPlace: inPlace}
				check(t, c, rng, c.simulated(rng))
			}
		}
	}
}

// TestBetweenGroups runs the algorithms of intercommunicators.
func TestBetweenGroups(t *testing.T) {
	for k := Barrier; k <= ReduceScatter; k++ {
		for a := 1; a <= 6; a++ {
			for b := 1; b <= 6; b++ {
				rooted := k == Bcast || k == Gather || k == Scatter || k == Reduce
				for root := range a + b {
					if root > 0 && !rooted {
						break
					}
					rng := rand.New(rand.NewPCG(uint64(a), uint64(b)))
					check(t, fmt.Sprintf("kind %d, %d and %d, root %d", k, a, b, root), rng,
						between(rng, k, Range{0, a}, Range{a, b}, root))
				}
			}
		}
	}
}

// between makes the participants of a collective between two groups.
func between(rng *rand.Rand, k Kind, first, second Range, root int) []*participant {
	const bytesEach = 40
	all := make([]*participant, first.Count+second.Count)
	for me := range all {
		group, peers := first, second
		if second.Has(me) {
			group, peers = second, first
		}
		p := &participant{plan: Plan{Me: me, Root: root, Group: group, Peers: peers, Bytes: bytesEach,
			Element: elementBytes}}
		all[me] = p
		switch {
		case k == Bcast || k == Gather || k == Scatter || k == Reduce:
			if group.Has(root) && me != root {
				p.plan.Root = NoRoot
			}
		default:
			p.plan.Root = NoRoot
		}
		each := func(int) int { return bytesEach }
		p.send, p.recv = blocksOf(rng, peers.Count, each), blocksOf(rng, peers.Count, each)
		if k == ReduceScatter {
			p.plan.Shares = make([]int64, group.Count+1)
			for i := 1; i < group.Count; i++ {
				p.plan.Shares[i] = p.plan.Shares[i-1] + int64(elementBytes*(i%2))
			}
			p.plan.Shares[group.Count] = bytesEach
			at := me - group.First
			p.recv = [][]byte{random(rng, int(p.plan.Shares[at+1]-p.plan.Shares[at]))}
		}
		p.plan.Choose(k, true)
	}
	for me, p := range all {
		group, peers := first, second
		if second.Has(me) {
			group, peers = second, first
		}
		index := me - group.First
		var theirs [][]byte
		for i := range peers.Count {
			theirs = append(theirs, all[peers.First+i].send[0])
		}
		p.want = make([][]byte, len(p.recv))
		switch k {
		case Bcast:
			if peers.Has(root) {
				p.want[0] = all[root].send[0]
			}
		case Scatter:
			if peers.Has(root) {
				p.want[0] = all[root].send[index]
			}
		case Gather:
			if me == root {
				p.want = theirs
			}
		case Reduce:
			if me == root {
				p.want[0] = folded(theirs)
			}
		case Allgather:
			p.want = theirs
		case Alltoall:
			for i := range p.want {
				p.want[i] = all[peers.First+i].send[index]
			}
		case Allreduce:
			p.want[0] = folded(theirs)
		case ReduceScatter:
			p.want[0] = folded(theirs)[p.plan.Shares[index]:p.plan.Shares[index+1]]
		}
	}
	return all
}

// TestNeighbours: in a ring of two each has the other on both sides, and of one itself; what goes down arrives from
// above.
func TestNeighbours(t *testing.T) {
	for _, a := range []Algorithm{NeighbourAllgather, NeighbourAlltoall} {
		for n := 1; n <= 5; n++ {
			rng := rand.New(rand.NewPCG(uint64(n), 0))
			all := make([]*participant, n)
			for me := range all {
				down, up := (me+n-1)%n, (me+1)%n
				all[me] = &participant{plan: Plan{Algorithm: a, Me: me, Group: Range{0, n}, Peers: Range{0, n},
					Out: []Edge{{down, 0}, {up, 1}}, In: []Edge{{up, 1}, {down, 0}}}}
				all[me].send = blocksOf(rng, 2, func(int) int { return 8 })
				all[me].recv = blocksOf(rng, 2, func(int) int { return 8 })
			}
			for me, p := range all {
				down, up := all[(me+n-1)%n], all[(me+1)%n]
				p.want = [][]byte{down.send[1], up.send[0]}
				if a == NeighbourAllgather {
					p.want = [][]byte{down.send[0], up.send[0]}
				}
			}
			check(t, n, rng, all)
		}
	}
}

// TestRoundsAreTheSameAgain: a plan gives the same steps whenever it is asked, so that a collective goes on by the
// number of its round alone; and what is chosen has a name and steps for every kind and size.
func TestRoundsAreTheSameAgain(t *testing.T) {
	for k := Barrier; k <= NeighborAlltoall; k++ {
		for _, size := range []int64{8, 1 << 20} {
			p := Plan{Me: 3, Group: Range{0, 8}, Peers: Range{0, 8}, Bytes: size, Element: 8}
			p.Choose(k, true)
			if p.Algorithm == Nothing || p.Algorithm.String() == "" {
				t.Errorf("kind %d of %d bytes has no algorithm", k, size)
			}
			again := p
			for i := p.Rounds() - 1; i >= 0; i-- {
				if a, b := fmt.Sprint(p.Round(i, nil)), fmt.Sprint(again.Round(i, nil)); a != b {
					t.Errorf("%v: round %d is %s and %s", p.Algorithm, i, a, b)
				}
			}
		}
	}
}
