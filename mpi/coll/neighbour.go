package coll

// NeighbourAllgather copies to each participant what its neighbours send, an item for each receiver; NeighbourAlltoall
// the block that is meant for it. Cost dmc each for d neighbours. Always chosen inside a process. The v and w forms are
// the same with other blocks.
var (
	NeighbourAllgather = Algorithm{Items: perReceiver, Do: func(m Mover, s Shape, w Way, item int) {
		m.Incoming(item, func(toBlock, from, fromBlock int) { m.Copy(item, toBlock, from, 0) })
	}}
	NeighbourAlltoall = Algorithm{Items: perReceiver, Do: func(m Mover, s Shape, w Way, item int) {
		m.Incoming(item, func(toBlock, from, fromBlock int) { m.Copy(item, toBlock, from, fromBlock) })
	}}
)
