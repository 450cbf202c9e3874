package coll

import (
	"fmt"
	"sync"
	"testing"
)

// pipes are the messages between leaders in one process: pipes[from][to], with no room, so that whoever sends waits.
type pipes [][]chan []byte

func newPipes(n int) pipes {
	p := make(pipes, n)
	for i := range p {
		p[i] = make([]chan []byte, n)
		for j := range p[i] {
			p[i][j] = make(chan []byte)
		}
	}
	return p
}

// end is one leader's.
type end struct {
	p  pipes
	me int
}

func (e end) Send(to int, data []byte)      { e.p[e.me][to] <- append([]byte(nil), data...) }
func (e end) Receive(from int, into []byte) { copy(into, <-e.p[from][e.me]) }
func (e end) Exchange(to int, data []byte, from int, into []byte) {
	data = append([]byte(nil), data...)
	for sent, received := false, false; !sent || !received; {
		out, in := e.p[e.me][to], e.p[from][e.me]
		if sent {
			out = nil
		}
		if received {
			in = nil
		}
		select {
		case out <- data:
			sent = true
		case b := <-in:
			copy(into, b)
			received = true
		}
	}
}

// lead runs a program as each of n leaders.
func lead(n int, program func(l Leader)) {
	p := newPipes(n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { program(Leader{end{p, i}, i, n}) })
	}
	all.Wait()
}

func TestLeaders(t *testing.T) {
	for n := 1; n <= 9; n++ {
		lead(n, func(l Leader) {
			l.Barrier()
			for root := range n {
				data := []byte{99, 99}
				if l.Me == root {
					data = []byte{byte(root), 7}
				}
				l.Bcast(root, data)
				if data[0] != byte(root) || data[1] != 7 {
					t.Errorf("%d leaders: %d gets %v from root %d", n, l.Me, data, root)
				}
				sum := []byte{byte(l.Me + 1)}
				l.Reduce(root, sum, make([]byte, 1), func(acc, in []byte) { acc[0] += in[0] })
				if l.Me == root && sum[0] != byte(n*(n+1)/2) {
					t.Errorf("%d leaders: the sum at %d is %d", n, root, sum[0])
				}
			}
			blocks, out, in := make([][]byte, n), make([][]byte, n), make([][]byte, n)
			for i := range n {
				blocks[i] = make([]byte, i+1)
				out[i], in[i] = []byte{byte(l.Me), byte(i)}, make([]byte, 2)
			}
			for i := range blocks[l.Me] {
				blocks[l.Me][i] = byte(10 + l.Me)
			}
			l.Allgather(blocks)
			l.Alltoall(out, in)
			for i := range n {
				if blocks[i][0] != byte(10+i) || blocks[i][i] != byte(10+i) {
					t.Errorf("%d leaders: block %d at %d is %v", n, i, l.Me, blocks[i])
				}
				if i != l.Me && (in[i][0] != byte(i) || in[i][1] != byte(l.Me)) {
					t.Errorf("%d leaders: %d gets %v from %d", n, l.Me, in[i], i)
				}
			}
		})
	}
}

// TestLeadersKeepOrder combines by an operation that is associative and not commutative: of two, the later one that is
// not zero wins.
func TestLeadersKeepOrder(t *testing.T) {
	for n := 1; n <= 9; n++ {
		lead(n, func(l Leader) {
			data := []byte{byte(l.Me + 1), 0}
			l.Allreduce(data, make([]byte, 2), func(acc, in []byte) {
				if acc[0] >= in[0] {
					acc[1] = 1 // out of order
				}
				acc[0], acc[1] = in[0], acc[1]|in[1]
			})
			if data[0] != byte(n) || data[1] != 0 {
				t.Errorf("%d leaders: %d has %v", n, l.Me, data)
			}
		})
	}
}

// TestInstanceThroughLeaders is an allreduce over the participants of several processes: those of a process share an
// instance, the last to arrive leads.
func TestInstanceThroughLeaders(t *testing.T) {
	for _, groups := range [][]int{{1, 1}, {3, 2}, {4, 1, 5}, {2, 2, 2, 2}} {
		t.Run(fmt.Sprint(groups), func(t *testing.T) {
			p := newPipes(len(groups))
			var all sync.WaitGroup
			want, first := byte(0), 0
			for g, n := range groups {
				var inst Instance
				inst.Reset(n)
				parts, gone, result := make([]byte, n), make(chan struct{}), make([]byte, 1)
				for i := range n {
					parts[i] = byte(first + i + 1)
					want += parts[i]
				}
				first += n
				check := func() {
					if result[0] != want {
						t.Errorf("group %d has %d, want %d", g, result[0], want)
					}
				}
				for range n {
					all.Go(func() {
						if inst.Arrive() {
							for _, v := range parts {
								result[0] += v
							}
							Leader{end{p, g}, g, len(groups)}.Allreduce(result, make([]byte, 1), func(acc, in []byte) { acc[0] += in[0] })
							inst.Finish()
							close(gone)
						}
						<-gone
						if !inst.Finished() {
							t.Error("a participant went before the end")
						}
						check()
					})
				}
			}
			all.Wait()
		})
	}
}
