package schedule

// Kind is what a collective does.
type Kind uint8

const (
	Barrier Kind = iota + 1
	Bcast
	Gather
	Scatter
	Allgather
	Alltoall
	Reduce
	Allreduce
	ReduceScatter
	Scan
	Exscan
	NeighborAllgather
	NeighborAlltoall
)

// Sizes up to which the algorithm of few messages is chosen, which moves or combines more bytes. Between processes a
// message takes some 20 µs, in which 40 KB are moved.
const (
	// smallBlocks bounds all blocks together that pass through somebody who does not want them.
	smallBlocks = 32 << 10
	// smallVector bounds the vectors together that each combines for itself.
	smallVector = 32 << 10
	// wholeBcast bounds what goes down a tree in one piece.
	wholeBcast = 64 << 10
	// fewForTree is among how many pieces are not worth while.
	fewForTree = 4
)

// Choose chooses the plan's algorithm by what all participants know alike. even says that all blocks are Bytes long.
func (p *Plan) Choose(k Kind, even bool) {
	n := int64(p.Group.Count)
	small := even && n*p.Bytes <= smallBlocks
	few := n*p.Bytes <= smallVector
	if p.Group != p.Peers {
		p.chooseBetween(k)
		return
	}
	switch k {
	case Barrier:
		p.Algorithm = BarrierDissemination
	case Bcast:
		p.Algorithm = either(p.Bytes <= wholeBcast || n < fewForTree, BcastBinomial, BcastScatter)
	case Gather:
		p.Algorithm = either(small, GatherBinomial, GatherLinear)
	case Scatter:
		p.Algorithm = either(small, ScatterBinomial, ScatterLinear)
	case Allgather:
		p.Algorithm = either(small, AllgatherBruck, AllgatherRing)
	case Alltoall:
		p.Algorithm = either(small, AlltoallBruck, AlltoallPairwise)
		if p.InPlace {
			p.Algorithm = AlltoallInPlace
		}
	case Reduce:
		p.Algorithm = either(few, ReduceGather, ReduceShares)
	case Allreduce:
		p.Algorithm = either(few, AllreduceGather, AllreduceShares)
	case ReduceScatter:
		p.Algorithm = ReduceScatterShares
	case Scan:
		p.Algorithm = either(few, ScanGather, ScanChain)
	case Exscan:
		p.Algorithm = either(few, ExscanGather, ExscanChain)
	case NeighborAllgather:
		p.Algorithm = NeighbourAllgather
	case NeighborAlltoall:
		p.Algorithm = NeighbourAlltoall
	}
}

// chooseBetween chooses in an intercommunicator. Who has no part in a collective with a root knows none.
func (p *Plan) chooseBetween(k Kind) {
	linear := map[Kind]Algorithm{Bcast: BcastLinear, Gather: GatherLinear, Scatter: ScatterLinear, Reduce: ReduceLinear}
	if a, rooted := linear[k]; rooted {
		p.Algorithm = either(p.Root == NoRoot, Nothing, a)
		return
	}
	switch k {
	case Barrier: // one circle of both groups
		p.Group = Range{0, p.Group.Count + p.Peers.Count}
		p.Algorithm = BarrierDissemination
	case Allgather:
		p.Algorithm = AllgatherLinear
	case Alltoall:
		p.Algorithm = AlltoallLinear
	case Allreduce:
		p.Algorithm = AllreduceShares
	case ReduceScatter:
		p.Algorithm = ReduceScatterLinear
	}
}

func either(first bool, a, b Algorithm) Algorithm {
	if first {
		return a
	}
	return b
}
