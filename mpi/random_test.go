package mpi

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// A random program is the same on all ranks, because they draw from the same seed: each step is an operation whose
// result every rank can compute for itself.

// walker is one rank's way through a random program.
type walker struct {
	*guest
	rng  *rand.Rand
	seed uint64
	step int
	form int // blocking, nonblocking, persistent
	comm uint32
	me   int // in comm
	size int
}

// value is what rank sends as element i in this step.
func (w *walker) element(rank, i int) int { return (w.step*7919 + rank*104729 + i*31) % 1000003 }

// fill allocates n elements of this rank's data.
func (w *walker) fill(n int) uint32 {
	a := w.alloc(4 * n)
	for i := range n {
		w.setInt(a, i, w.element(w.me, i))
	}
	return a
}

func (w *walker) expect(what string, a uint32, i, wanted int) {
	if got := w.int(a, i); got != wanted {
		w.t.Fatalf("seed %d step %d form %d: rank %d of %d: %s element %d is %d, want %d", w.seed, w.step, w.form, w.me,
			w.size, what, i, got, wanted)
	}
}

// collective calls one in the form of the step.
func (w *walker) collective(name string, arguments ...any) {
	switch w.form {
	case 0:
		w.must(name, arguments...)
	case 1:
		request := w.alloc(4)
		w.must("I"+string(name[0]+32)+name[1:], append(arguments, request)...)
		w.finish(request)
	case 2:
		request := w.alloc(4)
		w.must(name+"_init", append(arguments, infoNull, request)...)
		for range 2 {
			w.must("Start", request)
			w.finish(request)
		}
		w.must("Request_free", request)
	}
}

// finish completes one request in one of the many ways.
func (w *walker) finish(request uint32) {
	out := w.alloc(3 * 4)
	switch (w.step + w.me) % 5 {
	case 0:
		w.must("Wait", request, 0)
	case 1:
		w.must("Waitall", 1, request, 0)
	case 2:
		for w.setInt(out, 0, 0); w.int(out, 0) == 0; {
			w.must("Test", request, out, 0)
		}
	case 3:
		w.must("Waitany", 1, request, out, 0)
		want(w.guest, "index", w.int(out, 0), 0)
	case 4:
		w.must("Waitsome", 1, request, out, out+4, 0)
		want(w.guest, "outcount", w.int(out, 0), 1)
	}
}

// vector gives random counts and displacements for each rank, the same everywhere, and the room they take.
func (w *walker) vector() (counts, displs []int, total int) {
	for range w.size {
		n := w.rng.IntN(5)
		total += w.rng.IntN(2)
		counts, displs = append(counts, n), append(displs, total)
		total += n
	}
	return counts, displs, total
}

func (w *walker) run() {
	n, root, in := []int{0, 1, 7, 1000, 9000}[w.rng.IntN(5)], w.rng.IntN(w.size), w.rng.IntN(2) == 0 && w.form != 2
	send := w.fill(max(n, w.size) * 8)
	recv := w.alloc(4 * (n*w.size + 8*w.size))
	sendOr := func(condition bool) uint32 {
		if in && condition {
			return inPlace
		}
		return send
	}
	sum := func(i, last int) (s int) {
		for r := range last {
			s += w.element(r, i)
		}
		return s
	}
	switch w.rng.IntN(19) {
	case 0:
		w.collective("Barrier", w.comm)
	case 1:
		buf := w.fill(n)
		w.collective("Bcast", buf, n, tInt, root, w.comm)
		for i := range n {
			w.expect("bcast", buf, i, w.element(root, i))
		}
	case 2, 3:
		for i := range n {
			w.setInt(recv, i, w.element(w.me, i))
		}
		w.collective("Allreduce", sendOr(true), recv, n, tInt, tSum, w.comm)
		for i := range n {
			w.expect("allreduce", recv, i, sum(i, w.size))
		}
	case 4:
		for i := range n {
			w.setInt(recv, i, w.element(w.me, i))
		}
		w.collective("Reduce", sendOr(w.me == root), recv, n, tInt, tSum, root, w.comm)
		for i := range n {
			if w.me == root {
				w.expect("reduce", recv, i, sum(i, w.size))
			}
		}
	case 5:
		for i := range n {
			w.setInt(recv, i, w.element(w.me, i))
		}
		w.collective("Scan", sendOr(true), recv, n, tInt, tSum, w.comm)
		for i := range n {
			w.expect("scan", recv, i, sum(i, w.me+1))
		}
	case 6:
		for i := range n {
			w.setInt(recv, i, w.element(w.me, i))
		}
		w.collective("Exscan", sendOr(true), recv, n, tInt, tSum, w.comm)
		for i := range n {
			if w.me > 0 {
				w.expect("exscan", recv, i, sum(i, w.me))
			}
		}
	case 7:
		counts, displs, total := w.vector()
		for i := range counts[w.me] {
			w.setInt(recv, displs[w.me]+i, w.element(w.me, i))
		}
		_ = total
		w.collective("Allgatherv", sendOr(true), counts[w.me], tInt, recv, w.ints(counts...), w.ints(displs...), tInt, w.comm)
		for r := range w.size {
			for i := range counts[r] {
				w.expect("allgatherv", recv, displs[r]+i, w.element(r, i))
			}
		}
	case 8:
		counts, displs, _ := w.vector()
		w.collective("Gatherv", send, counts[w.me], tInt, recv, w.ints(counts...), w.ints(displs...), tInt, root, w.comm)
		for r := range w.size {
			for i := range counts[r] {
				if w.me == root {
					w.expect("gatherv", recv, displs[r]+i, w.element(r, i))
				}
			}
		}
	case 9:
		counts, displs, _ := w.vector()
		w.collective("Scatterv", send, w.ints(counts...), w.ints(displs...), tInt, recv, counts[w.me], tInt, root, w.comm)
		for i := range counts[w.me] {
			w.expect("scatterv", recv, i, w.element(root, displs[w.me]+i))
		}
	case 10: // rank r sends to s what s expects from r: (r*3+s) mod 4 elements
		count := func(r, s int) int { return (r*3 + s + w.step) % 4 }
		var sc, sd, rc, rd, sb, rb, types []int
		for r := range w.size {
			sc, rc = append(sc, count(w.me, r)), append(rc, count(r, w.me))
			sd, rd = append(sd, 4*r), append(rd, 5*r)
			sb, rb, types = append(sb, 16*r), append(rb, 20*r), append(types, tInt)
		}
		if w.rng.IntN(2) == 0 {
			w.collective("Alltoallv", send, w.ints(sc...), w.ints(sd...), tInt, recv, w.ints(rc...), w.ints(rd...), tInt, w.comm)
		} else {
			w.collective("Alltoallw", send, w.ints(sc...), w.ints(sb...), w.words(types...), recv, w.ints(rc...), w.ints(rb...),
				w.words(types...), w.comm)
		}
		for r := range w.size {
			for i := range count(r, w.me) {
				w.expect("alltoallv", recv, 5*r+i, w.element(r, 4*w.me+i))
			}
		}
	case 11:
		counts, _, _ := w.vector()
		first, total := 0, 0
		for r, c := range counts {
			if r < w.me {
				first += c
			}
			total += c
		}
		for i := range total {
			w.setInt(recv, i, w.element(w.me, i))
		}
		w.collective("Reduce_scatter", sendOr(true), recv, w.ints(counts...), tInt, tSum, w.comm)
		for i := range counts[w.me] {
			w.expect("reduce_scatter", recv, i, sum(first+i, w.size))
		}
	case 12:
		k := 1 + w.rng.IntN(7)
		for i := range k * w.size {
			w.setInt(recv, i, w.element(w.me, i))
		}
		w.collective("Reduce_scatter_block", sendOr(true), recv, k, tInt, tSum, w.comm)
		for i := range k {
			w.expect("reduce_scatter_block", recv, i, sum(w.me*k+i, w.size))
		}
	case 13:
		w.messages(n)
	case 14:
		w.persistentRing(n)
	case 15:
		w.split()
	case 16:
		w.exchange(n)
	case 17:
		w.blocks(1+w.rng.IntN(9), root, in)
	case 18:
		w.cancelled(n)
	}
}

// exchange sends one way round and receives the other, in one call.
func (w *walker) exchange(n int) {
	shift := w.rng.IntN(w.size)
	to, from := (w.me+shift)%w.size, (w.me+w.size-shift)%w.size
	buf, in, request := w.fill(n), w.alloc(4*n), w.alloc(4)
	switch w.rng.IntN(4) {
	case 0:
		w.must("Sendrecv", buf, n, tInt, to, 3, in, n, tInt, from, 3, w.comm, 0)
	case 1:
		w.must("Sendrecv_replace", buf, n, tInt, to, 3, from, 3, w.comm, 0)
		in = buf
	case 2:
		w.must("Isendrecv", buf, n, tInt, to, 3, in, n, tInt, from, tAnyTag, w.comm, request)
		w.finish(request)
	case 3:
		w.must("Isendrecv_replace", buf, n, tInt, to, 3, tAnySource, 3, w.comm, request)
		w.finish(request)
		in = buf
	}
	for i := range n {
		w.expect("exchange", in, i, w.element(from, i))
	}
	w.must("Barrier", w.comm) // wildcards of a later step must not match this one's messages
}

// blocks moves blocks of k elements by the collectives that know one length only.
func (w *walker) blocks(k, root int, in bool) {
	send, recv := w.fill(k*w.size), w.alloc(4*k*w.size)
	for i := range k * w.size { // what is in place
		w.setInt(recv, i, w.element(w.me, i))
	}
	mine := func(address uint32, there bool) uint32 {
		if in && there {
			return inPlace
		}
		return address
	}
	switch w.rng.IntN(4) {
	case 0:
		if in {
			copy(w.mem[int(recv)+4*k*w.me:], w.mem[send:int(send)+4*k])
		}
		w.collective("Allgather", mine(send, true), k, tInt, recv, k, tInt, w.comm)
		for i := range k * w.size {
			w.expect("allgather", recv, i, w.element(i/k, i%k))
		}
	case 1:
		if in && w.me == root {
			copy(w.mem[int(recv)+4*k*w.me:], w.mem[send:int(send)+4*k])
		}
		w.collective("Gather", mine(send, w.me == root), k, tInt, recv, k, tInt, root, w.comm)
		for i := range k * w.size {
			if w.me == root {
				w.expect("gather", recv, i, w.element(i/k, i%k))
			}
		}
	case 2:
		to := mine(recv, w.me == root)
		w.collective("Scatter", send, k, tInt, to, k, tInt, root, w.comm)
		for i := range k {
			if to != inPlace {
				w.expect("scatter", recv, i, w.element(root, w.me*k+i))
			}
		}
	case 3:
		w.collective("Alltoall", mine(send, true), k, tInt, recv, k, tInt, w.comm)
		for i := range k * w.size {
			w.expect("alltoall", recv, i, w.element(i/k, w.me*k+i%k))
		}
	}
}

// cancelled takes back a receive and a send that nobody answers, and then sends what is received.
func (w *walker) cancelled(n int) {
	to, from := (w.me+1)%w.size, (w.me+w.size-1)%w.size
	buf, in, requests, st, flag := w.fill(n), w.alloc(4*n), w.alloc(2*wordSize), w.alloc(2*statusSize), w.alloc(4)
	w.must("Irecv", in, n, tInt, from, 5, w.comm, requests)
	w.must("Issend", buf, n, tInt, to, 6, w.comm, requests+wordSize)
	w.must("Cancel", requests)
	w.must("Cancel", requests+wordSize)
	w.must("Waitall", 2, requests, st)
	for i := range uint32(2) {
		w.must("Test_cancelled", st+i*statusSize, flag)
		want(w.guest, "cancelled", w.int(flag, 0), 1)
	}
	w.must("Barrier", w.comm)
	w.must("Isend", buf, n, tInt, to, 6, w.comm, requests)
	for w.setInt(flag, 0, 0); w.int(flag, 0) == 0; {
		w.must("Iprobe", tAnySource, 6, w.comm, flag, st)
	}
	w.must("Recv", in, n, tInt, w.int(st, 0), w.int(st, 1), w.comm, 0)
	w.finish(requests)
	for i := range n {
		w.expect("after the cancelled one", in, i, w.element(from, i))
	}
	w.must("Barrier", w.comm)
}

// messages sends along a random permutation and a shift, in every mode, received in any way.
func (w *walker) messages(n int) {
	mode := []string{"Isend", "Issend", "Irsend", "Ibsend"}[w.rng.IntN(4)]
	shift, way := w.rng.IntN(w.size), w.rng.IntN(4)
	to, from := (w.me+shift)%w.size, (w.me+w.size-shift)%w.size
	buf, in, request := w.fill(n), w.alloc(4*n), w.alloc(2*wordSize)
	attached := w.alloc(4*n + 1000)
	if mode == "Ibsend" {
		w.must("Buffer_attach", attached, 4*n+1000)
	}
	if mode == "Irsend" { // the receive must be there before
		w.must("Irecv", in, n, tInt, from, w.step, w.comm, request+wordSize)
		w.must("Barrier", w.comm)
	}
	w.must(mode, buf, n, tInt, to, w.step, w.comm, request)
	st, msg := w.alloc(statusSize), w.alloc(4)
	switch {
	case mode == "Irsend":
		w.must("Wait", request+wordSize, st)
	case way == 0:
		w.must("Recv", in, n, tInt, tAnySource, w.step, w.comm, st)
	case way == 1:
		w.must("Probe", from, tAnyTag, w.comm, st)
		w.must("Recv", in, n, tInt, w.int(st, 0), w.int(st, 1), w.comm, st)
	case way == 2:
		w.must("Mprobe", tAnySource, w.step, w.comm, msg, st)
		w.must("Mrecv", in, n, tInt, msg, st)
	case way == 3:
		flag := w.ints(0)
		for w.int(flag, 0) == 0 {
			w.must("Improbe", from, w.step, w.comm, flag, msg, st)
		}
		w.must("Imrecv", in, n, tInt, msg, request+wordSize)
		w.must("Wait", request+wordSize, st)
	}
	want(w.guest, "source", w.int(st, 0), from)
	w.finish(request)
	for i := range n {
		w.expect("message", in, i, w.element(from, i))
	}
	if mode == "Ibsend" {
		out := w.alloc(8)
		w.must("Buffer_detach", out, out+wordSize)
		want(w.guest, "buffer", uint32(w.int(out, 0)), attached)
	}
	w.must("Barrier", w.comm) // wildcards of a later step must not match this one's messages
}

// persistentRing starts persistent sends and receives several times.
func (w *walker) persistentRing(n int) {
	to, from := (w.me+1)%w.size, (w.me+w.size-1)%w.size
	buf, in, requests := w.fill(n), w.alloc(4*n), w.alloc(2*wordSize)
	w.must([]string{"Send_init", "Ssend_init"}[w.rng.IntN(2)], buf, n, tInt, to, 1, w.comm, requests)
	w.must("Recv_init", in, n, tInt, from, 1, w.comm, requests+wordSize)
	for round := range 3 {
		for i := range n {
			w.setInt(buf, i, w.element(w.me, i)+round)
		}
		w.must("Startall", 2, requests)
		w.must("Waitall", 2, requests, 0)
		for i := range n {
			w.expect("persistent", in, i, w.element(from, i)+round)
		}
	}
	w.must("Waitall", 2, requests, 0) // inactive: at once
	w.must("Request_free", requests)
	w.must("Request_free", requests+wordSize)
}

// split goes on in a part of the world, or back in all of it.
func (w *walker) split() {
	colors := 1 + w.rng.IntN(3)
	if w.comm != tWorld || colors == 1 {
		if w.comm != tWorld {
			w.must("Comm_free", w.words(int(w.comm)))
		}
		w.comm = tWorld
	} else {
		w.comm = w.newcomm("Comm_split", tWorld, w.guest.me%colors, w.guest.n-w.guest.me)
	}
	w.me, w.size = w.value("Comm_rank", w.comm), w.value("Comm_size", w.comm)
}

func TestRandomPrograms(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 10
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			play(t, 1+int(seed%17), func(g *guest) { g.walk(seed) })
		})
	}
}

// walk is a rank's way through the program of a seed.
func (g *guest) walk(seed uint64) {
	w := &walker{guest: g, seed: seed, comm: tWorld, me: g.me, size: g.n}
	for w.step = range 40 {
		g.top = 1024
		// Parts of the world draw different numbers, but each the same for its members.
		w.rng = rand.New(rand.NewPCG(seed, uint64(w.step)))
		w.form = w.rng.IntN(3)
		w.run()
	}
}
