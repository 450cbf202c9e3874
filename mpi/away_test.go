package mpi

import (
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/faasmrun/faasmrun/mpi/transport"
)

// Ranks in several processes: worlds that share no object, joined by what a network would be. Frames go through it as
// bytes, in pieces of any length; connections break and what was not acknowledged is sent again.

// apart is in how many processes the ranks of tests run; 0 and 1 are one. Its seed decides what the network does.
var (
	apart     int
	apartSeed uint64
)

// runApart has the ranks of tests run in so many processes, until what it gives is called.
func runApart(processes int, seed uint64) (restore func()) {
	before, beforeSeed := apart, apartSeed
	apart, apartSeed = processes, seed
	return func() { apart, apartSeed = before, beforeSeed }
}

// network joins the worlds of a job.
type network struct {
	worlds []*World
	of     []int // the process of each rank
	lines  [][]*line
	failed atomic.Pointer[error]
	wg     sync.WaitGroup
}

// networks are those of worlds that are there.
var networks sync.Map

// worldsOf are all worlds of a job of which one is given.
func worldsOf(w *World) []*World {
	if n, ok := networks.Load(w); ok {
		return n.(*network).worlds
	}
	return []*World{w}
}

// endAll ends the job.
func endAll(w *World, cause error) {
	for _, w := range worldsOf(w) {
		w.End(cause)
	}
}

// closeAll closes the worlds of a job, and the network before them.
func closeAll(t testing.TB, w *World) {
	all := worldsOf(w)
	if n, ok := networks.Load(w); ok {
		n.(*network).close(t)
	}
	for _, w := range all {
		networks.Delete(w)
		w.Close()
	}
}

// newNetwork makes the worlds of a job in several processes: rank i runs in process i modulo their number.
func newNetwork(config WorldConfig, processes int, seed uint64) *network {
	processes = min(processes, config.Size)
	n := &network{of: make([]int, config.Size)}
	for i := range n.of {
		n.of[i] = i % processes
	}
	for p := range processes {
		c := config
		c.Home, c.Link = make([]bool, config.Size), &wire{n, p}
		c.Node = fmt.Sprint(config.Node, p)
		for i := range c.Home {
			c.Home[i] = n.of[i] == p
		}
		n.worlds = append(n.worlds, NewWorld(c))
	}
	for from := range processes {
		n.lines = append(n.lines, make([]*line, processes))
		for to := range processes {
			if from != to {
				l := &line{rng: rand.New(rand.NewPCG(seed, uint64(from<<8|to))), to: n.worlds[to]}
				l.more.L = &l.mu
				n.lines[from][to] = l
				n.wg.Go(func() { l.run(n) })
			}
		}
	}
	for _, w := range n.worlds {
		networks.Store(w, n)
	}
	return n
}

// fail ends the job, and the test says why.
func (n *network) fail(err error) {
	n.failed.CompareAndSwap(nil, &err)
	for _, w := range n.worlds {
		w.End(err)
	}
}

func (n *network) close(t testing.TB) {
	for _, lines := range n.lines {
		for _, l := range lines {
			if l != nil {
				l.mu.Lock()
				l.closed = true
				l.more.Broadcast()
				l.mu.Unlock()
			}
		}
	}
	n.wg.Wait()
	if err := n.failed.Load(); err != nil {
		t.Errorf("the network: %v", *err)
	}
}

// wire is the link of one process.
type wire struct {
	n    *network
	from int
}

func (w *wire) Send(f *transport.Frame) { w.n.lines[w.from][w.n.of[f.To]].put(f) }

// line is the connection from one process to another, both ends of it. What was sent is kept until the other end has
// it: frames without Sent as copies, the others by their data.
type line struct {
	to     *World
	rng    *rand.Rand
	mu     sync.Mutex
	more   sync.Cond
	closed bool              // guarded by mu, as the next two
	kept   []transport.Frame // not acknowledged
	began  uint64            // the number of the first of them
	// of the one goroutine that is the connection
	got                uint64 // frames that have arrived
	broken, twice, cut int    // connections; frames that came before; that came in pieces
}

func (l *line) put(f *transport.Frame) {
	kept := *f
	if f.Sent == nil {
		kept.Data = append([]byte{}, f.Data...)
	}
	l.mu.Lock()
	l.kept = append(l.kept, kept)
	l.more.Signal()
	l.mu.Unlock()
}

// run carries the frames until the line is closed.
func (l *line) run(n *network) {
	for l.connect(n) {
	}
}

// connect is one connection, which begins with the first frame that was not acknowledged and breaks by the seed. It
// reports whether there may be another one. What arrives is acknowledged late, so that some of it comes twice.
func (l *line) connect(n *network) bool {
	var bytes []byte // on their way
	next := l.acknowledge(l.got - uint64(l.rng.IntN(3)))
	for {
		if len(bytes) == 0 && l.isAwaited(next) {
			next = max(next, l.acknowledge(l.got))
		}
		first, count, open := l.await(next, len(bytes) > 0)
		if !open {
			return false
		}
		for i := range count {
			bytes = binary.LittleEndian.AppendUint64(bytes, next+uint64(i))
			bytes = first[i].Append(bytes)
		}
		next += uint64(count)
		switch l.rng.IntN(20) {
		case 0:
			l.broken++
			return true // and what is on its way is lost
		case 1:
			l.delay(l.rng.IntN(3000))
		case 2:
			l.delay(1)
		}
		arriving := 1 + l.rng.IntN(len(bytes))
		if l.rng.IntN(3) > 0 {
			arriving = len(bytes)
		}
		used, err := l.arrive(bytes[:arriving])
		if err != nil {
			n.fail(err)
			return false
		}
		bytes = bytes[used:]
		if l.rng.IntN(4) == 0 {
			next = max(next, l.acknowledge(l.got))
		}
	}
}

// delay is how long something is on its way.
func (l *line) delay(n int) {
	for range n {
		runtime.Gosched()
	}
}

// isAwaited reports whether nothing is there from a number on, and senders wait for what was before.
func (l *line) isAwaited(next uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return next == l.began+uint64(len(l.kept)) &&
		slices.ContainsFunc(l.kept, func(f transport.Frame) bool { return f.Sent != nil })
}

// await waits for frames from a number on, unless something is on its way, and gives some.
func (l *line) await(next uint64, underWay bool) (frames []transport.Frame, count int, open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.closed && !underWay && next == l.began+uint64(len(l.kept)) {
		l.more.Wait()
	}
	frames = l.kept[next-l.began:]
	return frames, min(len(frames), 1+l.rng.IntN(4)), !l.closed
}

// arrive takes what is complete of some bytes, and gives how many it has used.
func (l *line) arrive(bytes []byte) (used int, err error) {
	for len(bytes)-used >= 8 {
		number := binary.LittleEndian.Uint64(bytes[used:])
		f, n, err := transport.ReadFrame(bytes[used+8:])
		if err != nil || n == 0 {
			l.cut++
			return used, err
		}
		used += 8 + n
		if number < l.got {
			l.twice++
			continue // it came before
		}
		if number > l.got {
			return used, fmt.Errorf("frame %d came, and %d was due", number, l.got)
		}
		l.got++
		if err := l.to.Arrive(&f); err != nil {
			return used, err
		}
		clear(f.Data) // which is used no more
	}
	return used, nil
}

// acknowledge lets go of the frames before a number, if they are still kept, and gives that of the first that is.
func (l *line) acknowledge(number uint64) uint64 {
	l.mu.Lock()
	var sent []func()
	for int64(number-l.began) > 0 {
		if f := &l.kept[0]; f.Sent != nil {
			sent = append(sent, f.Sent)
		}
		l.kept[0] = transport.Frame{}
		l.kept = l.kept[1:]
		l.began++
	}
	next := l.began
	l.mu.Unlock()
	for _, f := range sent {
		f()
	}
	return next
}

// rankOf is a rank of a job, wherever it runs.
func rankOf(w *World, rank int) *Rank {
	for _, w := range worldsOf(w) {
		if w.ranks[rank] != nil {
			return w.ranks[rank]
		}
	}
	return nil
}

// allAway has TestAway run what takes minutes, too (make away).
var allAway = flag.Bool("away", false, "run all tests with ranks in several processes")

// TestAway runs the tests of messages, collectives and communicators with their ranks in two and in three processes.
func TestAway(t *testing.T) {
	for _, processes := range []int{2, 3} {
		for _, c := range []struct {
			name string
			test func(t *testing.T)
			long bool
		}{
			{"AwayMessages", testAwayMessages, false},
			{"BarrierBcast", TestBarrierBcast, false},
			{"Reductions", TestReductions, false},
			{"GatherScatter", TestGatherScatter, false},
			{"Alltoall", TestAlltoall, false},
			{"EveryOperation", TestEveryOperation, true},
			{"ReductionsHaveTheBitsOfRankOrder", TestReductionsHaveTheBitsOfRankOrder, false},
			{"Intercommunicators", TestIntercommunicators, false},
			{"IntercommReduceByTheProgram", TestIntercommReduceByTheProgram, false},
			{"IntercommRoots", TestIntercommRoots, false},
			{"Neighbours", TestNeighbours, false},
			{"NeighboursOfNobody", TestNeighboursOfNobody, false},
			{"UserOperation", TestUserOperation, false},
			{"LargeUserOp", TestLargeUserOp, true},
			{"PersistentOrder", TestPersistentOrder, false},
			{"PersistentInPlace", TestPersistentInPlace, false},
			{"PersistentCollectivesBeginAnew", TestPersistentCollectivesBeginAnew, false},
			{"DisconnectWaits", TestDisconnectWaits, false},
			{"Soak", TestSoak, true},
			{"RandomPrograms", TestRandomPrograms, false},
			{"RandomProgramsBrokenOff", TestRandomProgramsBrokenOff, true},
			{"RandomProgramsReloaded", TestRandomProgramsReloaded, true},
		} {
			t.Run(fmt.Sprint(processes, " ", c.name), func(t *testing.T) {
				if c.long && !*allAway {
					t.Skip("it takes minutes: make away")
				}
				defer runApart(processes, uint64(processes))()
				c.test(t)
			})
		}
	}
}

// testAwayMessages has messages of every length go in every mode and come in every way, in order.
func testAwayMessages(t *testing.T) {
	lengths := []int{0, 1, 6, 7, 2048, 2049, 4096, 4097, 100000, 140000}
	for _, n := range []int{2, 3, 5} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			for i, err := range outcomeIn(t, WorldConfig{Size: n, Cores: runtime.NumCPU()}, 8<<20, func(g *guest) {
				g.must("Init", 0, 0)
				me, to, from := g.me, (g.me+1)%n, (g.me+n-1)%n
				out, in, st, msg, flag := g.alloc(600000), g.alloc(600000), g.alloc(statusSize), g.alloc(4), g.ints(0)
				every := g.newtype("Type_vector", 70000, 1, 2, tInt)
				requests := g.alloc(40 * wordSize)
				for i := range 150000 {
					g.setInt(out, i, me*1000000+i)
				}
				check := func(what string, i, wanted int) {
					t.Helper()
					want(g, what, g.int(in, i), from*1000000+wanted)
				}
				for _, mode := range []string{"Isend", "Issend"} {
					for tag, m := range lengths {
						g.must(mode, out, m, tInt, to, tag, tWorld, requests)
						switch tag % 4 {
						case 0:
							g.must("Recv", in, m, tInt, tAnySource, tag, tWorld, st)
						case 1:
							g.must("Probe", from, tag, tWorld, st)
							g.must("Get_count", st, tInt, flag)
							want(g, "length of what is probed", g.int(flag, 0), m)
							g.must("Irecv", in, m, tInt, from, tag, tWorld, requests+wordSize)
							g.must("Wait", requests+wordSize, st)
						case 2:
							g.must("Mprobe", tAnySource, tag, tWorld, msg, st)
							g.must("Mrecv", in, m, tInt, msg, st)
						case 3:
							for g.setInt(flag, 0, 0); g.int(flag, 0) == 0; {
								g.must("Improbe", from, tag, tWorld, flag, msg, st)
							}
							g.must("Imrecv", in, m, tInt, msg, requests+wordSize)
							g.must("Wait", requests+wordSize, st)
						}
						want(g, "source", g.int(st, 0), from)
						g.must("Wait", requests, 0)
						if m > 0 {
							check("the last element", m-1, m-1)
						}
					}
				}
				// Holes on both sides, on one, on none.
				for _, c := range [][2]bool{{true, true}, {true, false}, {false, true}} {
					shape := func(holes bool) (int, uint32, int) {
						if holes {
							return 1, every, 2 * 69999
						}
						return 70000, tInt, 69999
					}
					n, ty, lastOut := shape(c[0])
					m, ty2, lastIn := shape(c[1])
					g.must("Sendrecv", out, n, ty, to, 1, in, m, ty2, from, 1, tWorld, 0)
					check("the last element with holes", lastIn, lastOut)
				}
				// In order, small behind large ones, and more than there is room for.
				const burst = 400
				all, got := g.alloc(burst*wordSize), g.alloc(80000)
				for i := range burst {
					m := []int{1, 3000, 20000, 5}[i%4]
					g.setInt(out, i, i)
					g.must("Isend", out+uint32(4*i), m, tInt, to, 5, tWorld, all+uint32(i*wordSize))
				}
				for i := range burst {
					m := []int{1, 3000, 20000, 5}[i%4]
					g.must("Recv", got, 20000, tInt, tAnySource, tAnyTag, tWorld, st)
					g.must("Get_count", st, tInt, flag)
					want(g, "length in order", g.int(flag, 0), m)
					want(g, "number in order", g.int(got, 0), i)
				}
				g.must("Waitall", burst, all, 0)
				g.must("Barrier", tWorld)
				// What is too long is cut, eager and fetched; and the sender goes on.
				g.must("Comm_set_errhandler", tWorld, errorsReturn)
				for _, m := range []int{500, 50000} {
					g.must("Isend", out, m, tInt, to, 6, tWorld, requests)
					g.setInt(in, m-1, -1)
					want(g, "error", g.call("Recv", in, m-1, tInt, from, 6, tWorld, st), errTruncate)
					want(g, "behind what there was room for", g.int(in, m-1), -1)
					check("the last one with room", m-2, m-2)
					g.must("Wait", requests, 0)
				}
				// Sends and receives that are cancelled, or not any more.
				for _, m := range []int{1, 50000} {
					g.must("Issend", out, m, tInt, to, 7, tWorld, requests)
					g.must("Cancel", requests)
					g.must("Wait", requests, st)
					g.must("Test_cancelled", st, flag)
					want(g, "cancelled", g.int(flag, 0), 1)
					g.must("Barrier", tWorld)
					g.must("Issend", out, m, tInt, to, 8, tWorld, requests)
					g.must("Recv", in, m, tInt, from, 8, tWorld, 0)
					g.must("Barrier", tWorld)
					g.must("Cancel", requests)
					g.must("Wait", requests, st)
					g.must("Test_cancelled", st, flag)
					want(g, "cancelled what was received", g.int(flag, 0), 0)
					g.must("Iprobe", tAnySource, tAnyTag, tWorld, flag, st)
					want(g, "anything left", g.int(flag, 0), 0)
				}
				g.must("Finalize")
			}) {
				if err != nil {
					t.Errorf("rank %d: %v", i, err)
				}
			}
		})
	}
}

// TestAwayBrokenOff has MPI_Mrecv broken off, which waits only for data from another process.
func TestAwayBrokenOff(t *testing.T) {
	defer runApart(2, 9)()
	defer breaks(ResumeEvery{every: 1})()
	const rounds, n = 50, 30000
	play(t, 2, func(g *guest) {
		buf, msg := g.alloc(4*n), g.alloc(4)
		for round := range rounds {
			g.setInt(buf, n-1, round)
			if g.me == 1 {
				g.must("Send", buf, n, tInt, 0, 0, tWorld)
				continue
			}
			g.must("Mprobe", 1, 0, tWorld, msg, 0)
			g.must("Mrecv", buf, n, tInt, msg, 0)
			want(g, "the last element", g.int(buf, n-1), round)
		}
		if g.me == 0 && g.thread.resume.broke[breakable{name: "Mrecv"}.index()] == 0 {
			t.Error("it was never broken off")
		}
	})
}

// TestAwayCancelledAndReloaded: a send that the other process gave back is one that was cancelled, also where the rank
// is reloaded before it looks.
func TestAwayCancelledAndReloaded(t *testing.T) {
	defer runApart(2, 9)()
	defer breaks(never)()
	play(t, 2, func(g *guest) {
		if g.me == 0 {
			request, st, flag := g.alloc(wordSize), g.alloc(statusSize), g.ints(0)
			g.must("Issend", st, 1, tInt, 1, 6, tWorld, request)
			g.must("Cancel", request)
			q, _ := g.rank.request(uint32(g.word(request, 0)))
			g.waitUntil("the answer is there", q.Done)
			if done, err := g.thread.reload(); !done || err != nil {
				t.Error(done, err)
			}
			g.must("Wait", request, st)
			g.must("Test_cancelled", st, flag)
			want(g, "cancelled", g.int(flag, 0), 1)
		}
		g.must("Barrier", tWorld)
	})
}

// TestNetworkBreaks: the link of these tests loses connections and cuts frames, or they would show nothing.
func TestNetworkBreaks(t *testing.T) {
	defer runApart(2, 3)()
	w, guests := newGuests(t, WorldConfig{Size: 2, Node: "node"}, guestMemory)
	n, _ := networks.Load(w)
	var wg sync.WaitGroup
	for _, g := range guests {
		wg.Go(func() {
			g.must("Init", 0, 0)
			for range 200 {
				g.must("Barrier", tWorld)
			}
		})
	}
	wg.Wait()
	closeAll(t, w)
	for _, lines := range n.(*network).lines {
		for _, l := range lines {
			if l != nil && (l.broken == 0 || l.twice == 0 || l.cut == 0) {
				t.Errorf("%d connections were broken, %d frames came twice, %d were cut", l.broken, l.twice, l.cut)
			}
		}
	}
}
